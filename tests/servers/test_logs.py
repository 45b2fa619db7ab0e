"""A log line is one JSON object, whatever the text in it wants."""

from __future__ import annotations

import json
import logging
from collections.abc import Generator

import pytest

from overround.kit import logs
from tests.support.edge import restored_logging


@pytest.fixture(autouse=True)
def put_back() -> Generator[None]:
    """Leave the process's logging as it was."""
    with restored_logging():
        yield
    logs.unbind_all()


@pytest.mark.parametrize(
    ("hostile", "cleaned"),
    [
        ('ann\n{"event": "paid"}', 'ann {"event": "paid"}'),
        ("ann\r\nbob", "ann bob"),
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]0;title\x07text", "text"),
        ("\x1b]8;;http://x\x1b\\link", "link"),
        ("a\x00b\x7fc\x85d\u2028e", "a b c d e"),
        ("Málaga · 東京", "Málaga · 東京"),
        ("x" * logs.TEXT_CHARS_MAX, "x" * logs.TEXT_CHARS_MAX),
    ],
)
def test_text_is_cleaned(hostile: str, cleaned: str) -> None:
    assert logs.clean(hostile) == cleaned


def test_a_line_is_one_object_with_its_correlation_id(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("info")
    logs.bind(correlation_id="c-1")
    logs.get("test").info("placed", name="a\nb", nested={"k\x1b[1m": ["\x1b[31mv\r\n"]}, n=3)
    (line,) = capsys.readouterr().err.splitlines()
    found = json.loads(line)
    assert found["event"] == "placed"
    assert found["correlation_id"] == "c-1"
    assert found["level"] == "info"
    assert found["name"] == "a b"
    assert found["nested"] == {"k": ["v "]}
    assert found["n"] == 3


def test_lines_of_libraries_are_cleaned_too(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("warning")
    logging.getLogger("library").warning("got %s", "x\ny\x1b[2J")
    logging.getLogger("library").info("quiet")
    (line,) = capsys.readouterr().err.splitlines()
    assert json.loads(line)["event"] == "got x y"


def test_an_exception_stays_on_its_line(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("info")
    try:
        int("first\nsecond")
    except ValueError:
        logs.get("test").exception("failed")
    (line,) = capsys.readouterr().err.splitlines()
    assert "ValueError: invalid literal" in json.loads(line)["exception"]


def divided(deep: int) -> int:
    """One by nothing, so many calls deep; no two neighbours alike, which a traceback would fold."""
    return divided_too(deep - 1) if deep else 1 // deep


def divided_too(deep: int) -> int:
    return divided(deep)


def test_a_long_exception_says_what_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    """Its first frame, its type and its message, of which none may be far from an end."""

    logs.configure("info")
    try:
        divided(40)
    except ZeroDivisionError:
        logs.get("test").exception("failed")
    (line,) = capsys.readouterr().err.splitlines()
    said = json.loads(line)["exception"]
    assert said.startswith("Traceback (most recent call last):")
    assert said.endswith("ZeroDivisionError: integer division or modulo by zero")
    assert "characters some are left out" in said
    assert len(said) <= logs.TEXT_CHARS_MAX


def test_a_text_of_any_length_is_bounded() -> None:
    for length in range(logs.TEXT_CHARS_MAX - 2, logs.TEXT_CHARS_MAX + 100):
        text = "a" * (length - 1) + "z"
        found = logs.clean(text)
        assert len(found) == min(length, logs.TEXT_CHARS_MAX)
        assert found[-1] == "z"


def test_a_level_that_is_not_wanted_is_silent(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("error")
    logs.get("test").warning("quiet")
    assert capsys.readouterr().err == ""
