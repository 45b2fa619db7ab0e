"""Combinations of legs without enumerating them.

A system of size k over legs that return x1, ..., xn per unit staked pays, per unit a line, the sum
of the products of every k of them: the elementary symmetric polynomial e_k, which is the
coefficient of z^k in (1 + x1 z) ... (1 + xn z). Multiplied out leg by leg that is n^2 steps where
the lines would be 2^n (test: thirty legs are settled without their lines). A combo is the system of
size n.

Returns are ratios (numerator, denominator) of plain integers: with x = a/b, z^k has the coefficient
e_k * b1 ... bn in (b1 + a1 z) ... (bn + an z), and nothing is reduced on the way.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from math import prod
from types import MappingProxyType
from typing import Final

from overround.core.errors import Invalid

# (numerator, denominator), the denominator above zero, not necessarily reduced.
Ratio = tuple[int, int]

# The full covers that have names: how many legs, and the sizes of their lines.
FULL_COVERS: Final[Mapping[str, tuple[int, tuple[int, ...]]]] = MappingProxyType(
    {
        "trixie": (3, (2, 3)),
        "patent": (3, (1, 2, 3)),
        "yankee": (4, (2, 3, 4)),
        "lucky15": (4, (1, 2, 3, 4)),
        "canadian": (5, (2, 3, 4, 5)),
        "lucky31": (5, (1, 2, 3, 4, 5)),
        "heinz": (6, (2, 3, 4, 5, 6)),
        "lucky63": (6, (1, 2, 3, 4, 5, 6)),
        "super_heinz": (7, (2, 3, 4, 5, 6, 7)),
        "goliath": (8, (2, 3, 4, 5, 6, 7, 8)),
    }
)


def check_sizes(sizes: Sequence[int], legs: int, bankers: int = 0) -> None:
    """Say no to sizes that a system over so many legs cannot have.

    A size counts all legs of a line, bankers included. Raises Invalid `invalid_size` where there is
    none, one twice, one above the legs, or one below one or below the bankers.
    """
    if not sizes or any(before == after for before, after in pairwise(sorted(sizes))):
        raise Invalid("a system has sizes, each of them once", code="invalid_size")
    if min(sizes) < max(1, bankers) or max(sizes) > legs:
        raise Invalid(
            f"the sizes of this system are from {max(1, bankers)} to {legs}", code="invalid_size"
        )


def total(returns: Sequence[Ratio], sizes: Sequence[int], bankers: Sequence[Ratio] = ()) -> Ratio:
    """What all lines of a system return together, per unit staked on each of them.

    `returns` are the legs that lines choose from, `bankers` those that are in every line; `sizes`
    count both. A leg of several picks returns the sum of what they do, because each makes a line of
    its own; counting picks instead of returns, (picks, 1), gives the number of lines.
    Raises Invalid `invalid_size` as `check_sizes`.
    """
    check_sizes(sizes, len(returns) + len(bankers), len(bankers))
    chosen = [size - len(bankers) for size in sizes]
    low, coefficients = _coefficients(returns, min(chosen), max(chosen))
    summed = sum(coefficients[size - low] for size in chosen)
    above = prod(ratio[0] for ratio in bankers)
    below = prod(ratio[1] for ratio in bankers) * prod(ratio[1] for ratio in returns)
    return summed * above, below


def _coefficients(returns: Sequence[Ratio], low: int, high: int) -> tuple[int, list[int]]:
    """The coefficients of z^low ... z^high in the product of (b + a z), as (low, them).

    Only powers that can still become one of those are carried, so that a combo is one
    multiplication a leg.
    """
    first, kept = 0, [1]
    for n, (above, below) in enumerate(returns, start=1):
        next_first = max(0, low - (len(returns) - n))
        next_last = min(n, high)
        padded = [0, *kept, 0]
        # padded[j - first + 1] is the coefficient of z^j before this leg.
        kept = [
            below * padded[j - first + 1] + above * padded[j - first]
            for j in range(next_first, next_last + 1)
        ]
        first = next_first
    return first, kept
