"""What of the quotes is best, and what the best of a market leave a book."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fractions import Fraction
from uuid import UUID

from overround.core import grading, price
from overround.trading.screen.model import Best, Quote

_PPM = 1_000_000


def best(quotes: Iterable[Quote]) -> dict[UUID, Best]:
    """selection -> its highest open price; a suspended one is nobody's to take."""
    found: dict[UUID, Best] = {}
    for quote in quotes:
        if quote.state != "open":
            continue
        held = found.get(quote.selection_id)
        if held is None or quote.price_e4 > held.price_e4:
            found[quote.selection_id] = Best(quote.price_e4, (quote.source,))
        elif quote.price_e4 == held.price_e4 and quote.source not in held.sources:
            names = tuple(sorted((*held.sources, quote.source)))
            found[quote.selection_id] = Best(quote.price_e4, names)
    return found


def overround_ppm(market_type: str, by_side: Mapping[str, Best]) -> int | None:
    """Booksum less one in millionths, rounded down; below zero where the best prices leave none.

    None unless every side is quoted and exactly one of them wins: of other markets the sum of
    the implied probabilities says nothing about a margin.
    """
    if market_type == "double_chance" or set(by_side) != set(grading.sides(market_type)):
        return None
    booksum = sum((1 / price.to_fraction(one.price_e4) for one in by_side.values()), Fraction())
    return (booksum - 1) * _PPM // 1


def place_of(quote: Quote) -> tuple[int, str]:
    """Where a side stands among the answers of its market; answers of no fixed set go by name."""
    sides = grading.sides(quote.market_type)
    return (sides.index(quote.side) if quote.side in sides else len(sides), quote.side)


def ppm_text(ppm: int) -> str:
    """Millionths as a decimal string: -11111 is "-0.011111"."""
    digits = f"{abs(ppm):07d}"
    return f"{'-' if ppm < 0 else ''}{digits[:-6]}.{digits[-6:]}"
