from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from overround.core import shares
from overround.core.errors import Invalid

AMOUNTS = st.integers(-(10**17), 10**17)
WEIGHTS = st.lists(st.integers(0, 10**12), min_size=1, max_size=12).filter(any)


@given(AMOUNTS, WEIGHTS)
def test_a_split_conserves_every_minor_unit(amount_minor: int, weights: list[int]) -> None:
    parts = shares.split(amount_minor, weights)
    assert sum(parts) == amount_minor
    for part, weight in zip(parts, weights, strict=True):
        assert abs(part - Fraction(amount_minor * weight, sum(weights))) < 1
        assert part == 0 or weight > 0


@given(AMOUNTS, WEIGHTS)
def test_a_loss_is_borne_as_a_profit_is_shared(amount_minor: int, weights: list[int]) -> None:
    mirrored = tuple(-part for part in shares.split(-amount_minor, weights))
    assert shares.split(amount_minor, weights) == mirrored


@given(AMOUNTS, st.integers(0, 10**15), st.integers(1, 10**15))
def test_a_tenants_result_all_belongs_to_somebody(
    amount_minor: int, capital_minor: int, liquidity_minor: int
) -> None:
    parts = shares.by_wallets(amount_minor, capital_minor, liquidity_minor)
    assert sum(parts.values()) == amount_minor


def test_a_profit_and_a_loss_over_two_wallets() -> None:
    assert shares.by_wallets(1_000, 10_000, 40_000) == {
        "bookmaker": 660, "community": 240, "platform": 100,
    }  # fmt: skip
    # A loss has no fee, and the five percent of capital that a known system loses are borne.
    assert shares.by_wallets(-1_000, 10_000, 40_000) == {"bookmaker": -720, "community": -280}


def test_the_last_minor_unit_goes_to_who_lost_most_by_rounding() -> None:
    assert shares.split(100, (1, 1, 1)) == (34, 33, 33)
    assert shares.split(-100, (1, 1, 1)) == (-34, -33, -33)
    assert shares.split(10, (1, 2, 4)) == (1, 3, 6)
    assert shares.split(1, (0, 1)) == (0, 1)


def test_shares_that_are_none_are_refused() -> None:
    for weights in ((0, 0), (-1, 2)):
        with pytest.raises(Invalid) as refused:
            shares.split(1, weights)
        assert refused.value.code == "shares_out_of_range"
    with pytest.raises(Invalid):
        shares.by_wallets(1, 0, 0)
    with pytest.raises(Invalid):
        shares.by_wallets(1, -1, 2)
    with pytest.raises(Invalid):
        shares.SplitRule({"a": 9_999}, {"a": 10_000})
