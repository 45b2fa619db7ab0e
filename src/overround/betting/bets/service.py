"""Placing and reading bets, inside the caller's transaction.

Errors: Invalid (a bound of the slip, before anything is asked), NotFound.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import groupby
from uuid import UUID

from overround.betting import freebets
from overround.betting.bets import rules, store
from overround.betting.bets.model import (
    Asked,
    Bet,
    Decision,
    LatestBet,
    Priced,
    Slip,
    Waited,
)
from overround.core.errors import NotFound
from overround.db import Connection

BATCH_MAX = 64
# A price that moves between two looks is looked at again; one that always does is the next
# question's.
LOOKS_MAX = 5
# What is said of a slip before it is asked for the first time.
_NOT_ASKED = Decision("moved", {})


_AskPriced = Callable[[Sequence[Priced]], Awaitable[list[Decision]]]


async def place(conn: Connection, tenant_id: UUID, slips: Sequence[Slip]) -> list[Decision]:
    """Place at most 64 slips of one tenant in the order given, now; an answer for each.

    A slip that waited is judged by the database's clock at the end of its wait, not by its own time
    (test: a slip older than the close is refused live). A refusal is an answer. The decisions stand
    when the caller commits.
    """
    _check(slips)
    decisions: list[Decision] = []
    for is_free, run in groupby(slips, key=_is_free):
        if is_free:
            decisions += [await _place_free(conn, Asked(tenant_id, slip)) for slip in run]
        else:
            decisions += await _until_still(
                list(run), lambda priced: store.place(conn, tenant_id, priced)
            )
    return decisions


async def place_at(conn: Connection, tenant_id: UUID, slips: Sequence[Slip]) -> list[Decision]:
    """As `place`, with each slip at its own time: for replays, which give no free bets; the app may
    not."""
    _check(slips)
    return await _until_still(slips, lambda priced: store.place_at(conn, tenant_id, priced))


async def place_waited(conn: Connection, waited: Sequence[Waited]) -> list[Decision]:
    """Place at most 64 slips of one tenant that have waited, at the prices that were agreed to or,
    as `place`, at the offers' own; the caller holds their rows. For the worker; the app may not.

    What is answered `waits`, `moved` or `nobody` goes on waiting: its key is still taken.
    """
    _check([one.asked.slip for one in waited])
    by_slip = {id(one.asked.slip): one for one in waited}
    decisions: list[Decision] = []
    for is_free, run in groupby(waited, key=lambda one: _is_free(one.asked.slip)):
        together = list(run)
        if is_free:
            decisions += [await _place_free(conn, one.asked, one) for one in together]
        else:
            decisions += await _until_still(
                [one.asked.slip for one in together],
                lambda priced: store.place_waited(
                    conn, [by_slip[id(one.slip)] for one in priced], priced
                ),
                [one.agreed_e4 for one in together],
            )
    return decisions


def _is_free(slip: Slip) -> bool:
    return slip.free_bet_id is not None


async def _place_free(conn: Connection, asked: Asked, waited: Waited | None = None) -> Decision:
    """Place one slip on a free bet, in the transaction that there is or in its own."""
    agreed_e4 = None if waited is None else waited.agreed_e4
    (decision,) = await _until_still(
        [asked.slip], lambda priced: store.place_free(conn, asked, priced, waited), [agreed_e4]
    )
    return decision


async def _until_still(
    slips: Sequence[Slip],
    ask: _AskPriced,
    agreed_e4: Sequence[Sequence[int] | None] | None = None,
) -> list[Decision]:
    """Ask at the prices that were shown; whatever is told that they are others now and would be
    taken is asked again at those (test: a price that rose meanwhile is paid), and so is a stake
    that may be lower (test: a stake that does not fit is lowered to one that does), or an each-way
    bet whose place terms were not said (test: an each way bet is placed and paid)."""
    said = agreed_e4 or [None] * len(slips)
    priced = [rules.as_shown(slip, e4) for slip, e4 in zip(slips, said, strict=True)]
    decisions = [_NOT_ASKED] * len(slips)
    for _ in range(LOOKS_MAX):
        waiting = [n for n, decision in enumerate(decisions) if decision.kind == "moved"]
        if not waiting:
            break
        for n, decision in zip(waiting, await ask([priced[n] for n in waiting]), strict=True):
            decisions[n] = decision
            if decision.kind == "moved":
                priced[n] = rules.as_told(priced[n], decision.answer)
    return decisions


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
    found = await store.bets_of(conn, tenant_id, user_id, before, status, limit)
    return await _as_players_see(conn, tenant_id, found)


async def my_bet(conn: Connection, tenant_id: UUID, user_id: UUID, bet_id: UUID) -> Bet:
    """One bet of the player. Raises NotFound for anybody else's."""
    found = await store.bet(conn, tenant_id, user_id, bet_id)
    if found is None:
        raise NotFound("no such bet")
    (seen,) = await _as_players_see(conn, tenant_id, [found])
    return seen


async def latest(conn: Connection, tenant_id: UUID, before: UUID, limit: int) -> list[LatestBet]:
    """A page of all players' bets, newest first, below an id."""
    found = await store.latest(conn, tenant_id, before, limit)
    seen = await _as_players_see(conn, tenant_id, [one.bet for one in found])
    return [replace(one, bet=bet) for one, bet in zip(found, seen, strict=True)]


async def _as_players_see(conn: Connection, tenant_id: UUID, found: Sequence[Bet]) -> list[Bet]:
    """The bets, those on free bets without what of their stake is not the player's."""
    used = await freebets.of_bets(conn, tenant_id, [bet.id for bet in found])
    return [bet if bet.id not in used else rules.net_of(bet, used[bet.id]) for bet in found]
