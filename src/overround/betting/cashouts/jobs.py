"""What the settle role runs beside settling: bets that are cashed out by themselves, and what has
stood its delay. Any number of processes may do either."""

from __future__ import annotations

from datetime import datetime
from typing import Final
from uuid import UUID

import psycopg

from overround.betting.cashouts import service
from overround.betting.cashouts.model import Request
from overround.core.errors import Refusal
from overround.db import Database
from overround.kit import logs
from overround.kit.telling import Tell, tell_nobody
from overround.people import tenants

_ORDERS_AT_ONCE: Final = 500

_log = logs.get(__name__)


async def run_once(db: Database, at: datetime, tell: Tell = tell_nobody) -> int | None:
    """Look at every order once, and ask for those whose bets are worth enough; returns how many
    were paid, None for none.

    In play they stand their delay first. Each is done in a transaction of its own, and once however
    many run this (test: an order is done once by two settlers). Those of bets that are over end
    here, because settling looks at none (test: an order ends with its bet).
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
            found = await service.ripe(conn, tenant_id, after, _ORDERS_AT_ONCE, at)
        after = found.after
        if found.over:
            async with db.transaction(tenant_id) as conn:
                await service.end_orders(conn, tenant_id, found.over, at)
        for order in found.ready:
            async with db.transaction(tenant_id) as conn:
                asked = await service.carry_out(conn, tenant_id, order, at)
            done += _told(tenant_id, asked, tell)
    return done


async def pay_due(db: Database, at: datetime, tell: Tell = tell_nobody) -> int | None:
    """Pay or refuse what has stood its delay; returns how many, None for none.

    Each in a transaction of its own: whoever is killed before its commit has paid nothing, and
    the next one does (test: a cash out in play is paid once by four settlers).
    """
    async with db.reading(None) as conn:
        due = await service.tenants_due(conn, at)
    done = 0
    for tenant_id in due:
        async with db.reading(tenant_id) as conn:
            ids = await service.due(conn, tenant_id, at)
        for asked_id in ids:
            done += _told(tenant_id, await _paid(db, tenant_id, asked_id, at), tell)
    return done or None


async def _paid(db: Database, tenant_id: UUID, asked_id: UUID, at: datetime) -> Request | None:
    """One that cannot be paid fails alone, and has expired a minute later
    (test: a cash out that cannot be paid holds up no other)."""
    try:
        async with db.transaction(tenant_id) as conn:
            return await service.pay_due(conn, tenant_id, asked_id, at)
    except psycopg.OperationalError:
        # Of the database and no request's fault: the loop waits it out.
        raise
    except (psycopg.Error, Refusal) as error:
        _log.error("cash_outs.failed", cash_out_id=str(asked_id), reason=str(error))
        return None


def _told(tenant_id: UUID, asked: Request | None, tell: Tell) -> int:
    if asked is None:
        return 0
    tell(tenant_id, [asked.user_id], office=True)
    return 0 if asked.is_waiting else 1
