"""The one-parameter families: published figures, hard prices, and the way back."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from overround.odds.pricing import fair, margins

SOLVED = ("power", "odds_ratio", "probit", "shin")


@pytest.mark.parametrize(
    ("method", "expected", "parameter"),
    [
        ("additive", [0.2310332310, 0.2632082632, 0.5057585058], None),
        ("power", [0.2311409798, 0.2630640924, 0.5057949278], 1.0206558753),
        ("odds_ratio", [0.2320045269, 0.2636412959, 0.5043541772], 1.0344564763),
        ("probit", [0.2318047663, 0.2635402372, 0.5046549965], 0.0204731827),
        ("shin", [0.2315719589, 0.2635744963, 0.5048535448], 0.0106080582),
    ],
)
def test_one_market_by_every_method(
    method: str, expected: list[float], parameter: float | None
) -> None:
    found = fair.devig(np.array([4.20, 3.70, 1.95]), method)
    assert_allclose(found.probabilities, expected, rtol=0, atol=1e-9)
    if parameter is not None:
        assert_allclose(found.parameter, parameter, rtol=0, atol=1e-9)


@pytest.mark.parametrize(
    ("prices", "method", "expected", "parameter"),
    [
        ([2.6, 2.4, 4.3], "shin", [0.3729940603, 0.4047794109, 0.2222265287], 0.0169425128),
        ([2.6, 2.4, 4.3], "odds_ratio", [0.3724286508, 0.4041313043, 0.2234400448], None),
        ([2.7, 2.3, 4.4], "shin", [0.3593439196, 0.4232438482, 0.2174122322], 0.0162364429),
        ([1.19, 7.0, 14.0], "shin", [0.8156312180, 0.1270910604, 0.0572777216], 0.0288359492),
        ([1.5, 2.74], "shin", [0.6508515815, 0.3491484185], 0.0317272854),
        ([1.5, 2.74], "probit", [0.6509827196, 0.3490172804], None),
        ([21 / 11, 21 / 11], "shin", [0.5, 0.5], 0.0476190476),
        ([21 / 11, 21 / 11], "odds_ratio", [0.5, 0.5], 1.1),
        ([4 / 3, 3.5], "shin", [0.7321428571, 0.2678571429], 0.0360527054),
    ],
)
def test_published_fits(
    prices: list[float], method: str, expected: list[float], parameter: float | None
) -> None:
    found = fair.devig(np.array(prices), method)
    assert_allclose(found.probabilities, expected, rtol=0, atol=1e-9)
    if parameter is not None:
        assert_allclose(found.parameter, parameter, rtol=0, atol=1e-9)


@pytest.mark.parametrize("method", ["power", "odds_ratio", "probit"])
def test_every_method_converges_at_1_0001(method: str) -> None:
    prices = np.array([[1.0001, 1.0001, 1.0001], [1.0001, 5_000.0, 5_000.0]])
    fit = fair.devig(prices, method)
    assert_allclose(fit.probabilities[0], 1 / 3, rtol=1e-9)
    assert_allclose(fit.probabilities.sum(axis=1), 1.0, rtol=1e-12)


def test_shin_has_no_answer_where_more_than_all_would_be_insiders() -> None:
    prices = np.array([[1.0001, 1.0001, 1.0001], [1.5, 2.74, 50.0]])
    fit = fair.devig(prices, "shin", 1.0)
    assert_allclose(fit.probabilities.sum(axis=1), 1.0, rtol=1e-9)
    hopeless = fair.devig(prices, "shin", 1e-3)
    assert np.isnan(hopeless.probabilities).all()
    assert np.isnan(hopeless.parameter).all()


def test_two_answers_by_shin_are_additive() -> None:
    prices = np.array([[1.5, 2.74], [1.9, 1.95], [1.05, 12.0]])
    assert_allclose(
        fair.devig(prices, "shin").probabilities,
        fair.devig(prices, "additive").probabilities,
        rtol=1e-12,
    )


@given(
    st.lists(st.floats(0.02, 1.0), min_size=2, max_size=7),
    st.floats(1.001, 1.15),
    st.sampled_from(SOLVED),
)
def test_a_margin_put_on_by_a_method_is_taken_off_by_it(
    weights: list[float], booksum: float, method: str
) -> None:
    chances = np.array(weights) / sum(weights)
    shares = margins.booked(chances, booksum, method)
    if np.isnan(shares).any() or (shares >= 0.999).any():
        return
    assert_allclose(shares.sum(), booksum, rtol=1e-9)
    back = fair.devig(1.0 / shares, method).probabilities
    assert_allclose(back, chances, rtol=0, atol=1e-9)


def test_published_margins() -> None:
    chances = np.array([2 / 3, 0.2, 2 / 15])
    for method, prices in (
        ("multiplicative", [1.467710372, 4.892367906, 7.338551859]),
        ("power", [1.484801625, 4.801912141, 7.129886948]),
        ("odds_ratio", [1.478482615, 4.827860923, 7.220274001]),
        ("shin", [1.479660083, 4.839731334, 7.165166832]),
    ):
        shares = margins.booked(chances, 1.022, method)
        assert_allclose(shares.sum(), 1.022, rtol=1e-12)
        # The published ones were solved to four digits: their own sums miss 1.022 by as much.
        assert_allclose(1.0 / shares, prices, rtol=1e-4)
