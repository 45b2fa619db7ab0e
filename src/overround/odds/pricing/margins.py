"""The way back from fair probabilities to a book: an overround put on, by each of the six methods.

A method and its inverse are one family: what `fair.devig` takes off by a method, `booked` puts on.
"""

from __future__ import annotations

import numpy as np

from overround.odds.pricing import fits
from overround.odds.pricing.fair import known
from overround.odds.pricing.model import Floats, Method


def booked(
    probabilities: Floats, booksum: Floats | float, method: str = "multiplicative"
) -> Floats:
    """Shares 1/price [..., n] that sum to `booksum` [...], of fair probabilities that sum to one.

    A probability that is not inside (0, 1) is NaN and makes its market NaN, as does a booksum that
    the method cannot reach; with multiplicative, where answers do not depend on each other, only
    its own answer. A share of one or more is a price that no book can show.
    Raises Invalid `unknown_method`.
    """
    named = known(method)
    leading, n = probabilities.shape[:-1], probabilities.shape[-1]
    wanted = np.broadcast_to(np.asarray(booksum, dtype=np.float64), leading)
    chances = np.where((probabilities > 0.0) & (probabilities < 1.0), probabilities, np.nan)
    if named == "multiplicative":
        return chances * wanted[..., None]
    block = np.ascontiguousarray(chances.reshape(-1, n).T)
    return _solve(named, block, wanted.reshape(-1)).T.reshape(probabilities.shape)


def _solve(method: Method, block: Floats, target: Floats) -> Floats:
    if method == "additive":
        return block + (target - block.sum(axis=0)) / len(block)
    reachable = np.where(target < len(block), block, np.nan)
    if method == "power":
        return fits.power(reachable, target)[0]
    if method == "odds_ratio":
        return fits.odds_ratio(reachable, target)[0]
    if method == "probit":
        return fits.probit(reachable, target)[0]
    return fits.shin_booked(reachable, target)[0]
