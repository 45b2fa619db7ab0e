"""What a leg returns per unit staked, as a function of what happened: the one payoff.

    m = v + (1 - v) * r * o * d

with the share of the stake that is void `v`, the result `r` (0 or 1), the decimal price `o` and the
dead-heat factor `d`. Settlement, cash-out, liability and arbitrage all read this function, so the
till and the trader's screen cannot disagree. Source: the settlement table of the Unified Odds Feed
(result, void_factor, dead_heat_factor), which it writes as one line.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Final, Literal

from overround.core.errors import Invalid
from overround.core.price import SCALE_E4

GradeName = Literal["won", "lost", "void", "half_won", "half_lost"]

_ONE: Final = Fraction(1)
_HALF: Final = Fraction(1, 2)
_NONE: Final = Fraction(0)


@dataclass(frozen=True, slots=True)
class Grade:
    """What happened to a leg: the stake's void share, and how the rest of it ended.

    `void_factor` is 0, 1/2 or 1; `dead_heat_factor` is in (0, 1], places left over those who tie.
    """

    result: Literal[0, 1]
    void_factor: Fraction = _NONE
    dead_heat_factor: Fraction = _ONE

    def __post_init__(self) -> None:
        if self.result not in (0, 1) or self.void_factor not in (0, _HALF, 1):
            raise Invalid("a grade is a result of 0 or 1 and a void factor of 0, 1/2 or 1")
        if not 0 < self.dead_heat_factor <= 1:
            raise Invalid("a dead-heat factor is above 0 and at most 1")


WON: Final = Grade(1)
LOST: Final = Grade(0)
VOID: Final = Grade(0, _ONE)
HALF_WON: Final = Grade(1, _HALF)
HALF_LOST: Final = Grade(0, _HALF)

_BY_NAME: Final[dict[GradeName, Grade]] = {
    "won": WON,
    "lost": LOST,
    "void": VOID,
    "half_won": HALF_WON,
    "half_lost": HALF_LOST,
}


def by_name(name: str) -> Grade:
    """The grade without a dead heat that a stored name means. Raises Invalid `unknown_grade`."""
    for known, grade in _BY_NAME.items():
        if known == name:
            return grade
    raise Invalid("a grade is won, lost, void, half_won or half_lost", code="unknown_grade")


def name(grade: Grade) -> GradeName:
    """The name a grade is stored under; a dead heat keeps the name and stores its factor beside."""
    if grade.void_factor == 1:
        return "void"
    if grade.void_factor == 0:
        return "won" if grade.result else "lost"
    return "half_won" if grade.result else "half_lost"


def stored(name: str, dead_heat: str | None) -> Grade:
    """The grade that a name and a dead heat's factor beside it mean. Raises Invalid."""
    grade = by_name(name)
    return grade if dead_heat is None else Grade(grade.result, dead_heat_factor=Fraction(dead_heat))


def dead_heat(grade: Grade) -> str | None:
    """The factor as it is stored beside the name, "1/2"; None where nobody ties."""
    return None if grade.dead_heat_factor == 1 else str(grade.dead_heat_factor)


def multiplier(grade: Grade, price_e4: int) -> Fraction:
    """What one unit staked returns, stake included, exact."""
    return Fraction(*multiplier_ratio(grade, price_e4))


def multiplier_ratio(grade: Grade, price_e4: int) -> tuple[int, int]:
    """`multiplier` as (numerator, denominator), not reduced: plain integers for the hot path."""
    return returned_ratio(grade, price_e4, SCALE_E4)


def returned_ratio(grade: Grade, above: int, below: int) -> tuple[int, int]:
    """What one unit staked at the price above/below returns, as (numerator, denominator).

    Putting v = a/b and d = c/e, m = (a*e*below + (b - a)*r*above*c) / (b*e*below).
    """
    void, dead_heat = grade.void_factor, grade.dead_heat_factor
    scale = dead_heat.denominator * below
    staying = void.denominator - void.numerator
    won = staying * grade.result * above * dead_heat.numerator
    return void.numerator * scale + won, void.denominator * scale
