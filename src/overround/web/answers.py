"""What the raw front asks its routes, and what they answer.

`Copy` is an answer made once with its ETag, for a handler to give many times.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final
from uuid import UUID

from starlette.responses import Response
from starlette.types import Scope

from overround.core.errors import OverroundError
from overround.kit import routes
from overround.web import cors, marks
from overround.web.limits import Told
from overround.web.sites import Site

Headers = Sequence[tuple[bytes, bytes]]

# Headers of one value. Of two, one was planted by somebody else, so that there is none; what else
# stands twice is a list, in which nobody finds the one origin or bearer that he looks for.
_ONCE: Final = frozenset(
    {b"host", b"x-correlation-id", b"traceparent", b"content-type", b"idempotency-key"}
)


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer: `headers` in lower case, content-length among them where there is a body.

    What every answer says beside (security, privacy unless `cache-control` is among them) is put to
    them here, once for an answer that is given many times.
    """

    status: int
    headers: Headers
    body: bytes = b""
    block: bytes = field(repr=False, default=b"")

    def __post_init__(self) -> None:
        if self.block:
            return
        headers = [*self.headers, *marks.around(self.headers)]
        object.__setattr__(self, "headers", headers)
        object.__setattr__(self, "block", marks.block(headers))


@dataclass(slots=True)
class Asked:
    """A request on the raw front.

    `headers` are its headers by lower-case name. `label` is the tenant's name in the host by the
    strict rule, and `site` the tenant, for routes that need one. `scope` is the server's; `counted`
    and `shared` are what the answer will say of limits, and to a page of another origin;
    `allowed` is False past the limit, and None before it was counted; `told` is how a door says it;
    `vain` is what refuses it whatever it asks, and `is_let_in` that a place is kept for it.
    """

    method: str
    path: str
    headers: dict[bytes, bytes]
    ids: marks.Ids
    scope: Scope
    began_ns: int = 0
    site: Site | None = None
    label: str | None = None
    body: bytes = b""
    counted: Headers = ()
    shared: Headers = ()
    allowed: bool | None = None
    told: tuple[Told, int, int] | None = None
    vain: OverroundError | None = None
    is_let_in: bool = False

    @property
    def query(self) -> bytes:
        """The query as it was sent."""
        found: bytes = self.scope["query_string"]
        return found

    @property
    def address(self) -> str:
        """The client's address, behind trusted proxies too."""
        client = self.scope["client"]
        return client[0] if client else ""

    @property
    def tenant_id(self) -> UUID:
        """The tenant of a route that needs one."""
        assert self.site is not None
        return self.site.tenant_id

    def said(self) -> Headers:
        """What the answer says of limits."""
        return self.told[0].headers(*self.told[1:]) if self.told else self.counted

    def said_block(self) -> bytes:
        """The same as it is written."""
        return self.told[0].block(*self.told[1:]) if self.told else marks.block(self.counted)

    def share(self) -> None:
        """Let a page of another origin read the answer, where the tenant names it."""
        origin, site = self.text(b"origin"), self.site
        if origin is not None and site is not None and origin in site.cors:
            self.shared = cors.headers(origin)

    def text(self, name: bytes) -> str | None:
        """A header as text; None where it is absent."""
        value = self.headers.get(name)
        return None if value is None else value.decode("latin-1")


def asked_of(scope: Scope) -> Asked:
    """A request as the server has it, in the words in which the layers take it
    (test: what stands twice is no way in)."""
    pairs: list[tuple[bytes, bytes]] = scope["headers"]
    found = dict(pairs)
    if len(found) != len(pairs):
        _join_doubled(found, pairs)
    ids = marks.ids(found.get(b"x-correlation-id"), found.get(b"traceparent"))
    scope.setdefault("state", {})["ids"] = ids
    return Asked(scope["method"], scope["path"], found, ids, scope, time.monotonic_ns())


def _join_doubled(found: dict[bytes, bytes], pairs: Iterable[tuple[bytes, bytes]]) -> None:
    """Put what stands twice into one value, or take it away (RFC 9110, 5.3; RFC 6265, 5.4)."""
    said: dict[bytes, list[bytes]] = {}
    for name, value in pairs:
        said.setdefault(name, []).append(value)
    for name, values in said.items():
        if len(values) == 1:
            continue
        if name in _ONCE:
            del found[name]
        else:
            found[name] = (b"; " if name == b"cookie" else b", ").join(values)


class Copy:
    """An answer made once: with its ETag, and the 304 for who has it already."""

    __slots__ = ("_full", "_unchanged", "etag")

    def __init__(self, body: bytes, media_type: str, cache_control: str = "no-cache") -> None:
        self.etag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
        kept = [(b"etag", self.etag.encode()), (b"cache-control", cache_control.encode())]
        shape = [(b"content-type", media_type.encode()), (b"content-length", b"%d" % len(body))]
        self._full = Answer(200, (*shape, *kept), body)
        self._unchanged = Answer(304, tuple(kept))

    def answer(self, asked: Asked) -> Answer:
        """The whole of it, or 304."""
        known = asked.headers.get(b"if-none-match")
        if known is not None and routes.matches(self.etag, known.decode("latin-1")):
            return self._unchanged
        return self._full


def json_answer(status: int, body: bytes, *headers: tuple[bytes, bytes]) -> Answer:
    """An answer of JSON that is made for this request."""
    said, block = _json_headers(headers)
    length = b"%d" % len(body)
    return Answer(
        status,
        [(b"content-length", length), *said],
        body,
        b"content-length: %b\r\n%b" % (length, block),
    )


@lru_cache(maxsize=256)
def _json_headers(headers: tuple[tuple[bytes, bytes], ...]) -> tuple[marks.Headers, bytes]:
    """What an answer of JSON with these headers says, but for its length: as pairs and written."""
    said = [(b"content-type", b"application/json"), *headers]
    said += marks.around(said)
    return said, marks.block(said)


def of_response(response: Response) -> Answer:
    """A framework's answer as one of the front's."""
    return Answer(response.status_code, response.raw_headers, bytes(response.body))
