"""Settlement's use case, in the caller's transaction: bets of some events, graded and paid."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from itertools import groupby
from uuid import UUID

from overround.betting.settlement import rules, store
from overround.betting.settlement.model import Graded, Payout
from overround.db import Connection, work
from overround.odds import catalogue

_BATCH = 500


async def settle_events(
    conn: Connection,
    tenant_id: UUID,
    event_ids: Sequence[UUID],
    at: datetime,
    players: set[UUID] | None = None,
) -> int:
    """Grade the tenant's legs on the events by the results known at `at`; returns bets settled.

    Whose bets were settled is added to `players`, for whoever tells them after the commit.
    Running it again pays nothing again. A leg whose facts are missing stays ungraded; one of an
    open bet that an older version of the result graded is graded anew.
    """
    settled = 0
    bet_ids = await store.lock_bets(conn, tenant_id, event_ids)
    for first in range(0, len(bet_ids), _BATCH):
        legs = await store.legs_of(conn, tenant_id, bet_ids[first : first + _BATCH])
        results = await catalogue.results_known(conn, list({leg.event_id for leg in legs}), at)
        graded: list[Graded] = []
        payouts: list[Payout] = []
        for _, of_bet in groupby(legs, key=lambda leg: leg.bet_id):
            its_legs = list(of_bet)
            newly, payout = rules.settle(its_legs, results)
            graded += newly
            if payout is not None:
                payouts.append(payout)
                if players is not None:
                    players.add(its_legs[0].user_id)
        if graded or payouts:
            settled += await store.settle(conn, tenant_id, at, graded, payouts)
    return settled


async def settle_due(
    conn: Connection,
    tenant_id: UUID,
    at: datetime,
    limit: int,
    players: set[UUID] | None = None,
) -> int:
    """Claim what is due for the tenant, settle it and forget it; returns the bets settled.

    `players` as in `settle_events`.
    """
    event_ids = await work.claim(conn, "settle", tenant_id, at, limit)
    if not event_ids:
        return 0
    settled = await settle_events(conn, tenant_id, event_ids, at, players)
    await work.done(conn, "settle", tenant_id, event_ids)
    return settled
