from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from overround.core import line
from overround.core.errors import Invalid


@pytest.mark.parametrize(
    ("text", "line_q4"),
    [
        ("0", 0),
        ("2.5", 10),
        ("2.50", 10),
        ("-0.25", -1),
        ("+1.75", 7),
        ("\u22120.75", -3),
        ("-0", 0),
        ("3", 12),
        ("1000", 4000),
        ("0.5/1", 3),
        ("0.5/1.0", 3),
        ("1/1.5", 5),
        ("-0/0.5", -1),
        ("-0/-0.5", -1),
        ("0/-0.5", -1),
        ("0/0.5", 1),
        ("-0.5/1", -3),
        ("\u22120.5/\u22121", -3),
        ("1/0.5", 3),
    ],
)
def test_a_line_is_read_in_quarters(text: str, line_q4: int) -> None:
    assert line.parse(text) == line_q4


@pytest.mark.parametrize(
    "text",
    [
        "", " 1", "1\n", "1.", ".5", "1.1", "1.125", "1e1", "NaN", "--1", "\u0661", "1,5",
        "0.5/1.5", "0.25/0.75", "1/1", "0.5/-1", "-0.5/+1", "0/0.5/1", "1" * 6, "9" * 1_000_000,
    ],
)  # fmt: skip
def test_what_is_not_a_line_is_refused(text: str) -> None:
    with pytest.raises(Invalid) as refused:
        line.parse(text)
    assert refused.value.code == "invalid_number"


@pytest.mark.parametrize("text", ["1000.25", "-1000.25", "99999"])
def test_a_line_nobody_trades_is_refused(text: str) -> None:
    with pytest.raises(Invalid) as refused:
        line.parse(text)
    assert refused.value.code == "line_out_of_range"


@given(st.integers(-line.MAX_LINE_Q4, line.MAX_LINE_Q4))
def test_writing_and_reading_is_the_same_line(line_q4: int) -> None:
    assert line.parse(line.to_text(line_q4)) == line_q4


@given(st.integers(-line.MAX_LINE_Q4, line.MAX_LINE_Q4))
def test_the_halves_of_a_line_are_no_quarters_and_average_to_it(line_q4: int) -> None:
    lower, upper = line.split(line_q4)
    assert lower % 2 == upper % 2 == 0
    assert lower + upper == 2 * line_q4
    assert upper - lower == (2 if line_q4 % 2 else 0)


def test_lines_are_written_without_superfluous_digits() -> None:
    assert [line.to_text(q) for q in (10, -1, 0, 12, 7, -4)] == [
        "2.5", "-0.25", "0", "3", "1.75", "-1",
    ]  # fmt: skip
