"""Quoting a slip, inside the caller's transaction, which only reads."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from overround.betting import freebets
from overround.betting.quotes import rules, store
from overround.betting.quotes.model import Ask, Quote
from overround.db import Connection


async def quote(conn: Connection, tenant_id: UUID, ask: Ask, at: datetime) -> Quote:
    """What the player may stake on the slip at `at`, and everything that would refuse it.

    Raises Invalid `too_few_legs`, `too_many_legs`, `invalid_size`, `stake_out_of_range`,
    `price_out_of_range`, and `free_bet_stake` for a lower stake than a free bet's.
    """
    rules.lines(ask)
    free = None
    if ask.free_bet_id is not None:
        free = await freebets.of_player(conn, tenant_id, ask.user_id, ask.free_bet_id)
    selection_ids = [leg.selection_id for leg in ask.legs]
    legs = await store.legs(conn, tenant_id, selection_ids, at)
    terms = await store.terms(conn, tenant_id, ask.user_id)
    event_ids = [leg.event_id for leg in legs if leg.event_id is not None]
    room = await store.player_room(conn, tenant_id, ask.user_id, at, selection_ids, event_ids)
    return rules.quote(ask, terms, legs, room, at, free)
