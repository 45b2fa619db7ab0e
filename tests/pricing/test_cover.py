"""The closed form of a surebet against the linear program, and its two kinds of numbers."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from overround.core.errors import Invalid
from overround.odds.pricing import cover, program

PAID = st.sampled_from([0.0, 0.5, 1.0, 1.45, 1.6, 1.9, 2.05, 2.4, 3.6, 5.0, 11.0])


@st.composite
def rows(draw: st.DrawFn) -> list[list[float]]:
    """What one to three legs return in up to six states."""
    legs, states = draw(st.integers(1, 3)), draw(st.integers(1, 6))
    row = st.lists(PAID, min_size=legs, max_size=legs)
    return draw(st.lists(row, min_size=states, max_size=states))


@given(rows())
def test_the_closed_form_equals_the_program(returns: list[list[float]]) -> None:
    array = np.array(returns)
    closed = cover.divide(array)
    stakes = program.best_stakes(program.Problem(array), program.Limits.shares(array.shape[1]))
    assert_allclose(closed.shares.sum(), 1.0)
    assert (closed.shares >= 0.0).all()
    assert_allclose(closed.guaranteed, (array @ stakes).min() - 1.0, atol=1e-7)
    assert_allclose(closed.guaranteed, (array @ closed.shares).min() - 1.0, atol=1e-9)
    assert_allclose(closed.best, (array @ closed.shares).max() - 1.0, atol=1e-9)


@given(rows())
def test_fractions_and_floats_agree(returns: list[list[float]]) -> None:
    exact = cover.divide(cover.exact([[Fraction(str(x)) for x in row] for row in returns]))
    floats = cover.divide(np.array(returns))
    assert sum(exact.shares) == 1
    assert_allclose(float(exact.guaranteed), floats.guaranteed, atol=1e-9)


def test_many_markets_at_once_are_the_same_as_one_by_one() -> None:
    random = np.random.default_rng(7)
    returns = random.choice([0.0, 1.0, 1.5, 2.0, 3.0], size=(2, 5, 4, 3))
    together = cover.divide(returns)
    for place in np.ndindex(2, 5):
        assert_allclose(together.guaranteed[place], cover.divide(returns[place]).guaranteed)


def test_a_whole_line_that_only_pushes_guarantees_nothing() -> None:
    found = cover.divide(np.array([[2.05, 0.0], [1.0, 1.0], [0.0, 2.05]]))
    assert_allclose(found.shares, [0.5, 0.5])
    assert_allclose([float(found.guaranteed), float(found.best)], [0.0, 0.025], atol=1e-12)


def test_legs_of_which_exactly_one_wins_are_staked_by_their_prices() -> None:
    prices = np.array([2.8, 3.5, 3.1]) * 1.1
    found, divided = cover.proportional(prices), cover.divide(np.diag(prices))
    assert_allclose(found.shares, divided.shares)
    assert_allclose(found.guaranteed, divided.guaranteed)


@pytest.mark.parametrize(("code", "shape"), [("no_legs", (1, 0)), ("no_legs", (0, 2)),
                                             ("too_many_legs", (2, 4))])  # fmt: skip
def test_bad_shapes_are_named(code: str, shape: tuple[int, int]) -> None:
    with pytest.raises(Invalid) as refused:
        cover.divide(np.ones(shape))
    assert refused.value.code == code
