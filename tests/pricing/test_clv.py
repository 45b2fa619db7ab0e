"""Closing-line value by every measure, on the same line and on one that has moved."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from overround.core import odds_format
from overround.core.errors import Invalid
from overround.odds.pricing import clv, lines, scores

PRICES = st.integers(10_100, 500_000).map(lambda price_e4: Fraction(price_e4, 10_000))


def american(value: int) -> Fraction:
    return odds_format.parse(f"{value:+d}", "american")


@pytest.mark.parametrize(
    ("taken", "close", "ratio", "cents", "points"),
    [
        (-110, -230, 0.3305785, 120, None),
        (-110, -130, 0.079051, 20, None),
        (-130, -110, -0.0732601, -20, None),
        (150, 120, 0.136364, 30, None),
        (110, -110, 0.10, 20, None),
        (-120, -150, 0.10, 30, 0.054545),
        (105, -105, 0.05, 10, None),
    ],
)
def test_measures_of_american_prices(
    taken: int, close: int, ratio: float, cents: int, points: float | None
) -> None:
    found = clv.clv(american(taken), [american(close), american(-110)], 0, "multiplicative")
    assert found.price_ratio == pytest.approx(ratio, abs=5e-5)
    assert found.cents == pytest.approx(cents, abs=1e-9)
    if points is not None:
        assert found.points == pytest.approx(points, abs=1e-6)


def test_worth_at_the_close_by_the_method() -> None:
    close = [american(-125), american(115)]
    for method, worth in (
        ("multiplicative", 3.912543),
        ("power", 4.169949),
        ("additive", 4.087385),
    ):
        found = clv.clv(american(-110), close, 0, method)
        assert found.no_vig == pytest.approx(worth / 100, abs=5e-9)
        assert found.log == pytest.approx(math.log1p(found.no_vig))


@given(PRICES, PRICES, PRICES)
def test_a_fair_close_makes_all_measures_agree_in_sign(
    taken: Fraction, close: Fraction, other: Fraction
) -> None:
    # The same share of every price is taken off, so that the close has no overround.
    booksum = 1 / close + 1 / other
    fair = [close * booksum, other * booksum]
    if max(fair) > 100_000 or min(fair) <= Fraction(1_001, 1_000):
        return
    found = clv.clv(taken, fair, 0, "multiplicative")
    assert found.no_vig == pytest.approx(found.price_ratio, abs=1e-9)
    for figure in (found.cents, found.points, found.log):
        assert abs(found.no_vig) < 1e-9 or (figure > 0) == (found.no_vig > 0)


def test_goals_at_a_moved_line() -> None:
    close = clv.goals_at(11, 0.5)
    mean = sum(n * p for n, p in enumerate(close.probabilities.tolist()))
    assert mean == pytest.approx(2.9081937033, abs=1e-9)
    assert lines.fair_price(close, 10, above=True) == pytest.approx(1.7987870122, abs=1e-9)
    worth = clv.moved(Fraction(195, 100), 10, close, above=True)
    assert worth == pytest.approx(0.08406386, abs=1e-8)


@pytest.mark.parametrize(("deviation", "worth"), [(10.5, 0.09874291), (13.86, 0.06406669)])
def test_points_at_a_moved_line(deviation: float, worth: float) -> None:
    close = clv.points_at(4 * 46 + 2, 0.5, deviation)
    found = clv.moved(american(-110), 4 * 44 + 2, close, above=True)
    # Points are whole numbers here, so the fit differs from the plain normal's in the fourth place.
    assert found == pytest.approx(worth, abs=2e-4)


@pytest.mark.parametrize("home_line_q4", [-6, -3, -1, 0, 2])
def test_a_margin_fits_its_own_line(home_line_q4: int) -> None:
    close = clv.margin_at(home_line_q4, 0.52, 2.7)
    assert lines.fair_price(close, -home_line_q4, above=True) == pytest.approx(1 / 0.52, abs=1e-9)
    mean = sum(close.lowest * p + n * p for n, p in enumerate(close.probabilities.tolist()))
    assert abs(mean) < 2.7
    # The away side of the same line is the complement in what is not void.
    away = lines.fair_price(close, -home_line_q4, above=False)
    if home_line_q4 % 4 != 1 and home_line_q4 % 4 != 3:
        assert 0.52 + 1 / away == pytest.approx(1.0, abs=1e-9)


@given(st.integers(0, 24), st.floats(0.05, 0.95))
def test_a_fit_has_the_fair_price_it_was_given(line_q4: int, over: float) -> None:
    if line_q4 < 4:
        # Below one goal a push or a half loss needs no goals at all: not every price has a mean.
        line_q4 += 4
    close = clv.goals_at(line_q4, over)
    assert lines.fair_price(close, line_q4, above=True) == pytest.approx(1 / over, rel=1e-9)
    assert clv.moved(Fraction(1 / over), line_q4, close, above=True) == pytest.approx(0.0, abs=1e-9)


def test_each_figure_has_a_denominator_of_its_own() -> None:
    good = clv.clv(Fraction(21, 10), [Fraction(195, 100)] * 2, 0, "multiplicative")
    bad = clv.clv(Fraction(19, 10), [Fraction(195, 100)] * 2, 0, "multiplicative")
    found = clv.record(
        [
            clv.TrackedBet(good, 1.1),
            clv.TrackedBet(bad),
            clv.TrackedBet(None, -1.0),
            clv.TrackedBet(None),
            clv.TrackedBet(good),
        ]
    )
    assert (found.tracked, found.graded, found.settled) == (5, 3, 2)
    assert found.no_vig == pytest.approx((0.05 + 0.05 - 0.05) / 3)
    assert found.beaten == pytest.approx(2 / 3)
    assert found.net == pytest.approx(0.05)
    nothing = clv.record([])
    assert (nothing.tracked, nothing.graded, nothing.settled) == (0, 0, 0)
    assert math.isnan(nothing.no_vig)
    assert math.isnan(nothing.net)


TWO = Fraction(2)
COIN = scores.Counts(0, scores.poisson_total(2.5).probabilities)


@pytest.mark.parametrize(
    ("code", "call"),
    [
        ("price_out_of_range", lambda: clv.clv(Fraction(1), [TWO, TWO], 0, "power")),
        ("price_out_of_range", lambda: clv.clv(TWO, [Fraction(1), TWO], 0, "power")),
        ("unknown_side", lambda: clv.clv(TWO, [TWO, TWO], 2, "power")),
        ("unknown_side", lambda: clv.clv(TWO, [], 0, "power")),
        ("no_legs", lambda: clv.clv(TWO, [TWO], 0, "power")),
        ("unknown_method", lambda: clv.clv(TWO, [TWO, TWO], 0, "guess")),
        ("underround", lambda: clv.clv(TWO, [TWO + 1, TWO], 0, "power")),
        ("price_out_of_range", lambda: clv.moved(Fraction(1), 10, COIN, above=True)),
        ("line_out_of_range", lambda: clv.moved(TWO, 4_001, COIN, above=True)),
        ("probability_out_of_range", lambda: clv.goals_at(10, 1.0)),
        ("probability_out_of_range", lambda: clv.goals_at(10, math.nan)),
        ("probability_out_of_range", lambda: clv.margin_at(-40, 0.9, 2.5)),
        ("probability_out_of_range", lambda: clv.margin_at(-4, 0.5, 0.0)),
        ("probability_out_of_range", lambda: clv.points_at(10, 0.5, 0.0)),
    ],
)
def test_bad_input_is_named(code: str, call: Any) -> None:
    with pytest.raises(Invalid) as refused:
        call()
    assert refused.value.code == code
