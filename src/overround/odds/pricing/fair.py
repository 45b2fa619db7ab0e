"""Fair probabilities: prices with the overround removed, by six methods.

All are vectorised over any leading axes; the answers of a market are the last axis. With
q = 1/price, B the sum of q, n answers and the target t (what the probabilities sum to: one, or the
number of places):

    multiplicative  q t / B                     odds_ratio  q / (c + q - c q)
    additive        q - (B - t) / n             probit      Phi(Phi^-1(q) - c)
    power           q ** k                      shin        see `fits.shin`

`parameter` is what a method solved for (k, c, z), the booksum over the target for multiplicative
and what is taken off each answer for additive.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Final, get_args

import numpy as np

from overround.core.errors import Invalid
from overround.odds.pricing import fits
from overround.odds.pricing.implied import implied
from overround.odds.pricing.model import Fair, FairMarket, Floats, Method

METHODS: Final[tuple[Method, ...]] = get_args(Method)
_FITS: Final = {
    "power": fits.power,
    "odds_ratio": fits.odds_ratio,
    "probit": fits.probit,
    "shin": fits.shin,
}
# So many markets at once stay in the processor's cache through all rounds of Newton's method; more
# would be read from memory each round (measured: a third of the time).
_CHUNK: Final = 2_048


def multiplicative(prices: Floats) -> Floats:
    """Probabilities in proportion to 1/price: decimal prices [..., n] -> [..., n], each sum one.

    A booksum below one is scaled up the same way; a NaN price makes its whole market NaN.
    """
    face = implied(prices)
    return face / face.sum(axis=-1, keepdims=True)


def devig(prices: Floats, method: str, target: Floats | float = 1.0) -> Fair:
    """Markets [..., n] of decimal prices without their overround, summing to `target` [...].

    Markets whose booksum is at most the target are marked `underround`; multiplicative and additive
    still answer, by scaling and shifting up, the others have nothing to solve for and give NaN, as
    they do for a price of one and for a booksum that Shin's model cannot explain. A
    market in which a probability would leave (0, 1), as additive's long shots can, is marked
    `outside` and NaN. A NaN price makes its market NaN, unmarked.
    Raises Invalid `unknown_method`, `probability_out_of_range` for a target not inside (0, n).
    """
    named = known(method)
    face = implied(prices)
    leading, n = face.shape[:-1], face.shape[-1]
    wanted = np.broadcast_to(np.asarray(target, dtype=np.float64), leading)
    if not ((wanted > 0.0) & (wanted < n)).all():
        raise Invalid("probabilities sum to less than their count", code="probability_out_of_range")
    flat, goal = face.reshape(-1, n), wanted.reshape(-1)
    fair, parameter = np.empty_like(flat), np.empty_like(goal)
    underround = np.empty(goal.shape, dtype=np.bool_)
    outside = np.empty(goal.shape, dtype=np.bool_)
    for start in range(0, len(flat), _CHUNK):
        part = slice(start, start + _CHUNK)
        block = np.ascontiguousarray(flat[part].T)
        underround[part] = block.sum(axis=0) <= goal[part]
        answer, parameter[part] = _solve(named, block, goal[part])
        # NaN compares as false: a market without an answer is not outside.
        outside[part] = ((answer <= 0.0) | (answer >= 1.0)).any(axis=0)
        fair[part] = np.where(outside[part], np.nan, answer).T
    return Fair(
        fair.reshape(face.shape),
        parameter.reshape(leading),
        underround.reshape(leading),
        outside.reshape(leading),
    )


def devig_one(
    prices: Sequence[Fraction], method: str, target: Fraction = Fraction(1)
) -> FairMarket:
    """One market of decimal prices without its overround.

    Raises Invalid `no_legs` below two prices, `price_out_of_range`, `unknown_method`, `underround`
    where the method has no answer, `probability_out_of_range` where one of its probabilities would
    leave (0, 1) or the target is not inside (0, n).
    """
    if len(prices) < 2:
        raise Invalid("a market has at least two prices", code="no_legs")
    decimal = [float(price) for price in prices]
    if min(decimal) <= 1.0:
        raise Invalid("a price is above 1", code="price_out_of_range")
    found = devig(np.array(decimal), method, float(target))
    if found.outside:
        raise Invalid("a probability would leave (0, 1)", code="probability_out_of_range")
    if np.isnan(found.parameter):
        raise Invalid("the method has no answer for this booksum", code="underround")
    return FairMarket(tuple(found.probabilities.tolist()), float(found.parameter))


def worst_case(
    prices: Floats, methods: Sequence[str] = METHODS, target: Floats | float = 1.0
) -> Floats:
    """The smallest probability that any of the methods gives each answer: [..., n] -> [..., n].

    A price that is good against these is good whichever method is right; they sum to less than the
    target. Methods without an answer for a market take no part in it. Raises Invalid as `devig`.
    """
    answers = [devig(prices, method, target).probabilities for method in methods]
    lowest = np.fmin.reduce(answers)
    return np.asarray(lowest, dtype=np.float64)


def known(method: str) -> Method:
    """The method of that name. Raises Invalid `unknown_method`."""
    for name in METHODS:
        if name == method:
            return name
    raise Invalid(f"a method is one of {', '.join(METHODS)}", code="unknown_method")


def _solve(method: Method, block: Floats, target: Floats) -> fits.Solved:
    """Probabilities [n, m] and parameters [m] of a block [n, m] of 1/price."""
    total: Floats = block.sum(axis=0)
    if method == "multiplicative":
        scale = total / target
        return block / scale, scale
    if method == "additive":
        excess = (total - target) / len(block)
        return block - excess, excess
    # A price so near to one that its float is one has no odds to work on.
    has_answer = (total > target) & (block < 1.0).all(axis=0)
    solvable = np.where(has_answer, block, np.nan)
    return _FITS[method](solvable, target)
