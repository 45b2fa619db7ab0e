"""The connection itself: what is refused before there is a request.

A head that does not come in time, or is too large, or could be read in two ways (no Host or two, a
length beside chunks, a body where another protocol is wished for, an address of another host), is
answered with a problem like everything else, and its connection is closed
(tests/web/test_hostile.py). The server's own checks are kept.

And what is answered as soon as it has been read: an application that names `instant_urls` is asked
for those by `at_once` (for all, while it `is_beset`), before the server makes a task, an event and
a timer for the request, which cost more than such an answer does
(test: what is answered at once is answered the same).

A write that the application refuses before it has looked at anything (`is_vain`) has no task
either, and its refusal a moment's delay. Whoever is told no at once asks again at once: hundreds of
such connections took the process from those whose bets it had, and each step of a bet waited until
all of them had been told again (test: who comes in vain waits a moment and holds up nobody).
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterable
from contextlib import suppress
from http import HTTPStatus
from typing import Any, ClassVar, Final, cast

import httptools
from starlette.types import Scope
from uvicorn.protocols.http.httptools_impl import (
    STATUS_LINE,
    HttpToolsProtocol,
    RequestResponseCycle,
)

from overround.web import holds, marks
from overround.web.giving import unasked
from overround.web.origins import SAFE_METHODS
from overround.web.shortcuts import DIRECT, WHOLE, Instant, instant

HEAD_BYTES_MAX: Final = 32 * 1024
HEADERS_MAX: Final = 100
HEAD_S: Final = 10.0
# Who reads nothing of its answer for so long has gone without a word.
UNREAD_S: Final = 30.0
SWEEP_EVERY_S: Final = 0.5
# What says how much of what follows is this request's: of two, a proxy might believe the other one.
# The parser takes a request that would speak something else for one without a body, so that the
# body would be read as the next request (test: a body is never taken for a request).
_LENGTHS: Final = frozenset({b"content-length", b"transfer-encoding", b"upgrade"})
# A target that the server would not read in any other way: its path is what is written.
_PLAIN: Final = re.compile(rb"(?!//)/[!\"$&-;=>@-~]*(?:\?[!\"$-~]*)?")
# So many requests of one piece are answered at once; who sends more in a row waits for others, too.
AT_ONCE_MAX: Final = 16
# A refused body of more is not let pass unread; the application says what is too large.
_VAIN_BYTES_MAX: Final = 64 * 1024
# For an answer that came before its request had come: so much is still read, and for so long.
LINGER_S: Final = 2.0
LINGER_BYTES_MAX: Final = 4_000_000
# What may come behind a head before its message is whole. A body is counted by the application,
# but nobody else counts what stands between chunks and behind the last one.
BEHIND_BYTES_MAX: Final = 1_000_000


class _Lingering:
    """The way out of an answer whose request has a body: it closes when the body has come."""

    __slots__ = ("_transport", "_wire", "is_closing", "write")

    def __init__(self, wire: Wire, transport: asyncio.Transport) -> None:
        self._wire = wire
        self._transport = transport
        self.write = transport.write
        self.is_closing = transport.is_closing

    def close(self) -> None:
        """Close the connection; what is written arrives first."""
        self._wire.linger()


class Refused(Exception):
    """The head of a request is not taken."""


class Wire(holds.Holding):
    """uvicorn's connection with an end to everything that may be waited for."""

    _dated: ClassVar[tuple[list[tuple[bytes, bytes]], bytes]] = ([], b"")
    _lent: dict[str, object] | None = None
    _is_in_head = True
    _was_refused = False
    _heads = 0
    # How much has come of the head, or behind it, while it is not whole.
    _part_bytes = 0
    _since_s: float | None = None
    _unread_since_s: float | None = None
    _status = HTTPStatus.BAD_REQUEST
    _lingers_since_s: float | None = None
    _lingered_bytes = 0
    _instant: Instant | None = None
    _instant_urls: frozenset[bytes] = frozenset()
    _vain_urls: frozenset[bytes] = frozenset()
    # The request that comes in vain while its body comes; then, until it is told so.
    _vain: Scope | None = None
    _untold: Scope | None = None
    # The request that is being answered at once; whether the last one was; how many more may be.
    _now: Scope | None = None
    _was_at_once = False
    _at_once_left = AT_ONCE_MAX
    _idle_since_s: float | None = None
    _is_parting = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A client is there; its first head is waited for from now on."""
        super().connection_made(transport)
        self._since_s = self.loop.time()
        self._instant = instant(cast("object", self.app))  # pyright: ignore[reportUnknownMemberType]
        if self._instant is not None:
            self._instant_urls = self._instant.instant_urls
            self._vain_urls = self._instant.vain_urls

    def connection_lost(self, exc: Exception | None) -> None:
        """The client is gone; what he was about to be told is counted all the same."""
        self.tell_refused()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Bytes came. What the parser refuses is answered as a problem, and in our words."""
        self._idle_since_s, self._at_once_left = None, AT_ONCE_MAX
        if self._lingers_since_s is not None:
            self._lingered_bytes += len(data)
            if self._lingered_bytes > LINGER_BYTES_MAX:
                self.transport.close()
            return
        was_in_head, heads = self._is_in_head, self._heads
        if self._part_bytes + len(data) > HEAD_BYTES_MAX and self._is_too_long(data):
            self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
            return
        try:
            assert self.parser is not None
            try:
                self.parser.feed_data(data)
            except httptools.HttpParserUpgrade as asked:
                self._read_behind(data, asked)
        except httptools.HttpParserError:
            self._refuse(self._status)
            return
        if self._vain is not None:
            # No task waits for this body, so that its time is counted here.
            self._since_s = self._since_s or self.loop.time()
        elif heads != self._heads:
            self._since_s, self._part_bytes = None, 0
        elif was_in_head:
            # All of it was head. What came behind another message's end counts from the next on.
            self._part_bytes += len(data)
            self._since_s = self._since_s or self.loop.time()
        else:
            self._part_bytes = 0 if self._is_in_head else self._part_bytes + len(data)

    def _read_behind(self, data: bytes, asked: httptools.HttpParserUpgrade) -> None:
        """Nothing is spoken here but HTTP: who would speak something else is answered as the
        request that it also is, and what stands behind it is one more
        (test: who asks for another protocol is answered in this one)."""
        rest = memoryview(data)[asked.args[0] :]
        while rest:
            assert self.parser is not None
            try:
                self.parser.feed_data(rest)
                return
            except httptools.HttpParserUpgrade as again:
                rest = rest[again.args[0] :]

    def on_headers_complete(self) -> None:
        """The head is whole: take it, or raise Refused, which the parser hands on."""
        self._is_in_head = False
        self._heads += 1
        headers = self.headers
        if len(headers) > HEADERS_MAX:
            self._status = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
            raise Refused
        hosts, lengths, length = 0, 0, b""
        for name, value in headers:
            if name == b"host":
                hosts += 1
            elif name in _LENGTHS:
                lengths, length = lengths + 1, value
        # Somebody in front of us could read another request in these (RFC 9112, 3.2 and 6.1). An
        # old load balancer's health check names no host.
        if (
            hosts > 1
            or lengths > 1
            or not (hosts or self.parser.get_http_version() == "1.0")  # type: ignore[union-attr]
            or not (self.url.startswith(b"/") or self.url == b"*")
        ):
            raise Refused
        if self._untold is not None:
            # What is asked behind it is answered behind it.
            self.tell_refused()
        if self.url in self._vain_urls and self._comes_in_vain(length):
            return
        is_instant = self.url in self._instant_urls
        if not is_instant and self._instant is not None:
            is_instant = self._instant.is_beset
        if is_instant and not lengths and self._answered_at_once():
            return
        super().on_headers_complete()
        if self._is_parting:
            self.cycle.keep_alive = False
        if self.scope["method"] not in SAFE_METHODS:
            self.cycle.transport = cast("asyncio.Transport", _Lingering(self, self.transport))

    def _may_do_without_task(self, method: bytes) -> bool:
        """Whether a request of the method can have its answer without one, by how it came."""
        cycle, parser = cast("RequestResponseCycle | None", self.cycle), self.parser
        assert parser is not None
        return not (
            self._at_once_left <= 0
            or self._is_parting
            # One before it still runs.
            or (cycle is not None and not cycle.response_complete)
            or self.flow.write_paused
            or self.expect_100_continue
            or parser.get_method() != method
            or parser.get_http_version() != "1.1"
            or not parser.should_keep_alive()
            or self.transport.is_closing()
        )

    def _comes_in_vain(self, length: bytes) -> bool:
        """Whether this request is refused whatever it is; then its body, of which is said how long
        it is, is let pass."""
        assert self._instant is not None
        assert self.parser is not None
        cycle, scope = cast("RequestResponseCycle | None", self.cycle), cast("Scope", self.scope)
        # What has to stand in line behind another request is asked when its turn comes.
        if (
            cycle is not None and not cycle.response_complete
        ) or self.parser.get_method() != b"POST":
            return False
        scope["method"], scope["query_string"] = "POST", b""
        scope["path"], scope["raw_path"] = self.url.decode("ascii"), self.url
        if not self._instant.is_vain(scope):
            return False
        # It is said later by a task, where this is no plain request.
        if (
            not self._may_do_without_task(b"POST")
            or not length.isdigit()
            or len(length) > 6
            or int(length) > _VAIN_BYTES_MAX
        ):
            return False
        self._vain = scope
        return True

    def tell_refused(self) -> None:
        """Answer whoever came in vain, if he has not been told yet."""
        scope, self._untold = self._untold, None
        if scope is None or self._instant is None:
            return
        self._now = scope
        try:
            self._instant.refuse(scope)
        finally:
            self._now = None

    def _answered_at_once(self) -> bool:
        """Answer a request that is nothing but its head, unless one before it still runs."""
        assert self._instant is not None
        if not self._may_do_without_task(b"GET") or not _PLAIN.fullmatch(self.url):
            return False
        scope = self.scope
        path, _, query = self.url.partition(b"?")
        scope["method"], scope["query_string"] = "GET", query
        scope["path"], scope["raw_path"] = path.decode("ascii"), path
        self._now = cast("Scope", scope)
        try:
            self._was_at_once = self._instant.at_once(self._now)
        finally:
            self._now = None
        return self._was_at_once

    def on_message_begin(self) -> None:
        """A request has begun, and with it its scope, which knows the short way out."""
        lent = self._lent
        if lent is None:
            super().on_message_begin()
            self._lent = lent = cast("dict[str, object]", self.scope.get("extensions"))
            lent[DIRECT], lent[WHOLE] = self.answer, self.take_body
            lent[holds.EXTENSION] = self.hold
            return
        # The same for all requests of a connection: made once.
        HttpToolsProtocol.on_message_begin(self)
        self.scope["extensions"] = cast("dict[str, dict[object, object]]", lent)

    def answer(self, scope: Scope, status: int, block: bytes, body: bytes) -> bool:
        """Write a whole answer at once: what uvicorn does header by header and in two writes.

        False, and nothing is done, unless it is this request's turn and nothing waits to be sent.
        """
        # The server's own headers are another list when the second of their date is over.
        defaults = self.server_state.default_headers
        if Wire._dated[0] is not defaults:
            Wire._dated = (defaults, marks.block(defaults))
        if scope is self._now:
            self.transport.write(
                b"".join((STATUS_LINE[status], Wire._dated[1], block, b"\r\n", body))
            )
            self.server_state.total_requests += 1
            self._at_once_left -= 1
            self._idle_since_s = self.loop.time()
            return True
        cycle = cast("RequestResponseCycle | None", self.cycle)
        if (
            cycle is None
            or cycle.scope is not scope
            or cycle.response_started
            or cycle.disconnected
            or self.flow.write_paused
        ):
            return False
        parts = [STATUS_LINE[status], Wire._dated[1], block]
        if not cycle.keep_alive:
            parts.append(b"connection: close\r\n")
        parts.append(b"\r\n")
        if scope["method"] != "HEAD":
            parts.append(body)
        cycle.waiting_for_100_continue = False
        cycle.response_started = cycle.response_complete = True
        cycle.transport.write(b"".join(parts))
        cycle.message_event.set()
        if not cycle.keep_alive:
            cycle.transport.close()
        cycle.on_response()
        return True

    def take_body(self, scope: Scope) -> bytes | None:
        """The whole body of this request, once; None while some of it is to come."""
        cycle = cast("RequestResponseCycle | None", self.cycle)
        if (
            cycle is None
            or cycle.scope is not scope
            or cycle.more_body
            or cycle.disconnected
            or cycle.waiting_for_100_continue
        ):
            return None
        body, cycle.body = bytes(cycle.body), bytearray()
        return body

    def on_chunk_header(self) -> None:
        """A chunk begins. What looks like a header behind the last one is none of the request's:
        it was not there when the head was looked at, and it comes past whoever stands in front
        (test: what follows the last chunk is no header)."""
        self.headers = []

    def on_body(self, body: bytes) -> None:
        """A part of the body is there."""
        if self._vain is None:
            super().on_body(body)

    def on_message_complete(self) -> None:
        """The body is whole; what comes next is another head."""
        self._is_in_head = True
        if self._was_at_once:
            self._was_at_once = False
        elif self._vain is not None:
            assert self._instant is not None
            self._untold, self._vain, self._since_s = self._vain, None, None
            self._instant.later(self.tell_refused)
        else:
            super().on_message_complete()

    def on_response_complete(self) -> None:
        """The answer is out. A body that is still coming belongs to nothing any more."""
        if self._lingers_since_s is not None:
            return
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())
            return
        # The server would set a timer for each answer, and take it back for each request.
        self._idle_since_s = self.loop.time()
        if self.cycle.more_body:
            self.linger()

    def pause_writing(self) -> None:
        """The client does not read as fast as we write."""
        super().pause_writing()
        self._unread_since_s = self.loop.time()

    def resume_writing(self) -> None:
        """It read."""
        super().resume_writing()
        self._unread_since_s = None

    def part(self) -> None:
        """Let the next answer be the last, and say so in it: the process is about to end."""
        self._is_parting = True
        self.read_on()
        self.tell_refused()
        cycle = cast("RequestResponseCycle | None", self.cycle)
        if cycle is not None:
            cycle.keep_alive = False

    def shutdown(self) -> None:
        """The process ends: close when nothing is owed any more."""
        self.tell_refused()
        super().shutdown()

    def _is_too_long(self, data: bytes) -> bool:
        """Whether the head does not end within its bound, or what comes behind it."""
        if self._is_in_head:
            return data.find(b"\r\n\r\n", 0, HEAD_BYTES_MAX - self._part_bytes) < 0
        return self._part_bytes + len(data) > BEHIND_BYTES_MAX

    def linger(self) -> None:
        """Close, so that the answer arrives: with bytes unread the system would break it off."""
        if not self.cycle_is_halfway():
            self.transport.close()
            return
        self._lingers_since_s = self.loop.time()
        with suppress(OSError):
            # The client may have gone by now.
            self.transport.write_eof()
        self.flow.resume_reading()

    def cycle_is_halfway(self) -> bool:
        """Whether a body, or a head that was refused, is still coming."""
        # Before the first request there is no cycle, whatever its type says.
        cycle = cast("RequestResponseCycle | None", self.cycle)
        return cycle is None or cycle.more_body or self._was_refused

    def look(self, now_s: float, head_s: float) -> None:
        """End what has been waited for too long."""
        since_s, unread_s = self._since_s, self._unread_since_s
        lingers_s = self._lingers_since_s
        if lingers_s is not None:
            if now_s - lingers_s > LINGER_S:
                self.transport.close()
        elif since_s is not None and now_s - since_s > head_s:
            self._refuse(HTTPStatus.REQUEST_TIMEOUT)
        elif unread_s is not None and now_s - unread_s > UNREAD_S:
            self.transport.abort()
        elif self._is_idle_since(now_s - self.timeout_keep_alive):
            self.timeout_keep_alive_handler()

    def _is_idle_since(self, since_s: float) -> bool:
        """Whether nothing came since the last answer."""
        cycle = cast("RequestResponseCycle | None", self.cycle)
        is_free = cycle is None or cycle.response_complete
        return is_free and self._idle_since_s is not None and self._idle_since_s < since_s

    def _refuse(self, status: HTTPStatus) -> None:
        """Answer and close. What was asked before is answered, and that is the last; in the middle
        of a request there is nothing to say (test: what stands before garbage is answered)."""
        transport = self.transport
        if transport.is_closing() or self._lingers_since_s is not None:
            return
        self._since_s = None
        self.tell_refused()
        # Before the first request there is no cycle, whatever its type says.
        cycle = cast("RequestResponseCycle | None", self.cycle)
        if cycle is None or cycle.response_complete:
            address = self.client[0] if self.client else None
            transport.write(unasked(status, address))
            self._was_refused = True
            self.linger()
        elif cycle.more_body:
            transport.close()
        else:
            self._was_refused, cycle.keep_alive = True, False


async def sweep(connections: Callable[[], Iterable[Any]], head_s: float = HEAD_S) -> None:
    """Look at every connection twice a second, until cancelled: one timer in place of thousands."""
    loop = asyncio.get_running_loop()
    while True:
        await asyncio.sleep(SWEEP_EVERY_S)
        now_s = loop.time()
        for one in list(connections()):
            if isinstance(one, Wire):
                one.look(now_s, head_s)
