"""What the settle role runs: the due events of one tenant, in one transaction or in portions."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import psycopg

from overround.betting.settlement import service
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
            event_ids = await work.claim(conn, "settle", tenant_id, at, _EVENTS_PER_CLAIM)
            await service.ask_about_corrections(conn, tenant_id, event_ids, at)
            bet_ids = await service.touched(conn, tenant_id, event_ids, at) if event_ids else []
            if len(bet_ids) <= service.PORTION:
                settled = await service.settle_bets(conn, tenant_id, bet_ids, at, players)
                await work.done(conn, "settle", tenant_id, event_ids)
                is_whole = True
            else:
                settled, is_whole = 0, False
        _tell(tell, tenant_id, players)
        if is_whole:
            return settled
    except Exception as error:  # whatever it is, it may be one event's
        if _is_lost(error):
            raise
        _log.warning("settlement.split", tenant=str(tenant_id), reason=_reason(error))
    return await _one_by_one(db, tenant_id, at, tell)


async def _one_by_one(db: Database, tenant_id: UUID, at: datetime, tell: Tell) -> int:
    """Settle the tenant's due events each by itself; returns the bets settled."""
    settled = 0
    seen: set[UUID] = set()
    for _ in range(_EVENTS_PER_CLAIM):
        async with db.transaction(tenant_id) as conn:
            event_ids = await work.claim(conn, "settle", tenant_id, at, 1)
            if not event_ids or event_ids[0] in seen:
                break
            await service.ask_about_corrections(conn, tenant_id, event_ids, at)
            bet_ids = await service.touched(conn, tenant_id, event_ids, at)
        event_id = event_ids[0]
        seen.add(event_id)
        try:
            settled += await _in_portions(db, tenant_id, event_id, bet_ids, at, tell)
        except Exception as error:  # a bug or bad data of one event must not stop the rest
            if _is_lost(error):
                raise
            await _failed(db, tenant_id, event_id, at, _reason(error))
    return settled


async def _in_portions(
    db: Database, tenant_id: UUID, event_id: UUID, bet_ids: Sequence[UUID], at: datetime, tell: Tell
) -> int:
    """Settle an event's bets in a transaction for each portion, beside whoever else does.

    What others hold is left to them; the last look waits for it, so a bet of two events is settled
    by one of the two settlers and lost by none (test: a large event is shared by settlers).
    """
    settled = 0
    for first in range(0, len(bet_ids), service.PORTION):
        portion = bet_ids[first : first + service.PORTION]
        players: set[UUID] = set()
        async with db.transaction(tenant_id) as conn:
            left = await service.unsettled(conn, tenant_id, event_id, portion, at)
            settled += await service.settle_bets(conn, tenant_id, left, at, players, wait=False)
        _tell(tell, tenant_id, players)
    players = set()
    async with db.transaction(tenant_id) as conn:
        # Claimed before it is read: a result that comes now makes the event due after this.
        if await work.claim_one(conn, "settle", tenant_id, event_id):
            settled += await service.settle_events(conn, tenant_id, [event_id], at, players)
            await work.done(conn, "settle", tenant_id, [event_id])
    _tell(tell, tenant_id, players)
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
