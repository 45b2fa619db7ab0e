"""The raw front: the hot routes, answered in one step instead of through the framework's layers.

What the layers do for every other route is done here once and in order: ids, the tenant of the
host, origins, limits, who is logged in, a strict body, the handler, a problem for whatever is
refused, and one record (log line and metrics) of the answer. A path that is not registered here
goes on to the application.

Two kinds of route:

- a `Reading` answers GET and HEAD from memory and never waits: `handler(asked) -> Answer | None`.
  None hands the request on to the application (a query that memory cannot answer). Past the
  limit it is answered all the same, from the same memory.
- a `Writing` answers POST for who is logged in: `async handler(asked, principal) -> Answer`. Its
  body is strict JSON (`bodies`), read before the handler begins; past the limit it is refused
  with 429.

Either may raise any error of `core.errors`; the front says it as a problem.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from starlette.types import ASGIApp, Receive, Scope, Send

from overround.core.clock import Clock
from overround.core.errors import Forbidden, NotFound, OverroundError, Unauthenticated
from overround.core.principal import Kind, Principal
from overround.kit import logs, metrics
from overround.kit.limits import ASK
from overround.people import sessions
from overround.web import bodies, limits, origins, shortcuts, tokens
from overround.web.answers import Answer, Asked, asked_of
from overround.web.doors import Doors
from overround.web.giving import Giving, refusal
from overround.web.limits import LimitClass, Limits, TooManyRequests
from overround.web.past import Past
from overround.web.records import Recorder
from overround.web.sites import Sites, unknown
from overround.web.vain import VAIN_S, Later, Refusals

Needs = Literal["site", "label", "nothing"]

# Who a token is, on that tenant: None for nobody.
Authenticate = Callable[[UUID, str], Awaitable[Principal | None]]
Read = Callable[[Asked], Answer | None]
ReadLater = Callable[[Asked], Awaitable[Answer | None]]
Write = Callable[[Asked, Principal], Awaitable[Answer]]


@dataclass(frozen=True, slots=True)
class Reading:
    """GET and HEAD of an exact path, from memory.

    What it `needs` of the host: the whole tenant ("site"), only a well-formed label ("label", for
    what is answered even where no tenant can be looked up), or "nothing". `then` is asked where
    the handler has nothing, and may wait. With `below_tenant` the path also stands below the
    tenant's name (`/acme/api/...`), which must be the host's.
    """

    path: str
    handler: Read
    then: ReadLater | None = None
    needs: Needs = "site"
    limit: LimitClass = "public"
    below_tenant: bool = False


@dataclass(frozen=True, slots=True)
class Writing:
    """POST of an exact path, for who is logged in as `kind`.

    `authenticate` in place of the front's own, for a route that looks at the session again where it
    writes; the token is on `scope["state"]` for it. `refusal` says before anything is looked at
    that whoever comes now comes in vain, after so many who are on their way to the handler: his
    answer costs the others as little as it can.
    """

    path: str
    handler: Write
    kind: Kind = "player"
    limit: LimitClass = "write"
    authenticate: Authenticate | None = None
    refusal: Callable[[int], OverroundError | None] | None = None


Route = Reading | Writing


class Front:
    """ASGI: the registered routes, and `app` for everything else."""

    def __init__(
        self,
        app: ASGIApp,
        found: Iterable[Route],
        *,
        sites: Sites,
        limited: Limits | None,
        authenticate: Authenticate,
        recorder: Recorder,
        clock: Clock,
        past: Past | None = None,
    ) -> None:
        self._app = app
        self._past = past
        self._sites = sites
        self._doors = Doors(sites, limited)
        self._writers = Doors(sites, limited)
        self._limits = limited
        self._authenticate = authenticate
        giving = Giving(recorder)
        self._give, self._gave = giving.give, giving.gave
        self._epoch_s = limits.Seconds(clock).at
        self._readings: dict[str, Reading] = {}
        self._below: dict[str, Reading] = {}
        self._writings: dict[str, Writing] = {}
        self._refusals, self.later = Refusals(), Later(VAIN_S)
        # Of each path, the writes that were let in and have not come to their handler yet: all that
        # a moment brings are looked at before the first of them has a place in any queue.
        self._coming: Counter[str] = Counter()
        self.instant_urls = frozenset[bytes]()
        self.vain_urls = frozenset[bytes]()
        for route in found:
            self._register(route)

    def _register(self, route: Route) -> None:
        if isinstance(route, Writing):
            self._writings[route.path] = route
            if route.refusal is not None:
                self.vain_urls |= {route.path.encode()}
            return
        self._readings[route.path] = route
        self.instant_urls |= {route.path.encode()}
        if route.below_tenant:
            self._below[route.path] = route

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            method, path = scope["method"], scope["path"]
            if method in {"GET", "HEAD"}:
                reading = self._readings.get(path) or self._under(path)
                if reading is not None:
                    await self._read(reading, scope, receive, send)
                    return
            elif method == "POST" and (writing := self._writings.get(path)) is not None:
                await self._write(writing, scope, receive, send)
                return
        if self._past is None or scope["type"] != "http":
            await self._app(scope, receive, send)
        elif not await self._gave_past(self._past, scope, send):
            await self._app(scope, receive, send)
            self._past.learn(scope)

    @property
    def is_beset(self) -> bool:
        """Whether every request is to be offered at once, because somebody asks too often."""
        return self._past is not None and self._past.is_beset

    async def _gave_past(self, past: Past, scope: Scope, send: Send) -> bool:
        """Answer a request of the layers' that is past its limit; False, and they answer."""
        asked = asked_of(scope)
        try:
            answer = await past.answer(asked)
        except Exception as error:  # noqa: BLE001 - the last resort: it is logged and answered
            answer = refusal(error, asked)
        if answer is not None:
            await self._give(answer, asked, past.route(asked), send)
        return answer is not None

    def _past_at_once(self, scope: Scope) -> bool:
        """Answer what is past its limit here and now; False, and nothing is counted."""
        if self._past is None or self._under(scope["path"]) is not None:
            return False
        asked = asked_of(scope)
        answer = self._copy_at_once(self._past, asked)
        return answer is not None and self._gave(answer, asked, self._past.route(asked))

    def _copy_at_once(self, past: Past, asked: Asked) -> Answer | None:
        """What is past its limit is told without waiting; None where nothing is to be told so."""
        try:
            return past.at_once(asked)
        except Exception as error:  # noqa: BLE001 - the last resort: it is logged and answered
            return refusal(error, asked)

    def _under(self, path: str) -> Reading | None:
        """The reading whose path stands below a tenant's name in `path`."""
        _, _, rest = path[1:].partition("/")
        return self._below.get(f"/{rest}") if self._below else None

    def at_once(self, scope: Scope) -> bool:
        """Answer a reading here and now; one that is not answered so is counted all the same."""
        route = self._readings.get(scope["path"])
        if route is None:
            return self._past_at_once(scope)
        asked = asked_of(scope)
        answer = self._by_door(route, asked)
        if answer is None and asked.allowed is False and self._past is not None:
            answer = self._copy_at_once(self._past, asked)
        if answer is not None and self._gave(answer, asked, route.path):
            return True
        scope["state"]["asked"] = asked
        return False

    def is_vain(self, scope: Scope) -> bool:
        """Whether a write is refused before anything is looked at, as `shortcuts.Instant` says."""
        asked = scope["state"]["asked"] = asked_of(scope)
        self._let_in(self._writings[scope["path"]], asked)
        return asked.vain is not None

    def refuse(self, scope: Scope) -> None:
        """Say so; the time it took is counted from when it was asked."""
        asked: Asked = scope["state"]["asked"]
        assert asked.vain is not None
        self._gave(self._in_vain(asked.vain, asked), asked, asked.path)

    async def _read(self, route: Reading, scope: Scope, receive: Receive, send: Send) -> None:
        asked: Asked | None = scope.setdefault("state", {}).pop("asked", None)
        answer = None
        if asked is None:
            asked = asked_of(scope)
            answer = self._by_door(route, asked)
        try:
            if answer is None:
                answer = await self._look(route, asked)
            if answer is None and asked.allowed is False and self._past is not None:
                answer = await self._past.instead(asked, route.limit)
        except Exception as error:  # noqa: BLE001 - the last resort: it is logged and answered
            answer = refusal(error, asked)
        if answer is None:
            await self._app(scope, receive, send)
            return
        await self._give(answer, asked, route.path, send)

    def _by_door(self, route: Reading, asked: Asked) -> Answer | None:
        """The answer for a visitor who came by here before; None, and he goes the long way.

        Nothing is waited for, and what `_look` does in many steps is one look-up.
        """
        headers, at_us = asked.headers, asked.began_ns // 1_000
        if b"origin" in headers or asked.path != route.path:
            return None
        door = self._doors.at((headers.get(b"host", b""), asked.address, route.path), at_us)
        if door is None:
            return None
        if door.told is not None:
            remaining = self._doors.spend(door, at_us)
            if remaining == ASK:
                return None
            asked.allowed = remaining >= 0
            asked.told = door.told, max(0, remaining), self._epoch_s(at_us)
        asked.site, asked.label = door.known.site, door.label
        try:
            answer = route.handler(asked)
        except Exception as error:  # noqa: BLE001 - the last resort: it is logged and answered
            return refusal(error, asked)
        if asked.allowed is False and answer is not None:
            metrics.REFUSED_BY_LIMIT.at(route.limit, "copy").add()
        return answer

    async def _look(self, route: Reading, asked: Asked) -> Answer | None:
        """The handler's answer. Raises NotFound, TooManyRequests and what the handler raises."""
        await self._place(asked, route.needs)
        if route.needs == "label" and asked.label is None:
            # A host of the platform: the path names the tenant, and the layers look at that.
            return None
        if route.path != asked.path and asked.path != f"/{asked.label}{route.path}":
            raise NotFound
        verdict = await self._count(asked, route.limit) if asked.allowed is None else None
        if verdict is not None:
            asked.allowed = verdict.allowed
        answer = route.handler(asked)
        if answer is None and route.then is not None and asked.allowed is not False:
            answer = await route.then(asked)
        if answer is not None and asked.allowed is False:
            metrics.REFUSED_BY_LIMIT.at(route.limit, "copy").add()
        if answer is not None and asked.site is not None:
            key = asked.headers.get(b"host", b""), asked.address, route.path
            subject, at_us = limits.subject_of(asked.address), time.monotonic_ns() // 1_000
            self._doors.make(key, asked.site, route.limit, subject, at_us)
        if answer is None and asked.allowed is not None:
            # It goes on to the layers, which count nothing twice; they have a copy, or refuse it.
            asked.scope["state"]["counted"] = asked.allowed
            asked.scope["state"]["answer_headers"] = list(asked.said())
        return answer

    async def _write(self, route: Writing, scope: Scope, receive: Receive, send: Send) -> None:
        asked: Asked | None = scope.setdefault("state", {}).pop("asked", None)
        if asked is None:
            asked = asked_of(scope)
            self._let_in(route, asked)
        # The body is out of the way first: the connection is used again.
        if asked.vain is not None and shortcuts.whole(scope) is not None:
            await asyncio.sleep(VAIN_S)
            await self._give(self._in_vain(asked.vain, asked), asked, route.path, send)
            return
        asked.vain, is_bound = None, False
        try:
            principal = await self._by_writers_door(asked, route)
            if principal is None:
                is_bound = True
                _bind(asked)
                await self._place(asked, "site")
                principal = await self._enter(asked, route)
            body = shortcuts.whole(scope)
            asked.body = (
                await bodies.read(scope, receive)
                if body is None
                else bodies.checked(body, asked.text(b"content-type") or "", asked.path)
            )
            self._arrived(asked)
            answer = await route.handler(asked, principal)
        except Exception as error:  # noqa: BLE001 - the last resort: it is logged and answered
            is_bound = True
            _bind(asked)
            answer = refusal(error, asked)
        finally:
            if asked.is_let_in:
                self._arrived(asked)
            if is_bound:
                logs.unbind_all()
        await self._give(answer, asked, route.path, send)

    def _let_in(self, route: Writing, asked: Asked) -> None:
        """Keep a place for a write on its way to the handler, unless it comes in vain."""
        if route.refusal is None:
            return
        asked.vain = route.refusal(self._coming[route.path])
        if asked.vain is None:
            self._coming[route.path] += 1
            asked.is_let_in = True

    def _in_vain(self, error: OverroundError, asked: Asked) -> Answer:
        """What whoever comes in vain is told, where it is heard: in a page of another origin, too
        (test: a page of a named origin hears that it comes in vain)."""
        if b"origin" in asked.headers:
            label = self._sites.label(asked.headers.get(b"host", b""))
            known = self._sites.record(label) if label is not None else None
            asked.label, asked.site = label, known.site if known is not None else None
            asked.share()
        return self._refusals.answer(error, asked)

    def _arrived(self, asked: Asked) -> None:
        """A write that was let in has come to its handler, or will not."""
        if asked.is_let_in:
            asked.is_let_in = False
            self._coming[asked.path] -= 1

    async def _by_writers_door(self, asked: Asked, route: Writing) -> Principal | None:
        """Who wrote here before by the same bearer; None, and he goes the long way.

        It is asked again whose token that is; what `_place` and `_enter` find besides is known.
        """
        headers, at_us = asked.headers, asked.began_ns // 1_000
        bearer = headers.get(b"authorization")
        if bearer is None or b"origin" in headers or b"sec-fetch-site" in headers:
            return None
        door = self._writers.at((headers.get(b"host", b""), bearer, route.path), at_us)
        if door is None or door.known.site is None:
            return None
        site = door.known.site
        principal = await (route.authenticate or self._authenticate)(site.tenant_id, door.token)
        if principal is None or principal.kind != route.kind:
            return None
        if door.told is not None:
            remaining = self._writers.spend(door, at_us)
            if remaining < 0:
                return None
            asked.told = door.told, remaining, self._epoch_s(at_us)
        asked.site, asked.label = site, door.label
        state = asked.scope["state"]
        state["token"], state["user_id"] = door.token, str(principal.actor_id)
        return principal

    async def _place(self, asked: Asked, needs: Needs) -> None:
        """Find the tenant of the host. Raises NotFound `unknown_tenant` and TooManyRequests."""
        if needs == "nothing":
            return
        host = asked.headers.get(b"host", b"")
        asked.label = label = self._sites.label(host)
        if label is None:
            if needs == "label" and self._sites.is_platform(host):
                return
            raise unknown()
        at_s = time.monotonic()
        site = self._sites.known(label, at_s)
        if site is None and needs == "site":
            if self._past is not None:
                await self._past.stranger(asked, "public")
            site = await self._sites.find(label, at_s)
        asked.site = site
        asked.share()

    async def _count(
        self, asked: Asked, of: LimitClass, subject: str | None = None
    ) -> limits.Verdict | None:
        """Take a token, and say so in the answer; None where there is no tenant to count by."""
        site = asked.site
        if site is None or self._limits is None:
            return None
        at_us = time.monotonic_ns() // 1_000
        subject = subject or limits.subject_of(asked.address)
        verdict = self._limits.now(site.limits, of, subject, at_us)
        if verdict is None:
            verdict = await self._limits.take(site.limits, of, subject, at_us)
        asked.counted = limits.headers(of, verdict, self._epoch_s(at_us))
        return verdict

    async def _enter(self, asked: Asked, route: Writing) -> Principal:
        """Who writes. Raises Forbidden, Unauthenticated and TooManyRequests."""
        scope, site = asked.scope, asked.site
        assert site is not None
        server = scope.get("server")
        cookie = sessions.cookie_name(scope["scheme"], server[0] if server else "")
        authorization, line = asked.text(b"authorization"), asked.text(b"cookie")
        found = tokens.credential(
            [authorization] if authorization is not None else [],
            [line] if line is not None else [],
            cookie,
        )
        if not origins.allows(
            asked.method,
            f"{scope['scheme']}://{asked.text(b'host')}",
            asked.text(b"origin"),
            asked.text(b"sec-fetch-site"),
            found.by_cookie,
            site.cors,
        ):
            raise Forbidden("this write comes from another site", code="foreign_origin")
        principal = None
        if found.token is not None:
            scope["state"]["token"] = found.token
            authenticate = route.authenticate or self._authenticate
            principal = await authenticate(site.tenant_id, found.token)
        if principal is None:
            await self._refuse_beyond(asked, "public", None)
            raise Unauthenticated
        if principal.kind != route.kind:
            raise Forbidden
        logs.bind(tenant=site.subdomain, user_id=str(principal.actor_id))
        scope["state"]["user_id"] = str(principal.actor_id)
        subject = principal.actor_id.hex
        await self._refuse_beyond(asked, route.limit, subject)
        bearer = asked.headers.get(b"authorization")
        if bearer is not None and found.token is not None:
            key = asked.headers.get(b"host", b""), bearer, route.path
            at_us = time.monotonic_ns() // 1_000
            door = self._writers.make(key, site, route.limit, subject, at_us)
            if door is not None:
                door.token = found.token
        return principal

    async def _refuse_beyond(self, asked: Asked, of: LimitClass, subject: str | None) -> None:
        verdict = await self._count(asked, of, subject)
        if verdict is not None and not verdict.allowed:
            metrics.REFUSED_BY_LIMIT.at(of, "refused").add()
            raise TooManyRequests(verdict)


def _bind(asked: Asked) -> None:
    """Say of the lines that follow whose they are."""
    ids, site = asked.ids, asked.site
    said = {"correlation_id": ids.correlation_id, "request_id": ids.request_id}
    if site is not None:
        said["tenant"] = site.subdomain
    if (user_id := asked.scope["state"].get("user_id")) is not None:
        said["user_id"] = user_id
    logs.bind(**said)
