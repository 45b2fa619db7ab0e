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
import hashlib
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Final

from psycopg import InterfaceError, OperationalError
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from overround import storefront
from overround.core.clock import Clock, millis
from overround.core.errors import NotFound, Unavailable
from overround.db import Database, calling
from overround.db.pools import SHARES, USAGE_PERCENT_MAX, Purpose
from overround.kit import logs
from overround.people import sessions
from overround.storefront import Answer, Shelf, Snapshot
from overround.web import marks, tokens
from overround.web.limits import TooManyRequests
from overround.web.pages import render
from overround.web.urgency import Table

# A visitor who could have a copy waits this long for something newer.
BUDGET_S: Final = 1.0
# Answers that came too late for their visitor and are still under way; more are given up.
LATE_MAX: Final = 50
# A copy is kept afresh this often at most, and a personal one is worth nothing after that long.
KEEP_EVERY_MS: Final = 1_000
OWN_S_MAX: Final = 10
# Whose last write is remembered: what he read before it stands for nothing any more.
WRITERS_MAX: Final = 10_000
WRITING_MS: Final = 1_000
# What is the same as before is told to the other processes this often.
CONFIRM_EVERY_MS: Final = 5_000
# Larger answers are sent and not kept.
KEPT_BYTES_MAX: Final = 1_000_000
# What a visitor sees first: kept in the cache for every process, and confirmed by one of them.
FIRST_VIEWS: Final = ("/", "/api/v1/board", "/api/v1/events", "/theme.css")
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


@dataclass(slots=True)
class _Heard:
    """One answer of the application, kept until it is known whether it will do."""

    messages: list[Message] = field(default_factory=list[Message])
    error: Exception | None = None

    async def send(self, message: Message) -> None:
        """Take a part of the answer."""
        self.messages.append(message)

    @property
    def status(self) -> int:
        """The answer's status; 503 where there is an error and 500 where there is nothing."""
        if self.error is not None:
            return 503
        return int(self.messages[0]["status"]) if self.messages else 500

    @property
    def media_type(self) -> str:
        """What the answer is, as it says itself."""
        found = [v for n, v in self.messages[0]["headers"] if n.lower() == b"content-type"]
        return found[0].decode("latin-1") if len(found) == 1 else ""

    @property
    def body(self) -> bytes:
        """The whole of it."""
        return b"".join(message.get("body", b"") for message in self.messages[1:])


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that a copy could answer: whose host, under which name, as which person."""

    label: str
    name: str
    path: str
    first_view: bool
    token: str | None
    if_none_match: str | None


class Outage:
    """ASGI middleware around the gate. Used from one event loop."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        table: Table,
        database: Database,
        shelf: Shelf,
        clock: Clock,
        label_of: Callable[[bytes], str | None],
        is_platform: Callable[[bytes], bool],
        base_domain: str,
        known_live: KnownLive | None = None,
    ) -> None:
        self._app = app
        self._table = table
        self._database = database
        self._shelf = shelf
        self._clock = clock
        self._label_of = label_of
        self._is_platform = is_platform
        self._base_domain = base_domain
        self._known_live = known_live
        self._late: set[asyncio.Task[None]] = set()
        self._inside: Counter[Purpose] = Counter()
        pools = {pool.purpose: pool.figures().size_max for pool in database.every()}
        most = max(pools.values())
        self._room: dict[Purpose, int] = {
            purpose: max(1, (pools.get(purpose, most) * USAGE_PERCENT_MAX - 1) // 100)
            for purpose in SHARES
        }
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

    def admits(self) -> bool:
        """Whether a visitor's question that somebody else asks for him may go to the database.

        It counts from here on, until the task that asks it has begun (`beside`).
        """
        if not self._admits("reads"):
            return False
        self._inside["reads"] += 1
        asyncio.get_running_loop().call_soon(self._inside.subtract, ("reads",))
        return True

    def beside(self, app: ASGIApp) -> ASGIApp:
        """`app`, for who asks it past these copies: he is counted with those on their way."""

        async def counted(scope: Scope, receive: Receive, send: Send) -> None:
            self._inside["reads"] += 1
            try:
                await app(scope, receive, send)
            finally:
                self._inside.subtract(("reads",))

        return counted

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
        state = {"ids": marks.ids(None, None), "counted": True}
        host = (b"host", self._host_of(label))
        scope: Scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": "GET",
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "root_path": "",
            "query_string": b"",
            "headers": [host, (b"accept", b"text/html,application/json")],
            "client": None,
            "server": None,
            "state": state,
        }
        asked = self._asked(scope)
        assert asked is not None, "a first view has a name and no caller"
        with calling(self._table.of("GET", path).purpose):
            await self._ask(asked, scope, _nothing, _Heard())

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

    def _admits(self, purpose: Purpose) -> bool:
        """Whether there is room at the database for one more who can do without it.

        Those who are on their way are counted too: what comes in one moment would otherwise find
        the pool empty and fill it (test: under load the pool stays below 85 percent).
        """
        return self._inside[purpose] < self._room.get(purpose, 1) and self._database.admits()

    async def _public(
        self, asked: Asked, purpose: Purpose, scope: Scope, receive: Receive, send: Send
    ) -> None:
        if not self._admits(purpose) and await self._copied(asked, scope, send):
            return
        heard = _Heard()
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
            await _forward(heard, send)

    async def _own(
        self, asked: Asked, purpose: Purpose, scope: Scope, receive: Receive, send: Send
    ) -> None:
        """A read of somebody's own figures."""
        if not self._admits(purpose) and await self._own_copy(asked, scope, send):
            return
        heard = _Heard()
        await self._begin(asked, purpose, scope, receive, heard)
        short = heard.status in {500, 502, 503, 504}
        if not short or not await self._own_copy(asked, scope, send):
            await _forward(heard, send)

    def _begin(
        self, asked: Asked, purpose: Purpose, scope: Scope, receive: Receive, heard: _Heard
    ) -> asyncio.Task[None]:
        """Ask in a task of its own, which counts as on its way from now on."""
        self._inside[purpose] += 1
        task = asyncio.create_task(self._ask(asked, scope, receive, heard))
        task.add_done_callback(lambda _: self._inside.subtract((purpose,)))
        return task

    async def _ask(self, asked: Asked, scope: Scope, receive: Receive, heard: _Heard) -> None:
        """Ask the application, and keep what it says where it may stand for later answers."""
        try:
            await self._app(scope, receive, heard.send)
        except _SHORT as error:
            heard.error = error
            return
        if heard.status == 200:
            self._keep(asked, heard)

    def _keep(self, asked: Asked, heard: _Heard) -> None:
        at_ms = millis(self._clock.now())
        name = asked.name if asked.token is None else _own_name(asked)
        before = self._shelf.kept(asked.label, name)
        if before is not None and 0 <= at_ms - before.made_ms < KEEP_EVERY_MS:
            return
        body, media_type = heard.body, heard.media_type
        if media_type not in _MEDIA or len(body) > KEPT_BYTES_MAX:
            return
        snapshot = Snapshot(body, at_ms, media_type)
        self._shelf.put(asked.label, name, snapshot)
        if asked.first_view and asked.token is None:
            is_new = before is None or before.body != body
            if is_new or at_ms - self._told_ms.get((asked.label, name), 0) >= CONFIRM_EVERY_MS:
                self._told_ms[asked.label, name] = at_ms
                self._shelf.publish_behind(asked.label, name, snapshot)

    async def _instead(self, asked: Asked, scope: Scope, send: Send) -> bool:
        """Answer with the copy or with the defaults; False when there is neither."""
        found = await self._stands_in(asked)
        if found is not None:
            await _send(found, scope, send)
        return found is not None

    async def _copied(self, asked: Asked, scope: Scope, send: Send) -> bool:
        """Answer with the public copy, if there is one and its tenant is open."""
        found = await self._copy(asked)
        if found is not None:
            await _send(found, scope, send)
        return found is not None

    async def _stands_in(self, asked: Asked) -> Answer | None:
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

    async def _copy(self, asked: Asked) -> Answer | None:
        """The public copy, if there is one and its tenant is open."""
        if await self._is_shut(asked.label):
            return None
        if asked.first_view:
            found = await self._shelf.take(asked.label, asked.name)
        else:
            found = self._shelf.kept(asked.label, asked.name)
        return None if found is None else self._old(asked, found)

    def _old(self, asked: Asked, found: Snapshot) -> Answer:
        """A copy as the answer that says that it is one."""
        at = self._clock.now()
        known = asked.if_none_match
        return storefront.answer(found, at, known, cache_control=_ASK_AGAIN, stale=True)

    async def _is_shut(self, label: str) -> bool:
        """Whether the tenant is known not to be open: its copies are nobody's business then."""
        shop = await self._shelf.take(label, "shop", newest=True)
        return shop is not None and not storefront.is_open(shop)

    async def _own_copy(self, asked: Asked, scope: Scope, send: Send) -> bool:
        """Answer with somebody's own copy, if it is young and his session known to be live."""
        found = self._shelf.kept(asked.label, _own_name(asked))
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

    def _host_of(self, label: str) -> bytes:
        return f"{label}.{self._base_domain}".encode()

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

    def _asked(self, scope: Scope) -> Asked | None:
        """The request as a copy's name; None where there can be no copy for it."""
        headers: dict[bytes, bytes] = dict(scope["headers"])
        label = self._label_of(headers.get(b"host", b""))
        path, query = scope["path"], scope["query_string"]
        shown = _credential(scope)
        # A program's key has a plan and a pace, which a copy would pass by.
        keyed = b"authorization" in headers and shown.token is None
        keyed = keyed or b"x-api-key" in headers or b"apikey" in query.lower()
        if label is None or keyed:
            return None
        first_view = path in FIRST_VIEWS and (not query or path == "/theme.css")
        whole = f"{path}?{query.decode('latin-1')}"
        digest = hashlib.sha256(whole.encode()).hexdigest()
        known = headers.get(b"if-none-match")
        return Asked(
            label=label,
            name=f"view:{path}" if first_view else f"view:{digest}",
            path=path,
            first_view=first_view,
            token=shown.token,
            if_none_match=known.decode("latin-1") if known is not None else None,
        )


def _credential(scope: Scope) -> tokens.Credential:
    server = scope.get("server")
    return tokens.credential(
        [v.decode("latin-1") for n, v in scope["headers"] if n == b"authorization"],
        [v.decode("latin-1") for n, v in scope["headers"] if n == b"cookie"],
        sessions.cookie_name(scope["scheme"], server[0] if server else ""),
    )


async def _nothing() -> Message:
    return {"type": "http.request", "body": b"", "more_body": False}


def _own_name(asked: Asked) -> str:
    """The name of a personal copy: nobody finds it without the token."""
    return hashlib.sha256(f"{asked.token}\n{asked.name}".encode()).hexdigest()


async def _forward(heard: _Heard, send: Send) -> None:
    if heard.error is not None:
        raise heard.error
    for message in heard.messages:
        await send(message)


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
