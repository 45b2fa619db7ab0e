"""Numbers as people write them, read and written exactly.

Bounds come before any conversion: text longer than `MAX_TEXT_LENGTH` is refused unread, so that a
number of five thousand digits costs as much as one of five.
"""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Final

from overround.core.errors import Invalid

MAX_TEXT_LENGTH: Final = 40
PLACES: Final = 18

# U+2212 is the minus sign of typography; at least one book writes it for a hyphen.
MINUS_SIGN: Final = "\u2212"
# [0-9] and not \d: \d also matches the digits of other scripts, which `int` would accept.
_DECIMAL: Final = r"(?:[0-9]+(?:\.[0-9]+)?|\.[0-9]+)"
_PLAIN = re.compile(rf"[+-]?{_DECIMAL}")
_RATIO = re.compile(rf"([+-]?{_DECIMAL})(?:/({_DECIMAL}))?")


def parse(text: str) -> Fraction:
    """The exact value of a plain decimal: "-0.25", "+110", ".5".

    Raises Invalid `invalid_number` for anything else: exponents, NaN, infinities, spaces, digits of
    other scripts, more than 40 characters.
    """
    plain = _bounded(text)
    if _PLAIN.fullmatch(plain) is None:
        raise Invalid("a number is a plain decimal", code="invalid_number")
    return Fraction(plain)


def parse_ratio(text: str) -> Fraction:
    """The exact value of a plain decimal or of two with a slash: "25/13", "1/5", "0.2".

    Raises Invalid `invalid_number` as `parse` does, and for a denominator of zero.
    """
    match = _RATIO.fullmatch(_bounded(text))
    if match is None:
        raise Invalid("a number is a plain decimal or a fraction", code="invalid_number")
    above, below = Fraction(match[1]), Fraction(match[2] or 1)
    if below == 0:
        raise Invalid("a fraction has a denominator", code="invalid_number")
    return above / below


def to_text(value: Fraction, places: int = PLACES) -> str:
    """The value in decimals: exact where `places` decimals are enough, else rounded half to even.

    Superfluous zeros are left out: "2", "0.5", "1.909090909090909091".
    """
    scaled = round(value * 10**places)
    digits = str(abs(scaled)).rjust(places + 1, "0")
    whole, fraction = digits[:-places], digits[-places:].rstrip("0")
    sign = "-" if scaled < 0 else ""
    return f"{sign}{whole}.{fraction}" if fraction else sign + whole


def _bounded(text: str) -> str:
    if len(text) > MAX_TEXT_LENGTH:
        raise Invalid(f"a number has at most {MAX_TEXT_LENGTH} characters", code="invalid_number")
    return text.replace(MINUS_SIGN, "-")
