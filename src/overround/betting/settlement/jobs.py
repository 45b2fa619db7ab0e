"""What the settle role runs: the due events of one tenant, settled in one transaction."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import psycopg

from overround.betting.settlement.service import settle_due, settle_events
from overround.core.errors import Unavailable
from overround.db import Database, work
from overround.kit import logs
from overround.kit.telling import Tell, tell_nobody

_EVENTS_PER_CLAIM = 20
# Connection exceptions, and an operator who stops the server.
_LOST_SQLSTATES = ("08", "57P")

_log = logs.get(__name__)


async def run_once(db: Database, at: datetime, tell: Tell = tell_nobody) -> int | None:
    """Settle what is due for one tenant; returns the bets settled, None when nothing was due.

    Whose bets were settled, and the office, are told after each commit.
    Any number of settlers may run: a claimed row is passed over by the others, and what a killed
    one had claimed is free again (test: two settlers pay once). Where the events fail together each
    is tried alone, and one that fails alone waits without the others
    (test: a poisoned event stops nobody else). Raises what a lost connection raises.
    """
    async with db.transaction(None) as conn:
        tenant_id = await work.next_tenant(conn, "settle", at)
    if tenant_id is None:
        return None
    players: set[UUID] = set()
    try:
        async with db.transaction(tenant_id) as conn:
            settled = await settle_due(conn, tenant_id, at, _EVENTS_PER_CLAIM, players)
        _tell(tell, tenant_id, players)
        return settled
    except Exception as error:  # whatever it is, it may be one event's
        if _is_lost(error):
            raise
        _log.warning("settlement.split", tenant=str(tenant_id), reason=_reason(error))
    return await _one_by_one(db, tenant_id, at, tell)


async def _one_by_one(db: Database, tenant_id: UUID, at: datetime, tell: Tell) -> int:
    """Settle the tenant's due events in a transaction each; returns the bets settled."""
    settled = 0
    for _ in range(_EVENTS_PER_CLAIM):
        event_ids: list[UUID] = []
        players: set[UUID] = set()
        try:
            async with db.transaction(tenant_id) as conn:
                event_ids = await work.claim(conn, "settle", tenant_id, at, 1)
                if not event_ids:
                    break
                bets = await settle_events(conn, tenant_id, event_ids, at, players)
                await work.done(conn, "settle", tenant_id, event_ids)
            settled += bets
            _tell(tell, tenant_id, players)
        except Exception as error:  # a bug or bad data of one event must not stop the rest
            if _is_lost(error) or not event_ids:
                raise
            await _failed(db, tenant_id, event_ids[0], at, _reason(error))
    return settled


async def _failed(db: Database, tenant_id: UUID, event_id: UUID, at: datetime, why: str) -> None:
    _log.error("settlement.failed", tenant=str(tenant_id), event_id=str(event_id), reason=why)
    async with db.transaction(None) as conn:
        await work.failed(conn, "settle", tenant_id, event_id, at, why)


def _tell(tell: Tell, tenant_id: UUID, players: set[UUID]) -> None:
    if players:
        tell(tenant_id, players, office=True)


def _reason(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"


def _is_lost(error: Exception) -> bool:
    """Whether the connection, and not the work, failed: then nothing is known about the work."""
    if isinstance(error, Unavailable | psycopg.InterfaceError):
        return True
    if not isinstance(error, psycopg.OperationalError):
        return False
    return error.sqlstate is None or error.sqlstate.startswith(_LOST_SQLSTATES)
