"""What a person says of what waits and what decides nothing, inside the caller's transaction."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from overround.core.errors import Invalid, NotFound
from overround.db import Connection
from overround.odds import catalogue
from overround.odds.queue import store
from overround.odds.queue.model import Waiting


async def one(conn: Connection, key: tuple[str, str]) -> Waiting:
    """What waits by that key, locked for whoever decides. Raises NotFound."""
    waiting = await store.one(conn, key)
    if waiting is None:
        raise NotFound("nothing of that key waits")
    return waiting


async def reject(
    conn: Connection, key: tuple[str, str], event_id: UUID | None, by: str, at: datetime
) -> list[UUID]:
    """A feed event that waits is not this one, or none of those it may be; returns which.

    It is decided anew when it comes again, or when what waits is matched again. Raises NotFound,
    and Invalid `no_candidate` where nothing was proposed and nothing is named.
    """
    await store.lock_alone(conn)
    waiting = await one(conn, key)
    refused = [event_id] if event_id is not None else waiting.candidates
    if not refused:
        raise Invalid("it may be no event of ours; say which one it is not", code="no_candidate")
    if event_id is not None and event_id not in await catalogue.events_by_id(conn, [event_id]):
        raise NotFound("no such event")
    await store.refuse(conn, key, refused, by, at)
    left = [candidate for candidate in waiting.candidates if candidate not in refused]
    waits = Waiting(*key, waiting.kind, "rejected", waiting.described, left, at)
    await store.add(conn, [waits], at)
    await store.record(conn, key, "rejected", None, None, by, at)
    return refused
