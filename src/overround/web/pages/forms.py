"""Forms: read strictly, and asked of the JSON API in process.

A form is a client of the API that happens to have no script: its fields become the JSON they stand
for and the same route answers, with the same checks, cookies and refusals. What the form came with
(the tenant, the token, the peer) is what the route sees; the gate has let it in already.
"""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from inspect import isawaitable
from typing import Any, Final
from urllib.parse import parse_qsl, quote

from fastapi import Request
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse
from starlette.types import Message, Scope

from overround.core.errors import Invalid, NotFound, OverroundError
from overround.web import problems
from overround.web.inside import Heard
from overround.web.pages.fields import Field, told

FIELDS_MAX: Final = 20

# A path of this site: one slash, then neither a slash nor a backslash, which a browser would read
# as another host (test: a form leads nowhere else).
_LOCAL: Final = re.compile(
    r"/(?:[A-Za-z0-9_-][A-Za-z0-9/_.-]{0,200})?(?:\?[A-Za-z0-9=&_.%-]{0,200})?"
)


# Where forms are sent to an address that is no page: the page they stand on. What is refused is
# shown on it, and whoever asks for the address itself is sent there
# (test: the address of a form leads to its page).
_PAGES: Final = (
    (re.compile(r"/office/(risk|approvals|promotions|cashier)/[^/]+"), r"/office/\1"),
    (re.compile(r"/office/settlement/rulings/[^/]+"), "/office/settlement"),
    (re.compile(r"/(?:bets|slips)/[^/]+/.+"), "/bets"),
    (re.compile(r"/withdraw"), "/account"),
    (re.compile(r"/logout"), "/"),
)


# The body for the API that fields mean; raises Invalid and NotFound where they mean nothing.
Body = Mapping[str, object] | None
Asked = Callable[[Mapping[str, str]], Body | Awaitable[Body]]


@dataclass(frozen=True, slots=True)
class Answer:
    """What the API said; `body` is {} where it said nothing."""

    status: int
    body: Mapping[str, Any]
    cookies: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Whether it did what was asked."""
        return self.status < 400


def parse(body: bytes) -> dict[str, str]:
    """The fields of a form. Raises HTTPException 400 for what is not one form, read one way."""
    try:
        pairs = parse_qsl(
            body.decode("ascii"),
            keep_blank_values=True,
            strict_parsing=bool(body),
            errors="strict",
            max_num_fields=FIELDS_MAX,
        )
    except ValueError:
        raise HTTPException(400) from None
    found = dict(pairs)
    # A field that stands twice would be one thing to us and another to whoever reads the log, and
    # no text here can hold NUL.
    if len(found) != len(pairs) or any("\0" in text for pair in pairs for text in pair):
        raise HTTPException(400)
    return found


async def read(request: Request) -> dict[str, str]:
    """The fields of the request's form."""
    return parse(await request.body())


def page_of(path: str) -> str:
    """The address of the page that the answer to a form at `path` shows; mostly `path` itself."""
    for pattern, page in _PAGES:
        if found := pattern.fullmatch(path):
            return found.expand(page)
    return path


def problem(error: OverroundError) -> dict[str, Any]:
    """An error of a form that the API was not asked for, as the API would have said it."""
    said: dict[str, Any] = {"code": error.code, "detail": error.detail}
    if error.field is not None:
        said["errors"] = [{"pointer": problems.pointer(error.field), "detail": error.detail}]
    return said


async def submit(
    request: Request,
    method: str,
    path: str,
    fields: Mapping[str, str],
    asked: Asked,
    known: Sequence[Field] = (),
    *,
    key: str | None = None,
) -> Mapping[str, Any] | None:
    """Ask the API for what the fields mean, by `asked`; None when it was done, else the problem,
    the API's or that of a form which means nothing, told by the fields that are `known`."""
    try:
        meant = asked(fields)
        body = await meant if isawaitable(meant) else meant
    except (Invalid, NotFound) as error:
        return told(problem(error), known)
    answer = await ask(request, method, path, body, key=key)
    return None if answer.ok else told(answer.body, known)


async def step(request: Request, path: str, steps: Collection[str]) -> Mapping[str, Any] | None:
    """Ask the API for the step of the thing at `path` that the form's button says; None when it was
    done, else the problem. Raises NotFound for any other word."""
    word = (await read(request)).get("step", "")
    if word not in steps:
        raise NotFound("no such step")
    answer = await ask(request, "POST", f"{path}/{word}")
    return None if answer.ok else answer.body


def decimal(text: str) -> str:
    """What somebody typed, as the API reads it: a comma is a point, and never of thousands, whose
    three noughts no currency of two decimals takes."""
    return text.strip().replace(",", ".")


def number(fields: Mapping[str, str], name: str, decimals: int = 0) -> int | None:
    """The number of a field, times 10 to the `decimals`: "12,5" with two is 1250; None for an empty
    field. Raises Invalid `number`."""
    text = decimal(fields.get(name, ""))
    if not text:
        return None
    whole, _, rest = text.partition(".")
    digits = whole + rest
    # What is cut off would be another number: nobody types ten digits here.
    if not digits.isdecimal() or not digits.isascii() or len(rest) > decimals or len(whole) > 9:
        said = f"{text[:20]} is no number that is taken here."
        raise Invalid(said, code="number", field=name)
    return int((whole or "0") + rest.ljust(decimals, "0"))


def written(value: int | None, decimals: int = 0) -> str:
    """A number as its field shows it, without noughts behind the point: 1250 with two is "12.5";
    None is empty."""
    if value is None:
        return ""
    whole, rest = divmod(abs(value), 10**decimals)
    fraction = f"{rest:0{decimals}d}".rstrip("0") if decimals else ""
    return f"{'-' if value < 0 else ''}{whole}{'.' if fraction else ''}{fraction}"


def faults(problem: Mapping[str, Any] | None) -> frozenset[str]:
    """The fields that a problem names, as the form calls them."""
    errors = (problem or {}).get("errors", [])
    return frozenset(str(one["pointer"]).rpartition("/")[2] for one in errors)


def local_path(text: str | None, otherwise: str = "/") -> str:
    """`text` where it is a path of this site, else `otherwise`."""
    return text if text is not None and _LOCAL.fullmatch(text) else otherwise


def go(path: str, answer: Answer | None = None) -> RedirectResponse:
    """Send the browser on with GET, with the cookies that the API set."""
    response = RedirectResponse(quote(path, safe="/?=&%"), 303)
    for cookie in answer.cookies if answer else ():
        response.raw_headers.append((b"set-cookie", cookie.encode("latin-1")))
    return response


async def ask(
    request: Request,
    method: str,
    path: str,
    body: Mapping[str, object] | None = None,
    *,
    key: str | None = None,
) -> Answer:
    """Ask the API, in the same process and as the same caller."""
    content = json.dumps(body).encode() if body is not None else b""
    scope = _scope(request.scope, method, path, key, bool(content))
    heard = Heard()
    given = False

    async def receive() -> Message:
        nonlocal given
        if given:
            return {"type": "http.disconnect"}
        given = True
        return {"type": "http.request", "body": content, "more_body": False}

    await request.app(scope, receive, heard.send)
    said = heard.body
    return Answer(heard.status, json.loads(said) if said else {}, heard.cookies)


def _scope(outer: Scope, method: str, path: str, key: str | None, has_body: bool) -> Scope:
    kept = {b"host", b"user-agent", b"authorization", b"cookie"}
    headers = [(name, value) for name, value in outer["headers"] if name in kept]
    if has_body:
        headers.append((b"content-type", b"application/json"))
    if key is not None:
        headers.append((b"idempotency-key", key.encode("latin-1", "replace")))
    names = ("type", "asgi", "http_version", "scheme", "client", "server", "root_path")
    return {
        **{name: outer[name] for name in names if name in outer},
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": headers,
        "state": dict(outer["state"]),
    }
