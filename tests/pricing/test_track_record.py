"""Which way of removing the overround a source's results speak for."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.testing import assert_allclose

from overround.core.errors import Invalid
from overround.odds.pricing import Floats, Integers, fair, margins, track_record


def market(count: int, method: str) -> tuple[Floats, Integers]:
    """Prices of a book that puts a wide margin on by `method`, and who won."""
    random = np.random.default_rng(5)
    chances = random.dirichlet([8.0, 3.0, 1.0], size=count)
    prices = 1.0 / margins.booked(np.clip(chances, 0.01, 0.9), 1.15, method)
    drawn = random.random(count)[:, None] > chances.cumsum(axis=1)
    return prices, np.minimum(drawn.sum(axis=1), 2).astype(np.int64)


def test_a_record_folded_in_two_parts_is_the_record_of_both() -> None:
    prices, winners = market(800, "power")
    whole = track_record.scored(track_record.TrackRecord(), prices, winners)
    first = track_record.scored(track_record.TrackRecord(), prices[:300], winners[:300])
    both = track_record.scored(first, prices[300:], winners[300:])
    assert_allclose(both.weight, whole.weight)
    for method in fair.METHODS:
        assert_allclose(both.mean_loss(method), whole.mean_loss(method))


def test_the_default_stays_until_another_is_better_beyond_chance() -> None:
    prices, winners = market(200, "multiplicative")
    few = track_record.scored(track_record.TrackRecord(), prices, winners)
    assert track_record.best_method(few) == "multiplicative"
    prices, winners = market(20_000, "multiplicative")
    many = track_record.scored(track_record.TrackRecord(), prices, winners, half_life=1e9)
    assert track_record.best_method(many) == "multiplicative"
    prices, winners = market(20_000, "additive")
    skewed = track_record.scored(track_record.TrackRecord(), prices, winners, half_life=1e9)
    assert track_record.best_method(skewed) != "multiplicative"


def test_bad_input_and_empty_records() -> None:
    empty = track_record.TrackRecord()
    assert math.isnan(empty.mean_loss("power"))
    assert track_record.lead(empty, "power") == (0.0, math.inf)
    prices, winners = market(10, "power")
    with pytest.raises(Invalid) as refused:
        track_record.scored(empty, prices, winners, half_life=0.0)
    assert refused.value.code == "invalid_input"
