from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from overround.core import money
from overround.core.errors import Invalid


@pytest.mark.parametrize(
    ("text", "currency", "minor", "written"),
    [
        ("10.50", "EUR", 1050, "10.50"),
        ("10.5", "EUR", 1050, "10.50"),
        ("10", "EUR", 1000, "10.00"),
        ("0.05", "EUR", 5, "0.05"),
        ("0", "EUR", 0, "0.00"),
        ("007", "EUR", 700, "7.00"),
        ("1050", "JPY", 1050, "1050"),
        ("1.005", "KWD", 1005, "1.005"),
        ("1", "BHD", 1000, "1.000"),
        ("0.0001", "CLF", 1, "0.0001"),
    ],
)
def test_an_amount_is_read_and_written_exactly(
    text: str, currency: str, minor: int, written: str
) -> None:
    assert money.parse(text, currency) == minor
    assert money.to_text(minor, currency) == written


def test_an_amount_below_zero_is_written_with_a_sign() -> None:
    assert money.to_text(-5, "EUR") == "-0.05"
    assert money.to_text(-1050, "JPY") == "-1050"
    assert money.to_text(-1005, "TND") == "-1.005"


@pytest.mark.parametrize(
    ("text", "currency"),
    [
        ("", "EUR"),
        (" 1", "EUR"),
        ("1\n", "EUR"),
        ("-1", "EUR"),
        ("+1", "EUR"),
        ("1.", "EUR"),
        (".5", "EUR"),
        ("1e3", "EUR"),
        ("NaN", "EUR"),
        ("inf", "EUR"),
        ("1_000", "EUR"),
        ("1,5", "EUR"),
        ("0x10", "EUR"),
        ("\u0661", "EUR"),
        ("\uff11", "EUR"),
        ("10.500", "EUR"),
        ("10.0", "JPY"),
        ("1.0000", "KWD"),
        ("1" * 14, "EUR"),
        ("1" * 100_000, "EUR"),
        ("0." + "0" * 100_000, "EUR"),
    ],
)
def test_what_is_not_a_plain_amount_is_refused(text: str, currency: str) -> None:
    with pytest.raises(Invalid) as refused:
        money.parse(text, currency)
    assert refused.value.code == "invalid_number"


@pytest.mark.parametrize("code", ["", "eur", "XXX", "XAU", "HRK", "EURO"])
def test_a_code_outside_the_list_is_refused(code: str) -> None:
    with pytest.raises(Invalid) as refused:
        money.parse("1", code)
    assert refused.value.code == "unknown_currency"
    with pytest.raises(Invalid):
        money.to_text(1, code)


def test_the_table_has_every_code_once_with_its_own_number() -> None:
    rows = list(money.CURRENCIES.values())
    assert len(rows) == 165
    assert len({row.number for row in rows}) == len(rows)
    assert all(len(row.code) == 3 and len(row.number) == 3 for row in rows)
    assert {row.code for row in rows if row.decimals == 3} == {
        "BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND",
    }  # fmt: skip
    assert {row.code for row in rows if row.decimals == 4} == {"CLF", "UYW"}


def test_the_largest_amount_fits_a_bigint() -> None:
    largest = "9" * money.MAX_WHOLE_DIGITS + ".9999"
    assert len(largest) <= money.MAX_TEXT_LENGTH
    assert 90 * money.parse(largest, "CLF") < 2**63


def test_an_amount_that_is_too_long_is_told_so() -> None:
    for text in ("1" * 16, "1" * 24, "1" * 14 + ".00"):
        with pytest.raises(Invalid, match="at most 13 digits before the point"):
            money.parse(text, "EUR")


@given(st.integers(0, 10**13 - 1), st.sampled_from(sorted(money.CURRENCIES)))
def test_writing_and_reading_is_the_same_amount(minor: int, code: str) -> None:
    assert money.parse(money.to_text(minor, code), code) == minor
