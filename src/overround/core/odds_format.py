"""A price in the formats books write it in, both ways and exact.

Every format is a way to write the profit `b = price - 1` of one unit, or the chance it implies:

    decimal 1 + b · fractional b as a/c · hongkong b · probability 1 / (1 + b)
    malay, indonesian, american: b, or -1/b on the other side of evens (american times 100)

Malay writes what is at most evens as a profit and what is longer as the stake that wins one, below
zero; Indonesian and American do it the other way round. Evens are written as the profit, 1 (100).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from overround.core import price, rational
from overround.core.errors import Invalid

_HUNDRED: Final = 100


@dataclass(frozen=True, slots=True)
class OddsFormat:
    """`allows` is the domain of written values; `profit` reads one, `written` writes a profit."""

    allows: Callable[[Fraction], bool]
    profit: Callable[[Fraction], Fraction]
    written: Callable[[Fraction], Fraction]
    code: str = "price_out_of_range"


def _same(value: Fraction) -> Fraction:
    return value


def _signed(value: Fraction) -> Fraction:
    """Above zero a profit, below it the stake that wins one; its own inverse off evens."""
    return value if value > 0 else -1 / value


FORMATS: Final[Mapping[str, OddsFormat]] = {
    "decimal": OddsFormat(lambda v: v > 1, lambda v: v - 1, lambda b: b + 1),
    "fractional": OddsFormat(lambda v: v > 0, _same, _same),
    "hongkong": OddsFormat(lambda v: v > 0, _same, _same),
    "malay": OddsFormat(
        lambda v: v != 0 and abs(v) <= 1, _signed, lambda b: b if b <= 1 else -1 / b
    ),
    "indonesian": OddsFormat(lambda v: abs(v) >= 1, _signed, lambda b: b if b >= 1 else -1 / b),
    "american": OddsFormat(
        lambda v: abs(v) >= _HUNDRED,
        lambda v: _signed(v / _HUNDRED),
        lambda b: _HUNDRED * (b if b >= 1 else -1 / b),
    ),
    "probability": OddsFormat(
        lambda v: 0 < v < 1,
        lambda v: 1 / v - 1,
        lambda b: 1 / (1 + b),
        code="probability_out_of_range",
    ),
}


def known(name: str) -> OddsFormat:
    """The format of that name. Raises Invalid `unknown_method`."""
    found = FORMATS.get(name)
    if found is None:
        raise Invalid("this is not an odds format: " + ", ".join(FORMATS), code="unknown_method")
    return found


def parse(text: str, name: str) -> Fraction:
    """The exact decimal price (stake included) that `text` means in the format `name`.

    Raises Invalid `unknown_method` (the format), `invalid_number`, `price_out_of_range` (outside
    the format's domain, or a decimal price above 100,000), `probability_out_of_range`.
    """
    odds_format = known(name)
    fractional = name == "fractional"
    value = rational.parse_ratio(text) if fractional else rational.parse(text)
    if not odds_format.allows(value):
        raise Invalid(f"this is outside what {name} odds can be", code=odds_format.code)
    return check(1 + odds_format.profit(value))


def to_value(decimal_price: Fraction, name: str) -> Fraction:
    """The exact number that writes a decimal price in the format. Raises as `parse` does."""
    return known(name).written(check(decimal_price) - 1)


def to_text(decimal_price: Fraction, name: str) -> str:
    """A decimal price in the format: "9/10" as a fraction, else in decimals (18 at most).

    Raises as `parse` does.
    """
    value = to_value(decimal_price, name)
    if name == "fractional":
        return f"{value.numerator}/{value.denominator}"
    return rational.to_text(value)


def to_price_e4(text: str, name: str) -> int:
    """The price_e4 of a price in the format, rounded down: what a feed keeps.

    Raises as `parse` does, and `price_out_of_range` for what rounds down to 1.
    """
    return price.from_fraction(parse(text, name))


def check(decimal_price: Fraction) -> Fraction:
    """The price itself if it is above 1 and at most 100,000; else Invalid `price_out_of_range`."""
    if not 1 < decimal_price <= price.MAX_PRICE:
        raise Invalid("a price is above 1 and at most 100000", code="price_out_of_range")
    return decimal_price
