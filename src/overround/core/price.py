"""A price is `price_e4`: the decimal price (stake included) times 10,000, as an `int`.

So 2.5 is 25000, equality is exact, and a database integer holds it. What cannot be written in four
decimals is rounded **down** when it is read: the book never owes more than the source offered.
"""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Final

from overround.core.errors import Invalid

SCALE_E4: Final = 10_000
DECIMALS: Final = 4
MIN_PRICE_E4: Final = SCALE_E4 + 1
MAX_PRICE: Final = 100_000
MAX_PRICE_E4: Final = MAX_PRICE * SCALE_E4

# Longer text is refused before it is looked at, so no input costs more than a constant.
MAX_TEXT_LENGTH: Final = 24

_DECIMAL = re.compile(r"(-?)([0-9]+)(?:\.([0-9]+))?")


def parse_decimal(text: str) -> int:
    """The price_e4 of a plain decimal price: `parse_decimal("1.909090") == 19090`.

    Raises Invalid `invalid_number` for what is not a plain decimal of at most 24 characters
    (exponent, NaN, spaces, digits of other scripts), `price_out_of_range` for a price that is not
    above 1 once rounded down to four decimals, or is above 100,000.
    """
    match = _DECIMAL.fullmatch(text) if len(text) <= MAX_TEXT_LENGTH else None
    if match is None:
        raise Invalid("a price is a plain decimal number", code="invalid_number")
    sign, whole, fraction = match[1], match[2], match[3] or ""
    price_e4 = int(whole + fraction[:DECIMALS].ljust(DECIMALS, "0"))
    # The digits that were cut decide at the upper bound only: 100000.00001 is above it.
    cut = fraction[DECIMALS:].strip("0")
    if sign or price_e4 > MAX_PRICE_E4 or (price_e4 == MAX_PRICE_E4 and cut):
        raise Invalid(code="price_out_of_range")
    return check(price_e4)


def check(price_e4: int) -> int:
    """`price_e4` itself if it is above 1 and at most 100,000; else Invalid `price_out_of_range`."""
    if not MIN_PRICE_E4 <= price_e4 <= MAX_PRICE_E4:
        raise Invalid("a price is above 1 and at most 100000", code="price_out_of_range")
    return price_e4


def to_text(price_e4: int) -> str:
    """The decimal price with two to four decimals: "2.50", "1.909", "1.0101"."""
    whole, fraction = divmod(price_e4, SCALE_E4)
    digits = f"{fraction:04d}"
    while len(digits) > 2 and digits.endswith("0"):
        digits = digits[:-1]
    return f"{whole}.{digits}"


def to_fraction(price_e4: int) -> Fraction:
    """The decimal price as an exact fraction; what every payout is computed from."""
    return Fraction(price_e4, SCALE_E4)


def from_fraction(decimal_price: Fraction) -> int:
    """The price_e4 at or below an exact decimal price. Raises Invalid `price_out_of_range`."""
    if decimal_price > MAX_PRICE:
        raise Invalid("a price is above 1 and at most 100000", code="price_out_of_range")
    return check(decimal_price * SCALE_E4 // 1)
