"""Races: contests of many runners beside the matches, each a function of the seed and its number.

A race is quoted by a few books every five simulated minutes until it starts, and reported once: now
and then two tie for a place, and now and then one never started. What is said up to a moment
depends on the seed and the minute alone, as of the matches
(test: races are said the same however often).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from overround.core import price
from overround.core.positions import WITHDRAWN
from overround.odds.feeds.model import FeedMarket, FeedPrice
from overround.odds.feeds.simulator.books import BOOKS, rounded_down
from overround.odds.feeds.simulator.model import Floats, Ints

SPORT: Final = "horse_racing"
COMPETITION: Final = "Silverfen Races"
COMPETITION_KEY: Final = "silverfen"
FIRST_MIN: Final = 12.0
EVERY_MIN: Final = 30.0
SHOWN_BEFORE_MIN: Final = 120.0
QUOTED_EVERY_MIN: Final = 5.0
REPORTED_AFTER_MIN: Final = 3.0
# How many runners there are from, and what a place is paid then: the usual terms.
_TERMS: Final = ((12, "1/4 1-3"), (8, "1/5 1-3"), (5, "1/4 1-2"))
_RUNNERS: Final = (6, 15)
_MARKET: Final = FeedMarket("winner", "final")
_KEYS: Final = ("amberpost", "cobblestake", "dovecote", "greylag")
_QUOTING: Final = tuple(book for book in BOOKS if book.key in _KEYS)
# Each runner adds to the overround of a race.
_MARGIN_PER_RUNNER: Final = 0.015
_NOISE: Final = 0.05
_PRICES: Final = (1.05, 100.0)
_TIE_SHARE, _WITHDRAWN_SHARE = 0.2, 0.2
# A stream of random numbers of its own, apart from those of the calendar.
_RACE, _QUOTED = 101, 102

_FIRST: Final = (
    "Amber", "Bright", "Cinder", "Dapple", "Early", "Fallow", "Gentle", "Hollow", "Idle", "Jolly",
)  # fmt: skip
_SECOND: Final = (
    "Anvil", "Bramble", "Clover", "Drummer", "Ember", "Fiddle", "Gander", "Harbour", "Ibis",
    "Juniper", "Kettle", "Lantern", "Magpie", "Nettle",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Race:
    """Race `n` of a seed: its runners with their chances to win, and how they come in."""

    n: int
    name: str
    start_min: float
    runners: tuple[str, ...]
    chances: tuple[float, ...]
    positions: dict[str, int]

    @property
    def shown_min(self) -> float:
        """When it comes on the board."""
        return max(0.0, self.start_min - SHOWN_BEFORE_MIN)

    @property
    def reported_min(self) -> float:
        """When its result is said."""
        return self.start_min + REPORTED_AFTER_MIN

    @property
    def place_terms(self) -> str:
        """What a bet each way is paid at."""
        return next(terms for least, terms in _TERMS if len(self.runners) >= least)


def between(seed: int, first_min: float, last_min: float) -> Iterator[Race]:
    """The races that start from the one minute to the other."""
    n = max(0, int(np.ceil((first_min - FIRST_MIN) / EVERY_MIN)))
    while FIRST_MIN + n * EVERY_MIN <= last_min:
        yield race(seed, n)
        n += 1


def race(seed: int, n: int) -> Race:
    """The race, from the seed alone."""
    rng = np.random.default_rng([seed, _RACE, n])
    count = int(rng.integers(*_RUNNERS))
    names = [f"{one} {other}" for one in _FIRST for other in _SECOND]
    runners = tuple(names[int(k)] for k in rng.permutation(len(names))[:count])
    weights: Floats = np.exp(rng.normal(0, 0.8, count))
    chances: Floats = weights / weights.sum()
    # Each place goes to one of those left, by their chances: the first of exponential times.
    times: Floats = rng.exponential(1 / chances)
    order: Ints = np.argsort(times)
    came_in = {runners[int(k)]: place for place, k in enumerate(order, start=1)}
    if rng.random() < _TIE_SHARE:
        came_in[runners[int(order[2])]] = 2
    if rng.random() < _WITHDRAWN_SHARE:
        came_in[runners[int(order[-1])]] = WITHDRAWN
    start_min = FIRST_MIN + n * EVERY_MIN
    name = f"Silverfen Race {n + 1}"
    return Race(n, name, start_min, runners, tuple(chances.tolist()), came_in)


def look(minute: float) -> int:
    """Which look of the books at races is the last one by that minute."""
    return int(minute / QUOTED_EVERY_MIN)


def prices(seed: int, race: Race, number: int) -> Iterator[FeedPrice]:
    """All that the books quote on the race at that look."""
    for row, book in enumerate(_QUOTING):
        rng = np.random.default_rng([seed, _QUOTED, race.n, number, row])
        weights: Floats = np.array(race.chances) * np.exp(rng.normal(0, _NOISE, len(race.runners)))
        asked = weights / weights.sum() * (1 + _MARGIN_PER_RUNNER * len(race.runners) * book.margin)
        quoted = rounded_down(book.ladder, np.clip(1 / asked, *_PRICES))
        for runner, price_e4 in zip(race.runners, quoted.tolist(), strict=True):
            yield FeedPrice(book.key, _MARKET, runner, price_e4, price.to_text(price_e4))
