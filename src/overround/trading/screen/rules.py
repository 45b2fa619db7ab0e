"""What the best prices of a market leave a book, and the order of its answers."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

from overround.core import grading, price
from overround.trading.screen.model import Best, Side

_PPM = 1_000_000


def overround_ppm(market_type: str, by_side: Mapping[str, Best]) -> int | None:
    """Booksum less one in millionths, rounded down; below zero where the best prices leave none.

    None unless every side is quoted and exactly one of them wins: of other markets the sum of
    the implied probabilities says nothing about a margin.
    """
    sides = grading.sides(market_type)
    # Without a fixed set of answers nobody knows whether all of them are quoted.
    if market_type == "double_chance" or not sides or set(by_side) != set(sides):
        return None
    booksum = sum((1 / price.to_fraction(one.price_e4) for one in by_side.values()), Fraction())
    return (booksum - 1) * _PPM // 1


def place_of(quote: Side) -> tuple[int, str]:
    """Where a side stands among the answers of its market; answers of no fixed set go by name."""
    sides = grading.sides(quote.market_type)
    return (sides.index(quote.side) if quote.side in sides else len(sides), quote.side)


def ppm_text(ppm: int) -> str:
    """Millionths as a decimal string: -11111 is "-0.011111"."""
    digits = f"{abs(ppm):07d}"
    return f"{'-' if ppm < 0 else ''}{digits[:-6]}.{digits[-6:]}"
