"""The division of a stake whose worst state is the best possible: the closed form of a surebet.

With shares s of the stake on the legs, a state that returns x_j per unit on leg j returns the sum
of x_j s_j: a plane over the shares. The lowest of several planes is highest at a corner: where as
many of them meet as there are legs, or at an edge where a leg has no share. For one to three legs
those corners are few and each is a difference, a perpendicular or a cross product, so all are
looked at.

One function serves both kinds of numbers: arrays of floats for a board full of candidates, arrays
of Fractions (dtype object) for the one that is reported. For more legs `surebet` asks a linear
program.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from overround.core.errors import Invalid
from overround.odds.pricing.model import Integers

# Floats, or Fractions in an array of objects; what comes back is of the same kind.
Numbers = NDArray[Any]

LEGS_MAX: Final = 3
# Two floats nearer than this are one figure; fractions are compared as they are.
_SLACK: Final = 1e-12
_CHUNK: Final = 4_096


@dataclass(frozen=True, slots=True)
class Division:
    """Shares [..., n] that sum to one, and the net returns [...] of the worst and best state."""

    shares: Numbers
    guaranteed: Numbers
    best: Numbers


def divide(returns: Numbers) -> Division:
    """The division with the highest worst state: returns [..., K, n], n at most 3.

    `returns` are what one unit on each leg brings back, stake included, in each of K states. Among
    divisions with the same worst state the one with the better second-worst is taken, and so on:
    for a pair that can push that is the even cover, not an end of the interval (test: a whole line
    that only pushes guarantees nothing). Raises Invalid `no_legs`, `too_many_legs`.
    """
    *leading, states, legs = returns.shape
    if legs < 1 or states < 1:
        raise Invalid("there is at least one leg", code="no_legs")
    if legs > LEGS_MAX:
        raise Invalid(f"the closed form has at most {LEGS_MAX} legs", code="too_many_legs")
    flat = returns.reshape(-1, states, legs)
    shares = np.empty((len(flat), legs), dtype=returns.dtype)
    worst, best = np.empty(len(flat), dtype=returns.dtype), np.empty(len(flat), dtype=returns.dtype)
    for start in range(0, len(flat), _CHUNK):
        part = slice(start, start + _CHUNK)
        # Markets last: every step below is then one operation on a row of them.
        block = np.ascontiguousarray(np.moveaxis(flat[part], 0, -1))
        found, paid = _highest(block)
        shares[part] = found.T
        worst[part], best[part] = paid[0] - 1, paid[-1] - 1
    return Division(shares.reshape(*leading, legs), worst.reshape(leading), best.reshape(leading))


def proportional(prices: Numbers) -> Division:
    """Stakes in proportion to 1/price: the division for legs of which exactly one wins, [..., n].

    It returns 1/booksum in every state, and nothing returns more in all of them.
    """
    shares = 1 / prices
    # The sum of a single row of Fractions is one itself and no array: the axis keeps both alike.
    booksum = shares.sum(axis=-1, keepdims=True)
    margin = (1 / booksum - 1)[..., 0]
    return Division(shares / booksum, margin, margin)


def exact(returns: list[list[Fraction]]) -> Numbers:
    """Rows of states as an array of Fractions [K, n] for `divide`."""
    return np.array(returns, dtype=object)


def _highest(block: Numbers) -> tuple[Numbers, Numbers]:
    """Shares [n, m] and what they return, lowest state first [K, m], of a block [K, n, m]."""
    corners = np.stack(list(_corners(block)))
    total = corners.sum(axis=1)
    shares = corners / np.where(total == 0, 1, total)[:, None]
    possible = (total != 0) & (shares >= 0).all(axis=1)
    paid = shares[:, None, 0] * block[None, :, 0]
    for leg in range(1, block.shape[1]):
        paid = paid + shares[:, None, leg] * block[None, :, leg]
    paid = np.sort(np.where(possible[:, None], paid, -1), axis=1)
    slack = 0 if block.dtype == object else _SLACK
    alive = possible
    for state in range(paid.shape[1]):
        returned = np.where(alive, paid[:, state], -1)
        alive = alive & (returned >= returned.max(axis=0) - slack)
    chosen = alive.argmax(axis=0)
    markets: Integers = np.arange(block.shape[2], dtype=np.int64)
    return shares[chosen, :, markets].T, paid[chosen, :, markets].T


def _corners(block: Numbers) -> Iterator[Numbers]:
    """Directions [n, m] in which shares may be best; some are impossible and are dropped later."""
    states, legs, _ = block.shape
    nothing = block[0, 0] * 0
    unit = nothing + 1
    for leg in range(legs):
        yield np.stack([unit if other == leg else nothing for other in range(legs)])
    for one, two in combinations(range(states), 2):
        apart = block[one] - block[two]
        for first, second in combinations(range(legs), 2):
            level = {first: apart[second], second: -apart[first]}
            yield np.stack([level.get(leg, nothing) for leg in range(legs)])
    if legs == 3:
        for one, two, three in combinations(range(states), 3):
            (a, b, c), (d, e, f) = block[one] - block[two], block[one] - block[three]
            yield np.stack([b * f - c * e, c * d - a * f, a * e - b * d])
