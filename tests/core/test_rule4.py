from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from overround.core import odds_format, rule4
from overround.core.errors import Invalid
from overround.core.rule4 import TATTERSALLS, Rule4Table

PRICES = st.fractions(Fraction(1_001, 1_000), 100, max_denominator=1_000)


@pytest.mark.parametrize(
    ("odds", "percent"),
    [
        ("1/10", 90), ("1/9", 90), ("2/17", 85), ("2/11", 85), ("1/5", 80), ("1/4", 80),
        ("2/7", 75), ("3/10", 75), ("1/3", 70), ("2/5", 70), ("4/9", 65), ("8/15", 65),
        ("4/7", 60), ("8/13", 60), ("4/6", 55), ("4/5", 55), ("5/6", 50), ("20/21", 50),
        ("1/1", 45), ("6/5", 45), ("5/4", 40), ("6/4", 40), ("13/8", 35), ("7/4", 35),
        ("15/8", 30), ("9/4", 30), ("5/2", 25), ("3/1", 25), ("10/3", 20), ("4/1", 20),
        ("9/2", 15), ("11/2", 15), ("6/1", 10), ("9/1", 10), ("10/1", 5), ("14/1", 5), ("16/1", 0),
    ],
)  # fmt: skip
def test_every_row_of_the_table(odds: str, percent: int) -> None:
    withdrawn = odds_format.parse(odds, "fractional")
    assert rule4.deduction([withdrawn]) == Fraction(percent, 100)


def test_the_table_rises_as_it_should() -> None:
    assert all(a[0] < b[0] and a[1] == b[1] + 5 for a, b in pairwise(TATTERSALLS.win))


@given(st.lists(PRICES, max_size=6))
def test_withdrawals_add_up_to_the_cap(withdrawn: list[Fraction]) -> None:
    alone = [rule4.deduction([price]) for price in withdrawn]
    assert rule4.deduction(withdrawn) == min(Fraction(9, 10), sum(alone))


def test_a_price_between_two_rows_takes_off_less() -> None:
    assert rule4.deduction([Fraction("1.19")]) == Fraction(80, 100)


def test_a_house_may_waive_a_sole_small_one_and_keep_a_place_table() -> None:
    house = Rule4Table(TATTERSALLS.win, ((Fraction(14), 5),), waived_alone_pct=5)
    assert rule4.deduction([Fraction(15)], house) == 0
    assert rule4.deduction([Fraction(15), Fraction(15)], house) == Fraction(1, 10)
    assert rule4.deduction([Fraction(2)], house) == Fraction(45, 100)
    assert rule4.deduction([Fraction(2), Fraction(3)], house, place=True) == Fraction(1, 10)
    assert rule4.deduction([Fraction(2)], place=True) == Fraction(45, 100)


def test_a_price_that_is_none_is_refused() -> None:
    with pytest.raises(Invalid) as refused:
        rule4.deduction([Fraction(1)])
    assert refused.value.code == "price_out_of_range"


def test_more_than_any_race_has_are_not_added_up() -> None:
    with pytest.raises(Invalid) as refused:
        rule4.deduction([Fraction(7)] * (rule4.RUNNERS_MAX + 1))
    assert refused.value.code == "too_many_legs"
