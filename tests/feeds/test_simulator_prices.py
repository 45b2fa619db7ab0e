"""What the simulator's books charge: their margins, their ladders, their lines."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime
from statistics import median

import numpy as np
import pytest

from overround.odds.feeds import FeedMarket
from overround.odds.feeds.simulator import Simulator
from overround.odds.feeds.simulator.books import BOOKS, rounded_down
from overround.odds.feeds.simulator.shares import SIDES, WINNERS

ORIGIN = datetime(2026, 1, 1, 12, tzinfo=UTC)
# The overrounds measured in a captured feed of football.
MEASURED = {
    "1x2": 0.107,
    "draw_no_bet": 0.074,
    "both_teams_to_score": 0.078,
    "odd_even": 0.041,
    "asian_handicap": 0.060,
    "total": 0.064,
}

Quotes = dict[tuple[str, str, FeedMarket], dict[str, int]]


@pytest.fixture(scope="module")
def opening() -> tuple[Quotes, float]:
    """Every open market as the board opens, and the share of prices that are suspended."""
    quotes: defaultdict[tuple[str, str, FeedMarket], dict[str, int]] = defaultdict(dict)
    prices = suspended = 0
    for seed in (1, 2):
        for batch in Simulator(seed, ORIGIN, 60).until(ORIGIN).batches:
            for p in batch.prices:
                prices += 1
                suspended += p.suspended
                assert p.price_e4 >= 10_200
                assert p.source_text == f"{p.price_e4 / 10_000:.4f}".rstrip("0").ljust(4, "0")
                if not p.suspended:
                    key = (batch.event.provider_event_id, p.source, p.market)
                    quotes[key][p.side] = p.price_e4
    return dict(quotes), suspended / prices


def _overrounds(quotes: Quotes, market_type: str, source: str) -> list[float]:
    return [
        sum(10_000 / price_e4 for price_e4 in sides.values()) - WINNERS.get(market_type, 1)
        for (_, book, market), sides in quotes.items()
        if market.market_type == market_type
        and book == source
        and len(sides) == len(SIDES[market_type])
    ]


@pytest.mark.parametrize("market_type", list(MEASURED))
def test_books_charge_the_measured_overrounds(
    opening: tuple[Quotes, float], market_type: str
) -> None:
    quotes, _ = opening
    for book in BOOKS:
        found = _overrounds(quotes, market_type, book.key)
        if len(found) < 20:
            continue
        # Rounding down adds to what a book charges, by at most a step of its ladder on each side.
        wanted = book.margin * MEASURED[market_type]
        assert wanted - 1e-9 <= median(found) <= wanted + 0.03, book.key


def test_a_market_is_open_or_shut_as_a_whole(opening: tuple[Quotes, float]) -> None:
    quotes, _ = opening
    assert all(len(sides) == len(SIDES[key[2].market_type]) for key, sides in quotes.items())


def test_as_many_prices_are_stopped_as_in_a_captured_feed(opening: tuple[Quotes, float]) -> None:
    assert 0.11 <= opening[1] <= 0.17


def test_books_have_lines_of_their_own(opening: tuple[Quotes, float]) -> None:
    quotes, _ = opening
    lines: defaultdict[str, set[tuple[str, FeedMarket]]] = defaultdict(set)
    for event, book, market in quotes:
        lines[book].add((event, market))
    quarter = {m for _, m in lines["redlantern"] if m.line_q4 is not None and m.line_q4 % 2}
    assert quarter
    assert not {m for _, m in lines["hollowoak"] if m.line_q4 is not None and m.line_q4 % 2}
    assert len({len(found) for found in lines.values()}) >= 4


def test_a_ladder_rounds_down_to_its_own_steps() -> None:
    asked = np.asarray([1.0, 1.02, 1.999, 2.0, 2.037, 4.999, 33.3])
    assert rounded_down("steps", asked).tolist() == [
        0, 10_200, 19_800, 20_000, 20_000, 49_000, 300_000,
    ]  # fmt: skip
    assert rounded_down("cents", asked).tolist() == [
        0, 10_200, 19_900, 20_000, 20_300, 49_500, 330_000,
    ]  # fmt: skip
    assert rounded_down("thousandths", asked).tolist() == [
        0, 10_200, 19_950, 20_000, 20_350, 49_900, 330_000,
    ]  # fmt: skip


def test_no_ladder_rounds_up() -> None:
    asked = np.random.default_rng(1).uniform(1.02, 100, 5000)
    for book in BOOKS:
        found = rounded_down(book.ladder, asked) / 10_000
        assert (found <= asked + 1e-9).all()
        assert (found >= asked * 0.8).all()
