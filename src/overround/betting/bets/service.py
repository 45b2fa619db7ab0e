"""Placing and reading bets, inside the caller's transaction.

Errors: Invalid (a bound of the slip, before anything is asked), NotFound.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from overround.betting.bets import liability, rules, store
from overround.betting.bets.model import Asked, Bet, Decision, EventLiability, LatestBet, Slip
from overround.core.errors import NotFound
from overround.db import Connection

BATCH_MAX = 64
# Where the events lie on which a bet may be open; one that was postponed for longer is seen by
# asking for it.
_BEHIND = timedelta(days=2)
_AHEAD = timedelta(days=30)
_EVENTS_AT_ONCE = 200


async def place(conn: Connection, tenant_id: UUID, slips: Sequence[Slip]) -> list[Decision]:
    """Place at most 64 slips of one tenant in the order given, now; an answer for each.

    A slip that waited is judged by the database's clock at the end of its wait, not by its own time
    (test: a slip older than the close is refused live). A refusal is an answer. The decisions stand
    when the caller commits.
    """
    _check(slips)
    return await store.place(conn, tenant_id, slips) if slips else []


async def place_all(conn: Connection, asked: Sequence[Asked]) -> list[Decision]:
    """As `place` for slips of several tenants, on a connection of its own outside a transaction:
    one round trip, which commits. Each slip has been checked (`rules.check`)."""
    if len(asked) > BATCH_MAX:
        raise ValueError(f"{len(asked)} slips in one batch; at most {BATCH_MAX}")
    return await store.place_all(conn, asked) if asked else []


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


async def latest(conn: Connection, tenant_id: UUID, before: UUID, limit: int) -> list[LatestBet]:
    """A page of all players' bets, newest first, below an id."""
    return await store.latest(conn, tenant_id, before, limit)


async def liabilities(
    conn: Connection, tenant_id: UUID, event_ids: Sequence[UUID]
) -> dict[UUID, EventLiability]:
    """event id -> what its open bets could cost; an event without any is absent."""
    found = await store.open_selections(conn, tenant_id, event_ids)
    concerned = {row.event_id for row in found if row.reduced}
    reduced = await store.reduced_combos(conn, tenant_id, list(concerned)) if concerned else []
    return liability.of_events(found, reduced)


async def top_exposures(
    conn: Connection, tenant_id: UUID, at: datetime, limit: int
) -> list[EventLiability]:
    """The `limit` events with the greatest exposure, among those that started within two days or
    start within a month.

    They are read in the order of what they could cost at most, until no further one can be among
    the first (test: the greatest exposures are found behind greater bounds).
    """
    bounds = await store.exposure_bounds(conn, tenant_id, at - _BEHIND, at + _AHEAD)
    best: list[EventLiability] = []
    for first in range(0, len(bounds), _EVENTS_AT_ONCE):
        if len(best) == limit and best[-1].exposure_minor >= bounds[first][1]:
            break
        some = [event_id for event_id, _ in bounds[first : first + _EVENTS_AT_ONCE]]
        best += (await liabilities(conn, tenant_id, some)).values()
        best = sorted(best, key=lambda one: (-one.exposure_minor, one.event_id))[:limit]
    return best
