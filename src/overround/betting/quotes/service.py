"""Reading what a quote is reckoned with, inside the caller's transaction, which only reads."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from overround.betting import freebets
from overround.betting.quotes import rules, store
from overround.betting.quotes.model import Ask, Known
from overround.db import Connection


async def known(conn: Connection, tenant_id: UUID, ask: Ask, at: datetime) -> Known:
    """What the book lays and takes at `at` of such a slip.

    Raises what `rules.lines` does, before anything is read.
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
    return Known(terms, legs, room, free)
