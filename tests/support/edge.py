"""The edge on a real database, for tests: two tenants, a set clock, clients by host."""

from __future__ import annotations

import itertools
import logging
from collections.abc import AsyncGenerator, Generator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx2
import structlog

from overround.core import ids, principal
from overround.core.clock import SetClock
from overround.core.principal import Principal
from overround.db import Database
from overround.db.logins import Role
from overround.kit.threads import BoundedThreads
from overround.people import sessions, tenants, users
from overround.people.sessions import SessionLimits
from overround.people.tenants import NewTenant, Tenant
from overround.people.users import NewStaff
from overround.web import Services, create_app

AT = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
PASSWORD = "correct horse battery"
BASE_DOMAIN = "bet.example"


@dataclass(slots=True)
class Edge:
    """The application and what it stands on."""

    app: Any
    clock: SetClock
    app_db: Database
    worker_db: Database
    tenants: dict[str, Tenant]
    _numbers: Any = field(default_factory=itertools.count)

    def later(self, **words: float) -> None:
        """Move the clock."""
        self.clock.move_to(self.clock.now() + timedelta(**words))

    def client(self, host: str = "acme", *, token: str | None = None) -> httpx2.AsyncClient:
        """A client of a tenant's host; with a token it is a bearer."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        name = host if "." in host else f"{host}.{BASE_DOMAIN}"
        # The peer's own exceptions are the application's 500: what is tested is what it answers.
        transport = httpx2.ASGITransport(self.app, raise_app_exceptions=False)
        return httpx2.AsyncClient(transport=transport, base_url=f"http://{name}", headers=headers)

    def key(self) -> dict[str, str]:
        """A header with a new Idempotency-Key."""
        return {"Idempotency-Key": f"key-{next(self._numbers)}"}

    async def player(self, name: str, host: str = "acme") -> httpx2.AsyncClient:
        """A registered player, as the client that is logged in."""
        async with self.client(host) as client:
            answer = await client.post("/api/v1/users", json=registration(name))
        assert answer.status_code == 201, answer.text
        return self.client(host, token=answer.json()["token"])

    async def staff(self, name: str, *scopes: str, host: str = "acme") -> httpx2.AsyncClient:
        """A member of staff, as the client that is logged in."""
        caller = principal.system(self.tenants[host].id)
        hashed = sessions.hash_password(PASSWORD, bytes(16))
        asked = NewStaff(f"{name}@{host}.example", name, frozenset(scopes))
        async with self.worker_db.transaction(caller.tenant_id) as conn:
            await sessions.add_staff(conn, caller, asked, hashed, self.clock.now())
        async with self.client(host) as client:
            answer = await client.post(
                "/api/v1/session",
                json={"email": f"{name}@{host}.example", "password": PASSWORD},
            )
        assert answer.status_code == 200, answer.text
        return self.client(host, token=answer.json()["token"])

    async def deposit(self, client: httpx2.AsyncClient, amount: str) -> httpx2.Response:
        """A deposit under a new key."""
        return await client.post("/api/v1/deposits", json={"amount": amount}, headers=self.key())


@contextmanager
def restored_logging() -> Generator[None]:
    """Whatever the block configures of logging is gone after it."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    # With the way of writing failures that the suite has chosen: the library's defaults
    # would write the locals of every frame.
    before = structlog.get_config().copy()
    try:
        yield
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
        structlog.configure(**before)


def registration(name: str, **changed: str) -> dict[str, str]:
    """The body of a registration."""
    body = {"email": f"{name}@players.example", "password": PASSWORD, "display_name": name}
    return {**body, **changed}


@asynccontextmanager
async def opened(urls: Mapping[Role, str], *, make_tenants: bool = True) -> AsyncGenerator[Edge]:
    """The edge over a new database, with tenants acme (EUR) and sakura (JPY)."""
    clock = SetClock(AT)
    app_db = await Database.open(urls["app"], purpose="web", size_max=16, acquire_timeout_s=30)
    worker_db = await Database.open(urls["worker"], purpose="worker", size_max=4)
    hashing = BoundedThreads(2, 64, "hashing")
    try:
        made: dict[str, Tenant] = {}
        if make_tenants:
            made["acme"] = await add_tenant(worker_db, "acme", "EUR", "Europe/Vienna")
            made["sakura"] = await add_tenant(worker_db, "sakura", "JPY", "Asia/Tokyo")
        services = Services(app_db, clock, hashing, BASE_DOMAIN, SessionLimits())
        yield Edge(create_app(services), clock, app_db, worker_db, made)
    finally:
        hashing.close()
        await app_db.close()
        await worker_db.close()


async def add_tenant(worker_db: Database, subdomain: str, currency: str, time_zone: str) -> Tenant:
    """A tenant whose players may deposit without paying."""
    asked = NewTenant(
        subdomain=subdomain,
        name=subdomain.title(),
        contact_email=f"ops@{subdomain}.example",
        currency=currency,
        time_zone=time_zone,
        settings={"demo_deposits": True},
    )
    caller = system_of(ids.derived(AT, subdomain))
    async with worker_db.transaction(caller.tenant_id) as conn:
        return await tenants.create(conn, caller, asked, AT)


def system_of(tenant_id: UUID) -> Principal:
    """The product's own processes, acting for the tenant."""
    return principal.system(tenant_id)


async def set_status(edge: Edge, name: str, status: tenants.TenantStatus) -> None:
    """Suspend or reopen a tenant."""
    caller = system_of(edge.tenants[name].id)
    async with edge.worker_db.transaction(caller.tenant_id) as conn:
        await tenants.set_status(conn, caller, status, edge.clock.now())


async def user_id_of(edge: Edge, name: str, host: str = "acme") -> UUID:
    """The id of a registered player."""
    tenant_id = edge.tenants[host].id
    async with edge.app_db.reading(tenant_id) as conn:
        user = await users.by_email(conn, tenant_id, f"{name}@players.example")
    assert user is not None
    return user.id
