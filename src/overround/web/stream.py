"""`GET /api/v1/stream`: one response that does not end, for all topics of a page.

A layer and no route: what it writes many times a second passes through nothing but the layer that
counts and marks answers.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from types import SimpleNamespace
from typing import Final
from urllib.parse import parse_qs
from uuid import UUID

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from overround.core.errors import Forbidden, Invalid, Unauthenticated
from overround.core.principal import Kind, Principal
from overround.web import frames, outlets
from overround.web.frames import PrivateTopic, Topics
from overround.web.live import Live, Stream, Visit
from overround.web.outlets import Outlet

PATH: Final = "/api/v1/stream"

# Whose topic it is. What is public needs nobody.
_KIND: Final[dict[PrivateTopic, Kind]] = {"account": "player", "office": "staff"}
_QUERY_LENGTH_MAX: Final = 4_000
_HEADERS: Final = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    # A proxy that gathers or packs what passes would hold the prices back.
    (b"cache-control", b"no-store, no-transform"),
    (b"x-accel-buffering", b"no"),
    # Said here, because what is told to everybody is written in chunks by us.
    (b"transfer-encoding", b"chunked"),
]

Authenticate = Callable[[Request], Awaitable[Principal | None]]
MayStay = Callable[[Scope, Principal | None], Awaitable[bool]]


class Streams:
    """ASGI middleware that answers the stream's path and passes on everything else."""

    def __init__(
        self, app: ASGIApp, live: Live, authenticate: Authenticate, may_stay: MayStay
    ) -> None:
        self._app = app
        self._live = live
        self._authenticate = authenticate
        self._may_stay = may_stay

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] != PATH:
            await self._app(scope, receive, send)
            return
        if scope["method"] != "GET":
            raise HTTPException(405, headers={"Allow": "GET"})
        # The log names routes, and this is one to whoever reads it.
        scope["route"] = SimpleNamespace(path=PATH)
        topics = _topics(scope)
        principal = await self._caller(scope, topics)
        book_id: UUID = scope["state"]["book_id"]
        client = scope.get("client")
        visit = Visit(
            scope["state"]["tenant_id"],
            book_id,
            client[0] if client else "",
            principal,
            lambda: self._may_stay(scope, principal),
        )
        stream = self._live.open(visit, topics, frames.mark_of(_header(scope, b"last-event-id")))
        try:
            await _write(stream, outlets.outlet_of(scope), receive, send)
        finally:
            self._live.close(stream)

    async def _caller(self, scope: Scope, topics: Topics) -> Principal | None:
        """Who asks, where a topic belongs to somebody. Raises Unauthenticated and Forbidden."""
        if not topics.private:
            return None
        principal = await self._authenticate(Request(scope))
        if principal is None:
            raise Unauthenticated
        if {_KIND[topic] for topic in topics.private} != {principal.kind}:
            raise Forbidden
        return principal


async def _write(stream: Stream, outlet: Outlet | None, receive: Receive, send: Send) -> None:
    """Everything that the stream gives, until it or its client ends."""
    loop = asyncio.get_running_loop()
    leaving = asyncio.create_task(_until_left(receive))
    leaving.add_done_callback(lambda _: stream.end("restart"))
    try:
        await send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
        # At once, so that a page knows that it is connected before anything happens.
        await send(_body(frames.retry(stream.room.retry_ms())))
        stream.outlet = outlet
        is_last = False
        while not is_last:
            chunk = await stream.next()
            is_last = stream.is_over
            stream.sending_since_s = loop.time()
            await send(_body(chunk, more=not is_last))
            stream.sending_since_s = None
    except asyncio.CancelledError:
        # Cut off, because the client does not read: the server closes what is left half said.
        if not stream.is_cut_off:
            raise
    finally:
        leaving.cancel()


def _body(chunk: bytes, *, more: bool = True) -> dict[str, object]:
    return {"type": "http.response.body", "body": chunk, "more_body": more}


async def _until_left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _topics(scope: Scope) -> Topics:
    """The topics asked for. Raises Invalid, see `frames.topics`."""
    query = scope["query_string"]
    if len(query) > _QUERY_LENGTH_MAX:
        raise Invalid("the query is too long", code="too_many_topics")
    found = parse_qs(query.decode("latin-1")).get("topics", [])
    if len(found) != 1:
        raise Invalid("name the topics once", code="no_topic")
    return frames.topics(found[0])


def _header(scope: Scope, name: bytes) -> str | None:
    found = [value for key, value in scope["headers"] if key == name]
    return found[0].decode("latin-1") if len(found) == 1 else None
