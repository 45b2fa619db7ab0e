"""The two tenants of every demonstration, and the schema that they stand on."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from overround.core import ids, principal
from overround.core.errors import NotFound
from overround.db import Database, migrate
from overround.people import tenants
from overround.people.tenants import NewTenant, Tenant
from overround.roles.attach import Endpoints

_ORIGIN: Final = datetime(2020, 1, 1, tzinfo=UTC)

DEMO_TENANTS: Final = (
    NewTenant(
        "acme", "Acme", "office@acme.example", "EUR", "Europe/Vienna",
        settings={"demo_deposits": True},
    ),
    NewTenant(
        "sakura", "Sakura", "office@sakura.example", "JPY", "Asia/Tokyo",
        settings={"demo_deposits": True},
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
