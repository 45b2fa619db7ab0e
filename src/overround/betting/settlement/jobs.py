"""What the settle role runs: the due events of one tenant, settled in one transaction."""

from __future__ import annotations

from datetime import datetime

import psycopg

from overround.betting.settlement.service import settle_due
from overround.db import Database, work
from overround.kit import logs

_EVENTS_PER_CLAIM = 20

_log = logs.get(__name__)


async def run_once(db: Database, at: datetime) -> int | None:
    """Settle what is due for one tenant; returns the bets settled, None when nothing was due.

    Any number of settlers may run: a claimed row is passed over by the others, and what a killed
    one had claimed is free again (test: two settlers pay once).
    """
    async with db.transaction(None) as conn:
        tenant_id = await work.next_tenant(conn, "settle", at)
    if tenant_id is None:
        return None
    try:
        async with db.transaction(tenant_id) as conn:
            return await settle_due(conn, tenant_id, at, _EVENTS_PER_CLAIM)
    except psycopg.OperationalError:
        raise
    except psycopg.Error as error:
        # One tenant's bad data must not stop the others' settlement: it waits and says why.
        _log.error("settlement.failed", tenant=str(tenant_id), reason=str(error))
        async with db.transaction(None) as conn:
            await work.failed(conn, "settle", tenant_id, str(error))
        return 0
