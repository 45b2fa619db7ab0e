"""Stakes of fastest growth: published figures, a certificate, and neighbours that do no better."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from overround.core.errors import Invalid
from overround.odds.pricing import Floats, Leg, kelly, scores

RESIDUAL_MAX = 1e-9
RETURNS = st.sampled_from([-1.0, -0.5, 0.0, 0.25, 0.95, 1.2, 4.0])


@st.composite
def wagers(draw: st.DrawFn) -> tuple[kelly.States, tuple[kelly.Cap, ...], float]:
    """Up to four bets in up to ten states, with pushes and halves, caps and a multiplier."""
    bets, ways = draw(st.integers(1, 4)), draw(st.integers(2, 10))
    weights = draw(st.lists(st.integers(0, 20), min_size=ways, max_size=ways).filter(any))
    rows = draw(st.lists(st.lists(RETURNS, min_size=bets, max_size=bets),
                         min_size=ways, max_size=ways))  # fmt: skip
    shares = st.sampled_from([0.0, 0.01, 0.1, 0.4])
    caps = draw(
        st.lists(
            st.builds(
                kelly.Cap,
                st.lists(st.integers(0, bets - 1), min_size=1, unique=True).map(tuple),
                shares,
            ),
            max_size=2,
        )
    )
    chances = np.array(weights, dtype=np.float64) / sum(weights)
    multiplier = draw(st.sampled_from([1.0, 0.5, 0.25]))
    return kelly.States(chances, np.array(rows)), tuple(caps), multiplier


def growth(bets: kelly.States, stakes: Floats) -> float:
    wealth = 1.0 + bets.returns @ stakes
    possible = bets.probabilities > 0.0
    if (wealth[possible] <= 0.0).any():
        return -math.inf
    return float(bets.probabilities[possible] @ np.log(wealth[possible]))


@given(wagers(), st.randoms(use_true_random=False))
def test_no_neighbour_grows_faster(
    wager: tuple[kelly.States, tuple[kelly.Cap, ...], float], random: Any
) -> None:
    bets, caps, multiplier = wager
    found = kelly.best(bets, caps=caps, multiplier=multiplier)
    stakes = np.array(found.fractions)
    assert found.residual <= RESIDUAL_MAX
    assert (stakes >= 0.0).all()
    for cap in caps:
        assert stakes[list(cap.bets)].sum() <= cap.share + 1e-9
    assert stakes.sum() <= multiplier + 1e-9
    # The multiplier takes a share of stakes that are optimal within caps that are as much wider.
    full = stakes / multiplier
    highest = growth(bets, full)
    for _ in range(20):
        distance = 10.0 ** random.randint(-6, -1)
        moved = full + distance * np.array([random.uniform(-1.0, 1.0) for _ in full])
        other = np.maximum(moved, 0.0)
        within = other.sum() <= 1.0 and all(
            other[list(cap.bets)].sum() <= cap.share / multiplier for cap in caps
        )
        if within:
            assert growth(bets, other) <= highest + 1e-9


@given(
    st.lists(st.tuples(st.floats(1.05, 30.0), st.integers(0, 10)), min_size=1, max_size=6),
    st.integers(1, 10),
)
def test_mutually_exclusive_bets_in_closed_form_are_the_optimum(
    bets: list[tuple[float, int]], none: int
) -> None:
    prices = [price for price, _ in bets]
    whole = sum(weight for _, weight in bets) + none
    chances = [weight / whole for _, weight in bets]
    closed = kelly.exclusive(prices, chances)
    rows = [[price - 1.0 if n == won else -1.0 for n, price in enumerate(prices)]
            for won in range(len(prices) + 1)]  # fmt: skip
    searched = kelly.states([*chances, 1.0 - math.fsum(chances)], rows)
    assert searched.residual <= RESIDUAL_MAX
    assert_allclose(closed.growth, searched.growth, rtol=0, atol=1e-9)
    if sum(1.0 / price for price in prices) > 1.01:
        assert closed.residual <= RESIDUAL_MAX


@pytest.mark.parametrize(
    ("prices", "chances", "fractions", "growth_nats"),
    [
        ([2.0] * 2, [0.6] * 2, [5 / 26] * 2, 0.039470813631),
        ([2.0] * 3, [0.6] * 3, [0.1841985949] * 3, 0.057954092964),
        ([2.0] * 5, [0.6] * 5, [0.1653804589] * 5, 0.091927280285),
        ([2.0] * 10, [0.6] * 10, [0.0998851072] * 10, 0.143150016391),
        ([2.0] * 2, [0.55] * 2, [10 / 101] * 2, 0.009966732859),
        ([2.0] * 4, [0.55] * 4, [0.0969713600] * 4, 0.019729448645),
        ([21 / 11, 2.6, 3.5], [0.56, 0.43, 0.31],
         [0.0751533314, 0.0731850475, 0.0335576786], 0.008309129556),
        ([2.2, 2.0], [0.5, 0.56], [0.0821622767, 0.1190299923], 0.011307755058),
    ],
)  # fmt: skip
def test_independent_bets(
    prices: list[float], chances: list[float], fractions: list[float], growth_nats: float
) -> None:
    found = kelly.independent(prices, chances)
    assert_allclose(found.fractions, fractions, rtol=0, atol=1e-9)
    assert_allclose(found.growth, growth_nats, rtol=0, atol=1e-11)
    assert found.residual <= RESIDUAL_MAX


@pytest.mark.parametrize(
    ("prices", "chances", "fractions", "growth_nats"),
    [
        ([5 / 2, 16 / 5, 14 / 5], [0.55, 0.25, 0.20], [25 / 92, 3 / 92, 0], 0.046782565549),
        ([2.1, 3.6, 4.0], [0.5, 0.28, 0.22], [23 / 310, 49 / 1550, 0], 0.002022902951),
        ([2.0, 3.0, 6.0], [0.5, 0.4, 0.1], None, 0.021846060341),
    ],
)
def test_mutually_exclusive_bets(
    prices: list[float], chances: list[float], fractions: list[float] | None, growth_nats: float
) -> None:
    found = kelly.exclusive(prices, chances)
    if fractions is not None:
        assert_allclose(found.fractions, fractions, rtol=0, atol=1e-12)
    assert_allclose(found.growth, growth_nats, rtol=0, atol=1e-11)
    assert found.residual <= RESIDUAL_MAX


@pytest.mark.parametrize(
    ("chances", "returns", "fraction", "growth_nats"),
    [
        ([0.48, 0.27, 0.25], [0.95, -0.5, -1.0], 0.0953726819, 0.003380744736),
        ([0.45, 0.20, 0.35], [1.05, 0.0, -1.0], 0.1458333333, 0.008943911240),
        ([0.40, 0.25, 0.35], [1.10, 0.55, -1.0], 0.2492949958, 0.028698207068),
    ],
)
def test_pushes_and_halves(
    chances: list[float], returns: list[float], fraction: float, growth_nats: float
) -> None:
    found = kelly.states(chances, [[net] for net in returns])
    assert_allclose(found.fractions, [fraction], rtol=0, atol=1e-9)
    assert_allclose(found.growth, growth_nats, rtol=0, atol=1e-11)


def test_one_bet() -> None:
    assert_allclose(kelly.single(2.0, 0.6).fractions, [0.2])
    half = kelly.single(2.1, 0.55, multiplier=0.5)
    assert_allclose(half.fractions, [0.0704545455], atol=1e-9)
    assert_allclose(half.growth, 0.008177, atol=1e-6)
    exchange = kelly.single(2.10, 0.52, commission=0.05)
    assert_allclose(exchange.fractions, [0.0606698565], atol=1e-9)
    assert_allclose(exchange.growth, 0.001922717405, atol=1e-11)
    # A lay at 2.10 is a back at 1 + 1 / 1.10 of what it risks.
    lay = kelly.single(1.0 + 1.0 / 1.1, 0.56, commission=0.05)
    assert_allclose(lay.fractions, [0.0505263158], atol=1e-9)
    assert_allclose(lay.growth, 0.001105341738, atol=1e-11)
    for found in (half, exchange, lay, kelly.single(1.9, 0.5), kelly.single(2.0, 1.0)):
        assert found.residual <= RESIDUAL_MAX


def test_bets_without_an_edge_are_not_bet() -> None:
    for found in (
        kelly.single(1.9, 0.5),
        kelly.exclusive([1.9], [0.5]),
        kelly.independent([1.9], [0.5]),
    ):
        assert found.fractions == (0.0,)
        assert found.growth == 0.0


def test_bets_on_one_match_by_a_score_model() -> None:
    model = scores.poisson(1.6, 1.1)
    legs = [
        Leg("1x2", "home", Fraction(22, 10)),
        Leg("total", "over", Fraction(2), 10),
        Leg("asian_handicap", "home", Fraction(19, 10), -1),
    ]
    bets = kelly.of_event(legs, model)
    assert_allclose(bets.probabilities.sum(), 1.0)
    found = kelly.best(bets)
    assert found.residual <= RESIDUAL_MAX
    # Against every single score, without any merging of states.
    home, away = np.indices(model.table.shape)
    won = np.where(home > away, 1.2, -1.0)
    over = np.where(home + away > 2, 1.0, -1.0)
    handicap = np.where(home > away, 0.9, np.where(home == away, -0.5, -1.0))
    rows = np.stack([won.ravel(), over.ravel(), handicap.ravel()], axis=-1)
    apart = kelly.best(kelly.States(model.table.ravel(), rows))
    assert_allclose(found.fractions, apart.fractions, atol=1e-9)


def test_matches_are_joined_in_the_order_of_their_bets() -> None:
    one = kelly.States(np.array([0.6, 0.4]), np.array([[1.0], [-1.0]]))
    other = kelly.States(
        np.array([0.5, 0.3, 0.2]), np.array([[1.2, 0.0], [-1.0, 2.0], [-1.0, 0.0]])
    )
    both = kelly.joint([one, other])
    assert_allclose(both.probabilities, [0.3, 0.18, 0.12, 0.2, 0.12, 0.08])
    assert both.returns[1].tolist() == [1.0, -1.0, 2.0]
    assert both.returns[3].tolist() == [-1.0, 1.2, 0.0]


def test_caps_per_bet_event_day_and_book() -> None:
    bets = kelly.joint([kelly.States(np.array([0.6, 0.4]), np.array([[1.0], [-1.0]]))] * 3)
    assert_allclose(kelly.best(bets).fractions, [0.1841985949] * 3, atol=1e-9)
    events = kelly.shared_caps(["match", "match", "other"], 0.1)
    found = kelly.best(bets, caps=[*events, *kelly.shared_caps(["a", "b", "c"], 0.06)])
    assert_allclose(found.fractions, [0.05, 0.05, 0.06], atol=1e-9)
    assert found.residual <= RESIDUAL_MAX
    half = kelly.best(bets, caps=kelly.shared_caps(["day"] * 3, 0.15), multiplier=0.5)
    assert_allclose(half.fractions, [0.05] * 3, atol=1e-9)
    nothing = kelly.best(bets, caps=kelly.shared_caps(["a", "b", "c"], 0.0))
    assert nothing.fractions == (0.0, 0.0, 0.0)


def test_what_is_open_already_counts() -> None:
    bets = kelly.States(np.array([0.6, 0.4]), np.array([[1.0], [-1.0]]))
    # Half of the Kelly stake is on the same bet already: the other half is missing.
    found = kelly.best(bets, exposure=np.array([0.1, -0.1]), available=0.9)
    assert_allclose(found.fractions, [0.1], atol=1e-9)
    hedged = kelly.best(bets, exposure=np.array([0.3, -0.3]))
    assert_allclose(hedged.fractions, [0.0], atol=1e-9)
    broke = kelly.best(bets, available=0.0)
    assert broke.fractions == (0.0,)


def test_stakes_fall_with_the_bankroll() -> None:
    steps = {0.1: 0.5, 0.2: 0.0}
    for bankroll, multiplier in ((100.0, 1.0), (91.0, 1.0), (90.0, 0.5), (81.0, 0.5), (80.0, 0.0)):
        assert kelly.drawdown_multiplier(bankroll, 100.0, steps) == multiplier


@pytest.mark.parametrize(
    ("code", "call"),
    [
        ("no_legs", lambda: kelly.independent([], [])),
        ("no_legs", lambda: kelly.exclusive([], [])),
        ("no_legs", lambda: kelly.states([], [])),
        ("no_legs", lambda: kelly.states([1.0], [[]])),
        ("no_legs", lambda: kelly.of_event([], scores.poisson(1.0, 1.0))),
        ("too_many_legs", lambda: kelly.independent([2.0] * 14, [0.5] * 14)),
        ("too_many_legs", lambda: kelly.exclusive([2.0] * 25, [0.01] * 25)),
        ("conflicting_legs", lambda: kelly.states([0.5, 0.5], [[1.0], [1.0, 2.0]])),
        ("price_out_of_range", lambda: kelly.single(1.0, 0.5)),
        ("price_out_of_range", lambda: kelly.single(math.nan, 0.5)),
        ("price_out_of_range", lambda: kelly.states([1.0], [[-1.01]])),
        ("price_out_of_range", lambda: kelly.states([1.0], [[math.nan]])),
        ("probability_out_of_range", lambda: kelly.single(2.0, 1.01)),
        ("probability_out_of_range", lambda: kelly.single(2.0, math.nan)),
        ("probability_out_of_range", lambda: kelly.exclusive([2.0, 2.0], [0.6, 0.6])),
        ("probability_out_of_range", lambda: kelly.states([0.5, 0.4], [[1.0], [-1.0]])),
        ("commission_out_of_range", lambda: kelly.single(2.0, 0.5, commission=1.0)),
        ("invalid_number", lambda: kelly.single(2.0, 0.5, multiplier=0.0)),
        ("invalid_number", lambda: kelly.single(2.0, 0.5, multiplier=math.nan)),
        ("stake_out_of_range", lambda: kelly.drawdown_multiplier(2.0, 1.0, {})),
        ("invalid_number", lambda: kelly.drawdown_multiplier(1.0, 1.0, {0.0: 1.0})),
    ],
)  # fmt: skip
def test_bad_input_is_named(code: str, call: Any) -> None:
    with pytest.raises(Invalid) as refused:
        call()
    assert refused.value.code == code


def test_impossible_caps_and_exposures_are_named() -> None:
    bets = kelly.States(np.array([0.6, 0.4]), np.array([[1.0], [-1.0]]))
    for wrong in (
        {"caps": [kelly.Cap((1,), 0.1)]},
        {"caps": [kelly.Cap((0,), -0.1)]},
        {"exposure": np.array([0.0, -1.0])},
        {"exposure": np.zeros(3)},
        {"available": 1.1},
    ):
        arguments: dict[str, Any] = wrong
        with pytest.raises(Invalid) as refused:
            kelly.best(bets, **arguments)
        assert refused.value.code == "stake_out_of_range"
