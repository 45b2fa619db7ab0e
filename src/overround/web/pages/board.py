"""What is on: the board, a sport, a competition, an event with all its markets."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Path
from starlette.responses import HTMLResponse

from overround.betting import offers
from overround.betting.offers import BoardLine, Laid
from overround.core import grading
from overround.core.errors import NotFound
from overround.db import Connection
from overround.db.routes import Db
from overround.kit import paging
from overround.kit.paging import Cursor
from overround.kit.routes import CursorText
from overround.odds import catalogue
from overround.odds.catalogue import Event
from overround.web.pages import markets
from overround.web.pages.shell import ForVisitor, Shell

router = APIRouter(tags=["pages"], include_in_schema=False, default_response_class=HTMLResponse)

EVENTS_MAX: Final = 150
COMPETITIONS_MAX: Final = 400
IN_PLAY_MAX: Final = 24
# What started longer ago and was never resulted is no longer shown as in play.
IN_PLAY_FOR: Final = timedelta(hours=6)

SportKey = Annotated[str, Path(max_length=40, pattern=r"^[a-z0-9_]+$")]


@dataclass(frozen=True, slots=True)
class Playing:
    """An event in play: the feed's clock and the score of everything so far, where it is known,
    and its main market where it is laid."""

    event: Event
    clock: str
    score: tuple[int, int] | None
    lines: tuple[BoardLine, ...] = ()


@dataclass(frozen=True, slots=True)
class Row:
    """An event on the board with its main market, and how many more markets are behind it."""

    event: Event
    lines: tuple[BoardLine, ...]
    more: int


@dataclass(frozen=True, slots=True)
class Group:
    """A competition on the board; `sides` head the columns of its prices."""

    sport: str
    competition_id: UUID
    country: str
    name: str
    sides: tuple[str, ...]
    rows: tuple[Row, ...]


@router.get("/")
async def board(shell: ForVisitor, db: Db) -> HTMLResponse:
    """Everything that is on, the next few events of each competition."""
    async with db.reading(shell.tenant.id) as conn:
        laid = await _laid(conn, shell)
        groups, _ = await _groups(conn, shell, each=6)
        playing = await _in_play(conn, shell)
    values = {"laid": laid, "groups": groups, "playing": playing, "later": None}
    return shell.page("board.html", {**values, "heading": "Sports", "sport": None})


@router.get("/sports/{sport}")
async def sport(sport: SportKey, shell: ForVisitor, db: Db) -> HTMLResponse:
    """One sport; one on which nothing is offered now is an empty page that fills by itself."""
    async with db.reading(shell.tenant.id) as conn:
        laid = await _laid(conn, shell)
        groups, _ = await _groups(conn, shell, each=20, sport=sport)
        playing = [one for one in await _in_play(conn, shell) if one.event.sport == sport]
        if not groups and not playing and not await catalogue.has_sport(conn, sport):
            raise NotFound("there is no such sport")
    values = {"laid": laid, "groups": groups, "playing": playing, "later": None}
    return shell.page("board.html", {**values, "heading": None, "sport": sport})


@router.get("/competitions/{competition_id}")
async def competition(
    competition_id: UUID, shell: ForVisitor, db: Db, cursor: CursorText = None
) -> HTMLResponse:
    """One competition, by pages."""
    after = paging.parse(cursor) if cursor else None
    async with db.reading(shell.tenant.id) as conn:
        laid = await _laid(conn, shell)
        named = next((one for one in laid if one.competition_id == competition_id), None)
        groups, later = await _groups(
            conn, shell, each=50, competition_id=competition_id, after=after
        )
    if named is None:
        raise NotFound("nothing is offered on this competition now")
    values = {"laid": laid, "groups": groups, "playing": [], "later": later}
    return shell.page("board.html", {**values, "heading": named.name, "sport": named.sport})


@router.get("/events/{event_id}")
async def event(event_id: UUID, shell: ForVisitor, db: Db) -> HTMLResponse:
    """One event with everything that is laid on it."""
    async with db.reading(shell.tenant.id) as conn:
        found = (await catalogue.events_by_id(conn, [event_id])).get(event_id)
        if found is None:
            raise NotFound("no such event")
        laid = await _laid(conn, shell)
        lines = await offers.board(conn, shell.tenant.book_id, [event_id])
        live = (await catalogue.live_of(conn, [event_id])).get(event_id)
    playing = _playing(found, live) if found.status == "live" else None
    sections = markets.sections(found, lines)
    values = {"event": found, "sections": sections, "playing": playing, "laid": laid}
    return shell.page("event.html", {**values, "sport": found.sport})


async def _laid(conn: Connection, shell: Shell) -> list[Laid]:
    return await offers.competitions_laid(conn, shell.tenant.book_id, shell.at, COMPETITIONS_MAX)


async def _in_play(conn: Connection, shell: Shell) -> list[Playing]:
    events = await catalogue.in_play(conn, shell.at - IN_PLAY_FOR, IN_PLAY_MAX)
    live = await catalogue.live_of(conn, [event.id for event in events])
    main = [(key, *grading.main_market(key)) for key in {event.sport for event in events}]
    laid = await offers.main_lines(conn, shell.tenant.book_id, [one.id for one in events], main)
    lines = {event.id: [one for one in laid if one.event_id == event.id] for event in events}
    return [
        replace(
            _playing(event, live.get(event.id)),
            lines=tuple(markets.in_board_order(lines[event.id])),
        )
        for event in events
    ]


def _playing(event: Event, live: catalogue.LiveScore | None) -> Playing:
    if live is None:
        return Playing(event, "", None)
    told = live.scores
    # Tennis is followed by its sets; of everything else the newest whole score is what counts.
    so_far = next((told[key] for key in ("sets", "final", "ft", "ht") if key in told), None)
    return Playing(event, live.clock, (so_far[0], so_far[1]) if so_far else None)


async def _groups(
    conn: Connection,
    shell: Shell,
    *,
    each: int,
    sport: str | None = None,
    competition_id: UUID | None = None,
    after: Cursor | None = None,
) -> tuple[list[Group], str | None]:
    """The events by competition, in the order of the navigation; and the next page's cursor."""
    book_id = shell.tenant.book_id
    start = after or paging.since(shell.at)
    ids = await offers.next_of_each(
        conn,
        book_id,
        shell.at,
        after=(start.at, start.id),
        each=each,
        limit=EVENTS_MAX,
        sport=sport,
        competition_id=competition_id,
    )
    events = await catalogue.events_by_id(conn, ids)
    main = [(key, *grading.main_market(key)) for key in {one.sport for one in events.values()}]
    lines = await offers.main_lines(conn, book_id, ids, main)
    counts = await offers.markets_laid(conn, book_id, ids)
    of_event: dict[UUID, list[BoardLine]] = {event_id: [] for event_id in ids}
    for one in lines:
        of_event[one.event_id].append(one)
    rows = [_row(events[key], own, counts.get(key, 0)) for key, own in of_event.items()]
    last = rows[-1].event if len(rows) == each else None
    return _grouped(rows), Cursor(last.starts_at, last.id).to_text() if last else None


def _row(event: Event, main: list[BoardLine], markets_laid: int) -> Row:
    more = markets_laid - 1 if main else markets_laid
    return Row(event, tuple(markets.in_board_order(main)), more)


def _grouped(rows: list[Row]) -> list[Group]:
    by_competition: dict[UUID, list[Row]] = {}
    for row in rows:
        by_competition.setdefault(row.event.competition_id, []).append(row)
    groups = [_group(found) for found in by_competition.values()]
    return sorted(
        groups, key=lambda one: (one.sport != "football", one.sport, one.country, one.name)
    )


def _group(rows: list[Row]) -> Group:
    first = rows[0].event
    market_type, _ = grading.main_market(first.sport)
    return Group(
        sport=first.sport,
        competition_id=first.competition_id,
        country=first.country,
        name=first.competition,
        sides=() if first.kind == "contest" else grading.sides(market_type),
        rows=tuple(rows),
    )
