"""The database of one command: a small pool, opened and closed around its work."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime

from overround.core import principal
from overround.core.clock import WallClock
from overround.core.principal import Principal
from overround.db import Connection, Database, migrate
from overround.people import tenants
from overround.people.tenants import Tenant


@dataclass(frozen=True, slots=True)
class Acting:
    """A transaction in which the command line acts for a tenant."""

    conn: Connection
    caller: Principal
    tenant: Tenant
    at: datetime


@asynccontextmanager
async def opened(url: str) -> AsyncGenerator[Database]:
    """A pool of one connection. Raises Unavailable when the database does not answer."""
    database = await Database.open(url, purpose="command", size_min=1, size_max=1)
    try:
        async with database.reading(None) as conn:
            await migrate.require(conn)
        yield database
    finally:
        await database.close()


@asynccontextmanager
async def acting_for(url: str, subdomain: str) -> AsyncGenerator[Acting]:
    """A read-write transaction for the tenant of that subdomain, committed at the end.

    Raises NotFound `unknown_tenant`, and Unavailable.
    """
    async with opened(url) as database:
        async with database.reading(None) as conn:
            tenant = await tenants.by_subdomain(conn, subdomain)
        async with database.transaction(tenant.id) as conn:
            yield Acting(conn, principal.system(tenant.id), tenant, WallClock().now())
