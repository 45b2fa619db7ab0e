"""Placing slips that have waited. Any number of processes may do it."""

from __future__ import annotations

from datetime import datetime
from typing import Final
from uuid import UUID

import msgspec
import psycopg

from overround.betting.waiting import service
from overround.betting.waiting.model import WaitingSlip
from overround.core.errors import Invalid
from overround.db import Database
from overround.kit import logs
from overround.kit.telling import Tell, tell_nobody

# What may be one slip's fault: what the database would not take, and a row that says no slip.
_FAULTS: Final = (psycopg.Error, Invalid, msgspec.ValidationError)

_log = logs.get(__name__)


async def run_once(db: Database, at: datetime, tell: Tell = tell_nobody) -> int | None:
    """Place or end what is due, a batch of each tenant; returns how many slips, None for none.

    A batch is one transaction: whoever is killed before its commit has placed nothing of it, and
    the next one takes it (test: a placer killed before its commit places once).
    """
    async with db.reading(None) as conn:
        due = await service.tenants_due(conn, at)
    done = 0
    for tenant_id in due:
        placed = await _of_tenant(db, tenant_id, at)
        if placed:
            tell(tenant_id, {one.user_id for one in placed}, office=True)
        done += len(placed)
    return done or None


async def _of_tenant(db: Database, tenant_id: UUID, at: datetime) -> list[WaitingSlip]:
    try:
        async with db.transaction(tenant_id) as conn:
            return await service.place_due(conn, tenant_id, at)
    except psycopg.OperationalError:
        # Of the database and no slip's fault: the loop waits it out.
        raise
    except _FAULTS as error:
        _log.warning("slips.batch_failed", tenant_id=str(tenant_id), reason=str(error))
    return await _singly(db, tenant_id, at)


async def _singly(db: Database, tenant_id: UUID, at: datetime) -> list[WaitingSlip]:
    """One bad slip fails alone (test: a slip that cannot be placed holds up no other)."""
    async with db.reading(tenant_id) as conn:
        ids = await service.due_ids(conn, tenant_id, at)
    placed: list[WaitingSlip] = []
    for slip_id in ids:
        try:
            async with db.transaction(tenant_id) as conn:
                placed += await service.place_due(conn, tenant_id, at, slip_id)
        except psycopg.OperationalError:
            raise
        except _FAULTS as error:
            _log.error("slips.slip_failed", slip_id=str(slip_id), reason=str(error))
            async with db.transaction(tenant_id) as conn:
                await service.failed(conn, tenant_id, slip_id, at)
    return placed
