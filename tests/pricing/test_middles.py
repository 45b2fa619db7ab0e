"""Pairs of bets on a count: the gap between their lines, won twice or lost twice."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from overround.core.errors import Invalid
from overround.odds.pricing import Leg, middles, scores, surebet
from overround.odds.pricing.middles import LineBet
from overround.odds.pricing.scores import Counts

PRICES = st.integers(10_500, 60_000).map(lambda price_e4: Fraction(price_e4, 10_000))


def test_three_goals_between_two_totals() -> None:
    over = LineBet(10, Fraction(195, 100), above=True)
    under = LineBet(14, Fraction(195, 100), above=False)
    found = middles.middle(over, under, scores.poisson_total(2.9))
    assert found.shares == pytest.approx((0.5, 0.5))
    assert (found.worst, found.best) == pytest.approx((-0.025, 0.95))
    assert found.both_win == pytest.approx(0.22366022, abs=1e-8)
    assert found.expected == pytest.approx(0.19306871, abs=1e-8)
    assert found.both_lose == 0.0


def test_a_middle_of_points_corrected() -> None:
    # Between 3 and 7 points with probability 0.377, the rest on both sides.
    counts = Counts(2, np.array([0.4, 0.1, 0.1, 0.1, 0.05, 0.027, 0.223]))
    found = middles.middle(
        LineBet(10, Fraction(1909, 1000), above=True),
        LineBet(30, Fraction(1926, 1000), above=False),
        counts,
    )
    assert found.shares == pytest.approx((0.50221643, 0.49778357), abs=1e-8)
    assert found.worst == pytest.approx(-0.04126884, abs=1e-8)
    assert found.best == pytest.approx(0.91746232, abs=1e-8)
    assert found.break_even == pytest.approx(0.04304527, abs=1e-8)
    assert found.both_win == pytest.approx(0.377)
    assert found.expected == pytest.approx(0.32017281, abs=1e-8)


def test_a_polish_middle_loses_in_its_gap() -> None:
    found = middles.middle(
        LineBet(14, Fraction(3), above=True),
        LineBet(10, Fraction(2), above=False),
        scores.poisson_total(2.9),
    )
    assert found.both_win == 0.0
    assert found.both_lose == pytest.approx(0.22366022, abs=1e-8)
    assert found.worst == pytest.approx(-1.0)
    assert found.shares == pytest.approx((0.4, 0.6))
    assert found.best == pytest.approx(0.2)


def test_equal_outcomes_have_no_break_even() -> None:
    assert math.isnan(middles.break_even(-0.02, -0.02))


@given(PRICES, PRICES, st.integers(0, 24), st.integers(0, 24), st.floats(0.5, 5.0))
def test_a_middle_is_the_surebet_of_its_legs(
    over: Fraction, under: Fraction, low_q4: int, high_q4: int, mean: float
) -> None:
    found = middles.middle(
        LineBet(low_q4, over, above=True),
        LineBet(high_q4, under, above=False),
        scores.poisson_total(mean),
    )
    legs = [Leg("total", "over", over, low_q4), Leg("total", "under", under, high_q4)]
    solved = surebet.solve(legs)
    assert found.worst == pytest.approx(solved.guaranteed, abs=1e-9)
    assert -1.0 <= found.worst <= found.expected + 1e-12
    assert found.expected <= found.best + 1e-12
    assert found.both_win == 0.0 or found.both_lose == 0.0


@pytest.mark.parametrize(
    ("code", "bet"),
    [
        ("price_out_of_range", LineBet(10, Fraction(1), above=True)),
        ("line_out_of_range", LineBet(4_001, Fraction(2), above=True)),
    ],
)
def test_bad_input_is_named(code: str, bet: LineBet) -> None:
    with pytest.raises(Invalid) as refused:
        middles.middle(bet, LineBet(10, Fraction(2), above=False), scores.poisson_total(2.5))
    assert refused.value.code == code
