"""Rows of liability made of the bets, checked against them, and players held against the close.

Errors: none of its own.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from overround.betting import risk
from overround.betting.exposure import rules, store
from overround.betting.risk import Sharpness
from overround.db import Connection
from overround.money.ledger import Violation

# Over what a player's sharpness is measured.
SHARP_SINCE = timedelta(days=90)
SHARP_BETS_MAX = 20_000
_NAMED_MAX = 20


async def rebuild(conn: Connection, tenant_id: UUID, event_id: UUID, at: datetime) -> int:
    """Make an event's rows anew, with nobody placing on it meanwhile; returns the rows changed.

    Its marks are taken away before its bets are read: a bet that is settled after that leaves a
    mark of its own (test: the rows are those of the open bets whatever happens).
    """
    if not await risk.take_stale(conn, tenant_id, event_id):
        return 0
    found = rules.rows(await store.open_on_event(conn, tenant_id, event_id))
    own = {key[1:]: row for key, row in found.items() if key[0] == event_id}
    return await risk.rebuild(conn, tenant_id, event_id, own, at)


async def check(conn: Connection, tenant_id: UUID) -> list[Violation]:
    """Rows of liability that are not what the open bets say; of events that are not marked."""
    marked = await store.marked(conn, tenant_id)
    due = {
        (event_id, selection_id): row
        for (event_id, _, selection_id), row in rules.rows(
            await store.all_open(conn, tenant_id)
        ).items()
        if event_id not in marked
    }
    said = await risk.rows(conn, tenant_id)
    return [
        Violation(
            "liability = open bets", str(key[1]), f"{said.get(key)} instead of {due.get(key)}"
        )
        for key in sorted(due.keys() | said.keys())
        if due.get(key) != said.get(key)
    ]


async def sharpest(conn: Connection, tenant_id: UUID, at: datetime) -> list[Sharpness]:
    """The players whom the close says most about, by the factor it suggests; the sharpest first.

    The figures are those of `clv` (test: the desk reckons by the one formula of the close).
    """
    since = at - SHARP_SINCE
    found = await store.sharpest(conn, tenant_id, since, at, limit=SHARP_BETS_MAX, named=_NAMED_MAX)
    return rules.sharpness(found)
