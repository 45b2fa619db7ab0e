"""The noise of sources, learnt from closes: of prices made up with a noise that is known."""

from __future__ import annotations

import numpy as np
import pytest

from overround.core.errors import Invalid
from overround.odds.pricing import closeness
from overround.odds.pricing.closeness import Closeness
from overround.odds.pricing.model import Floats

SOURCES = ("sharp", "usual", "wild")
TRUE = np.array([0.02, 0.05, 0.10])


def season(markets: int, news: float) -> tuple[Floats, Floats]:
    """Log-odds [m, 3, 2] with the noise of `TRUE`, and those of the close [m, 2] after the news."""
    rng = np.random.default_rng(3)
    then = rng.normal(0, 0.8, markets)
    close = then + rng.normal(0, news, markets)
    home = then[:, None] + rng.normal(0, 1, (markets, 3)) * TRUE
    return np.stack([home, -home], axis=-1), np.stack([close, -close], axis=-1)


@pytest.mark.parametrize("news", [0.0, 0.3])
def test_news_between_price_and_close_teaches_nothing(news: float) -> None:
    record = closeness.learnt(Closeness(), SOURCES, *season(20_000, news))
    found = [closeness.noise(record, source, 0.05) for source in SOURCES]
    assert found == pytest.approx(TRUE, rel=0.2, abs=0.004)


def test_a_record_folded_in_parts_is_the_same() -> None:
    logits, close = season(100, 0.1)
    logits[:10, 2] = np.nan
    whole = closeness.learnt(Closeness(), SOURCES, logits, close)
    part = closeness.learnt(Closeness(), SOURCES, logits[:40], close[:40])
    part = closeness.learnt(part, SOURCES, logits[40:], close[40:])
    assert whole.markets == part.markets == {"sharp": 90, "usual": 90, "wild": 90}
    assert part.products == pytest.approx(whole.products)


def test_a_short_record_says_what_was_assumed() -> None:
    assert closeness.noise(Closeness(), "unheard", 0.05) == pytest.approx(0.05)
    few = closeness.learnt(Closeness(), SOURCES, *season(5, 0.0))
    assert closeness.noise(few, "wild", 0.05) == pytest.approx(0.05, abs=0.02)
    exact = Closeness({"one": 10_000}, {"one": -1.0})
    assert closeness.noise(exact, "one", 0.05) == closeness.NOISE_MIN


def test_log_odds_of_other_sources_are_refused() -> None:
    logits, close = season(3, 0.0)
    for shapes in ((logits[:, :2], close), (logits, close[:2])):
        with pytest.raises(Invalid, match="sources named"):
            closeness.learnt(Closeness(), SOURCES, *shapes)
