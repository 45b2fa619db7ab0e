from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from overround.odds import pricing
from overround.odds.pricing import Floats, fair
from tests.core.reference import Case, cases

METHODS = ("multiplicative", "power")
PRICES = st.lists(st.floats(1.01, 500.0), min_size=2, max_size=9)


def _devig(prices: Floats, method: str) -> Floats:
    return (
        fair.multiplicative(prices)
        if method == "multiplicative"
        else fair.power(prices).probabilities
    )


@pytest.mark.parametrize("case", cases("devig", lambda given: given["method"] in METHODS))
def test_published_fair_probabilities(case: Case) -> None:
    prices = np.array([[float(text) for text in case.given["prices"]]])
    found = _devig(prices, case.given["method"])[0]
    assert_allclose(found, case.expect["probabilities"], rtol=0, atol=float(case.tolerance))


@pytest.mark.parametrize(
    ("prices", "power", "exponent"),
    [
        ([4.20, 3.70, 1.95], [0.2311409798, 0.2630640924, 0.5057949278], 1.0206558753),
        ([2.6, 2.4, 4.3], [0.3729844041, 0.4051071675, 0.2219084285], None),
        ([1.19, 7, 14], [0.8263153504, 0.1183478969, 0.0553367526], None),
        ([1.5, 2.74], [0.6531522798, 0.3468477202], None),
        ([4 / 3, 3.4], [0.7330838302, 0.2669161698], 1.0792998506),
    ],
)
def test_power_figures_of_an_independent_implementation(
    prices: list[float], power: list[float], exponent: float | None
) -> None:
    fit = fair.power(np.array(prices))
    assert_allclose(fit.probabilities, power, rtol=0, atol=2e-9)
    if exponent is not None:
        assert_allclose(fit.exponent, exponent, rtol=0, atol=2e-9)


def test_many_markets_at_once_are_the_same_as_one_by_one() -> None:
    prices = np.array([[[1.5, 4.0, 7.0], [1.6, 3.9, 6.0]], [[2.9, 3.1, 2.5], [1.01, 21.0, 67.0]]])
    fit = fair.power(prices)
    assert fit.probabilities.shape == (2, 2, 3)
    assert fit.exponent.shape == fit.underround.shape == (2, 2)
    for place in np.ndindex(2, 2):
        assert_allclose(fit.probabilities[place], fair.power(prices[place]).probabilities, 1e-12)
        alone = fair.multiplicative(prices[place])
        assert_allclose(fair.multiplicative(prices)[place], alone, 1e-15)


def test_a_booksum_of_one_or_less_is_marked_and_not_mangled() -> None:
    prices = np.array([[3.1, 3.5, 3.1], [3.0, 3.0, 3.0], [2.8, 3.4, 2.8], [2.0, np.nan, 4.0]])
    fit = fair.power(prices)
    assert fit.underround.tolist() == [True, True, False, False]
    assert np.isnan(fit.probabilities).all(axis=1).tolist() == [True, True, False, True]
    assert np.isnan(fit.exponent).tolist() == [True, True, False, True]


def test_power_converges_at_1_0001() -> None:
    prices = np.array([[1.0001, 1.0001, 1.0001], [1.0001, 5_000.0, 5_000.0]])
    fit = fair.power(prices)
    assert_allclose(fit.probabilities[0], 1 / 3, rtol=1e-9)
    assert_allclose(fit.probabilities.sum(axis=1), 1.0, rtol=1e-12)


@given(PRICES)
def test_fair_probabilities_sum_to_one_and_keep_the_order(prices: list[float]) -> None:
    row = np.array(prices)
    for method in METHODS:
        found = _devig(row, method)
        if np.isnan(found).all():
            assert pricing.booksum(row) <= 1.0
            continue
        assert_allclose(found.sum(), 1.0, rtol=1e-9)
        assert ((found > 0) & (found < 1)).all()
        assert (np.diff(found[np.argsort(row)]) <= 1e-12).all()


def test_face_values() -> None:
    prices = np.array([[1.9, 1.9], [2.0, 2.0], [2.1, 2.1]])
    assert_allclose(pricing.implied(prices)[1], [0.5, 0.5])
    assert_allclose(pricing.booksum(prices), [2 / 1.9, 1.0, 2 / 2.1])
    assert_allclose(pricing.overround(prices), [2 / 1.9 - 1, 0.0, 2 / 2.1 - 1], atol=1e-15)
    assert_allclose(pricing.margin(prices), [0.05, 0.0, -0.05], atol=1e-15)
    # -110 on both sides keeps 1/22.
    assert_allclose(pricing.margin(np.array([21 / 11, 21 / 11])), 1 / 22)


def test_no_price_is_no_number() -> None:
    found = pricing.decimals(np.array([25_000, 0], dtype=np.int64))
    assert found[0] == 2.5
    assert np.isnan(found[1])
