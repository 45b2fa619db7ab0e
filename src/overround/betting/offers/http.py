"""The tenant's board and an event's markets for visitors; switches and margins for the office."""

from __future__ import annotations

import hashlib
from datetime import datetime
from itertools import groupby
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Query, Response
from pydantic import Field

from overround.betting.offers import rules, service, store
from overround.betting.offers.model import (
    BoardLine,
    Book,
    Held,
    ListedCompetition,
    ListedEvent,
    Scope,
    Search,
    Setting,
)
from overround.core import grading, line, price
from overround.core.clock import millis
from overround.core.errors import Invalid, NotFound
from overround.core.principal import Principal
from overround.db import Connection, audit
from overround.db.routes import Db
from overround.kit import paging, routes
from overround.kit.paging import Cursor
from overround.kit.routes import CursorText, Input, Limit, Now, Output, Visitor
from overround.odds import catalogue
from overround.odds.catalogue import Event, LiveScore
from overround.odds.pricing import Method
from overround.people import tenants

router = APIRouter(prefix="/api/v1", tags=["offers"])

_SELECTIONS_MAX = 200
_IN_PLAY_MAX = 100
_ID_LENGTH = 36

SelectionsText = Annotated[
    str, Query(min_length=_ID_LENGTH, max_length=_SELECTIONS_MAX * (_ID_LENGTH + 1))
]


class SelectionOut(Output):
    """One answer and what is laid for it; `selection_id` and `price` go on a slip."""

    selection_id: UUID
    side: str
    price: str
    state: str
    version: int


class MarketOut(Output):
    """One question; for an Asian handicap the line is the home side's. With `place_terms` a bet on
    it may be each way; the sides of a contest's `winner` are its runners, by name."""

    market_id: UUID
    market: str
    period: str
    line: str | None
    place_terms: str | None
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


class PlayingOut(BoardEventOut):
    """An event in play: the feed's clock and its scores by period, each (home, away)."""

    clock: str
    scores: dict[str, list[int]]


class PlayingsOut(Output):
    """The events in play on which something is laid, by start."""

    items: list[PlayingOut]


class OffersOut(Output):
    """What is laid now, as the stream says it: (selection id, price, state, changed at in ms)."""

    o: list[tuple[UUID, str, str, int]]


class SettingIn(Input):
    """A switch and prices for a sport, a competition, an event, a market or a selection.

    `margin_method` says which answers carry the margin; a selection has a `price` instead, at which
    it is laid whatever the board says, and null lays it at the board's again.
    """

    scope: Literal["sport", "competition", "event", "market", "selection"]
    scope_key: Annotated[str, Field(min_length=1, max_length=60, pattern=r"^[A-Za-z0-9_-]+$")]
    enabled: bool = True
    margin_bps: Annotated[int, Field(ge=0, le=service.MARGIN_BPS_MAX)] | None = None
    multiplier_e4: Annotated[
        int, Field(ge=service.MULTIPLIER_E4_MIN, le=service.MULTIPLIER_E4_MAX)
    ] = 10_000
    margin_method: Method | None = None
    price: Annotated[str, Field(max_length=12)] | None = None


class SettingOut(Output):
    """A setting as it holds now. Switched off, its offers are suspended; margins, and what is
    switched on again, show with the hub's next prices."""

    scope: str
    scope_key: str
    enabled: bool
    margin_bps: int | None
    multiplier_e4: int
    margin_method: str | None
    price: str | None
    set_by: Literal["office", "risk"]


class TermsOut(Output):
    """What holds: off where one of `off_by` says so; `margin_from` says whose margin it is."""

    enabled: bool
    off_by: list[str]
    margin_bps: int
    margin_from: Literal["house", "sport", "competition", "event", "market", "selection"]
    multiplier_e4: int
    margin_method: str


class OfficeEventOut(Output):
    """An event with what holds for it; `own` is what it is set to itself."""

    id: UUID
    sport: str
    country: str
    competition_id: UUID
    competition: str
    home: str
    away: str
    starts_at: datetime
    status: str
    laid: int
    suspended: int
    terms: TermsOut
    own: SettingOut | None


class OfficeEventsOut(Output):
    """A page of events, by start."""

    items: list[OfficeEventOut]
    next_cursor: str | None


class ScopeOut(Output):
    """A sport or a competition with what it says to all below it."""

    scope: Literal["sport", "competition"]
    scope_key: str
    sport: str
    name: str
    events: int
    terms: TermsOut
    own: SettingOut | None


class ScopesOut(Output):
    """Every sport with events, each followed by its competitions; `margin_bps` is the house's."""

    margin_bps: int
    items: list[ScopeOut]


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
    page = _page([events[event_id] for event_id in found[:limit]], lines, len(found) > limit)
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
    shown = _page(events, lines, more=False).items
    return PlayingsOut(items=[_playing_out(one, live.get(one.id)) for one in shown])


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
    """Switch a sport, competition, event, market or selection on or off, or price it apart; off
    holds at once."""
    setting = Setting(
        body.scope,
        body.scope_key,
        body.enabled,
        body.margin_bps,
        body.multiplier_e4,
        body.margin_method,
        None if body.price is None else price.parse_decimal(body.price),
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
    return _own_out(setting)


@router.get("/office/offer-settings")
async def settings(caller: Reads, db: Db, now: Now) -> ScopesOut:
    """What each sport and each competition says to its events, and what the house says to all."""
    async with db.reading(caller.tenant_id) as conn:
        book = await _book(conn, caller)
        found = await service.office_competitions(conn, now)
    return ScopesOut(
        margin_bps=book.margin_bps,
        items=[
            one
            for sport, group in groupby(found, key=lambda one: one.sport)
            for one in _scopes_out(book, sport, list(group))
        ],
    )


@router.get("/office/events")
async def office_events(
    caller: Reads,
    db: Db,
    now: Now,
    text: SearchText = "",
    sport: SportText = None,
    competition: UUID | None = None,
    limit: Limit = paging.LIMIT_DEFAULT,
    cursor: CursorText = None,
) -> OfficeEventsOut:
    """Events in play and of the next month, found by sport, competition or a word of their names,
    with the terms that hold for each."""
    after = paging.begin(cursor, paging.since(now - service.OFFICE_BEHIND))
    search = Search(text.strip(), sport, competition)
    async with db.reading(caller.tenant_id) as conn:
        book = await _book(conn, caller)
        found = await service.office_events(
            conn, book, search, (after.at, after.id), now, limit + 1
        )
    return _office_page(found, limit)


@router.get("/office/events/{event_id}")
async def office_event(event_id: UUID, caller: Reads, db: Db) -> OfficeEventOut:
    """One event with the terms that hold for it."""
    async with db.reading(caller.tenant_id) as conn:
        found = await service.listed(conn, await _book(conn, caller), [event_id])
    if not found:
        raise NotFound("no such event")
    return _listed_out(found[0])


async def _book(conn: Connection, caller: Principal) -> Book:
    return await service.book_of(conn, await tenants.by_id(conn, caller.tenant_id))


def _office_page(found: list[ListedEvent], limit: int) -> OfficeEventsOut:
    shown, following = paging.cut(found, limit, lambda one: (one.event.starts_at, one.event.id))
    return OfficeEventsOut(items=[_listed_out(one) for one in shown], next_cursor=following)


def _listed_out(found: ListedEvent) -> OfficeEventOut:
    event = found.event
    return OfficeEventOut(
        id=event.id,
        sport=event.sport,
        country=event.country,
        competition_id=event.competition_id,
        competition=event.competition,
        home=event.home,
        away=event.away,
        starts_at=event.starts_at,
        status=event.status,
        laid=found.laid,
        suspended=found.suspended,
        terms=_terms_out(found.held),
        own=_setting_out(found.own),
    )


def _scopes_out(book: Book, sport: str, found: list[ListedCompetition]) -> list[ScopeOut]:
    """The sport itself, and then its competitions."""

    def scope_out(scope: Scope, key: str, name: str, events: int, held: Held) -> ScopeOut:
        return ScopeOut(
            scope="sport" if scope == "sport" else "competition",
            scope_key=key,
            sport=sport,
            name=name,
            events=events,
            terms=_terms_out(held),
            own=_setting_out(book.settings.get((scope, key))),
        )

    every = sum(one.events for one in found)
    whole = scope_out("sport", sport, sport, every, rules.held(book, sport))
    return [
        whole,
        *(
            scope_out(
                "competition",
                str(one.id),
                f"{one.country} {one.name}".strip(),
                one.events,
                rules.held(book, sport, str(one.id)),
            )
            for one in found
        ),
    ]


def _terms_out(held: Held) -> TermsOut:
    return TermsOut(
        enabled=held.terms.enabled,
        off_by=list(held.off_by),
        margin_bps=held.terms.margin_bps,
        margin_from=held.margin_from or "house",
        multiplier_e4=held.terms.multiplier_e4,
        margin_method=held.terms.method,
    )


def _setting_out(setting: Setting | None) -> SettingOut | None:
    return None if setting is None else _own_out(setting)


def _own_out(setting: Setting) -> SettingOut:
    return SettingOut(
        scope=setting.scope,
        scope_key=setting.scope_key,
        enabled=setting.enabled,
        margin_bps=setting.margin_bps,
        multiplier_e4=setting.multiplier_e4,
        margin_method=setting.margin_method,
        price=None if setting.price_e4 is None else price.to_text(setting.price_e4),
        set_by=setting.set_by,
    )


def _selection_ids(text: str) -> list[UUID]:
    try:
        return [UUID(word) for word in text.split(",")]
    except ValueError:
        raise Invalid("selections are ids with commas between", code="selections") from None


def _page(events: list[Event], lines: list[BoardLine], more: bool) -> BoardOut:
    by_event = {key: list(group) for key, group in groupby(lines, key=lambda one: one.event_id)}
    last = events[-1] if events else None
    return BoardOut(
        # Read by several statements: of what was taken away between them nothing is shown.
        items=[_event_out(event, by_event[event.id]) for event in events if event.id in by_event],
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


def _playing_out(event: BoardEventOut, live: LiveScore | None) -> PlayingOut:
    scores = {} if live is None else {key: list(said) for key, said in live.scores.items()}
    return PlayingOut(**dict(event), clock="" if live is None else live.clock, scores=scores)


def _market_out(lines: list[BoardLine]) -> MarketOut:
    first = lines[0]
    sides = grading.sides(first.market_type)
    return MarketOut(
        market_id=first.market_id,
        market=first.market_type,
        period=first.period,
        line=None if first.line_q4 is None else line.to_text(first.line_q4),
        place_terms=first.place_terms,
        selections=[
            SelectionOut(
                selection_id=one.selection_id,
                side=one.side,
                price=price.to_text(one.price_e4),
                state=one.state,
                version=one.version,
            )
            for one in sorted(
                lines, key=lambda one: sides.index(one.side) if sides else one.price_e4
            )
        ],
    )
