from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from overround.core import odds_format, price
from overround.core.errors import Invalid
from tests.core.reference import Case, cases

PRICES = st.fractions(Fraction(10_001, 10_000), 100_000, max_denominator=10**9)


@pytest.mark.parametrize("case", cases("convert"))
def test_published_conversions(case: Case) -> None:
    given = case.given
    decimal_price = odds_format.parse(given["value"], given["from"])
    converted = odds_format.to_value(decimal_price, given["to"])
    wish = Fraction(str(case.expect["value"]))
    assert abs(converted - wish) <= Fraction(case.tolerance)


# A row is one price in all seven formats.
ROWS = [
    "decimal fractional hongkong malay indonesian american probability",
    "1.5     1/2        0.5      0.5   -2         -200     0.666666666666666667",
    "1.8     4/5        0.8      0.8   -1.25      -125     0.555555555555555556",
    "2       1/1        1        1     1          100      0.5",
    "2.1     11/10      1.1      -0.909090909090909091 1.1 110 0.47619047619047619",
    "3.5     5/2        2.5      -0.4  2.5        250      0.285714285714285714",
    "11      10/1       10       -0.1  10         1000     0.090909090909090909",
]


@pytest.mark.parametrize("row", ROWS[1:])
def test_a_price_in_every_format(row: str) -> None:
    written = dict(zip(ROWS[0].split(), row.split(), strict=True))
    decimal_price = odds_format.parse(written["decimal"], "decimal")
    for name, text in written.items():
        assert odds_format.to_text(decimal_price, name) == text, name


@pytest.mark.parametrize(
    ("text", "name", "decimal_price"),
    [
        ("-110", "american", "21/11"),
        ("\u2212110", "american", "21/11"),
        ("+250", "american", "7/2"),
        ("-100", "american", "2"),
        ("-1", "malay", "2"),
        ("-0.5", "malay", "3"),
        ("-1", "indonesian", "2"),
        ("5", "fractional", "6"),
        ("0.40", "probability", "5/2"),
    ],
)
def test_a_written_price_is_read_exactly(text: str, name: str, decimal_price: str) -> None:
    assert odds_format.parse(text, name) == Fraction(decimal_price)


@given(PRICES, st.sampled_from(sorted(odds_format.FORMATS)))
def test_a_price_written_and_read_is_the_same_price(decimal_price: Fraction, name: str) -> None:
    odds = odds_format.known(name)
    value = odds_format.to_value(decimal_price, name)
    assert odds.allows(value)
    assert 1 + odds.profit(value) == decimal_price


@given(PRICES)
def test_a_feed_keeps_the_price_rounded_down(decimal_price: Fraction) -> None:
    kept = price.from_fraction(decimal_price)
    assert 0 <= decimal_price - price.to_fraction(kept) < Fraction(1, 10_000)


def test_other_formats_round_down_to_a_stored_price() -> None:
    assert odds_format.to_price_e4("-110", "american") == 19_090
    assert odds_format.to_price_e4("-0.90", "malay") == 21_111


@pytest.mark.parametrize(
    ("text", "name", "code"),
    [
        ("1", "decimal", "price_out_of_range"),
        ("0.5", "decimal", "price_out_of_range"),
        ("-2", "decimal", "price_out_of_range"),
        ("100000.01", "decimal", "price_out_of_range"),
        ("0", "hongkong", "price_out_of_range"),
        ("99", "american", "price_out_of_range"),
        ("-99.9", "american", "price_out_of_range"),
        ("0", "american", "price_out_of_range"),
        ("1.01", "malay", "price_out_of_range"),
        ("0", "malay", "price_out_of_range"),
        ("-0.000001", "malay", "price_out_of_range"),
        ("0.99", "indonesian", "price_out_of_range"),
        ("0/1", "fractional", "price_out_of_range"),
        ("-1/2", "fractional", "price_out_of_range"),
        ("0", "probability", "probability_out_of_range"),
        ("1", "probability", "probability_out_of_range"),
        ("0.000001", "probability", "price_out_of_range"),
        ("1/0", "fractional", "invalid_number"),
        ("5/2", "decimal", "invalid_number"),
        ("1E+999999", "american", "invalid_number"),
        ("9" * 5_000, "american", "invalid_number"),
        ("2", "roman", "unknown_method"),
    ],
)
def test_what_a_format_cannot_say_is_refused(text: str, name: str, code: str) -> None:
    with pytest.raises(Invalid) as refused:
        odds_format.parse(text, name)
    assert refused.value.code == code


def test_a_price_that_rounds_down_to_one_is_not_kept() -> None:
    with pytest.raises(Invalid):
        price.from_fraction(Fraction(1_000_001, 1_000_000))
    with pytest.raises(Invalid):
        price.from_fraction(Fraction(100_001))
