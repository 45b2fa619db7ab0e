"""Events, for anybody who visits a tenant's host."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from overround.db.routes import Db
from overround.kit import paging
from overround.kit.routes import CursorText, Limit, Now, Output, Visitor
from overround.odds.catalogue import store
from overround.odds.catalogue.model import Event

router = APIRouter(prefix="/api/v1", tags=["catalogue"])

_DAYS_MAX = 400

Days = Annotated[int, Query(ge=1, le=_DAYS_MAX)]


class EventOut(Output):
    """One match."""

    id: UUID
    sport: str
    country: str
    competition: str
    home: str
    away: str
    starts_at: datetime
    status: str


class EventsOut(Output):
    """A page of events, by start."""

    items: list[EventOut]
    next_cursor: str | None


@router.get("/events")
async def events(
    _: Visitor,
    db: Db,
    now: Now,
    days: Days = 14,
    limit: Limit = paging.LIMIT_DEFAULT,
    cursor: CursorText = None,
) -> EventsOut:
    """Events that start within the next `days`, the nearest first."""
    after = paging.begin(cursor, paging.since(now))
    until = now + timedelta(days=days)
    async with db.reading(None) as conn:
        found = await store.events_page(conn, (after.at, after.id), until, limit + 1)
    return page(found, limit)


def page(found: list[Event], limit: int) -> EventsOut:
    """`found` holds one event more than the page when there is another page."""
    shown, following = paging.cut(found, limit, lambda event: (event.starts_at, event.id))
    return EventsOut(items=[event_out(event) for event in shown], next_cursor=following)


def event_out(event: Event) -> EventOut:
    """An event as it is shown."""
    return EventOut(
        id=event.id,
        sport=event.sport,
        country=event.country,
        competition=event.competition,
        home=event.home,
        away=event.away,
        starts_at=event.starts_at,
        status=event.status,
    )
