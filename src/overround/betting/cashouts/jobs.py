"""What the settle role runs beside settling: bets that are cashed out by themselves."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from overround.betting.cashouts import service
from overround.db import Database
from overround.kit.telling import Tell, tell_nobody
from overround.people import tenants

_ORDERS_AT_ONCE = 500


async def run_once(db: Database, at: datetime, tell: Tell = tell_nobody) -> int | None:
    """Look at every order once, and do those whose bets are worth enough; returns how many.

    None where there was nothing to do. Each is done in a transaction of its own, and once however
    many run this (test: an order is done once by two settlers).
    """
    async with db.reading(None) as conn:
        everyone = await tenants.everyone(conn)
    done = 0
    for tenant in everyone:
        if tenant.status == "active":
            done += await _of_tenant(db, tenant.id, at, tell)
    return done or None


async def _of_tenant(db: Database, tenant_id: UUID, at: datetime, tell: Tell) -> int:
    done = 0
    after: UUID | None = UUID(int=0)
    while after is not None:
        async with db.reading(tenant_id) as conn:
            ready, after = await service.ripe(conn, tenant_id, after, _ORDERS_AT_ONCE, at)
        for order in ready:
            async with db.transaction(tenant_id) as conn:
                is_done = await service.carry_out(conn, tenant_id, order, at)
            if is_done:
                done += 1
                tell(tenant_id, [order.user_id], office=True)
    return done
