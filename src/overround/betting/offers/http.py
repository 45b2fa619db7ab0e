"""The tenant's board and an event's markets for visitors; switches and margins for the office."""

from __future__ import annotations

import hashlib
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Query, Response
from pydantic import Field

from overround.betting.offers import answers, office, rules, service, store
from overround.betting.offers.answers import BoardEventOut, BoardOut, OffersOut, PlayingsOut
from overround.betting.offers.model import Book, Search, Setting
from overround.betting.offers.office import (
    OfficeEventOut,
    OfficeEventsOut,
    ScopesOut,
    SeenEventOut,
    SettingOut,
    WatchOut,
)
from overround.core import price
from overround.core.clock import millis
from overround.core.errors import Invalid, NotFound, at_field
from overround.core.principal import Principal
from overround.db import Connection, audit
from overround.db.routes import Db
from overround.kit import paging, routes
from overround.kit.routes import CursorText, Input, Limit, Now, Visitor
from overround.odds import catalogue
from overround.odds.pricing import Method
from overround.people import tenants

router = APIRouter(prefix="/api/v1", tags=["offers"])

_SELECTIONS_MAX = 200
_IN_PLAY_MAX = 100
_ID_LENGTH = 36

SelectionsText = Annotated[
    str, Query(min_length=_ID_LENGTH, max_length=_SELECTIONS_MAX * (_ID_LENGTH + 1))
]


class SettingIn(Input):
    """A switch and prices for the house (`scope_key` is `house`), a sport, a competition, an event,
    a market or a selection. The whole of it: whoever says it says every field, so that nothing is
    reset unsaid.

    `margin_method` says which answers carry the margin; a selection has a `price` instead, at which
    it is laid for as long as the board quotes its market, and null lays it at the board's again.
    A price with which a bettor would make more than `sure_profit_max_bps` of his stakes for certain
    (null: anything) is refused (`price_arbitraged`), and held back when the board comes to it.
    """

    scope: Literal["house", "sport", "competition", "event", "market", "selection"]
    scope_key: Annotated[str, Field(min_length=1, max_length=60, pattern=r"^[A-Za-z0-9_-]+$")]
    enabled: bool
    margin_bps: Annotated[int, Field(ge=0, le=service.MARGIN_BPS_MAX)] | None
    multiplier_e4: Annotated[int, Field(ge=service.MULTIPLIER_E4_MIN, le=service.MULTIPLIER_E4_MAX)]
    margin_method: Method | None
    price: Annotated[str, Field(max_length=12)] | None
    sure_profit_max_bps: Annotated[int, Field(ge=0, le=service.SURE_PROFIT_BPS_MAX)] | None


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
    after = paging.begin(cursor, paging.since(now))
    async with db.reading(tenant_id) as conn:
        book_id = (await tenants.by_id(conn, tenant_id)).book_id
        found = await store.events_laid(conn, book_id, (after.at, after.id), limit + 1)
        events = await catalogue.events_by_id(conn, found[:limit])
        lines = await store.board(conn, book_id, found[:limit])
    page = answers.page([events[event_id] for event_id in found[:limit]], lines, len(found) > limit)
    etag = f'"{hashlib.sha256(page.model_dump_json().encode()).hexdigest()[:32]}"'
    headers = {"ETag": etag, "Cache-Control": "no-cache"}
    if if_none_match is not None and routes.matches(etag, if_none_match):
        return Response(status_code=304, headers=headers)
    response.headers.update(headers)
    return page


@router.get("/in-play")
async def in_play(tenant_id: Visitor, db: Db, now: Now, response: Response) -> PlayingsOut:
    """What the house lays on the events that are being played, and how those stand."""
    async with db.reading(tenant_id) as conn:
        book_id = (await tenants.by_id(conn, tenant_id)).book_id
        events = await catalogue.in_play(conn, now - service.OFFICE_BEHIND, _IN_PLAY_MAX)
        live = await catalogue.live_of(conn, [event.id for event in events])
        lines = await store.board(conn, book_id, [event.id for event in events])
    response.headers["Cache-Control"] = "no-cache"
    shown = answers.page(events, lines, more=False).items
    return PlayingsOut(items=[answers.playing_out(one, live.get(one.id)) for one in shown])


@router.get("/events/{event_id}/markets")
async def markets(event_id: UUID, tenant_id: Visitor, db: Db) -> BoardEventOut:
    """Everything the house lays on one event."""
    async with db.reading(tenant_id) as conn:
        tenant = await tenants.by_id(conn, tenant_id)
        events = await catalogue.events_by_id(conn, [event_id])
        lines = await store.board(conn, tenant.book_id, [event_id])
    if event_id not in events:
        raise NotFound("no such event")
    return answers.event_out(events[event_id], lines)


@router.get("/offers")
async def offers_now(
    selections: SelectionsText, tenant_id: Visitor, db: Db, response: Response
) -> OffersOut:
    """What the house lays on some selections (ids with commas between), for who has no stream.

    One that is closed, unknown or not this house's is absent.
    """
    asked = _selection_ids(selections)
    async with db.reading(tenant_id) as conn:
        book_id = (await tenants.by_id(conn, tenant_id)).book_id
        found = await store.offers_by_id(conn, book_id, asked)
    response.headers["Cache-Control"] = "no-cache"
    return OffersOut(
        o=[
            (one.selection_id, price.to_text(one.price_e4), one.state, millis(one.changed_at))
            for one in found
        ]
    )


Manages = Annotated[Principal, Depends(routes.staff("offers.manage"))]
Reads = Annotated[Principal, Depends(routes.staff("offers.read"))]
SearchText = Annotated[str, Query(max_length=60)]
SportText = Annotated[str | None, Query(min_length=1, max_length=40)]


@router.put("/office/offer-settings")
async def set_setting(body: SettingIn, caller: Manages, db: Db, now: Now) -> SettingOut:
    """Switch the house, a sport, competition, event, market or selection on or off, or price it
    apart; off holds at once."""
    with at_field("price"):
        price_e4 = None if body.price is None else rules.parse_own(body.price)
    setting = Setting(
        body.scope,
        body.scope_key,
        body.enabled,
        body.margin_bps,
        body.multiplier_e4,
        body.margin_method,
        price_e4,
        sure_profit_max_bps=body.sure_profit_max_bps,
    )
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
    return office.setting_out(setting)


@router.get("/office/offer-settings")
async def settings(caller: Reads, db: Db, now: Now) -> ScopesOut:
    """What each sport and each competition says to its events, and what the house says to all."""
    async with db.reading(caller.tenant_id) as conn:
        book = await _book(conn, caller)
        found = await service.office_competitions(conn, now)
    return office.scopes_out(book, found)


@router.get("/office/events")
async def office_events(
    caller: Reads,
    db: Db,
    now: Now,
    text: SearchText = "",
    sport: SportText = None,
    competition: UUID | None = None,
    watched: bool = False,
    limit: Limit = paging.LIMIT_DEFAULT,
    cursor: CursorText = None,
) -> OfficeEventsOut:
    """Events in play and of the next month, found by sport, competition or a word of their names,
    with the terms that hold for each; `watched`: those of which the arbitrage watch has touched
    something."""
    after = paging.begin(cursor, paging.since(now - service.OFFICE_BEHIND))
    search = Search(text.strip(), sport, competition, watched)
    async with db.reading(caller.tenant_id) as conn:
        book = await _book(conn, caller)
        found = await service.office_events(
            conn, book, search, (after.at, after.id), now, limit + 1
        )
    return office.events_out(found, limit)


@router.get("/office/events/{event_id}")
async def office_event(event_id: UUID, caller: Reads, db: Db) -> OfficeEventOut:
    """One event with the terms that hold for it."""
    async with db.reading(caller.tenant_id) as conn:
        found = await service.listed(conn, await _book(conn, caller), [event_id])
    if not found:
        raise NotFound("no such event")
    return office.event_out(found[0])


@router.get("/office/events/{event_id}/offers")
async def office_offers(event_id: UUID, caller: Reads, db: Db) -> SeenEventOut:
    """Every market of an event that is quoted or was laid, with why each answer is not laid, or is
    laid below what was reckoned."""
    async with db.reading(caller.tenant_id) as conn:
        events = await catalogue.events_by_id(conn, [event_id])
        if event_id not in events:
            raise NotFound("no such event")
        found = await service.seen(conn, await _book(conn, caller), events[event_id])
    return office.seen_out(found)


@router.get("/office/watch")
async def watch_counts(caller: Reads, db: Db) -> WatchOut:
    """How many selections the arbitrage watch has shaded or holds back now, by what it did."""
    async with db.reading(caller.tenant_id) as conn:
        book_id = (await tenants.by_id(conn, caller.tenant_id)).book_id
        return office.watch_out(await service.watched(conn, book_id))


async def _book(conn: Connection, caller: Principal) -> Book:
    return await service.book_of(conn, await tenants.by_id(conn, caller.tenant_id))


def _selection_ids(text: str) -> list[UUID]:
    try:
        return [UUID(word) for word in text.split(",")]
    except ValueError:
        said = "selections are ids with commas between"
        raise Invalid(said, code="selections", field="query/selections") from None
