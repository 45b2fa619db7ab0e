from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from overround.core import rational
from overround.core.errors import Invalid


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2", "2"), ("-0.25", "-1/4"), ("+110", "110"), (".5", "1/2"), ("-.5", "-1/2"),
        ("\u2212110", "-110"), ("007.50", "15/2"), ("9" * 40, "9" * 40),
    ],
)  # fmt: skip
def test_a_plain_decimal_is_read_exactly(text: str, value: str) -> None:
    assert rational.parse(text) == rational.parse_ratio(text) == Fraction(value)


@pytest.mark.parametrize(
    ("text", "value"), [("25/13", "25/13"), ("1/5", "1/5"), ("0.5/2", "1/4"), ("-3/4", "-3/4")]
)
def test_a_fraction_is_read_where_one_may_stand(text: str, value: str) -> None:
    assert rational.parse_ratio(text) == Fraction(value)
    with pytest.raises(Invalid):
        rational.parse(text)


@pytest.mark.parametrize(
    "text",
    [
        "", " 1", "1 ", "1\n", "1.", ".", "-", "--1", "1,5", "1e5", "1E+999999", "NaN", "nan",
        "Infinity", "-inf", "0x10", "1_000", "\u0661", "\uff12", "1/0", "1/0.0", "1/-2", "/2",
        "1/2/3", "9" * 41, "9" * 5_000, "1." + "0" * 5_000,
    ],
)  # fmt: skip
def test_what_is_not_a_plain_number_is_refused(text: str) -> None:
    for read in (rational.parse, rational.parse_ratio):
        with pytest.raises(Invalid) as refused:
            read(text)
        assert refused.value.code == "invalid_number"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("2", "2"), ("1/2", "0.5"), ("-1/4", "-0.25"), ("0", "0"),
        ("21/11", "1.909090909090909091"), ("2/3", "0.666666666666666667"),
        ("1/8", "0.125"), ("-1/1000000000000000000000", "0"),
    ],
)  # fmt: skip
def test_a_number_is_written_exactly_or_to_eighteen_places(value: str, text: str) -> None:
    assert rational.to_text(Fraction(value)) == text


@given(st.integers(-(10**30), 10**30), st.integers(0, 18))
def test_what_has_few_decimals_comes_back_as_it_was(digits: int, places: int) -> None:
    value = Fraction(digits, 10**places)
    text = rational.to_text(value)
    if len(text) <= rational.MAX_TEXT_LENGTH:
        assert rational.parse(text) == value
