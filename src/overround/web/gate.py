"""The gate: which tenant's host was asked, with whose token, and not from somebody else's page."""

from __future__ import annotations

from typing import Final

from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from overround.core.clock import Clock
from overround.core.errors import Forbidden, NotFound
from overround.core.principal import Principal
from overround.db import Database
from overround.people import sessions, tenants
from overround.people.sessions import SessionLimits
from overround.web import hosts, origins, tokens
from overround.web.ids import header

# Answered on any host and without a database, so that a load balancer need not know a tenant.
WITHOUT_TENANT: Final = frozenset({"/healthz"})


class Gate:
    """ASGI middleware. Puts `tenant_id`, `book_id`, `subdomain`, `token` on `scope["state"]`.

    The tenant is read for each request and kept nowhere, so a suspended one stops with its next
    request (test: a suspended tenant stops at once).
    """

    def __init__(self, app: ASGIApp, database: Database, base_domain: str) -> None:
        self._app = app
        self._database = database
        self._base_domain = base_domain

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] not in WITHOUT_TENANT:
            await self._enter(scope)
        await self._app(scope, receive, send)

    async def _enter(self, scope: Scope) -> None:
        host = header(scope, b"host") or ""
        subdomain = hosts.subdomain_of(host, self._base_domain)
        if subdomain is None:
            raise NotFound("there is no such tenant", code="unknown_tenant")
        async with self._database.reading(None) as conn:
            tenant = await tenants.by_subdomain(conn, subdomain)
        if tenant.status != "active":
            # The same words as for one that never was: who left is nobody's business.
            raise NotFound("there is no such tenant", code="unknown_tenant")
        server = scope.get("server")
        found = tokens.credential(
            _values(scope, b"authorization"),
            _values(scope, b"cookie"),
            sessions.cookie_name(scope["scheme"], server[0] if server else ""),
        )
        if not origins.allows(
            scope["method"],
            f"{scope['scheme']}://{host}",
            _claimed(scope, b"origin"),
            _claimed(scope, b"sec-fetch-site"),
            found.by_cookie,
        ):
            raise Forbidden("this write comes from another site", code="foreign_origin")
        scope["state"].update(
            tenant_id=tenant.id, book_id=tenant.book_id, subdomain=subdomain, token=found.token
        )


class Authenticator:
    """Finds the principal of a request by its token, on the tenant of its host and nowhere else."""

    def __init__(self, database: Database, clock: Clock, limits: SessionLimits) -> None:
        self._database = database
        self._clock = clock
        self._limits = limits

    async def __call__(self, request: Request) -> Principal | None:
        live = await self._live(request)
        if live is None:
            return None
        at = self._clock.now()
        if sessions.touch_due(live.last_seen_at, at):
            tenant_id = request.state.tenant_id
            async with self._database.transaction(tenant_id) as conn:
                await sessions.touch(conn, tenant_id, live.id, at)
        return _principal(request, live)

    async def may_stay(self, scope: Scope, principal: Principal | None) -> bool:
        """Whether who came in by the gate would be let in again, with the same rights.

        It is asked of streams that stay open, and an open stream is not a sign that somebody is
        there: the session is not touched.
        """
        request = Request(scope)
        async with self._database.reading(None) as conn:
            tenant = await tenants.by_id(conn, request.state.tenant_id)
        if tenant.status != "active":
            return False
        if principal is None:
            return True
        live = await self._live(request)
        return live is not None and _principal(request, live) == principal

    async def _live(self, request: Request) -> sessions.Live | None:
        token, tenant_id = request.state.token, request.state.tenant_id
        if token is None:
            return None
        at = self._clock.now()
        async with self._database.reading(tenant_id) as conn:
            return await sessions.authenticate(conn, tenant_id, token, self._limits, at)


def _principal(request: Request, live: sessions.Live) -> Principal:
    return Principal(request.state.tenant_id, live.user_id, live.kind, frozenset(live.scopes))


def _values(scope: Scope, name: bytes) -> list[str]:
    return [value.decode("latin-1") for key, value in scope["headers"] if key == name]


def _claimed(scope: Scope, name: bytes) -> str | None:
    """What the header says; several values are one that matches nothing."""
    found = _values(scope, name)
    return ", ".join(found) if found else None
