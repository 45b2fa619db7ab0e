from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from overround.core.errors import Invalid
from overround.odds import pricing
from overround.odds.pricing import ladder

CHANCES = st.lists(st.floats(0.02, 1.0), min_size=2, max_size=5)


@pytest.mark.parametrize(
    ("price_e4", "rung_e4"),
    [
        (10_001, 10_100),
        (10_100, 10_100),
        (10_199, 10_100),
        (19_999, 19_900),
        (20_000, 20_000),
        (20_199, 20_000),
        (20_200, 20_200),
        (29_999, 29_800),
        (30_499, 30_000),
        (39_999, 39_500),
        (40_999, 40_000),
        (59_999, 59_000),
        (61_999, 60_000),
        (99_999, 98_000),
        (104_999, 100_000),
        (199_999, 195_000),
        (209_999, 200_000),
        (319_999, 300_000),
        (549_999, 500_000),
        (999_999, 950_000),
        (1_099_999, 1_000_000),
        (9_999_999, 9_900_000),
        (10_000_000, 10_000_000),
        (10_009_999, 10_000_000),
        (10_010_000, 10_010_000),
        (1_000_000_000, 10_010_000),
    ],
)
def test_a_price_goes_down_to_its_rung(price_e4: int, rung_e4: int) -> None:
    assert ladder.round_down(np.array([price_e4])).tolist() == [rung_e4]


@given(st.integers(ladder.LOWEST_E4, ladder.HIGHEST_E4))
def test_rungs_are_fixed_points_and_never_above_the_price(price_e4: int) -> None:
    rung = ladder.round_down(np.array([[price_e4]]))
    assert rung[0, 0] <= price_e4
    assert (ladder.round_down(rung) == rung).all()


def test_margin_on_a_coin_is_exact() -> None:
    coin = np.array([[0.5, 0.5]])
    for margin_bps, price_e4 in ((0, 20_000), (500, 19_000), (1000, 18_000), (450, 19_100)):
        assert ladder.apply_margin(coin, margin_bps).tolist() == [[price_e4, price_e4]]
        assert ladder.apply_margin(coin, margin_bps, "power").tolist() == [[price_e4, price_e4]]


def test_the_power_margin_is_the_inverse_of_the_power_method() -> None:
    chances = np.array([[2 / 3, 0.2, 2 / 15]])
    # An overround of 0.022 is a margin of 0.022 / 1.022; the published prices are for that figure.
    margin_bps = round(10_000 * 0.022 / 1.022)
    found = ladder.apply_margin(chances, margin_bps, "power")
    assert_allclose(found[0] / 10_000, [1.484801625, 4.801912141, 7.129886948], rtol=3e-4)
    back = pricing.fair.devig(found / 10_000, "power").probabilities
    assert_allclose(back, chances, atol=2e-5)


@given(CHANCES, st.integers(0, 2_000))
def test_the_book_keeps_at_least_its_margin(weights: list[float], margin_bps: int) -> None:
    chances = np.array(weights) / sum(weights)
    prices = ladder.apply_margin(chances[None], margin_bps)
    if (prices > ladder.LOWEST_E4).all():
        # Rounding down can only raise the booksum; the allowance is the float of the division.
        assert pricing.margin(prices / 10_000)[0] >= margin_bps / 10_000 - 1e-9


def test_margins_may_differ_by_market() -> None:
    coins = np.full((2, 2), 0.5)
    found = ladder.apply_margin(coins, np.array([0, 1000]))
    assert found.tolist() == [[20_000, 20_000], [18_000, 18_000]]


def test_prices_end_where_the_ladder_ends() -> None:
    chances = np.array([[0.9999, 0.00009, 0.00001]])
    assert ladder.apply_margin(chances, 500)[0].tolist() == [10_100, 10_010_000, 10_010_000]


def test_a_probability_that_is_none_is_no_price() -> None:
    chances = np.array([[np.nan, 0.5], [0.0, 1.0], [0.5, 0.5]])
    assert ladder.apply_margin(chances, 0).tolist() == [[0, 20_000], [0, 0], [20_000, 20_000]]


@pytest.mark.parametrize("margin_bps", [-1, 5_001, 10_000])
def test_a_margin_outside_its_bounds_is_refused(margin_bps: int) -> None:
    with pytest.raises(Invalid) as refused:
        ladder.apply_margin(np.array([[0.5, 0.5]]), margin_bps)
    assert refused.value.code == "margin_out_of_range"
