"""What many sources believe together: by the filter, and by the covariance of all their errors."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose

from overround.core.errors import Invalid
from overround.odds.pricing.belief import belief, log_odds, passed_by
from overround.odds.pricing.model import Floats, Mask

RNG = np.random.default_rng(5)


def said(markets: int, sources: int, answers: int) -> Floats:
    return log_odds(RNG.dirichlet(np.full(answers, 4.0), (markets, sources)))


def all_at_once(logits: Floats, noise: Floats, passed: Floats, drift: float) -> Floats:
    """The best linear mean of one market's words [s, n]: weights by the inverse of the covariance.

    A word of `passed` ago misses the walk since, and two words miss what both came before.
    """
    errors = np.diag(noise**2) + drift**2 * np.minimum.outer(passed, passed)
    weights = np.linalg.solve(errors, np.ones(len(noise)))
    mean = weights @ logits / weights.sum()
    chances = 1.0 / (1.0 + np.exp(-mean))
    return chances / chances.sum()


def test_the_belief_is_the_best_linear_mean_of_all_words() -> None:
    logits, noise = said(30, 7, 3), RNG.uniform(0.01, 0.1, 7)
    passed: Floats = RNG.choice([0.0, 0.2, 0.5, 0.9, 1.0], (30, 7))
    heard: Mask = RNG.random((30, 7)) < 0.8
    found = belief(np.where(heard[..., None], logits, np.nan), heard, noise, passed, 0.07)
    for market in range(30):
        who = heard[market]
        slow = all_at_once(logits[market, who], noise[who], passed[market, who], 0.07)
        assert_allclose(found.probabilities[market], slow, atol=1e-6)


def test_words_of_one_moment_are_their_weighted_mean() -> None:
    logits, noise = said(4, 3, 2), np.array([0.02, 0.05, 0.05])
    found = belief(logits, np.ones((4, 3), np.bool_), noise, np.zeros((4, 3)), 0.07)
    weights = 1 / noise**2
    mean = (weights[:, None] * logits).sum(axis=1) / weights.sum()
    assert_allclose(log_odds(found.probabilities), mean, atol=1e-5)
    assert_allclose(found.doubt, weights.sum() ** -0.5, rtol=1e-5)


def test_what_was_said_before_the_news_weighs_little() -> None:
    logits = log_odds(np.array([[[0.5, 0.5], [0.6, 0.4]]]))
    heard, noise = np.ones((1, 2), np.bool_), np.array([0.01, 0.05])
    together = belief(logits, heard, noise, np.array([[0.0, 0.0]]), 0.3)
    after = belief(logits, heard, noise, np.array([[1.0, 0.0]]), 0.3)
    assert together.probabilities[0, 0] == pytest.approx(0.504, abs=1e-3)
    assert after.probabilities[0, 0] > 0.59


def test_where_nobody_speaks_nothing_is_believed() -> None:
    heard = np.zeros((1, 2), np.bool_)
    found = belief(said(1, 2, 3), heard, np.array([0.1, 0.1]), np.zeros((1, 2)), 0.1)
    assert np.isnan(found.probabilities).all()
    assert np.isinf(found.doubt).all()
    none = belief(np.zeros((1, 0, 2)), np.zeros((1, 0), np.bool_), np.zeros(0), np.zeros((1, 0)), 0)
    assert np.isnan(none.probabilities).all()


@pytest.mark.parametrize(("noise", "passed", "drift"), [(0, 0, 0), (0.1, -0.1, 0), (0.1, 0, -1)])
def test_figures_out_of_bounds_are_refused(noise: float, passed: float, drift: float) -> None:
    with pytest.raises(Invalid, match="above zero") as refused:
        belief(said(1, 1, 2), np.ones((1, 1), np.bool_), np.array([noise]), np.array([[passed]]),
               drift)  # fmt: skip
    assert refused.value.code == "invalid_number"


def test_a_word_ages_by_what_the_others_have_said_since() -> None:
    assert passed_by(np.array([30, 10, 20, 0, 30])).tolist() == [0.0, 1.0, 2 / 3, 1.0, 0.0]
    assert passed_by(np.array([7])).tolist() == [0.0]
