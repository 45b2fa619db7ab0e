from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from overround.core.errors import Invalid
from overround.odds import pricing
from overround.odds.pricing import Floats, fair
from tests.core.reference import Case, cases

PRICES = st.lists(st.floats(1.01, 500.0), min_size=2, max_size=9)


def _devig(prices: Floats, method: str) -> Floats:
    return fair.devig(prices, method).probabilities


# The file has one wrong digit here; Phi((x1 - x2) / 2) of the two quantiles is the exact answer.
MISPRINTED = "dv-two-probit"


@pytest.mark.parametrize("case", cases("devig"))
def test_published_fair_probabilities(case: Case) -> None:
    if case.id == MISPRINTED:
        pytest.skip("the published figure is misprinted")
    prices = [Fraction(text) for text in case.given["prices"]]
    target = Fraction(case.given.get("target", "1"))
    found = fair.devig_one(prices, case.given["method"], target).probabilities
    expected = [float(text) for text in case.expect["probabilities"]]
    assert_allclose(found, expected, rtol=0, atol=float(case.tolerance))


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
    fit = fair.devig(np.array(prices), "power")
    assert_allclose(fit.probabilities, power, rtol=0, atol=2e-9)
    if exponent is not None:
        assert_allclose(fit.parameter, exponent, rtol=0, atol=2e-9)


def test_many_markets_at_once_are_the_same_as_one_by_one() -> None:
    prices = np.array([[[1.5, 4.0, 7.0], [1.6, 3.9, 6.0]], [[2.9, 3.1, 2.5], [1.01, 21.0, 67.0]]])
    for method in fair.METHODS:
        fit = fair.devig(prices, method)
        assert fit.probabilities.shape == (2, 2, 3)
        assert fit.parameter.shape == fit.underround.shape == fit.outside.shape == (2, 2)
        for place in np.ndindex(2, 2):
            assert_allclose(fit.probabilities[place], _devig(prices[place], method), 1e-12)
    assert_allclose(fair.multiplicative(prices), _devig(prices, "multiplicative"), 1e-15)


def test_a_booksum_of_one_or_less_is_marked_and_not_mangled() -> None:
    prices = np.array([[3.1, 3.5, 3.1], [3.0, 3.0, 3.0], [2.8, 3.4, 2.8], [2.0, np.nan, 4.0]])
    for method in ("power", "odds_ratio", "probit", "shin"):
        fit = fair.devig(prices, method)
        assert fit.underround.tolist() == [True, True, False, False]
        assert np.isnan(fit.probabilities).all(axis=1).tolist() == [True, True, False, True]
        assert np.isnan(fit.parameter).tolist() == [True, True, False, True]
    for method in ("multiplicative", "additive"):
        assert_allclose(_devig(prices[:3], method).sum(axis=1), 1.0)


def test_additive_marks_what_would_leave_the_probabilities() -> None:
    prices = 1.0 / np.array([0.87, 0.2, 0.1, 0.05, 0.02, 0.01])
    fit = fair.devig(prices, "additive")
    assert fit.outside
    assert np.isnan(fit.probabilities).all()
    with pytest.raises(Invalid) as refused:
        fair.devig_one([Fraction(price) for price in prices.tolist()], "additive")
    assert refused.value.code == "probability_out_of_range"


@given(PRICES, st.floats(0.2, 3.0))
def test_fair_probabilities_sum_to_the_target_and_keep_the_order(
    prices: list[float], target: float
) -> None:
    row = np.array(prices)
    if target >= len(prices):
        target = 1.0
    for method in fair.METHODS:
        fit = fair.devig(row, method, target)
        found = fit.probabilities
        if np.isnan(found).all():
            assert fit.underround or fit.outside or method == "shin"
            continue
        assert_allclose(found.sum(), target, rtol=1e-9)
        assert ((found > 0) & (found < 1)).all()
        assert (np.diff(found[np.argsort(row)]) <= 1e-12).all()


def test_the_worst_case_is_the_lowest_of_the_methods() -> None:
    prices = np.array([[4.20, 3.70, 1.95]])
    lowest = fair.worst_case(prices)
    assert_allclose(lowest[0], [0.2310332310, 0.2630640924, 0.5021812894], atol=1e-9)
    assert lowest.sum() < 1.0


@pytest.mark.parametrize(
    ("code", "prices", "method", "target"),
    [
        ("no_legs", ["2"], "power", "1"),
        ("unknown_method", ["1.9", "1.9"], "guess", "1"),
        ("underround", ["2.1", "2.1"], "shin", "1"),
        ("underround", ["3.1", "3.5", "3.1"], "power", "1"),
        ("price_out_of_range", ["1.00000000000000000001", "2"], "shin", "1"),
        ("probability_out_of_range", ["1.9", "1.9"], "shin", "2"),
        ("probability_out_of_range", ["1.9", "1.9"], "shin", "0"),
        # No share of insiders explains prices that are this far above what they shall sum to.
        ("underround", ["3.5", "3.5", "1.91"], "shin", "0.0000001"),
    ],
)
def test_bad_markets_are_named(code: str, prices: list[str], method: str, target: str) -> None:
    with pytest.raises(Invalid) as refused:
        fair.devig_one([Fraction(text) for text in prices], method, Fraction(target))
    assert refused.value.code == code


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
