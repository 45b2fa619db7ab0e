"""What the jobs role runs: free bets that nobody used in their time."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from overround.betting.freebets import store
from overround.db import Database

_AT_ONCE = 1_000


async def run_once(db: Database, tenant_id: UUID, at: datetime) -> int:
    """End what has expired of a tenant's; returns how many."""
    async with db.transaction(tenant_id) as conn:
        return await store.expire(conn, tenant_id, at, _AT_ONCE)
