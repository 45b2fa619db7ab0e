"""What the jobs role runs for sessions: forget what is long over."""

from __future__ import annotations

from datetime import datetime

from overround.db import Database
from overround.people import tenants
from overround.people.sessions import service
from overround.people.sessions.model import SessionLimits


async def run_once(database: Database, limits: SessionLimits, at: datetime) -> int:
    """How many rows were deleted: one batch a tenant, each in its own transaction."""
    async with database.reading(None) as conn:
        everyone = await tenants.everyone(conn)
    deleted = 0
    for tenant in everyone:
        async with database.transaction(tenant.id) as conn:
            deleted += await service.purge(conn, tenant.id, limits, at)
    return deleted
