"""What a bet pays from the integers it is stored as; `test_bets` has its properties."""

from __future__ import annotations

from fractions import Fraction

import pytest

from overround.core import bets
from overround.core.errors import Invalid
from overround.core.payoff import HALF_LOST, HALF_WON, LOST, VOID, WON, Grade


@pytest.mark.parametrize(
    ("stake_minor", "legs", "down", "half_even"),
    [
        (1000, [(WON, 21_000)], 2100, 2100),
        (1000, [(LOST, 21_000)], 0, 0),
        (1000, [(VOID, 21_000)], 1000, 1000),
        (1001, [(HALF_LOST, 21_000)], 500, 500),
        (1003, [(HALF_LOST, 21_000)], 501, 502),
        (1000, [(HALF_WON, 21_000)], 1550, 1550),
        (1000, [(VOID, 21_000), (VOID, 50_000)], 1000, 1000),
        (1000, [(WON, 20_000), (VOID, 50_000)], 2000, 2000),
        (1000, [(WON, 10_150), (WON, 10_150)], 1030, 1030),
        (1000, [(WON, 10_150), (WON, 10_250), (WON, 15_000)], 1560, 1561),
        (1, [(WON, 19_999)], 1, 2),
        (1, [(WON, 10_001)], 1, 1),
        (1, [(Grade(1, dead_heat_factor=Fraction(1, 3)), 20_000)], 0, 1),
    ],
)
def test_a_bet_is_rounded_once(
    stake_minor: int, legs: list[tuple[Grade, int]], down: int, half_even: int
) -> None:
    bet = bets.of_stored(stake_minor, legs)
    assert bets.payout_minor(bet) == down
    assert bets.payout_minor(bet, "half_even") == half_even


def test_potential_is_the_payout_of_all_winners() -> None:
    assert potential(1000, [20_000, 15_000]) == 3000
    # Rounding leg by leg would give 3,992: 1,999 at 1.999 is 3,996.001.
    assert potential(1000, [19_990, 19_990]) == 3996
    assert potential(1, [20_000] * bets.MAX_LEGS) == 2**bets.MAX_LEGS


def potential(stake_minor: int, prices_e4: list[int]) -> int:
    """Paid if every leg wins."""
    return bets.payout_minor(bets.of_stored(stake_minor, [(WON, price) for price in prices_e4]))


@pytest.mark.parametrize(
    ("stake_minor", "prices_e4", "code"),
    [
        (0, [20_000], "stake_out_of_range"),
        (-1, [20_000], "stake_out_of_range"),
        (100, [], "no_legs"),
        (100, [20_000] * 64, "too_many_legs"),
        (100, [10_000], "price_out_of_range"),
        (100, [0], "price_out_of_range"),
        (100, [-20_000], "price_out_of_range"),
    ],
)
def test_a_combo_that_cannot_be_is_refused(
    stake_minor: int, prices_e4: list[int], code: str
) -> None:
    with pytest.raises(Invalid) as refused:
        potential(stake_minor, prices_e4)
    assert refused.value.code == code
