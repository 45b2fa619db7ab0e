"""The two tenants of every demonstration, their offices, and the schema that they stand on."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from typing import Final

from overround.core import ids, principal
from overround.core.errors import NotFound
from overround.db import Database, migrate
from overround.people import sessions, tenants, users
from overround.people.tenants import NewTenant, Tenant
from overround.people.users import NewStaff
from overround.roles.attach import Endpoints

_ORIGIN: Final = datetime(2020, 1, 1, tzinfo=UTC)

DEMO_TENANTS: Final = (
    NewTenant(
        "acme", "Acme", "office@acme.example", "EUR", "Europe/Vienna",
        settings={"demo_deposits": True, "theme": {"brand": "#1e3a8a", "accent": "#2563eb"}},
    ),
    NewTenant(
        "sakura", "Sakura", "office@sakura.example", "JPY", "Asia/Tokyo",
        settings={"demo_deposits": True, "theme": {"brand": "#9d174d", "accent": "#db2777"}},
    ),
)  # fmt: skip


async def prepare(endpoints: Endpoints) -> None:
    """Bring the schema up to date where this installation's own server holds it."""
    await migrate.migrate(endpoints.url("owner"))


async def seed(worker: Database, at: datetime) -> list[Tenant]:
    """The demonstration's tenants, made where they are missing."""
    found: list[Tenant] = []
    for asked in DEMO_TENANTS:
        tenant_id = ids.derived(_ORIGIN, "tenant", asked.subdomain)
        async with worker.transaction(tenant_id) as conn:
            try:
                found.append(await tenants.by_subdomain(conn, asked.subdomain))
            except NotFound:
                caller = principal.system(tenant_id)
                found.append(await tenants.create(conn, caller, asked, at))
    return found


async def tenant(worker: Database, subdomain: str, at: datetime) -> Tenant:
    """The tenant of that subdomain; one of the demonstration's is made when it is missing.

    Raises NotFound `unknown_tenant`.
    """
    if any(asked.subdomain == subdomain for asked in DEMO_TENANTS):
        await seed(worker, at)
    async with worker.reading(None) as conn:
        return await tenants.by_subdomain(conn, subdomain)


async def has_staff(worker: Database, tenant: Tenant, email: str) -> bool:
    """Whether the tenant's office knows the address."""
    async with worker.reading(tenant.id) as conn:
        return await users.by_email(conn, tenant.id, email) is not None


async def add_staff(
    worker: Database, tenant: Tenant, email: str, password: str, at: datetime
) -> None:
    """Somebody who may do everything in the tenant's office. Raises Conflict `email_taken`."""
    hashed = sessions.hash_password(password, secrets.token_bytes(sessions.SALT_BYTES))
    asked = NewStaff(email, "Office", frozenset({"*"}))
    async with worker.transaction(tenant.id) as conn:
        await sessions.add_staff(conn, principal.system(tenant.id), asked, hashed, at)
