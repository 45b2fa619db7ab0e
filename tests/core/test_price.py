from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from overround.core import price
from overround.core.errors import Invalid


@pytest.mark.parametrize(
    ("text", "price_e4", "written"),
    [
        ("2.5", 25_000, "2.50"),
        ("2", 20_000, "2.00"),
        ("1.01", 10_100, "1.01"),
        ("1.0001", 10_001, "1.0001"),
        ("1.909090909", 19_090, "1.909"),
        ("1.99999999", 19_999, "1.9999"),
        ("02.50", 25_000, "2.50"),
        ("100000", 1_000_000_000, "100000.00"),
        ("100000.000000", 1_000_000_000, "100000.00"),
    ],
)
def test_a_price_is_read_rounding_down(text: str, price_e4: int, written: str) -> None:
    assert price.parse_decimal(text) == price_e4
    assert price.to_text(price_e4) == written
    assert price.to_fraction(price_e4) == Fraction(price_e4, 10_000)


@pytest.mark.parametrize(
    "text",
    [
        "", " 2", "2 ", "2\n", "+2", "2.", ".5", "1e9999999", "2e0", "NaN", "Infinity", "-inf",
        "2,5", "5/2", "1_0", "\u0662", "\uff12.5", "1.5" + "0" * 22, "9" * 1_000_000,
    ],
)  # fmt: skip
def test_what_is_not_a_plain_price_is_refused(text: str) -> None:
    with pytest.raises(Invalid) as refused:
        price.parse_decimal(text)
    assert refused.value.code == "invalid_number"


@pytest.mark.parametrize(
    "text",
    ["0", "0.5", "1", "1.0", "1.00009", "-2", "-2.5", "100000.00001", "100001", "9" * 24],
)
def test_a_price_outside_its_bounds_is_refused(text: str) -> None:
    with pytest.raises(Invalid) as refused:
        price.parse_decimal(text)
    assert refused.value.code == "price_out_of_range"


@pytest.mark.parametrize("price_e4", [-1, 0, 10_000, 1_000_000_001])
def test_a_stored_price_is_checked_by_the_same_bounds(price_e4: int) -> None:
    with pytest.raises(Invalid) as refused:
        price.check(price_e4)
    assert refused.value.code == "price_out_of_range"


@given(st.integers(price.MIN_PRICE_E4, price.MAX_PRICE_E4))
def test_writing_and_reading_is_the_same_price(price_e4: int) -> None:
    assert price.parse_decimal(price.to_text(price_e4)) == price_e4
    assert price.check(price_e4) == price_e4
