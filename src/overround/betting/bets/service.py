"""Placing and reading bets, inside the caller's transaction.

Errors: Invalid (a bound of the slip, before anything is asked), NotFound.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from overround.betting.bets import rules, store
from overround.betting.bets.model import Bet, Decision, Slip
from overround.core.errors import NotFound
from overround.db import Connection

BATCH_MAX = 64


async def place(conn: Connection, tenant_id: UUID, slips: Sequence[Slip]) -> list[Decision]:
    """Place at most 64 slips of one tenant in the order given, now; an answer for each.

    A slip that waited is judged by the database's clock at the end of its wait, not by its own time
    (test: a slip older than the close is refused live). A refusal is an answer. The decisions stand
    when the caller commits.
    """
    _check(slips)
    return await store.place(conn, tenant_id, slips) if slips else []


async def place_at(conn: Connection, tenant_id: UUID, slips: Sequence[Slip]) -> list[Decision]:
    """As `place`, with each slip at its own time: for replays; the app may not."""
    _check(slips)
    return await store.place_at(conn, tenant_id, slips) if slips else []


def _check(slips: Sequence[Slip]) -> None:
    if len(slips) > BATCH_MAX:
        raise ValueError(f"{len(slips)} slips in one batch; at most {BATCH_MAX}")
    for slip in slips:
        rules.check(slip)


async def my_bets(
    conn: Connection,
    tenant_id: UUID,
    user_id: UUID,
    *,
    before: tuple[datetime, UUID],
    status: str | None,
    limit: int,
) -> list[Bet]:
    """A page of a player's bets, newest first."""
    return await store.bets_of(conn, tenant_id, user_id, before, status, limit)


async def my_bet(conn: Connection, tenant_id: UUID, user_id: UUID, bet_id: UUID) -> Bet:
    """One bet of the player. Raises NotFound for anybody else's."""
    found = await store.bet(conn, tenant_id, user_id, bet_id)
    if found is None:
        raise NotFound("no such bet")
    return found
