"""What is answered when the database is short or away: copies, with their age, or defaults.

What the application answers to an anonymous visitor of a public route is kept as a snapshot, in
this process and, for what a visitor sees first, in the cache for all of them. While the pool is
crowded, the database away or slow, or the visitor past his limit, the snapshot answers in its
place and says so (`Age`, `Warning`). A read of somebody's own is answered from this process's copy
while his session is known to be live; a write is never answered from anywhere
(test: no false success while the database is away).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final

from psycopg import InterfaceError, OperationalError
from starlette.types import ASGIApp, Receive, Scope, Send

from overround import storefront
from overround.core.clock import Clock, millis
from overround.core.errors import NotFound, Unavailable
from overround.db import calling
from overround.db.pools import Purpose
from overround.kit import logs
from overround.storefront import Answer, Shelf, Snapshot
from overround.web import marks
from overround.web.callers import Callers
from overround.web.copy_names import CopyName, copy_name
from overround.web.inside import Heard, no_body, visit
from overround.web.limits import TooManyRequests
from overround.web.pages import render
from overround.web.urgency import Table

# A visitor who could have a copy waits this long for something newer.
BUDGET_S: Final = 1.0
# Answers that came too late for their visitor and are still under way; more are given up.
LATE_MAX: Final = 50
# What is the same, shared or personal is kept afresh this often at most, and a personal copy is
# worth nothing after that long.
KEEP_EVERY_MS: Final = 1_000
OWN_S_MAX: Final = 10
# Whose last write is remembered: what he read before it stands for nothing any more.
WRITERS_MAX: Final = 10_000
WRITING_MS: Final = 1_000
# What is the same as before is told to the other processes this often.
CONFIRM_EVERY_MS: Final = 5_000
# Larger answers are sent and not kept.
KEPT_BYTES_MAX: Final = 1_000_000
_DEFAULTS: Final = {
    "/api/v1/board": b'{"items":[],"next_cursor":null}',
    "/api/v1/events": b'{"items":[],"next_cursor":null}',
}
_MEDIA: Final = ("application/json", "text/html; charset=utf-8", "text/css; charset=utf-8")
# A copy of an ordinary answer is kept by nobody further: who asks again may get the true one.
_ASK_AGAIN: Final = b"no-cache"

_SHORT: Final = (Unavailable, OperationalError, InterfaceError, TooManyRequests)

# Whether the session of a token is known to be live without asking the database.
KnownLive = Callable[[str, str], Awaitable[bool]]

_log = logs.get(__name__)


class Outage:
    """ASGI middleware around the gate. Used from one event loop."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        table: Table,
        callers: Callers,
        shelf: Shelf,
        clock: Clock,
        label_of: Callable[[bytes], str | None],
        is_platform: Callable[[bytes], bool],
        base_domain: str,
        known_live: KnownLive | None = None,
    ) -> None:
        self._app = app
        self._table = table
        self._callers = callers
        self._shelf = shelf
        self._clock = clock
        self._label_of = label_of
        self._is_platform = is_platform
        self._base_domain = base_domain
        self._known_live = known_live
        self._late: set[asyncio.Task[None]] = set()
        self._writers: dict[str, int] = {}
        # When each first view was last told: as many as there are tenants, times the views.
        self._told_ms: dict[tuple[str, str], int] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if storefront.shown_at(scope["path"]) is not None and scope["method"] in {"GET", "HEAD"}:
            await self._storefront(scope, send)
            return
        worth = self._table.of(scope["method"], scope["path"])
        with calling(worth.purpose):
            asked = self._asked(scope)
            if worth.urgency == "critical":
                try:
                    await self._app(scope, receive, send)
                finally:
                    if asked is not None and asked.token is not None:
                        self.wrote(asked.token)
            elif asked is None or (worth.urgency == "read" and asked.token is None):
                await self._app(scope, receive, send)
            elif worth.urgency == "public":
                await self._public(asked, worth.purpose, scope, receive, send)
            else:
                await self._own(asked, worth.purpose, scope, receive, send)

    def at_hand(self, scope: Scope, age_ms_max: int | None = None) -> tuple[Answer | None, bool]:
        """The public copy of this process, if it is no older; and whether that is all there is
        without looking further: at the cache for a first view, and for whether the tenant is open.
        """
        asked = self._asked(scope)
        if asked is None:
            return None, True
        shop = self._shelf.at_hand(asked.label, "shop")
        if shop is None or not storefront.is_open(shop):
            return None, False
        if not asked.first_view:
            found = self._shelf.kept(asked.label, asked.name)
        else:
            found = self._shelf.at_hand(asked.label, asked.name)
        if found is None:
            return None, not asked.first_view
        if age_ms_max is not None and millis(self._clock.now()) - found.made_ms > age_ms_max:
            return None, False
        return _dressed(self._old(asked, found)), True

    def shop(self, label: str) -> object:
        """What says whether the tenant is open: another object once something else is known."""
        return self._shelf.kept(label, "shop")

    async def instead(self, scope: Scope) -> Answer | None:
        """The public copy or the defaults, for who is past his limit; None for neither."""
        asked = self._asked(scope)
        found = await self._stands_in(asked) if asked is not None else None
        return None if found is None else _dressed(found)

    async def look(self, label: str, path: str) -> None:
        """Ask for a first view as a visitor would, so that its copy is kept afresh.

        Whatever comes of it, nobody waits for it; it counts against no limit and in no log.
        """
        host = f"{label}.{self._base_domain}".encode()
        scope = visit(path, host, {"ids": marks.ids(None, None), "counted": True})
        asked = self._asked(scope)
        assert asked is not None, "a first view has a name and no caller"
        with calling(self._table.of("GET", path).purpose):
            await self._ask(asked, scope, no_body, Heard())

    async def _storefront(self, scope: Scope, send: Send) -> None:
        """Answer what the storefront has by itself.

        Raises NotFound where path and host name different tenants, or the host none of ours.
        """
        shown = storefront.shown_at(scope["path"])
        headers: dict[bytes, bytes] = dict(scope["headers"])
        host = headers.get(b"host", b"")
        label = self._label_of(host)
        if label is not None or self._is_platform(host):
            label = storefront.label_at(scope["path"], label)
        if shown is None or label is None:
            raise NotFound
        known = headers.get(b"if-none-match")
        tag = known.decode("latin-1") if known is not None else None
        await _send(
            await storefront.load(self._shelf, shown, label, self._clock.now(), tag), scope, send
        )

    def wrote(self, token: str) -> None:
        """Whoever holds the token changes something now, or has just done so."""
        self._writers.pop(token, None)
        self._writers[token] = millis(self._clock.now()) + WRITING_MS
        if len(self._writers) > WRITERS_MAX:
            del self._writers[next(iter(self._writers))]

    async def _public(
        self, asked: CopyName, purpose: Purpose, scope: Scope, receive: Receive, send: Send
    ) -> None:
        if not self._callers.has_room(purpose) and await self._copied(asked, scope, send):
            return
        heard = Heard()
        task = self._begin(asked, purpose, scope, receive, heard)
        try:
            await asyncio.wait({task}, timeout=BUDGET_S)
            if not task.done() and await self._copied(asked, scope, send):
                self._let_finish(task)
                return
            await task
        except asyncio.CancelledError:
            task.cancel()
            raise
        if heard.status not in {429, 500, 502, 503, 504} or not await self._instead(
            asked, scope, send
        ):
            await heard.forward(send)

    async def _own(
        self, asked: CopyName, purpose: Purpose, scope: Scope, receive: Receive, send: Send
    ) -> None:
        """A read of somebody's own figures."""
        if not self._callers.has_room(purpose) and await self._own_copy(asked, scope, send):
            return
        heard = Heard()
        await self._begin(asked, purpose, scope, receive, heard)
        short = heard.status in {500, 502, 503, 504}
        if not short or not await self._own_copy(asked, scope, send):
            await heard.forward(send)

    def _begin(
        self, asked: CopyName, purpose: Purpose, scope: Scope, receive: Receive, heard: Heard
    ) -> asyncio.Task[None]:
        """Ask in a task of its own, which counts as on its way from now on."""
        task = asyncio.create_task(self._ask(asked, scope, receive, heard))
        self._callers.count(purpose, task)
        return task

    async def _ask(self, asked: CopyName, scope: Scope, receive: Receive, heard: Heard) -> None:
        """Ask the application, and keep what it says where it may stand for later answers."""
        try:
            await self._app(scope, receive, heard.send)
        except _SHORT as error:
            heard.error = error
            return
        if heard.status == 200:
            self._keep(asked, heard)

    def _keep(self, asked: CopyName, heard: Heard) -> None:
        at_ms = millis(self._clock.now())
        name = asked.name if asked.token is None else asked.own
        before = self._shelf.kept(asked.label, name)
        body, media_type = heard.body, heard.media_type
        if before is not None and 0 <= at_ms - before.made_ms < KEEP_EVERY_MS:
            # A first view is every process's and costs the cache a write; of what is this one's
            # alone the newest is kept (test: the copy of an event is the newest answer).
            is_alone = asked.token is None and not asked.first_view
            if not is_alone or before.body == body:
                return
        if media_type not in _MEDIA or len(body) > KEPT_BYTES_MAX:
            return
        snapshot = Snapshot(body, at_ms, media_type)
        self._shelf.put(asked.label, name, snapshot)
        if asked.first_view and asked.token is None:
            is_new = before is None or before.body != body
            if is_new or at_ms - self._told_ms.get((asked.label, name), 0) >= CONFIRM_EVERY_MS:
                self._told_ms[asked.label, name] = at_ms
                self._shelf.publish_behind(asked.label, name, snapshot)

    async def _instead(self, asked: CopyName, scope: Scope, send: Send) -> bool:
        """Answer with the copy or with the defaults; False when there is neither."""
        found = await self._stands_in(asked)
        if found is not None:
            await _send(found, scope, send)
        return found is not None

    async def _copied(self, asked: CopyName, scope: Scope, send: Send) -> bool:
        """Answer with the public copy, if there is one and its tenant is open."""
        found = await self._copy(asked)
        if found is not None:
            await _send(found, scope, send)
        return found is not None

    async def _stands_in(self, asked: CopyName) -> Answer | None:
        """The copy, or the defaults of what a visitor sees first."""
        found = await self._copy(asked)
        default = _DEFAULTS.get(asked.path)
        if found is not None or default is None or not asked.first_view:
            return found
        if await self._is_shut(asked.label):
            return None
        return storefront.default(
            Snapshot(default, 0), asked.if_none_match, cache_control=_ASK_AGAIN
        )

    async def _copy(self, asked: CopyName) -> Answer | None:
        """The public copy, if there is one and its tenant is open."""
        if await self._is_shut(asked.label):
            return None
        if asked.first_view:
            found = await self._shelf.take(asked.label, asked.name)
        else:
            found = self._shelf.kept(asked.label, asked.name)
        return None if found is None else self._old(asked, found)

    def _old(self, asked: CopyName, found: Snapshot) -> Answer:
        """A copy as the answer that says that it is one."""
        at = self._clock.now()
        known = asked.if_none_match
        return storefront.answer(found, at, known, cache_control=_ASK_AGAIN, stale=True)

    async def _is_shut(self, label: str) -> bool:
        """Whether the tenant is known not to be open: its copies are nobody's business then."""
        shop = await self._shelf.take(label, "shop", newest=True)
        return shop is not None and not storefront.is_open(shop)

    async def _own_copy(self, asked: CopyName, scope: Scope, send: Send) -> bool:
        """Answer with somebody's own copy, if it is young and his session known to be live."""
        found = self._shelf.kept(asked.label, asked.own)
        at = self._clock.now()
        assert asked.token is not None
        if found is None or found.age_s(at) > OWN_S_MAX or self._known_live is None:
            return False
        # He has written since: he would miss his own bet (test: a writer sees what he wrote).
        if found.made_ms <= self._writers.get(asked.token, 0):
            return False
        if not await self._known_live(asked.label, asked.token):
            return False
        given = storefront.answer(found, at, None, cache_control=b"private, no-store", stale=True)
        await _send(given, scope, send)
        return True

    def _let_finish(self, task: asyncio.Task[None]) -> None:
        """Let an answer that is too late for its visitor come in, for the next one's copy."""
        if len(self._late) >= LATE_MAX:
            task.cancel()
            return
        self._late.add(task)
        task.add_done_callback(self._arrived)

    def _arrived(self, task: asyncio.Task[None]) -> None:
        self._late.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.warning("outage.late_answer_failed", reason=f"{type(error).__name__}"[:200])

    def _asked(self, scope: Scope) -> CopyName | None:
        """The request as a copy's name; None where there can be no copy for it."""
        headers: dict[bytes, bytes] = dict(scope["headers"])
        return copy_name(scope, self._label_of(headers.get(b"host", b"")))


def _dressed(answer: Answer) -> Answer:
    """The answer with the policy of a page, if it is one."""
    if any(name == b"content-type" and b"text/html" in value for name, value in answer.headers):
        answer.headers.append((b"content-security-policy", render.POLICY.encode()))
    return answer


async def _send(answer: Answer, scope: Scope, send: Send) -> None:
    headers = _dressed(answer).headers
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    body: Any = b"" if scope["method"] == "HEAD" else answer.body
    await send({"type": "http.response.body", "body": body, "more_body": False})
