"""What prices say at face value: 1/price, its sum over a market, and what the sum is above one."""

from __future__ import annotations

import numpy as np

from overround.core.price import SCALE_E4
from overround.odds.pricing.model import Floats, Integers


def decimals(prices_e4: Integers) -> Floats:
    """Decimal prices of price_e4 integers, any shape; zero, the mark of no price, becomes NaN."""
    return np.where(prices_e4 > 0, prices_e4 / SCALE_E4, np.nan)


def implied(prices: Floats) -> Floats:
    """1/price of decimal prices, any shape; NaN stays NaN."""
    return 1.0 / prices


def implied_by(price_e4: int) -> float:
    """`implied(decimals(...))` of one price, to the last bit."""
    return 1.0 / (price_e4 / SCALE_E4)


def inverse_of(price_e4: int) -> float:
    """1/price in one division, as a sum over a table of prices has it."""
    return SCALE_E4 / price_e4


def booksum(prices: Floats) -> Floats:
    """Sum of 1/price over the last axis: [..., n] -> [...]. A market with a NaN has none (NaN)."""
    return implied(prices).sum(axis=-1)


def overround(prices: Floats) -> Floats:
    """Booksum less one: [..., n] -> [...]; below zero the market can be arbitraged."""
    return booksum(prices) - 1.0


def margin(prices: Floats) -> Floats:
    """The share of even takings that the book keeps, 1 - 1/booksum: [..., n] -> [...]."""
    return 1.0 - 1.0 / booksum(prices)
