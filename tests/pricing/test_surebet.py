"""Surebets across lines: published figures, every score one by one, stakes that can be placed."""

from __future__ import annotations

import subprocess
import sys
from fractions import Fraction
from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from overround.core import grading, payoff
from overround.core.errors import Invalid
from overround.core.facts import Facts
from overround.odds.pricing import Leg, scores, surebet

PRICES = st.integers(10_500, 80_000).map(lambda price_e4: Fraction(price_e4, 10_000))
SELECTIONS = [
    *(("1x2", side, None) for side in ("home", "draw", "away")),
    *(("double_chance", side, None) for side in ("1X", "X2", "12")),
    *(("draw_no_bet", side, None) for side in ("home", "away")),
    *(("asian_handicap", side, line_q4) for side in ("home", "away") for line_q4 in range(-6, 7)),
    *(("total", side, line_q4) for side in ("over", "under") for line_q4 in range(4, 15)),
]


def leg(text: str, **terms: Any) -> Leg:
    """ "H-0.5@2.40": a side (with the line of that side, or of a total) and its price."""
    name, price = text.split("@")
    sides = {"H": "home", "D": "draw", "A": "away", "O": "over", "U": "under"}
    if name in ("1X", "X2", "12"):
        return Leg("double_chance", name, Fraction(price), **terms)
    side, line = sides[name[0]], name[1:]
    if not line:
        return Leg("1x2", side, Fraction(price), **terms)
    line_q4 = int(4 * Fraction(line))
    if side in ("over", "under"):
        return Leg("total", side, Fraction(price), line_q4, **terms)
    own = -line_q4 if side == "away" else line_q4
    return Leg("asian_handicap", side, Fraction(price), own, **terms)


@pytest.mark.parametrize(
    ("legs", "guaranteed_pct", "stakes_pct", "naive_pct"),
    [
        ("H-0.5@2.40 A+0.5@1.80", 2.857143, [42.857143, 57.142857], 2.857),
        ("H-0.5@2.40 A+0.25@2.10", -5.822785, [39.240506, 60.759494], 12.0),
        ("H-0.5@2.40 A+0.25@2.60", 2.857143, [42.857143, 57.142857], 24.8),
        ("H-0.25@2.30 A+0.5@1.85", 2.530120, [44.578313, 55.421687], 2.530),
        ("H-0.25@2.05 A+0.25@2.05", 1.666667, [49.593496, 50.406504], 2.5),
        ("H-1@2.05 A+1@2.05", 0.0, None, 2.5),
        ("H0@1.80 X2@2.30", 0.975610, [56.097561, 43.902439], 0.976),
        ("H0@1.60 D@3.90 A@4.30", 4.853458, [65.533411, 10.082063, 24.384525], -10.23),
        ("O2.5@2.05 U3.0@2.02", 1.744472, [49.631450, 50.368550], 1.744),
        ("O2.25@1.95 U2.75@2.12", 1.572482, [52.088452, 47.911548], 1.572),
        ("O2.75@2.35 U2.25@2.10", -19.496124, [48.062016, 51.937984], 10.90),
        ("O2.5@1.95 U3.5@1.95", -2.5, [50.0, 50.0], -2.5),
        ("H-0.25@2.20 A+0.25@1.95 D@3.6", 2.891406, [46.768821, 52.764823, 0.466356], -19.7),
        ("D@3.35 A@4.10 H-0.25@2.85", 18.917749, [29.270145, 29.004329, 41.725526], 11.95),
        ("H-0.75@2.20 D@3.6 A@4.4", -11.508380, None, 4.21),
        ("H@2.8 D@3.5 A@3.1", 100 * (1 / (1 / 2.8 + 1 / 3.5 + 1 / 3.1) - 1), None, None),
    ],
)
def test_across_lines(
    legs: str, guaranteed_pct: float, stakes_pct: list[float] | None, naive_pct: float | None
) -> None:
    found = surebet.solve([leg(text) for text in legs.split()])
    assert 100 * found.guaranteed == pytest.approx(guaranteed_pct, abs=1e-6)
    if stakes_pct is not None:
        assert_allclose([100 * stake for stake in found.stakes], stakes_pct, atol=1e-6)
    if naive_pct is not None:
        assert 100 * found.naive == pytest.approx(naive_pct, abs=0.06)


@pytest.mark.parametrize(
    ("legs", "guaranteed_pct"),
    [
        ([leg("H@2.10"), leg("H@2.00", lay=True, commission=Fraction("0.02"))], 1.911765),
        ([leg("H@2.10"), leg("H@2.06", lay=True, commission=Fraction("0.05"))], -0.354108),
        ([leg("H@2.5"), leg("D@3.6"), leg("A@3.6", commission=Fraction("0.05"))], 3.523718),
        ([leg("1X@1.55"), leg("A@3.2")], 4.421053),
    ],
)
def test_lays_and_commission(legs: list[Leg], guaranteed_pct: float) -> None:
    found = surebet.solve(legs)
    assert 100 * found.guaranteed == pytest.approx(guaranteed_pct, abs=1e-6)


@given(st.lists(st.tuples(st.sampled_from(SELECTIONS), PRICES), min_size=2, max_size=5))
def test_lp_equals_brute_force_over_scores(
    bets: list[tuple[tuple[str, str, int | None], Fraction]],
) -> None:
    """The stakes are graded at every score; and no random division is better in its worst one."""
    legs = [Leg(market, side, price, line_q4) for (market, side, line_q4), price in bets]
    found = surebet.solve(legs)
    table = np.array(
        [[paid_at(each, score) for each in legs] for score in product(range(9), range(9))]
    )
    nets = table @ np.array(found.stakes) - 1.0
    assert_allclose(nets.min(), found.guaranteed, atol=1e-8)
    assert_allclose(nets.max(), found.best, atol=1e-8)
    others = np.random.default_rng(3).dirichlet(np.ones(len(legs)), size=200)
    assert ((others @ table.T).min(axis=1) - 1.0 <= found.guaranteed + 1e-8).all()


def paid_at(bet: Leg, score: tuple[int, int]) -> float:
    grade = grading.grade(bet.market_type, "ft", bet.line_q4, bet.side, Facts({"ft": score}))
    assert grade is not None
    return float(payoff.multiplier(grade, int(bet.price * 10_000)))


@pytest.mark.parametrize(
    ("step", "total", "stakes", "guaranteed"),
    [("5", "105", [45, 60], 3), ("5", "100", [30, 40], 2), ("1", "100", [42, 56], "2.8")],
)
def test_steps_are_chosen_together(
    step: str, total: str, stakes: list[int], guaranteed: str
) -> None:
    terms = {"step": Fraction(step)}
    legs = [leg("H-0.5@2.40", **terms), leg("A+0.5@1.80", **terms)]
    found = surebet.solve(legs, total=Fraction(total)).whole
    assert found is not None
    assert found.guaranteed == Fraction(guaranteed)
    assert list(found.stakes) == stakes


def test_a_cap_bounds_the_total() -> None:
    legs = [leg("H-0.5@2.40", stake_max=Fraction(20)), leg("A+0.5@1.80")]
    found = surebet.solve(legs).whole
    assert found is not None
    assert Fraction("19.9") < found.stakes[0] <= 20
    # Twenty to 26.67 guarantees 1.33; no stakes in hundredths guarantee a third of a unit more.
    assert Fraction("1.33") <= found.guaranteed <= Fraction(4, 3)


@pytest.mark.parametrize(("price", "net"), [("1.75", 1.224490), ("1.70", -0.504202),
                                            ("1.60", -4.285714)])  # fmt: skip
def test_a_leg_that_is_placed_is_hedged(price: str, net: float) -> None:
    placed = Fraction("42.857143")
    found = surebet.solve([leg("H-0.5@2.40", placed=placed), leg(f"A+0.5@{price}")])
    staked = float(placed) / found.stakes[0]
    assert found.guaranteed * staked == pytest.approx(net, abs=1e-5)


@pytest.mark.parametrize(
    ("legs", "kind"),
    [
        ("H-0.5@2.40 A+0.5@1.80", "sure"),
        ("H-1@2.05 A+1@2.05", "free_roll"),
        ("O2.5@1.95 U3.5@1.95", "middle"),
        ("O3.5@3.0 U2.5@2.2", "polish_middle"),
        ("H-0.5@1.95 A+0.5@1.95", "low_hold"),
    ],
)
def test_kinds(legs: str, kind: str) -> None:
    assert surebet.solve([leg(text) for text in legs.split()]).kind == kind


def test_the_expected_return_of_a_middle() -> None:
    legs = [leg("O2.5@1.95"), leg("U3.5@1.95")]
    found = surebet.solve(legs, scores=scores.poisson(1.6, 1.3))
    assert found.expected == pytest.approx(0.19306871, abs=1e-8)


def test_the_solver_is_loaded_only_where_it_solves() -> None:
    code = "import sys, overround.odds.pricing; print('highspy' in sys.modules)"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    assert told.stdout.strip() == "False"


@pytest.mark.parametrize(
    ("code", "legs"),
    [
        ("no_legs", []),
        ("too_many_legs", [leg("H@2")] * 25),
        ("price_out_of_range", [leg("H@1")]),
        ("commission_out_of_range", [leg("H@2", commission=Fraction(1))]),
        ("stake_out_of_range", [leg("H@2", step=Fraction(0))]),
        ("conflicting_legs", [leg("H@2", exchange="x", commission=Fraction("0.02")),
                              leg("D@3", exchange="x", commission=Fraction("0.05"))]),
        ("line_missing", [Leg("total", "over", Fraction(2))]),
        ("unknown_side", [Leg("1x2", "over", Fraction(2))]),
    ],
)  # fmt: skip
def test_bad_legs_are_named(code: str, legs: list[Leg]) -> None:
    with pytest.raises(Invalid) as refused:
        surebet.solve(legs)
    assert refused.value.code == code
