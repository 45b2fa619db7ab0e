from __future__ import annotations

from fractions import Fraction

import pytest

from overround.core import payoff
from overround.core.errors import Invalid
from overround.core.payoff import HALF_LOST, HALF_WON, LOST, VOID, WON, Grade

GRADES = (WON, LOST, VOID, HALF_WON, HALF_LOST)


@pytest.mark.parametrize(
    ("name", "grade", "returned"),
    [
        ("lost", LOST, "0"),
        ("won", WON, "2"),
        ("void", VOID, "1"),
        ("half_won", HALF_WON, "3/2"),
        ("half_lost", HALF_LOST, "1/2"),
    ],
)
def test_a_unit_at_evens_returns(name: str, grade: Grade, returned: str) -> None:
    assert payoff.multiplier(grade, 20_000) == Fraction(returned)
    assert payoff.name(grade) == name
    assert payoff.by_name(name) == grade


def test_a_dead_heat_pays_its_share_of_the_price() -> None:
    tied = Grade(1, dead_heat_factor=Fraction(1, 3))
    assert payoff.multiplier(tied, 40_000) == Fraction(4, 3)
    assert payoff.name(tied) == "won"


def test_the_formula_and_its_integers_are_one() -> None:
    for grade in (*GRADES, Grade(1, Fraction(1, 2), Fraction(3, 7))):
        void, dead_heat = grade.void_factor, grade.dead_heat_factor
        by_formula = void + (1 - void) * grade.result * Fraction(12_345, 10_000) * dead_heat
        assert payoff.multiplier(grade, 12_345) == by_formula


@pytest.mark.parametrize("name", ["", "WON", "push", "lost ", "undecided"])
def test_an_unknown_name_is_refused(name: str) -> None:
    with pytest.raises(Invalid) as refused:
        payoff.by_name(name)
    assert refused.value.code == "unknown_grade"


@pytest.mark.parametrize(
    ("void", "dead_heat"), [("1/3", "1"), ("-1", "1"), ("2", "1"), ("0", "0"), ("0", "3/2")]
)
def test_an_impossible_grade_is_refused(void: str, dead_heat: str) -> None:
    with pytest.raises(Invalid):
        Grade(1, Fraction(void), Fraction(dead_heat))
