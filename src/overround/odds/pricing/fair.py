"""Fair probabilities: prices with the overround removed.

Both methods are vectorised over any leading axes; the answers of a market are the last axis.
Formulas: S. Clarke, S. Kovalchik, M. Ingram, "Adjusting bookmaker's odds to allow for overround"
(2017): p = q / B (multiplicative) and p = q ** k (power), with q = 1/price and B the sum of q.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from overround.odds.pricing.implied import implied
from overround.odds.pricing.model import Floats, PowerFit

# Newton doubles its correct digits each round and approaches from one side, so real markets need
# about five rounds; the bound is for a market of absurd prices (test: power converges at 1.0001).
_ROUNDS_MAX: Final = 60
_TOLERANCE: Final = 1e-14


def multiplicative(prices: Floats) -> Floats:
    """Probabilities in proportion to 1/price: decimal prices [..., n] -> [..., n], each sum one.

    A booksum below one is scaled up the same way; a NaN price makes its whole market NaN.
    """
    face = implied(prices)
    return face / face.sum(axis=-1, keepdims=True)


def power(prices: Floats) -> PowerFit:
    """Probabilities (1/price) ** k with the k that makes each market sum to one; [..., n].

    Long shots lose relatively more than favourites. Markets with a booksum of one or less are
    marked `underround` and get NaN instead of a figure; so do markets with a NaN price, unmarked.
    """
    face = implied(prices)
    total: Floats = np.sum(face, axis=-1)
    underround = total <= 1.0
    solvable = np.where((total > 1.0)[..., None], face, np.nan)
    exponent = exponent_for(solvable, np.ones(total.shape))
    return PowerFit(solvable ** exponent[..., None], exponent, underround)


def exponent_for(shares: Floats, target: Floats) -> Floats:
    """The k with sum(shares ** k) == target: shares [..., n] in (0, 1), target [...] below n.

    Newton on log(sum(shares ** k)) - log(target), which is convex and falling in k: from any start
    the first step lands at or below the root and the others climb to it, so none overshoots.
    Markets with a NaN stay NaN.
    """
    logs = np.log(shares)
    log_target = np.log(target)
    exponent = np.where(np.isnan(logs).any(axis=-1), np.nan, 1.0)
    for _ in range(_ROUNDS_MAX):
        powers = np.exp(exponent[..., None] * logs)
        total = powers.sum(axis=-1)
        slope = (powers * logs).sum(axis=-1) / total
        step = (np.log(total) - log_target) / slope
        exponent = exponent - step
        if not np.any(np.abs(step) > _TOLERANCE * np.maximum(1.0, np.abs(exponent))):
            break
    return exponent
