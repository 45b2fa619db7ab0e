"""The twelve books: what each charges, how late it follows, which lines it has, how it rounds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np

from overround.odds.feeds.simulator.model import Book, Floats, Ints, Ladder, Tier

_CORE: Final[frozenset[Tier]] = frozenset({"core"})
_EURO: Final[frozenset[Tier]] = frozenset({"core", "half", "side"})
_ASIA: Final[frozenset[Tier]] = frozenset({"core", "half", "quarter"})
_ALL: Final[frozenset[Tier]] = frozenset({"core", "half", "quarter", "side"})

# Margins are shares of the overround that is usual for a market (1.0 is the measured median).
BOOKS: Final[tuple[Book, ...]] = (
    #    key               kind        margin lag  every noise bias longshot ladder    tiers  live
    Book("quillmarket", "exchange", 0.15, 0.0, 9.0, 0.5, 0.3, 0.0, "cents", _ASIA, True),
    Book("redlantern", "bookmaker", 0.40, 0.1, 9.0, 0.5, 0.3, 0.0, "thousandths", _ASIA, True),
    Book("ninecranes", "bookmaker", 0.60, 0.3, 10.5, 0.7, 0.6, 0.0, "thousandths", _ASIA, False),
    Book("amberpost", "bookmaker", 0.75, 0.5, 12.0, 0.8, 0.8, 0.2, "cents", _ALL, True),
    Book("brightwell", "bookmaker", 0.90, 0.8, 12.0, 0.9, 0.9, 0.3, "cents", _ALL, False),
    Book("cobblestake", "bookmaker", 1.00, 1.0, 13.5, 1.0, 1.0, 0.4, "steps", _EURO, False),
    Book("dovecote", "bookmaker", 1.00, 1.2, 13.5, 1.0, 1.0, 0.5, "steps", _EURO, True),
    Book("eastquay", "bookmaker", 1.00, 0.8, 12.0, 1.0, 1.0, 0.3, "cents", _ALL, False),
    Book("fernhill", "bookmaker", 1.05, 1.5, 15.0, 1.2, 1.2, 0.5, "steps", _EURO, False),
    Book("greylag", "bookmaker", 1.10, 1.8, 15.0, 1.2, 1.3, 0.4, "cents", _EURO, False),
    Book("hollowoak", "bookmaker", 1.10, 2.0, 18.0, 1.3, 1.3, 0.6, "steps", _CORE, False),
    Book("ironbell", "bookmaker", 1.15, 2.5, 18.0, 1.4, 1.5, 0.5, "steps", _CORE, False),
)

# (up to this price, in steps of), both price_e4: how far apart the prices of a ladder are.
_LADDERS: Final[Mapping[Ladder, tuple[tuple[int, int], ...]]] = {
    "cents": ((40_000, 100), (100_000, 500), (200_000, 1_000), (1_000_000, 10_000)),
    "steps": (
        (20_000, 200),
        (40_000, 500),
        (60_000, 1_000),
        (100_000, 2_500),
        (200_000, 10_000),
        (1_000_000, 50_000),
    ),
    "thousandths": ((30_000, 50), (60_000, 100), (120_000, 500), (1_010_000, 10_000)),
}
_LOWEST_E4: Final = 10_200


def _ladder(name: Ladder) -> Ints:
    prices = [_LOWEST_E4]
    for top, step in _LADDERS[name]:
        prices.extend(range(prices[-1] - prices[-1] % step + step, top + 1, step))
    return np.asarray(prices, np.int64)


_PRICES: Final = {name: _ladder(name) for name in _LADDERS}


def rounded_down(ladder: Ladder, prices: Floats) -> Ints:
    """The highest price_e4 of a ladder that is not above each decimal price; 0 below the lowest."""
    rungs = _PRICES[ladder]
    # A price that is a rung but for the last bit of a float is that rung.
    index = np.searchsorted(rungs, prices * 10_000 + 1e-6, side="right") - 1
    return np.where(index < 0, 0, rungs[np.maximum(index, 0)])
