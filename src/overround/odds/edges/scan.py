"""Where an arbitrage may be, over arrays of prices: every market at once, exact afterwards.

Pure numpy. A price of 0 is none. What is found here is a candidate: its best prices sum below one;
`rules` decides it exactly, by states and whose prices they are.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

# A float32 sum of a few reciprocals is off by less; what passes is decided exactly.
SHORT: Final = 1.0 + 1e-6

Prices = NDArray[np.floating[Any]] | NDArray[np.integer[Any]]
Indexes = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Candidates:
    """Events whose best prices sum below one, [k], with whose prices those are, [sides, k]."""

    events: Indexes
    sources: Indexes
    booksums: NDArray[np.float64]


def scan(prices: Prices, scale: float = 1.0) -> Candidates:
    """Look at decimal prices x `scale` of [sources, sides, events] for sums below one.

    Of equal prices the first source's counts. One pass over the prices; whose the best ones are is
    asked of the few events that pass (test: the scan finds what the loops find).
    """
    if not len(prices):
        none = np.zeros(0, np.int64)
        return Candidates(none, np.zeros((prices.shape[1], 0), np.int64), np.zeros(0))
    best = prices.max(axis=0)
    with np.errstate(divide="ignore"):
        booksums = (prices.dtype.type(scale) / best).sum(axis=0)
    events = np.flatnonzero(booksums < SHORT)
    sources = prices[:, :, events].argmax(axis=0)
    exact = (scale / best[:, events].astype(np.float64)).sum(axis=0)
    below = exact < 1
    return Candidates(events[below], sources[:, below], exact[below])
