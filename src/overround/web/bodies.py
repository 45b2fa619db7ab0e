"""Request bodies: bounded, JSON, and read one way only.

The whole body is read here (at most 64 kB, within ten seconds) and handed on in one piece. What a
lax reader would let through is refused: a key that stands twice (the last would silently win),
NaN and infinities, nesting that would exhaust the stack, and NUL, here and in the query, because
no text of the database can hold one (test: a nul never reaches the database).
"""

from __future__ import annotations

import asyncio
import json
import re
from typing import Any, Final, cast

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from overround.core.errors import Invalid, Refusal
from overround.web.ids import header
from overround.web.origins import SAFE_METHODS

BODY_BYTES_MAX: Final = 64 * 1024
READ_TIMEOUT_S: Final = 10.0
JSON: Final = "application/json"
FORM: Final = "application/x-www-form-urlencoded"
_DIGITS_MAX: Final = 30
_NUL_IN_QUERY: Final = b"%00"
# The escape itself; behind another backslash the same letters are just text.
_NUL_IN_JSON: Final = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")
# The rest of such a body is not read, so its connection cannot be used again.
_CLOSE: Final = {"Connection": "close"}


class NumberTooLong(Invalid):
    """A number of a request has at most 30 digits."""

    code = "number_too_long"


class NulInQuery(Refusal):
    """A query is without NUL: no text here can hold one."""

    code = "malformed"
    status = 400


class _TooLong(ValueError):
    """A number that is not converted."""


def check_json(body: bytes) -> None:
    """Raises HTTPException 400 unless the bytes are strict JSON in UTF-8, without NUL; and
    NumberTooLong, which names the field."""
    if _NUL_IN_JSON.search(body):
        raise HTTPException(400)
    try:
        text = body.decode("utf-8")
        try:
            _STRICT.decode(text)
        except _TooLong:
            # What stands behind the number has not been looked at yet.
            raise NumberTooLong(field=_too_long_at(json.loads(text, **_MARKED))) from None
    except (ValueError, RecursionError):
        raise HTTPException(400) from None


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands twice")
    return found


def _no_constant(text: str) -> object:
    raise ValueError(f"{text} is not JSON")


def _short(text: str) -> str:
    """Numbers are not converted here; one of thousands of digits would be costly anywhere."""
    if len(text) > _DIGITS_MAX:
        raise _TooLong
    return text


def _marked(text: str) -> object:
    return _TooLong if len(text) > _DIGITS_MAX else 0


_MARKED: Final[dict[str, Any]] = {"parse_int": _marked, "parse_float": _marked}


def _too_long_at(found: object) -> str | None:
    """Where the first number that is too long stands, as a path; None: it is the body itself."""
    waiting: list[tuple[str, object]] = [("", found)]
    while waiting:
        path, value = waiting.pop()
        if value is _TooLong:
            return path[1:] or None
        inner: list[tuple[object, object]] = []
        if isinstance(value, dict):
            inner = list(cast("dict[object, object]", value).items())
        elif isinstance(value, list):
            inner = list(enumerate(cast("list[object]", value)))
        waiting += [(f"{path}/{_escaped(name)}", one) for name, one in reversed(inner)]
    return None


def _escaped(name: object) -> str:
    """A name as a JSON pointer writes it, as much of it as an answer shows."""
    return str(name).replace("~", "~0").replace("/", "~1")[:100]


_STRICT: Final = json.JSONDecoder(
    object_pairs_hook=_once,
    parse_constant=_no_constant,
    parse_int=_short,
    parse_float=_short,
)


class Bodies:
    """ASGI middleware for requests that may carry a body."""

    def __init__(self, app: ASGIApp, read_timeout_s: float = READ_TIMEOUT_S) -> None:
        self._app = app
        self._read_timeout_s = read_timeout_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and _NUL_IN_QUERY in scope["query_string"]:
            raise NulInQuery
        if scope["type"] != "http" or scope["method"] in SAFE_METHODS:
            await self._app(scope, receive, send)
            return
        body = await read(scope, receive, self._read_timeout_s)
        await self._app(scope, _replay(body, receive), send)


async def read(scope: Scope, receive: Receive, timeout_s: float = READ_TIMEOUT_S) -> bytes:
    """The whole body, checked. Raises HTTPException 400, 408, 413 or 415."""
    length = header(scope, b"content-length") or "0"
    # Seven digits are above the limit whatever they are.
    if len(length) > 6 or int(length) > BODY_BYTES_MAX:
        raise HTTPException(413, headers=_CLOSE)
    try:
        async with asyncio.timeout(timeout_s):
            body = await _collect(receive)
    except TimeoutError:
        raise HTTPException(408, headers=_CLOSE) from None
    if body:
        _check(body, header(scope, b"content-type") or "", scope["path"])
    return body


def checked(body: bytes, kind: str, path: str) -> bytes:
    """A body that is there already, of the content type `kind`; raises as `read` does."""
    if len(body) > BODY_BYTES_MAX:
        raise HTTPException(413, headers=_CLOSE)
    if body:
        _check(body, kind, path)
    return body


def _check(body: bytes, said: str, path: str) -> None:
    kind = said if said == JSON else said.partition(";")[0].strip().lower()
    # A form is a page's: the API reads one language, and a page reads its form strictly.
    if kind == FORM and not path.startswith("/api/"):
        return
    if kind != JSON:
        raise HTTPException(415)
    check_json(body)


async def _collect(receive: Receive) -> bytes:
    chunks: list[bytes] = []
    size, more = 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise HTTPException(400, headers=_CLOSE)
        chunks.append(message.get("body", b""))
        size += len(chunks[-1])
        if size > BODY_BYTES_MAX:
            raise HTTPException(413, headers=_CLOSE)
        more = message.get("more_body", False)
    return b"".join(chunks)


def _replay(body: bytes, receive: Receive) -> Receive:
    """A receive that gives the body once and then what the connection says."""
    given = False

    async def receive_again() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return receive_again
