"""Placing and reading bets, inside the caller's transaction.

Errors: Invalid (a bound of the slip, before anything is asked), NotFound.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from uuid import UUID

from overround.betting.bets import rules, store
from overround.betting.bets.model import (
    Asked,
    Bet,
    Decision,
    LatestBet,
    Priced,
    Slip,
)
from overround.core.errors import NotFound
from overround.db import Connection

BATCH_MAX = 64
# A price that moves between two looks is looked at again; one that always does is the next
# question's.
_LOOKS_MAX = 5


_AskPriced = Callable[[Sequence[Priced]], Awaitable[list[Decision]]]


async def place(conn: Connection, tenant_id: UUID, slips: Sequence[Slip]) -> list[Decision]:
    """Place at most 64 slips of one tenant in the order given, now; an answer for each.

    A slip that waited is judged by the database's clock at the end of its wait, not by its own time
    (test: a slip older than the close is refused live). A refusal is an answer. The decisions stand
    when the caller commits.
    """
    _check(slips)
    return await _until_still(slips, lambda priced: store.place(conn, tenant_id, priced))


async def place_all(conn: Connection, asked: Sequence[Asked]) -> list[Decision]:
    """As `place` for slips of several tenants, on a connection of its own outside a transaction:
    one round trip, which commits. Each slip has been checked (`rules.check`)."""
    if len(asked) > BATCH_MAX:
        raise ValueError(f"{len(asked)} slips in one batch; at most {BATCH_MAX}")
    by_slip = {id(one.slip): one for one in asked}
    return await _until_still(
        [one.slip for one in asked],
        lambda priced: store.place_all(conn, [by_slip[id(one.slip)] for one in priced], priced),
    )


async def place_at(conn: Connection, tenant_id: UUID, slips: Sequence[Slip]) -> list[Decision]:
    """As `place`, with each slip at its own time: for replays; the app may not."""
    _check(slips)
    return await _until_still(slips, lambda priced: store.place_at(conn, tenant_id, priced))


async def _until_still(slips: Sequence[Slip], ask: _AskPriced) -> list[Decision]:
    """Ask at the prices that were shown; whatever is told that they are others now and would be
    taken is asked again at those (test: a price that rose meanwhile is paid)."""
    decisions: dict[int, Decision] = {}
    prices = {n: [leg.price_e4 for leg in slip.legs] for n, slip in enumerate(slips)}
    for _ in range(_LOOKS_MAX):
        waiting = [n for n in prices if n not in decisions or decisions[n].kind == "moved"]
        if not waiting:
            break
        priced = [
            Priced(slips[n], prices[n], *rules.potential(slips[n], prices[n])) for n in waiting
        ]
        for n, decision in zip(waiting, await ask(priced), strict=True):
            decisions[n] = decision
            if decision.kind == "moved":
                prices[n] = decision.answer["prices_e4"]
    return [decisions[n] for n in range(len(slips))]


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
