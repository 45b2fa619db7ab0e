"""Batches that are plainly in order: put on the board as the gate would put them, and at once."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import numpy as np
import pytest
from numpy.typing import NDArray

from overround.odds import catalogue
from overround.odds.board import Board
from overround.odds.board.intake import Entered, enter, enter_all
from overround.odds.board.times import to_us
from overround.odds.feeds import FeedBatch, FeedEvent, FeedMarket, FeedPrice
from overround.odds.matching import Resolved

EVENTS = (UUID(int=7), UUID(int=8))
START = datetime(2026, 5, 2, 18, 30, tzinfo=UTC)
SECOND = timedelta(seconds=1)
# Each provider with its sources; one has several.
PROVIDERS = {"ann": ("ann",), "bob": ("bob",), "feed": ("one", "two", "exchange"), "dan": ("dan",)}
QUOTED = (
    ("1x2", None, (2.3, 3.2, 2.9)),
    ("asian_handicap", 0, (1.7, 2.14)),
    ("asian_handicap", 2, (1.4, 2.88)),
    ("asian_handicap", 4, (1.2, 4.5)),
    ("total", 10, (1.9, 1.94)),
    ("double_chance", None, (1.3, 1.4, 1.25)),
)
Said = tuple[FeedBatch, Resolved, datetime, bool]


@dataclass(slots=True)
class Site:
    """What a provider says of an event: mostly small moves, now and then what the gate is for."""

    rng: random.Random
    provider: str
    event_id: UUID
    strange: float
    prices: dict[tuple[str, str, int | None, str], float] = field(
        default_factory=dict[tuple[str, str, "int | None", str], float]
    )

    def say(self, at: datetime) -> Said:
        """The site's next snapshot."""
        rng = self.rng
        for source in PROVIDERS[self.provider]:
            for market_type, line_q4, first in QUOTED:
                sides = catalogue.market_and_selections(self.event_id, market_type, "ft", line_q4)[
                    1
                ]
                for side, price in zip(sides, first, strict=True):
                    key = source, market_type, line_q4, side
                    if rng.random() < 0.3:
                        self.prices[key] = price * rng.uniform(0.97, 1.03)
                    if rng.random() < 0.002 * self.strange:
                        self.prices[key] = rng.choice((price * 3, 1.0, 1.0005, 2_000.0))
                    if rng.random() < 0.02:
                        self.prices.pop(key, None)
        turned = rng.random() < 0.02 * self.strange
        ours = Resolved(self.event_id, rng.random() < 0.03 * self.strange, START)
        event = FeedEvent(
            self.provider, f"{self.event_id.int}", "football", "l", "League", "", "A", "B", START
        )
        stood = at - rng.choice((0, 0, 1, 5)) * SECOND
        said = tuple(
            FeedPrice(
                source, FeedMarket(market_type, "ft", line_q4),
                {"home": "away", "away": "home"}.get(side, side) if turned else side,
                round(price * 10_000), "", rng.random() < 0.02,
                None if rng.random() < 0.7 else stood,
            )
            for (source, market_type, line_q4, side), price in self.prices.items()
            if len(PROVIDERS[self.provider]) == 1 or source != "two" or rng.random() < 0.9
        )  # fmt: skip
        whole = rng.random() > 0.03 * self.strange
        phase: Any = "closing" if rng.random() < 0.02 * self.strange else ""
        stamp = at if rng.random() < 0.1 else None
        return FeedBatch(event, at, said, whole, phase, stamp), ours, at, rng.random() > 0.1


def board() -> Board:
    """A board that knows every source and market."""
    found = Board()
    for provider, sources in PROVIDERS.items():
        for source in sources:
            kind = "exchange" if source == "exchange" else "bookmaker"
            found.add_source(len(found.sources) + 1, provider, source, kind)
    for event_id in EVENTS:
        for market_type, line_q4, _ in QUOTED:
            for line in {line_q4, line_q4 and -line_q4}:
                market, by_side = catalogue.market_and_selections(event_id, market_type, "ft", line)
                ids = {side: selection.id for side, selection in by_side.items()}
                found.add_market(market.id, event_id, market_type, "ft", line, ids)
    return found


def state_of(one: Board) -> Iterator[NDArray[Any]]:
    """Everything that a board knows."""
    pace = one.pace
    yield from (one.price_e4, one.open_e4, one.state, one.observed_us, one.changed_us, one.awaits)
    yield from (one.best_e4, one.best_row, pace.heard_us, pace.times, pace.is_silent)
    yield from (pace.interval_us, pace.deviation_us)


def cells_of(entered: Sequence[Entered]) -> list[tuple[int, ...]]:
    """Which cells changed to what, in no order."""
    return sorted(
        cell
        for one in entered
        for cell in zip(
            one.change.rows.tolist(), one.change.columns.tolist(), one.change.price_e4.tolist(),
            one.change.state.tolist(), one.change.observed_us.tolist(), strict=True,
        )
    )  # fmt: skip


@pytest.mark.parametrize("strange", [0.0, 1.0, 10.0])
def test_what_is_plain_is_put_as_the_gate_would_put_it(strange: float) -> None:
    rng = random.Random(f"plain {strange}")
    sites = [Site(rng, provider, event, strange) for provider in PROVIDERS for event in EVENTS]
    slow, fast = board(), board()
    at, told, puts = START - timedelta(hours=5), 0, 0
    for tick in range(120):
        at += rng.choice((1, 1, 1, 40)) * SECOND
        said = [site.say(at) for site in rng.sample(sites, rng.randint(1, len(sites)))]
        if tick % 40 == 39:
            for one in (slow, fast):
                one.silence(one.rows_of("bob"), to_us(at))
        one_by_one = [enter(slow, batch, ours, at) for batch, ours, at, _ in said]
        together = list(enter_all(fast, said))
        told, puts = told + len(said), puts + len(together)
        assert cells_of(one_by_one) == cells_of([put.entered for put in together])
        refused = [price for entered in one_by_one for price in entered.refused]
        assert refused == [price for put in together for price in put.entered.refused]
        assert slow.doubts == fast.doubts
        for one, other in zip(state_of(slow), state_of(fast), strict=True):
            np.testing.assert_array_equal(one, other)
    # Else this would say nothing of what is plain.
    assert strange or puts < told * 0.8
