"""The tenant's board and an event's markets for visitors; switches and margins for the office."""

from __future__ import annotations

import hashlib
from datetime import datetime
from itertools import groupby
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Response
from pydantic import Field

from overround.betting.offers import service, store
from overround.betting.offers.model import BoardLine, Setting
from overround.core import grading, line, price
from overround.core.errors import NotFound
from overround.core.principal import Principal
from overround.db import audit
from overround.db.routes import Db
from overround.kit import paging, routes
from overround.kit.paging import Cursor
from overround.kit.routes import CursorText, Input, Limit, Now, Output, Visitor
from overround.odds import catalogue
from overround.odds.catalogue import Event
from overround.people import tenants

router = APIRouter(prefix="/api/v1", tags=["offers"])

_FIRST_ID = UUID(int=0)


class SelectionOut(Output):
    """One answer and what is laid for it; `selection_id` and `price` go on a slip."""

    selection_id: UUID
    side: str
    price: str
    state: str
    version: int


class MarketOut(Output):
    """One question; for an Asian handicap the line is the home side's."""

    market_id: UUID
    market: str
    period: str
    line: str | None
    selections: list[SelectionOut]


class BoardEventOut(Output):
    """One event with everything laid on it."""

    id: UUID
    sport: str
    country: str
    competition: str
    home: str
    away: str
    starts_at: datetime
    markets: list[MarketOut]


class BoardOut(Output):
    """A page of coming events, by start."""

    items: list[BoardEventOut]
    next_cursor: str | None


class SettingIn(Input):
    """A switch and prices for a sport, a competition or an event."""

    scope: Literal["sport", "competition", "event"]
    scope_key: Annotated[str, Field(min_length=1, max_length=60, pattern=r"^[A-Za-z0-9_-]+$")]
    enabled: bool = True
    margin_bps: Annotated[int, Field(ge=0, le=5_000)] | None = None
    multiplier_e4: Annotated[int, Field(ge=5_000, le=15_000)] = 10_000


class SettingOut(Output):
    """A setting as it holds now. Switched off, its offers are suspended; margins, and what is
    switched on again, show with the hub's next prices."""

    scope: str
    scope_key: str
    enabled: bool
    margin_bps: int | None
    multiplier_e4: int


@router.get("/board", response_model=BoardOut, responses={304: {"description": "Unchanged"}})
async def board(
    tenant_id: Visitor,
    db: Db,
    now: Now,
    response: Response,
    limit: Limit = paging.LIMIT_DEFAULT,
    cursor: CursorText = None,
    if_none_match: Annotated[str | None, Header(max_length=200)] = None,
) -> BoardOut | Response:
    """What the house lays on the next events. Carries an ETag; 304 when nothing has changed."""
    after = paging.parse(cursor) if cursor else Cursor(now, _FIRST_ID)
    async with db.reading(tenant_id) as conn:
        book_id = (await tenants.by_id(conn, tenant_id)).book_id
        found = await store.events_laid(conn, book_id, (after.at, after.id), limit + 1)
        events = await catalogue.events_by_id(conn, found[:limit])
        lines = await store.board(conn, book_id, found[:limit])
    page = _page([events[event_id] for event_id in found[:limit]], lines, len(found) > limit)
    etag = f'"{hashlib.sha256(page.model_dump_json().encode()).hexdigest()[:32]}"'
    headers = {"ETag": etag, "Cache-Control": "no-cache"}
    if if_none_match is not None and routes.matches(etag, if_none_match):
        return Response(status_code=304, headers=headers)
    response.headers.update(headers)
    return page


@router.get("/events/{event_id}/markets")
async def markets(event_id: UUID, tenant_id: Visitor, db: Db) -> BoardEventOut:
    """Everything the house lays on one event."""
    async with db.reading(tenant_id) as conn:
        tenant = await tenants.by_id(conn, tenant_id)
        events = await catalogue.events_by_id(conn, [event_id])
        lines = await store.board(conn, tenant.book_id, [event_id])
    if event_id not in events:
        raise NotFound("no such event")
    return _event_out(events[event_id], lines)


Manages = Annotated[Principal, Depends(routes.staff("offers.manage"))]


@router.put("/office/offer-settings")
async def set_setting(body: SettingIn, caller: Manages, db: Db, now: Now) -> SettingOut:
    """Switch an event, competition or sport on or off, or price it apart; off holds at once."""
    setting = Setting(body.scope, body.scope_key, body.enabled, body.margin_bps, body.multiplier_e4)
    async with db.transaction(caller.tenant_id) as conn:
        await service.switch(conn, caller.tenant_id, setting, now)
        await audit.write(
            conn,
            caller,
            now,
            "offer.set",
            f"{body.scope}:{body.scope_key}",
            after=body.model_dump(),
        )
    return SettingOut(**body.model_dump())


def _page(events: list[Event], lines: list[BoardLine], more: bool) -> BoardOut:
    by_event = {key: list(group) for key, group in groupby(lines, key=lambda one: one.event_id)}
    last = events[-1] if events else None
    return BoardOut(
        items=[_event_out(event, by_event[event.id]) for event in events],
        next_cursor=Cursor(last.starts_at, last.id).to_text() if more and last else None,
    )


def _event_out(event: Event, lines: list[BoardLine]) -> BoardEventOut:
    return BoardEventOut(
        id=event.id,
        sport=event.sport,
        country=event.country,
        competition=event.competition,
        home=event.home,
        away=event.away,
        starts_at=event.starts_at,
        markets=[
            _market_out(list(group)) for _, group in groupby(lines, key=lambda one: one.market_id)
        ],
    )


def _market_out(lines: list[BoardLine]) -> MarketOut:
    first = lines[0]
    sides = grading.sides(first.market_type)
    return MarketOut(
        market_id=first.market_id,
        market=first.market_type,
        period=first.period,
        line=None if first.line_q4 is None else line.to_text(first.line_q4),
        selections=[
            SelectionOut(
                selection_id=one.selection_id,
                side=one.side,
                price=price.to_text(one.price_e4),
                state=one.state,
                version=one.version,
            )
            for one in sorted(lines, key=lambda one: sides.index(one.side))
        ],
    )
