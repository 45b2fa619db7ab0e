"""Which bodies get in, at the level of ASGI and of JSON."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

import pytest
from starlette.exceptions import HTTPException
from starlette.types import Message, Receive, Scope, Send

from overround.web.bodies import BODY_BYTES_MAX, Bodies, NulInQuery, NumberTooLong, check_json


@pytest.mark.parametrize(
    "body",
    [
        b"{}",
        b'{"a":"\\\\u0000"}',
        b'{"amount":"1"}',
        b'[{"a":1},{"a":2}]',
        b'"\xc3\xa9"',
        b"12.5",
        b"null",
        b" {} ",
    ],
)
def test_json_gets_in(body: bytes) -> None:
    check_json(body)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"{}{}",
        b'{"stake":1,"stake":1000}',
        b'{"a":{"b":1,"b":2}}',
        b'{"a":1,"\\u0061":2}',
        b"[" + b"9" * 31 + b"," + b"[" * 30_000,
        b"[" + b"9" * 31,
        b"NaN",
        b'{"stake":NaN}',
        b"[Infinity]",
        b"[-Infinity]",
        b"[" * 30_000,
        b'{"a":' * 10_000,
        b'"\xff"',
        b"\xff\xfe{\x00}\x00",
        b"{'a':1}",
        b'{"a":"\x00"}',
        b'{"a":"\\u0000"}',
        b'{"a":["b\\u0000c"]}',
    ],
    ids=range(20),
)
def test_anything_else_does_not(body: bytes) -> None:
    with pytest.raises(HTTPException) as refused:
        check_json(body)
    assert refused.value.status_code == 400


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b"9" * 5_000, None),
        (b"1." + b"9" * 5_000, None),
        (b'{"a":1,"sizes":[2,' + b"9" * 31 + b"]}", "sizes/1"),
        (b'{"a":{"b/c~d":-' + b"9" * 31 + b"}}", "a/b~1c~0d"),
    ],
    ids=range(4),
)
def test_a_number_that_is_too_long_is_named(body: bytes, field: str | None) -> None:
    with pytest.raises(NumberTooLong) as refused:
        check_json(body)
    assert refused.value.field == field


async def _echo(scope: Scope, receive: Receive, send: Send) -> None:
    message = await receive()
    await send({"type": "http.response.body", "body": message.get("body", b"")})


def _send(
    chunks: Iterable[bytes],
    method: str = "POST",
    kind: bytes | None = b"application/json",
    length: bytes | None = None,
    timeout_s: float = 5.0,
    hang: bool = False,
    path: str = "/api/v1/bets",
    query: bytes = b"",
) -> bytes:
    """The body that reaches the application when these chunks arrive."""
    headers = [(b"content-type", kind)] if kind else []
    headers += [(b"content-length", length)] if length else []
    scope: Scope = {
        "type": "http",
        "method": method,
        "path": path,
        "query_string": query,
        "headers": headers,
    }
    waiting = list(chunks)
    reached: list[bytes] = []

    async def receive() -> Message:
        if not waiting and hang:
            await asyncio.Event().wait()
        if not waiting:
            return {"type": "http.disconnect"}
        body = waiting.pop(0)
        return {"type": "http.request", "body": body, "more_body": bool(waiting) or hang}

    async def send(message: Message) -> None:
        reached.append(message["body"])

    asyncio.run(Bodies(_echo, timeout_s)(scope, receive, send))
    return b"".join(reached)


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_nul_never_reaches_the_database(method: str) -> None:
    """PostgreSQL's text has no such character, and would answer with an error of ours."""
    with pytest.raises(NulInQuery) as refused:
        _send([b""], method=method, query=b"text=a%00b")
    assert (refused.value.status, refused.value.code) == (400, "malformed")
    assert _send([b""], method=method, query=b"text=a%2500b") == b""


def test_a_body_in_pieces_arrives_whole() -> None:
    assert _send([b'{"a"', b":", b'"b"}']) == b'{"a":"b"}'


def test_no_body_needs_no_type() -> None:
    assert _send([b""], method="DELETE", kind=None) == b""


def test_the_largest_body_gets_in_and_one_byte_more_does_not() -> None:
    largest = b'"' + b"a" * (BODY_BYTES_MAX - 2) + b'"'
    assert _send([largest]) == largest
    for chunks, length in (
        ([largest + b" "], None),
        ([b" " * 1000] * 66, None),
        ([b"{}"], b"65537"),
        ([b"{}"], b"9" * 5000),
    ):
        with pytest.raises(HTTPException) as refused:
            _send(chunks, length=length)
        assert refused.value.status_code == 413


@pytest.mark.parametrize(
    "kind", [None, b"text/plain", b"application/x-www-form-urlencoded", b"application/jsonp", b""]
)
def test_only_json_gets_in(kind: bytes | None) -> None:
    with pytest.raises(HTTPException) as refused:
        _send([b"{}"], kind=kind)
    assert refused.value.status_code == 415


def test_a_form_gets_in_on_a_page_and_nothing_else_does() -> None:
    form = b"application/x-www-form-urlencoded"
    assert _send([b"amount=5"], kind=form, path="/deposit") == b"amount=5"
    with pytest.raises(HTTPException) as refused:
        _send([b"{}"], kind=b"text/plain", path="/deposit")
    assert refused.value.status_code == 415


def test_json_may_name_its_charset() -> None:
    assert _send([b"{}"], kind=b"Application/JSON; charset=utf-8") == b"{}"


def test_a_body_that_never_ends_is_given_up() -> None:
    with pytest.raises(HTTPException) as refused:
        _send([b"{"], timeout_s=0.05, hang=True)
    assert refused.value.status_code == 408


def test_a_client_that_leaves_halfway_is_no_request() -> None:
    with pytest.raises(HTTPException) as refused:
        _send([])
    assert refused.value.status_code == 400
