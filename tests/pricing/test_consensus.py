from __future__ import annotations

import numpy as np
from numpy.testing import assert_allclose

from overround.odds.pricing import consensus

# Two markets, three sources, two answers.
BELIEFS = np.array(
    [
        [[0.50, 0.50], [0.60, 0.40], [0.90, 0.10]],
        [[0.20, 0.80], [0.20, 0.80], [0.20, 0.80]],
    ]
)


def test_sources_that_agree_are_the_consensus() -> None:
    found = consensus(BELIEFS, np.ones(3))
    assert found.shape == (2, 2)
    assert_allclose(found[1], [0.2, 0.8])


def test_two_answers_meet_at_the_geometric_mean_of_their_odds() -> None:
    odds = (0.5 / 0.5 * 0.6 / 0.4 * 0.9 / 0.1) ** (1 / 3)
    assert_allclose(consensus(BELIEFS, np.ones(3))[0], [odds / (1 + odds), 1 / (1 + odds)])


def test_a_weight_counts_like_as_many_sources() -> None:
    doubled = consensus(BELIEFS, np.array([2.0, 1.0, 0.0]))
    thrice = consensus(BELIEFS[:, [0, 0, 1]], np.ones(3))
    assert_allclose(doubled, thrice)


def test_weights_may_differ_by_market() -> None:
    weights = np.array([[1.0, 0.0, 0.0], [1.0, 1.0, 1.0]])
    assert_allclose(consensus(BELIEFS, weights), [[0.5, 0.5], [0.2, 0.8]])


def test_masked_and_impossible_sources_do_not_take_part() -> None:
    mask = np.array([[True, False, False], [True, True, True]])
    assert_allclose(consensus(BELIEFS, np.ones(3), mask), [[0.5, 0.5], [0.2, 0.8]])
    broken = BELIEFS.copy()
    broken[0, 1] = [1.0, 0.0]
    broken[0, 2] = [np.nan, 0.5]
    assert_allclose(consensus(broken, np.ones(3)), [[0.5, 0.5], [0.2, 0.8]])


def test_a_market_nobody_prices_is_no_number() -> None:
    nobody = consensus(BELIEFS, np.ones(3), np.array([[False] * 3, [True] * 3]))
    assert np.isnan(nobody[0]).all()
    assert_allclose(nobody[1], [0.2, 0.8])
    assert np.isnan(consensus(BELIEFS, np.zeros(3))).all()


def test_three_answers_sum_to_one() -> None:
    beliefs = np.array([[[0.5, 0.3, 0.2], [0.7, 0.2, 0.1]]])
    found = consensus(beliefs, np.array([1.0, 3.0]))
    assert_allclose(found.sum(axis=-1), 1.0)
    assert 0.5 < found[0, 0] < 0.7


def test_where_a_sharp_source_takes_part_only_the_sharp_ones_count() -> None:
    sharp = np.array([False, True, False])
    found = consensus(BELIEFS, sharp=sharp)
    assert_allclose(found, BELIEFS[:, 1])
    absent = BELIEFS.copy()
    absent[0, 1] = np.nan
    without = consensus(absent, sharp=sharp)
    assert_allclose(without[0], consensus(BELIEFS[:, [0, 2]])[0])
    assert_allclose(without[1], BELIEFS[1, 1])
    # A sharp source without weight does not silence the others.
    weights = np.array([1.0, 0.0, 1.0])
    assert_allclose(consensus(BELIEFS, weights, sharp=sharp), consensus(BELIEFS, weights))
