from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from overround.core import combos, payoff, price
from overround.core.errors import Invalid
from overround.core.payoff import HALF_LOST, HALF_WON, LOST, VOID, WON, Grade
from tests.core.reference import Case, cases

LEGS = st.lists(
    st.tuples(
        st.sampled_from([WON, LOST, VOID, HALF_WON, HALF_LOST]), st.integers(10_001, 1_000_000)
    ),
    min_size=1,
    max_size=8,
)
# What later issues add to a leg or a bet.
LATER = {"rule4_pct", "starting_price", "best_odds_guaranteed"}


def _is_plain(given: dict[str, Any]) -> bool:
    plain_legs = not any(LATER & leg.keys() for leg in given["legs"])
    return given["bet"] in ("single", "combo") and "free_bet" not in given and plain_legs


def _leg(leg: dict[str, str]) -> tuple[Grade, int]:
    grade = payoff.by_name(leg["result"])
    if "dead_heat" in leg:
        grade = Grade(grade.result, grade.void_factor, Fraction(leg["dead_heat"]))
    return grade, price.parse_decimal(leg["price"])


@pytest.mark.parametrize("case", cases("settle", _is_plain))
def test_published_payouts(case: Case) -> None:
    legs = [_leg(leg) for leg in case.given["legs"]]
    paid = combos.exact(Fraction(case.given["stake"]), legs)
    assert abs(paid - Fraction(case.expect["payout"])) <= Fraction(case.tolerance)


@pytest.mark.parametrize(
    ("stake_minor", "legs", "down", "half_even"),
    [
        (1000, [(WON, 21_000)], 2100, 2100),
        (1000, [(LOST, 21_000)], 0, 0),
        (1000, [(VOID, 21_000)], 1000, 1000),
        (1001, [(HALF_LOST, 21_000)], 500, 500),
        (1003, [(HALF_LOST, 21_000)], 501, 502),
        (1000, [(WON, 21_000), (VOID, 50_000)], 2100, 2100),
        (1000, [(VOID, 21_000), (VOID, 50_000)], 1000, 1000),
        (1000, [(WON, 10_150), (WON, 10_150)], 1030, 1030),
        (1, [(WON, 19_999)], 1, 2),
        (1, [(WON, 10_001)], 1, 1),
        (1, [(Grade(1, dead_heat_factor=Fraction(1, 3)), 20_000)], 0, 1),
    ],
)
def test_a_bet_is_rounded_once(
    stake_minor: int, legs: list[tuple[Grade, int]], down: int, half_even: int
) -> None:
    assert combos.payout(stake_minor, legs) == down
    assert combos.payout(stake_minor, legs, "half_even") == half_even


@given(st.integers(1, 10**15), LEGS)
def test_both_roundings_stand_next_to_the_exact_payout(
    stake_minor: int, legs: list[tuple[Grade, int]]
) -> None:
    exact = combos.exact(Fraction(stake_minor), legs)
    down = combos.payout(stake_minor, legs, "down")
    even = combos.payout(stake_minor, legs, "half_even")
    assert 0 <= exact - down < 1
    assert even == round(exact)


@given(st.integers(1, 10**9), LEGS, st.randoms())
def test_the_order_of_legs_and_void_legs_do_not_matter(
    stake_minor: int, legs: list[tuple[Grade, int]], shuffled_by: Any
) -> None:
    shuffled = [*legs, (VOID, 77_777)]
    shuffled_by.shuffle(shuffled)
    assert combos.payout(stake_minor, shuffled) == combos.payout(stake_minor, legs)


def test_potential_is_the_payout_of_all_winners() -> None:
    assert combos.potential(1000, [20_000, 15_000]) == 3000
    # Rounding leg by leg would give 1.98 * 1.98 = 3.92 of 1.999 * 1.999 = 3.996.
    assert combos.potential(1000, [19_990, 19_990]) == int(Decimal("3996.001"))


@pytest.mark.parametrize("stake_minor", [0, -1])
def test_a_stake_below_one_minor_unit_is_refused(stake_minor: int) -> None:
    with pytest.raises(Invalid) as refused:
        combos.payout(stake_minor, [(WON, 20_000)])
    assert refused.value.code == "stake_out_of_range"


def test_a_bet_has_a_bounded_number_of_legs() -> None:
    with pytest.raises(Invalid) as none:
        combos.payout(100, [])
    with pytest.raises(Invalid) as many:
        combos.potential(100, [20_000] * (combos.MAX_LEGS + 1))
    assert (none.value.code, many.value.code) == ("no_legs", "too_many_legs")
    assert combos.potential(1, [20_000] * combos.MAX_LEGS) == 2**combos.MAX_LEGS
