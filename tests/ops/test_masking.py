"""No secret is written: not under its name, not by its shape, not one that this process knows."""

from __future__ import annotations

import io
import json
import logging
import re
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from overround.kit import logs
from overround.kit.masking import STARS, Masks, is_secret_name
from tests.support.edge import restored_logging
from tests.tidy.source import PACKAGE

SECRET = "hunter2-S3cr3t"
# Names as people write them, with every separator.
NAMES = st.sampled_from(
    [
        "password", "new_password", "Password", "userPassword", "PASSWD", "api_key", "apiKey",
        "X-Api-Key", "API_KEYS", "token", "access_token", "refreshToken", "Authorization",
        "cookie", "Set-Cookie", "client_secret", "dsn", "signing_key", "totp",
    ]
)  # fmt: skip
HARMLESS = st.sampled_from(["monkey", "token_count", "keyboard", "path", "provider", "reason"])
PLAIN = st.text(max_size=20)


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    with restored_logging():
        written = io.StringIO()
        logs.configure("debug", written)
        yield written


def nested(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(HARMLESS, inner, max_size=3), inner
    )


WITH_SECRET = st.recursive(
    st.dictionaries(NAMES, st.just(SECRET), min_size=1, max_size=3), nested, max_leaves=6
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(WITH_SECRET)
def test_nothing_under_a_secret_name_is_shown(value: Any) -> None:
    assert SECRET not in str(Masks().value({"fields": value}))


@settings(max_examples=60, deadline=None)
@given(PLAIN, PLAIN, st.booleans())
def test_a_hidden_secret_is_shown_nowhere(before: str, after: str, in_repr: bool) -> None:
    masks = Masks()
    masks.hide(SECRET, None, "x")
    text = f"{before}{SECRET}{after}"
    text = repr(text) if in_repr else text
    assert SECRET not in str(masks.value({"reason": text, "list": [text], text: 1}))


@pytest.mark.parametrize(
    "text",
    [
        f"postgresql://ann:{SECRET}@db:5432/x failed",
        f"GET https://x.example/feed?apiKey={SECRET}&page=1",
        f"connection to password={SECRET} dbname=x",
        f"Authorization: Bearer {SECRET}",
        f"basic {SECRET}",
        f'{{"password": "{SECRET}"}}',
        f"token: {SECRET}",
        f"ovw_{SECRET}",
        f"sk-{SECRET}",
        f"eyJhbGciOiJIUzI1NiJ9.eyJzdWIi.{SECRET}",
        f"ove\x1b[0mr password\x00={SECRET}",
    ],
)
def test_the_shape_of_a_secret_is_enough(text: str) -> None:
    assert SECRET not in logs.shown(text)
    assert STARS in logs.shown(text)


@pytest.mark.parametrize(
    "text",
    [
        "the match Bear v Basic Town at 12:30",
        "event.started provider=goalserve prices=812",
        "https://x.example/feed?page=1",
        "selection 1x2: home",
        "keyboard: cat",
    ],
)
def test_what_is_no_secret_is_left_alone(text: str) -> None:
    assert logs.shown(text) == text


def test_names_are_told_apart() -> None:
    assert not is_secret_name("token_count")
    assert not is_secret_name("monkey")
    assert not is_secret_name("key")
    assert not is_secret_name("session_id")
    assert is_secret_name("HTTP_AUTHORIZATION")
    assert is_secret_name("apikey")


def test_no_way_into_the_log_shows_a_secret(stream: io.StringIO) -> None:
    logs.hide(SECRET)
    log = logs.get("test")
    log.info("a.b", password="x1y2z3", nested={"api_key": "x1y2z3", "url": f"http://a:{SECRET}@h"})
    log.error("a.c", reason=ValueError(f"no {SECRET}"))
    try:
        int(SECRET)
    except ValueError:
        log.exception("a.d")
    logging.getLogger("psycopg.pool").warning("cannot connect to %s", f"postgresql://a:{SECRET}@h")
    logging.getLogger("uvicorn.error").error("broken %s", {"token": SECRET})
    logs.line("overround.http", "http.request", {"path": f"/x/{SECRET}", "status": 200})
    logs.security("login.refused", user_id="7", token="x1y2z3")
    text = stream.getvalue()
    assert SECRET not in text
    assert "x1y2z3" not in text
    lines = [json.loads(line) for line in text.splitlines()]
    assert [one["level"] for one in lines] == [
        "info", "error", "error", "warning", "error", "info", "info"
    ]  # fmt: skip
    assert lines[-1]["kind"] == "security"


def test_a_request_has_one_line_with_all_its_fields(stream: io.StringIO) -> None:
    fields = {
        "correlation_id": "c-1", "request_id": "r-1", "tenant": "acme", "user_id": "7",
        "method": "GET", "path": "/a\nb", "status": 200,
    }  # fmt: skip
    logs.line("overround.http", "http.request", fields)
    (line,) = [json.loads(one) for one in stream.getvalue().splitlines()]
    assert {**fields, "path": "/a b"}.items() <= line.items()
    assert (line["event"], line["level"]) == ("http.request", "info")
    assert line["timestamp"].endswith("Z")


def test_a_level_of_its_own_silences_one_logger(stream: io.StringIO) -> None:
    logs.configure("info", stream, {"overround.http": "warning", "overround.loud": "debug"})
    logs.line("overround.http", "http.request", {})
    logs.get("overround.http").info("http.request")
    logs.get("overround.loud").debug("heard.too")
    logs.get("overround.other").debug("not.heard")
    logs.business("bet.placed", stake_minor=1_000)
    logs.performance("query.slow", taken_ms=812.3456)
    lines = [json.loads(one) for one in stream.getvalue().splitlines()]
    assert [one["event"] for one in lines] == ["heard.too", "bet.placed", "query.slow"]
    assert [one.get("kind") for one in lines] == [None, "business", "performance"]
    assert lines[-1]["taken_ms"] == 812.35


_LOGGED = re.compile(
    r"\b(?:_?log\.(?:debug|info|warning|error|exception|critical)"
    r"|logs\.(?:security|business|performance))\(\s*\"([^\"]*)\""
)
_DOTTED = re.compile(r"[a-z0-9_]+(\.[a-z0-9_]+)+")


def undotted(text: str) -> list[str]:
    """Events that are written as text and are no dotted names in lower case."""
    return [event for event in _LOGGED.findall(text) if not _DOTTED.fullmatch(event)]


def test_every_event_has_a_dotted_name() -> None:
    texts = (path.read_text(encoding="utf-8") for path in PACKAGE.rglob("*.py"))
    assert [one for text in texts for one in undotted(text)] == []


def test_an_event_without_a_dot_is_found() -> None:
    assert undotted('_log.info("Something happened")') == ["Something happened"]
    assert undotted('logs.security(\n    "login", a=1)') == ["login"]
    assert not undotted('_log.info("feed.read")')
