"""Past the server's machinery: the same bytes written to thousands of responses in one loop.

An ASGI application sends by a coroutine, so whoever tells a frame to five thousand clients wakes
five thousand tasks, each of which passes every layer and has the frame packed for itself. A server
that runs `Connection` lends each request its connection's transport, and a response that has begun
may write chunks to it. Without it, or while a client reads slowly, the coroutine is the way.
"""

from __future__ import annotations

import asyncio
from typing import Final, cast

from starlette.types import Scope
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

EXTENSION: Final = "overround.outlet"
_TRANSPORT: Final = "transport"
# What may be unsent when more is written. The server lets its coroutine wait from 64 KiB on.
UNSENT_BYTES_MAX: Final = 32 * 1024


class Connection(HttpToolsProtocol):
    """uvicorn's connection, which names its transport in the scope of each request."""

    def on_message_begin(self) -> None:
        """A request has begun, and with it its scope."""
        super().on_message_begin()
        self.scope["extensions"] = {EXTENSION: {_TRANSPORT: self.transport}}


class Outlet:
    """The way out of one response whose head says `Transfer-Encoding: chunked` and was sent."""

    __slots__ = ("_transport",)

    def __init__(self, transport: asyncio.WriteTransport) -> None:
        self._transport = transport

    def write(self, chunk: bytes) -> bool:
        """Write a chunk, packed by `packed`; False, and nothing written, when too much is unsent
        (test: who reads nothing is not written to without end)."""
        transport = self._transport
        if transport.is_closing() or transport.get_write_buffer_size() > UNSENT_BYTES_MAX:
            return False
        transport.write(chunk)
        return True


def outlet_of(scope: Scope) -> Outlet | None:
    """The way out of the response to this request, where the server lends one."""
    lent = cast("dict[str, dict[str, object]]", scope.get("extensions") or {}).get(EXTENSION)
    # HTTP/1.0 knows no chunks; uvicorn writes them all the same, and we write as it does.
    transport = lent.get(_TRANSPORT) if lent else None
    return Outlet(cast("asyncio.WriteTransport", transport)) if transport is not None else None


def packed(body: bytes) -> bytes:
    """A part of a body as a chunk of HTTP/1.1; it must not be empty, for that is the end."""
    return b"%x\r\n%b\r\n" % (len(body), body)
