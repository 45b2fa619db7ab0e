"""A line is a number of quarters (`line_q4`): 2.5 goals is 10, a home handicap of -0.25 is -1.

An even count of quarters is a whole or a half line. An odd one is a quarter line: half the stake
stands on the line a quarter below, half on the one a quarter above (`split`).
"""

from __future__ import annotations

import re
from typing import Final

from overround.core.errors import Invalid
from overround.core.rational import MINUS_SIGN

QUARTERS: Final = 4

# The widest total that is traded (cricket runs) is below 1,000.
MAX_LINE_Q4: Final = 1_000 * QUARTERS
MAX_TEXT_LENGTH: Final = 16

_NUMBER = r"([+-]?)([0-9]{1,5})(?:\.([0-9]{1,2}))?"
_LINE = re.compile(rf"{_NUMBER}(?:/{_NUMBER})?")
_FRACTION_Q4: Final = {"": 0, "0": 0, "00": 0, "25": 1, "5": 2, "50": 2, "75": 3}


def parse(text: str) -> int:
    """The line_q4 of "2.5", "-0.25", "+1.75" or of a pair as Asian books write it.

    In a pair the sign belongs to both halves: "-0/0.5" is -0.25 and "0.5/1" is 0.75; the halves are
    half a goal apart. Raises Invalid `invalid_number` for anything else and `line_out_of_range`
    beyond 1,000.
    """
    match = None
    if len(text) <= MAX_TEXT_LENGTH:
        match = _LINE.fullmatch(text.replace(MINUS_SIGN, "-"))
    if match is None:
        raise Invalid("a line is a number of quarters", code="invalid_number")
    sign, whole, fraction, second_sign, second_whole, second_fraction = match.groups()
    magnitude = _magnitude_q4(whole, fraction)
    if second_whole is not None:
        second = _magnitude_q4(second_whole, second_fraction)
        if magnitude % 2 or abs(magnitude - second) != 2:
            raise Invalid("the halves of a line are half a goal apart", code="invalid_number")
        if second_sign not in ("", sign) and (sign or magnitude):
            raise Invalid("the halves of a line have one sign", code="invalid_number")
        sign = sign or second_sign
        magnitude = (magnitude + second) // 2
    if magnitude > MAX_LINE_Q4:
        raise Invalid("a line is at most 1000", code="line_out_of_range")
    return -magnitude if sign == "-" else magnitude


def _magnitude_q4(whole: str, fraction: str | None) -> int:
    quarters = _FRACTION_Q4.get(fraction or "")
    if quarters is None:
        raise Invalid("a line is a number of quarters", code="invalid_number")
    return int(whole) * QUARTERS + quarters


def to_text(line_q4: int) -> str:
    """The line in decimals, without superfluous digits: "2.5", "-0.25", "0", "3"."""
    whole, quarters = divmod(abs(line_q4), QUARTERS)
    sign = "-" if line_q4 < 0 else ""
    return f"{sign}{whole}{('', '.25', '.5', '.75')[quarters]}"


def split(line_q4: int) -> tuple[int, int]:
    """The two lines the halves of the stake stand on; twice the same for a whole or half line."""
    if line_q4 % 2 == 0:
        return line_q4, line_q4
    return line_q4 - 1, line_q4 + 1
