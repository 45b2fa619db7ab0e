"""The prices a book shows: the rungs of its ladder, and fair probabilities turned into them.

Every step rounds in the house's favour, which is down: a price is what the house owes. The rungs
are the price increments of the Betfair Exchange, and one above them.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from overround.core.errors import Invalid
from overround.core.price import SCALE_E4
from overround.odds.pricing import margins
from overround.odds.pricing.model import Floats, Integers, Method

LOWEST_E4: Final = 10_100
HIGHEST_E4: Final = 10_010_000
MARGIN_BPS_MAX: Final = 5_000
_BPS: Final = 10_000

# From a price on (price_e4), the distance between rungs; 1001 is "a thousand to one", the last.
_BANDS_E4: Final = (
    (10_100, 100),
    (20_000, 200),
    (30_000, 500),
    (40_000, 1_000),
    (60_000, 2_000),
    (100_000, 5_000),
    (200_000, 10_000),
    (300_000, 20_000),
    (500_000, 50_000),
    (1_000_000, 100_000),
    (10_000_000, 10_000),
)
_STARTS_E4: Final[Integers] = np.array([start for start, _ in _BANDS_E4], dtype=np.int64)
_STEPS_E4: Final[Integers] = np.array([step for _, step in _BANDS_E4], dtype=np.int64)

# The float product of two exact decimals falls short of its integer by less than this; without it
# 0.95 / 0.5 would become 1.8999 (test: margin on a coin is exact).
_SHORTFALL_E4: Final = 1e-6


def round_down(prices_e4: Integers) -> Integers:
    """The highest rung at or below each price, any shape; outside the ladder, its nearest end."""
    inside = np.clip(prices_e4, LOWEST_E4, HIGHEST_E4)
    band = np.searchsorted(_STARTS_E4, inside, side="right") - 1
    return inside - (inside - _STARTS_E4[band]) % _STEPS_E4[band]


def apply_margin(
    probabilities: Floats, margin_bps: int | Integers, method: Method = "multiplicative"
) -> Integers:
    """Prices that keep `margin_bps` of even takings: [..., n] -> price_e4 [..., n], off the ladder.

    The prices' booksum is 1 / (1 - margin) but for rounding down and for the ends of the ladder,
    1.01 and 1001. `margin_bps` is one figure or one per market [...]; the methods differ in how
    much of it long shots carry (`margins`). A probability that is not inside (0, 1), NaN included,
    becomes 0, which is no price.
    Raises Invalid `margin_out_of_range` outside 0 to 5,000, `unknown_method`.
    """
    bps = np.asarray(margin_bps, dtype=np.int64)
    if np.any((bps < 0) | (bps > MARGIN_BPS_MAX)):
        raise Invalid("a margin is from 0 to 5000 basis points", code="margin_out_of_range")
    shares = margins.booked(probabilities, _BPS / (_BPS - bps), method)
    prices_e4 = np.floor(SCALE_E4 / shares + _SHORTFALL_E4)
    offered = np.clip(prices_e4, LOWEST_E4, HIGHEST_E4)
    return np.where(np.isnan(offered), 0, offered).astype(np.int64)
