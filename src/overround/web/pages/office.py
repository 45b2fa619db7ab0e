"""The back office: what is offered and at which margin, what it could cost, who bets, what is
earned. Everything is a plain page and a plain form; scripts bring bets and figures up to date."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Final, Literal
from urllib.parse import quote, urlencode
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from overround.betting import bets, offers, risk, settlement
from overround.betting.offers import Book, ListedCompetition, ListedEvent, Search
from overround.betting.risk import EventLiability
from overround.core.errors import Invalid, NotFound
from overround.core.principal import Principal
from overround.db import Connection
from overround.db.routes import Db
from overround.kit import paging, routes
from overround.kit.routes import CursorText, Now, Staff
from overround.money import revenue
from overround.odds import catalogue
from overround.web.pages import forms, office_days, office_markets, office_settings
from overround.web.pages.office_settings import Refused, Row
from overround.web.pages.shell import Shell, frame

router = APIRouter(tags=["pages"], include_in_schema=False, default_response_class=HTMLResponse)

EVENTS_SHOWN: Final = 40
BETS_SHOWN: Final = 50
LATEST_SHOWN: Final = 12
EXPOSURES_SHOWN: Final = 8
ASKING_SHOWN: Final = 50
DAYS_SHOWN: Final = 7
SCOPES_ASKED: Final = (
    "offers.read",
    "offers.manage",
    "bets.read",
    "payments.decide",
    "promotions.manage",
    "promotions.read",
    "risk.manage",
    "risk.read",
    "reports.read",
    "settlement.read",
    "settlement.manage",
    "site.read",
    "site.manage",
)

# What was saved a moment ago, by the id of its form: the page says what was taken.
Saved = Annotated[str, Query(max_length=60)]
ReadsOffers = Annotated[Principal, Depends(routes.staff("offers.read"))]
Manages = Annotated[Principal, Depends(routes.staff("offers.manage"))]
ReadsBets = Annotated[Principal, Depends(routes.staff("bets.read"))]
ReadsReports = Annotated[Principal, Depends(routes.staff("reports.read"))]


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which events the list shows."""

    search: Search
    cursor: str | None

    def query(self, cursor: str | None = None) -> str:
        """The same question as a query, from the beginning or from another page on."""
        asked = {
            "text": self.search.text,
            "sport": self.search.sport or "",
            "competition": str(self.search.competition_id or ""),
            "watched": "on" if self.search.is_watched else "",
            "cursor": cursor or "",
        }
        found = urlencode({k: v for k, v in asked.items() if v}, quote_via=quote)
        return f"?{found}" if found else ""


def _wanted(
    text: Annotated[str, Query(max_length=60)] = "",
    sport: Annotated[str, Query(max_length=40)] = "",
    competition: Annotated[str, Query(max_length=36)] = "",
    watched: Literal["", "on"] = "",
    cursor: CursorText = None,
) -> Wanted:
    """What the form of the list asks for; an empty field asks for nothing."""
    try:
        competition_id = UUID(competition) if competition else None
    except ValueError:
        raise Invalid("this is no competition", code="competition") from None
    search = Search(text.strip(), sport or None, competition_id, watched == "on")
    return Wanted(search, cursor)


Asks = Annotated[Wanted, Depends(_wanted)]


@router.get("/office")
async def overview(request: Request, caller: Staff, db: Db, now: Now) -> HTMLResponse:
    """The greatest exposures, the latest bets, the last days: as much as the caller may see."""
    shell = await frame(request, db, caller, now)
    tenant_id = caller.tenant_id
    values: dict[str, object] = {"exposures": None, "latest": None, "days": None}
    values["watched"], values["asking"] = None, 0
    standings, events = None, {}
    async with db.reading(tenant_id) as conn:
        if routes.holds(caller, "settlement.read"):
            asking = await settlement.rulings(conn, tenant_id, state="proposed", limit=ASKING_SHOWN)
            values["asking"] = len(asking)
        if routes.holds(caller, "offers.read"):
            values["watched"] = await offers.watched(conn, shell.tenant.book_id)
        if routes.holds(caller, "risk.read"):
            standings = await risk.top_standings(conn, tenant_id, EXPOSURES_SHOWN)
            events = await catalogue.events_by_id(conn, [one.event_id for one in standings])
        if routes.holds(caller, "bets.read"):
            values["latest"] = await bets.latest(conn, tenant_id, paging.NEWEST.id, LATEST_SHOWN)
        if routes.holds(caller, "reports.read"):
            values["days"] = await _days(conn, shell, DAYS_SHOWN)
    if standings is not None:
        found = await asyncio.to_thread(risk.by_exposure, standings)
        values["exposures"] = [(events[one.event_id], one) for one in found]
    return page(shell, "overview", values)


@router.get("/office/events")
async def events(
    request: Request, caller: ReadsOffers, wanted: Asks, db: Db, now: Now
) -> HTMLResponse:
    """What is offered, by sport, competition and event, each with its switch and its prices."""
    return await _events(await frame(request, db, caller, now), db, wanted)


@router.post("/office/events", response_model=None)
async def set_in_list(
    request: Request, caller: Manages, wanted: Asks, db: Db, now: Now
) -> Response:
    """Switch or price one row of the list."""
    refused = await _set(request)
    if refused is None:
        return RedirectResponse(f"/office/events{wanted.query(wanted.cursor)}", 303)
    return await _events(await frame(request, db, caller, now), db, wanted, refused)


@router.get("/office/events/{event_id}")
async def event(
    request: Request, event_id: UUID, caller: ReadsOffers, db: Db, now: Now
) -> HTMLResponse:
    """One event: what holds for it, and what its open bets would cost."""
    return await _event(await frame(request, db, caller, now), db, event_id)


@router.post("/office/events/{event_id}", response_model=None)
async def set_at_event(
    request: Request, event_id: UUID, caller: Manages, db: Db, now: Now
) -> Response:
    """Switch or price the event, a market or an answer of it, its competition or its sport."""
    refused = await _set(request)
    if refused is None:
        return RedirectResponse(f"/office/events/{event_id}", 303)
    return await _event(await frame(request, db, caller, now), db, event_id, refused)


@router.get("/office/bets")
async def latest_bets(
    request: Request, caller: ReadsBets, db: Db, now: Now, cursor: CursorText = None
) -> HTMLResponse:
    """All players' bets, newest first."""
    shell = await frame(request, db, caller, now)
    before = paging.begin(cursor, paging.NEWEST)
    async with db.reading(caller.tenant_id) as conn:
        found = await bets.latest(conn, caller.tenant_id, before.id, BETS_SHOWN + 1)
    shown, later = paging.cut(found, BETS_SHOWN, lambda one: (one.bet.placed_at, one.bet.id))
    return page(shell, "bets", {"latest": shown, "later": later, "cursor": cursor})


@router.get("/office/revenue")
async def by_day(
    request: Request,
    caller: ReadsReports,
    db: Db,
    now: Now,
    days: Literal["7", "30", "90"] = "30",
) -> HTMLResponse:
    """What was earned, by the tenant's local day."""
    shell = await frame(request, db, caller, now)
    async with db.reading(caller.tenant_id) as conn:
        found = await _days(conn, shell, int(days))
    return page(shell, "revenue", {"days": found, "chosen": days})


async def _set(request: Request) -> Refused | None:
    """Ask the API for what the form says; None when it was done."""
    fields = await forms.read(request)
    path = "/api/v1/office/offer-settings"
    problem = await forms.submit(
        request, "PUT", path, fields, office_settings.asked, office_settings.FIELDS
    )
    return None if problem is None else Refused(fields, problem)


async def _events(
    shell: Shell, db: Db, wanted: Wanted, refused: Refused | None = None
) -> HTMLResponse:
    search = wanted.search
    after = paging.begin(wanted.cursor, paging.since(shell.at - offers.OFFICE_BEHIND))
    async with db.reading(shell.tenant.id) as conn:
        book = await offers.book_of(conn, shell.tenant)
        competitions = await offers.office_competitions(conn, shell.at)
        found = await offers.office_events(
            conn, book, search, (after.at, after.id), shell.at, EVENTS_SHOWN + 1
        )
        shown, following = paging.cut(
            found, EVENTS_SHOWN, lambda one: (one.event.starts_at, one.event.id)
        )
        exposed = await _exposed(conn, shell, [one.event.id for one in shown])
    scopes = _scopes(book, competitions, search, refused)
    rows = [office_settings.of_event(book, one, refused) for one in shown]
    values = {
        "wanted": wanted,
        "competitions": competitions,
        "scopes": scopes,
        "rows": list(zip(shown, rows, strict=True)),
        "problem": _unplaced([*scopes, *rows], refused),
        "exposed": exposed,
        "later": wanted.query(following) if following else None,
    }
    return page(shell, "events", values, status=422 if refused else 200)


def _scopes(
    book: Book, competitions: list[ListedCompetition], search: Search, refused: Refused | None
) -> list[Row]:
    """The rows above the events: the house's, and one of each sport, or those that the list is
    narrowed to."""
    chosen = [one for one in competitions if one.id == search.competition_id]
    sport = chosen[0].sport if chosen else search.sport
    sports = sorted({one.sport for one in competitions if sport in {None, one.sport}})
    if sport is not None and not chosen:
        chosen = [one for one in competitions if one.sport == sport]
    return [
        office_settings.of_house(book, refused),
        *(office_settings.of_sport(book, key, refused) for key in sports),
        *(office_settings.of_competition(book, one, refused) for one in chosen),
    ]


async def _event(
    shell: Shell, db: Db, event_id: UUID, refused: Refused | None = None
) -> HTMLResponse:
    async with db.reading(shell.tenant.id) as conn:
        book = await offers.book_of(conn, shell.tenant)
        listed = await offers.listed(conn, book, [event_id])
        exposed = await _exposed(conn, shell, [event_id])
        lines = await offers.board(conn, book.book_id, [event_id])
        live = await catalogue.live_of(conn, [event_id])
        if not listed:
            raise NotFound("no such event")
        found = listed[0]
        seen = await offers.seen(conn, book, found.event)
    rows = _above(book, found, refused)
    markets = office_markets.of(book, found, lines, seen, refused)
    narrow = [row for one in markets for row in (one.row, *(of.row for of in one.answers))]
    values = {
        "found": found,
        "markets": markets,
        "unlaid": office_markets.unlaid(found, seen, lines),
        "event": found.event,
        "live": live.get(event_id),
        "rows": rows,
        "problem": _unplaced([*rows, *narrow], refused),
        "exposed": None if exposed is None else exposed.get(event_id),
        "may_see_risk": exposed is not None,
    }
    return page(shell, "event", values, status=422 if refused else 200)


def _unplaced(rows: list[Row], refused: Refused | None) -> Mapping[str, object] | None:
    """What no row on the page can say: the form was about something that is not there."""
    if refused is None or any(row.problem for row in rows):
        return None
    return refused.problem


def _above(book: Book, found: ListedEvent, refused: Refused | None) -> list[Row]:
    """The event's own row, and those of what it inherits from."""
    event = found.event
    competition = ListedCompetition(
        event.competition_id, event.sport, event.country, event.competition, 0
    )
    return [
        office_settings.of_event(book, found, refused),
        office_settings.of_competition(book, competition, refused),
        office_settings.of_sport(book, event.sport, refused),
        office_settings.of_house(book, refused),
    ]


async def _exposed(
    conn: Connection, shell: Shell, event_ids: list[UUID]
) -> dict[UUID, EventLiability] | None:
    """What the events' open bets could cost; None for a caller who may not know."""
    if shell.caller is None or not routes.holds(shell.caller, "risk.read"):
        return None
    return await risk.liabilities(conn, shell.tenant.id, event_ids)


async def _days(conn: Connection, shell: Shell, count: int) -> office_days.Days:
    today = shell.at.astimezone(shell.zone).date()
    first = today - timedelta(days=count - 1)
    found = await revenue.days(conn, shell.tenant.id, first, today)
    return office_days.of(found, first, today, shell.tenant.currency)


def page(
    shell: Shell, name: str, values: Mapping[str, object], *, status: int = 200
) -> HTMLResponse:
    """A template of the office, with what the caller may see and do."""
    caller = shell.caller
    assert caller is not None
    may = {scope: routes.holds(caller, scope) for scope in SCOPES_ASKED}
    given = {
        **values,
        "may": may,
        "place": name,
        "percent": office_settings.percent,
        "factor": office_settings.factor,
        "methods": office_settings.METHODS,
        "hold": office_days.hold,
    }
    return shell.page(f"office/{name}.html", given, status=status)
