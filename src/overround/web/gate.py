"""The gate: which tenant's host was asked, with whose token, how often, and from whose page."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Final
from uuid import UUID

from starlette.datastructures import State
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from overround.cache.leases import Leases
from overround.core.clock import Clock
from overround.core.errors import Forbidden, NotFound
from overround.core.principal import Principal
from overround.db import Database
from overround.kit import logs
from overround.people import sessions, tenants
from overround.people.sessions import SessionLimits
from overround.people.tenants import Tenant
from overround.web import cors, limits, origins, tokens
from overround.web.ids import header
from overround.web.limits import LimitClass, Limits, TooManyRequests
from overround.web.sites import Site, Sites, unknown
from overround.web.urgency import Table

# Answered on any host and without a database, so that a load balancer need not know a tenant.
WITHOUT_TENANT: Final = frozenset({"/healthz"})


async def find_tenant(database: Database, label: str) -> Tenant | None:
    """The tenant's row; None for a label that is nobody's."""
    async with database.reading(None) as conn:
        try:
            return await tenants.by_subdomain(conn, label)
        except NotFound:
            return None


class Gate:
    """ASGI middleware. Puts `site`, `tenant_id`, `book_id`, `subdomain`, `token` and `throttle` on
    `scope["state"]`.

    The tenant is read from its row for each request, so a suspended one stops with its next
    request (test: a suspended tenant stops at once).
    """

    def __init__(
        self,
        app: ASGIApp,
        database: Database,
        sites: Sites,
        clock: Clock,
        throttle: Limits | None,
        table: Table,
    ) -> None:
        self._app = app
        self._table = table
        self._database = database
        self._sites = sites
        self._clock = clock
        self._throttle = throttle

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] not in WITHOUT_TENANT:
            site = await self._site(scope)
            origin = _claimed(scope, b"origin")
            is_named = origin is not None and origin in site.cors
            if is_named and _is_preflight(scope):
                assert origin is not None
                answer = Response(status_code=204)
                answer.raw_headers.extend(cors.preflight(origin))
                await answer(scope, receive, send)
                return
            if is_named and origin is not None:
                scope["state"].setdefault("answer_headers", []).extend(cors.headers(origin))
            await self._enter(scope, site, origin)
        await self._app(scope, receive, send)

    async def _site(self, scope: Scope) -> Site:
        """The tenant of the host. Raises NotFound `unknown_tenant`, and what the database does."""
        label = self._sites.label((header(scope, b"host") or "").encode("latin-1"))
        if label is None:
            raise unknown()
        site = self._sites.note(label, await find_tenant(self._database, label), time.monotonic())
        if site is None:
            raise unknown()
        scope["state"].update(
            site=site, tenant_id=site.tenant_id, book_id=site.book_id, subdomain=site.subdomain
        )
        return site

    async def _enter(self, scope: Scope, site: Site, origin: str | None) -> None:
        """Let the request in, or raise Forbidden or TooManyRequests."""
        server = scope.get("server")
        found = tokens.credential(
            _values(scope, b"authorization"),
            _values(scope, b"cookie"),
            sessions.cookie_name(scope["scheme"], server[0] if server else ""),
        )
        if not origins.allows(
            scope["method"],
            f"{scope['scheme']}://{header(scope, b'host')}",
            origin,
            _claimed(scope, b"sec-fetch-site"),
            found.by_cookie,
            site.cors,
        ):
            raise Forbidden("this write comes from another site", code="foreign_origin")
        state = scope["state"]
        state["token"] = found.token
        if self._throttle is None or state.get("counted"):
            return
        state["throttle"] = Counting(self._throttle, self._clock, scope)
        # Who shows a token is counted as himself once it is known whose it is, and at once where
        # nobody is going to ask (test: an answer a line and a scrape hold what the lists say).
        if is_visitor(scope, found.token, self._table):
            await state["throttle"].visitor()


class Counting:
    """How one request is counted: once, for a visitor's address or for who is logged in."""

    def __init__(self, throttle: Limits, clock: Clock, scope: Scope) -> None:
        self._throttle = throttle
        self._clock = clock
        self._scope = scope

    async def visitor(self) -> None:
        """Count it for the address. Raises TooManyRequests."""
        client = self._scope.get("client")
        await self._take(class_of(self._scope), limits.subject_of(client[0] if client else ""))

    async def caller(self, principal: Principal) -> None:
        """Count it for who is logged in. Raises TooManyRequests."""
        await self._take(class_of_caller(self._scope), principal.actor_id.hex)

    async def _take(self, of: LimitClass, subject: str) -> None:
        state = self._scope["state"]
        if state.get("counted"):
            return
        state["counted"] = True
        site: Site = state["site"]
        verdict = await self._throttle.take(site.limits, of, subject, time.monotonic_ns() // 1_000)
        epoch_s = int(self._clock.now().timestamp())
        state.setdefault("answer_headers", []).extend(limits.headers(of, verdict, epoch_s))
        if not verdict.allowed:
            raise TooManyRequests(verdict)


# The style that every page asks for: what belongs to a page is not refused with its next one
# (test: a page past its limit comes with its style).
_STYLE: Final = "/theme.css"
_LOGINS: Final = frozenset({"/api/v1/session", "/api/v1/users", "/login", "/register"})


def class_of(scope: Scope) -> LimitClass:
    """The class of a request whose sender is not known."""
    path: str = scope["path"]
    if scope["method"] not in origins.SAFE_METHODS:
        return "login" if path in _LOGINS else "write"
    if path.startswith("/api/") or path == _STYLE:
        return "public"
    # A key has a pace and credits of its own, which are counted where it is known.
    return "read" if path.startswith("/v4/") else "page"


def class_of_caller(scope: Scope) -> LimitClass:
    """The class of a request whose sender is known."""
    if scope["method"] in origins.SAFE_METHODS:
        return "read"
    return "bets" if scope["path"] == "/api/v1/bets" else "write"


def is_visitor(scope: Scope, token: str | None, table: Table) -> bool:
    """Whether a request is counted for its address, whoever the token says that it is.

    So is what everybody is answered alike; a page may greet who is logged in.
    """
    if token is None or class_of(scope) == "login":
        return True
    path: str = scope["path"]
    is_alike = path.startswith("/api/") or path == _STYLE
    return is_alike and table.of(scope["method"], path).urgency == "public"


class Authenticator:
    """Finds the principal of a request by its token, on the tenant of its host and nowhere else."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        limits: SessionLimits,
        leases: Leases | None = None,
    ) -> None:
        self._database = database
        self._clock = clock
        self._limits = limits
        self._leases = leases or Leases(None, "session")

    async def __call__(self, request: Request) -> Principal | None:
        """The caller; counted as himself, or as a visitor if his token is nobody's."""
        token, state = request.state.token, request.scope["state"]
        if token is None:
            return None
        principal = await self.who(request.state.tenant_id, token)
        throttle: Counting | None = state.get("throttle")
        if principal is not None:
            state["user_id"] = str(principal.actor_id)
            logs.bind(user_id=state["user_id"])
        if throttle is not None:
            await (throttle.caller(principal) if principal else throttle.visitor())
        return principal

    async def who(self, tenant_id: UUID, token: str) -> Principal | None:
        """Whose token it is at this tenant; None for nobody's. The session is touched."""
        live = await self._live(tenant_id, token)
        if live is None:
            return None
        at = self._clock.now()
        if sessions.touch_due(live.last_seen_at, at):
            async with self._database.transaction(tenant_id) as conn:
                await sessions.touch(conn, tenant_id, live.id, at)
            seen = sessions.lent(replace(live, last_seen_at=at))
            await self._leases.renew(tenant_id, sessions.token_sha256(token), live.user_id, seen)
        return _principal(tenant_id, live)

    async def known_live(self, tenant_id: UUID, token: str) -> bool:
        """Whether the session is known to be live without asking the database."""
        said = await self._leases.take(tenant_id, sessions.token_sha256(token))
        at = self._clock.now()
        return said is not None and sessions.borrowed(said, self._limits, at) is not None

    async def may_stay(self, scope: Scope, principal: Principal | None) -> bool:
        """Whether who came in by the gate would be let in again, with the same rights.

        It is asked of streams that stay open, and an open stream is not a sign that somebody is
        there: the session is not touched.
        """
        state = State(scope["state"])
        async with self._database.reading(None) as conn:
            tenant = await tenants.by_id(conn, state.tenant_id)
        if tenant.status != "active":
            return False
        if principal is None:
            return True
        if state.token is None:
            return False
        live = await self._live(state.tenant_id, state.token)
        return live is not None and _principal(state.tenant_id, live) == principal

    async def _live(self, tenant_id: UUID, token: str) -> sessions.Live | None:
        """The session by its lease, or by its record, which is then lent out."""
        at, sha256 = self._clock.now(), sessions.token_sha256(token)
        said = await self._leases.take(tenant_id, sha256)
        found = sessions.borrowed(said, self._limits, at) if said is not None else None
        if found is not None:
            return found
        looked_s = time.monotonic()
        async with self._database.reading(tenant_id) as conn:
            found = await sessions.authenticate(conn, tenant_id, token, self._limits, at)
        if found is not None:
            lent = sessions.lent(found)
            await self._leases.put(tenant_id, sha256, found.user_id, lent, looked_s)
        return found


def _principal(tenant_id: UUID, live: sessions.Live) -> Principal:
    return Principal(tenant_id, live.user_id, live.kind, frozenset(live.scopes))


def _is_preflight(scope: Scope) -> bool:
    return (
        scope["method"] == "OPTIONS" and header(scope, b"access-control-request-method") is not None
    )


def _values(scope: Scope, name: bytes) -> list[str]:
    return [value.decode("latin-1") for key, value in scope["headers"] if key == name]


def _claimed(scope: Scope, name: bytes) -> str | None:
    """What the header says; several values are one that matches nothing."""
    found = _values(scope, name)
    return ", ".join(found) if found else None
