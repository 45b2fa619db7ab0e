"""What bets cost and what limits them: exchanges, taxes, currencies, least and largest stakes."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from overround.core.errors import Invalid
from overround.odds.pricing import Leg, surebet
from overround.odds.pricing.outcomes import grid_for, outcomes, selection
from overround.odds.pricing.surebet import effective_price, problem_of

HOME = Leg("asian_handicap", "home", Fraction("2.40"), -2)
AWAY = Leg("asian_handicap", "away", Fraction("1.80"), -2)


def on_exchange(side: str, price: str, exchange: str | None = "x") -> Leg:
    return Leg("1x2", side, Fraction(price), commission=Fraction("0.05"), exchange=exchange)


def nets(legs: list[Leg], stakes: list[str]) -> list[Fraction]:
    selections = tuple(selection(leg) for leg in legs)
    states = outcomes(selections, grid_for(selections, level=True))
    paid = problem_of(legs, states, exact=True).nets(
        np.array([Fraction(stake) for stake in stakes], dtype=object)
    )
    return sorted(paid)


def test_an_exchange_charges_the_net_of_a_market() -> None:
    legs = [on_exchange("home", "2.5"), on_exchange("draw", "3.6")]
    # Home wins 150 and the draw loses 50: five per cent of 100 is 5. The draw wins 130 and home
    # loses 100: 1.50. Away loses both and pays nothing.
    assert nets(legs, ["100", "50"]) == [-150, Fraction("28.5"), 95]
    # At two exchanges each win is charged by itself: 7.50 and 6.50.
    apart = [on_exchange("home", "2.5"), on_exchange("draw", "3.6", "y")]
    assert nets(apart, ["100", "50"]) == [-150, Fraction("23.5"), Fraction("92.5")]


@given(st.lists(st.integers(11_000, 90_000), min_size=3, max_size=3))
def test_stakes_on_one_exchange_are_the_best_after_its_commission(prices_e4: list[int]) -> None:
    legs = [
        on_exchange(side, str(Fraction(price_e4, 10_000)))
        for side, price_e4 in zip(("home", "draw", "away"), prices_e4, strict=True)
    ]
    found = surebet.solve(legs)
    apart = surebet.solve([replace(leg, exchange=None) for leg in legs])
    assert found.guaranteed >= apart.guaranteed - 1e-9
    # No coarse division does better, counted by hand: the fee is on what the market nets.
    prices = np.array([float(leg.price) for leg in legs])
    for first, second in product(np.linspace(0.0, 1.0, 21), repeat=2):
        if first + second <= 1.0:
            gross = np.array([first, second, 1.0 - first - second]) * prices - 1.0
            assert (gross - 0.05 * np.maximum(gross, 0.0)).min() <= found.guaranteed + 1e-9


def test_what_a_price_is_worth_after_its_costs() -> None:
    bet = Leg("1x2", "home", Fraction("1.8"))
    four = Fraction("0.04")
    assert effective_price(replace(bet, commission=four)) == Fraction("1.768")
    assert effective_price(replace(bet, stake_tax=four)) == Fraction("1.76")
    assert effective_price(replace(bet, payout_tax=four)) == Fraction("1.728")
    # A lay at 2 risks one to win one.
    assert effective_price(Leg("1x2", "home", Fraction(2), lay=True)) == 2


def test_a_lay_of_a_line_is_the_other_side_of_it() -> None:
    over = Leg("total", "over", Fraction("1.95"), 10)
    lay = Leg("total", "over", 1 + 1 / Fraction("0.95"), 14, lay=True)
    under = Leg("total", "under", Fraction("1.95"), 14)
    assert surebet.solve([over, lay]) == surebet.solve([over, under])
    assert surebet.solve([over, lay]).kind == "middle"
    # A quarter line is half won by one side where the other half loses it.
    quarter = Leg("total", "under", Fraction("1.95"), 11)
    laid = Leg("total", "over", 1 + 1 / Fraction("0.95"), 11, lay=True)
    assert surebet.solve([over, laid]) == surebet.solve([over, quarter])


def test_stakes_are_in_each_legs_currency() -> None:
    euro = surebet.solve([HOME, AWAY], total=Fraction(100)).whole
    legs = [
        replace(HOME, step=Fraction(1)),
        replace(AWAY, currency_rate=Fraction(1, 160), step=Fraction(1)),
    ]
    found = surebet.solve(legs, total=Fraction(100)).whole
    assert euro is not None
    assert found is not None
    # Steps of one yen are finer than those of a euro: 42 euro and 8,960 yen, not 42 and 56.
    assert found.stakes == (42, 8_960)
    assert found.total == 98
    assert_allclose(float(euro.guaranteed), 100 / 35, atol=0.02)


def test_a_smallest_stake_is_met_or_the_leg_is_left() -> None:
    step = Fraction(1)
    legs = [replace(HOME, step=step), replace(AWAY, step=step, stake_min=Fraction(50))]
    found = surebet.solve(legs, total=Fraction(100)).whole
    assert found is not None
    assert found.stakes == (42, 56)
    few = surebet.solve(legs, total=Fraction(60)).whole
    assert few is not None
    # Fifty on the away side leave ten for the home side, which loses more than not betting does.
    assert few.guaranteed == 0
    assert few.stakes == (0, 0)


@pytest.mark.parametrize(
    ("legs", "total", "code"),
    [
        ([replace(HOME, stake_max=Fraction(5)), replace(AWAY, stake_max=Fraction(5))], 100,
         "infeasible"),
        ([replace(HOME, placed=Fraction(50)), AWAY], 20, "infeasible"),
        ([HOME, AWAY], 0, "stake_out_of_range"),
        ([HOME, AWAY], 10**14, "stake_out_of_range"),
        ([replace(HOME, step=Fraction(1, 10**9)), replace(AWAY, step=Fraction(1, 10**9))], 10**6,
         "stake_out_of_range"),
        ([replace(HOME, stake_min=Fraction(-1)), AWAY], 10, "stake_out_of_range"),
        ([replace(HOME, currency_rate=Fraction(0)), AWAY], 10, "stake_out_of_range"),
        ([replace(HOME, placed=Fraction(50)), AWAY, replace(HOME, price=Fraction(3))], None,
         "stake_out_of_range"),
    ],
)  # fmt: skip
def test_limits_that_cannot_be_met_are_named(legs: list[Leg], total: int | None, code: str) -> None:
    with pytest.raises(Invalid) as refused:
        surebet.solve(legs, total=None if total is None else Fraction(total))
    assert refused.value.code == code
