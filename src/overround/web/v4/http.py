"""The routes of `/v4`: a key comes in, is paced, asks, is answered, and pays what it cost."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from fastapi import APIRouter, Request, Response
from starlette.datastructures import QueryParams

from overround.core.errors import Invalid, NotFound, Refusal
from overround.db import Connection, Database
from overround.db.routes import Db
from overround.kit.routes import Now, Visitor
from overround.odds import catalogue
from overround.people import sessions
from overround.people.sessions import Entered
from overround.trading import screen
from overround.trading.screen import Asked, Competition, Listed
from overround.web import problems
from overround.web.v4 import asked, shapes, words
from overround.web.v4.asked import Wanted

router = APIRouter(prefix="/v4", tags=["v4"])

AHEAD: Final = timedelta(days=400)
ON: Final = timedelta(hours=12)
UPCOMING: Final = "upcoming"
UPCOMING_EVENTS: Final = 8
EVENTS_MAX: Final = 1_000
COMPETITIONS_MAX: Final = 10_000
TEAMS_MAX: Final = 1_000
HISTORY_COST: Final = 10
# Of a board as it stood: a price that had not moved for longer than this stood on no board.
HISTORY_BACK: Final = timedelta(days=7)
STEP: Final = timedelta(minutes=5)


class UnknownSport(NotFound):
    """There is no such sport."""

    code = "UNKNOWN_SPORT"


class UnknownEvent(NotFound):
    """There is no such event, or it is over."""

    code = "EVENT_NOT_FOUND"


@dataclass(frozen=True, slots=True)
class Asking:
    """What a route has to answer with: a connection for reading, and what was asked."""

    conn: Connection
    given: dict[str, str]
    sport: str
    now: datetime
    key: Entered


@dataclass(frozen=True, slots=True)
class Answer:
    """A body and what it costs in credits."""

    body: object
    cost: int = 0


Route = Callable[[Asking], Awaitable[Answer]]


async def _serve(
    request: Request, db: Database, tenant_id: UUID, now: datetime, allowed: frozenset[str],
    route: Route, sport: str = "",
) -> Response:  # fmt: skip
    """Answer as the original does, mistakes too: `message`, `error_code`, and ours beside them."""
    try:
        return await _paid(request.query_params, db, tenant_id, now, allowed, route, sport)
    except Refusal as error:
        return problems.of_error(
            type(error)(
                error.detail,
                code=error.code,
                facts={
                    "message": error.detail,
                    "error_code": error.code,
                    "details_url": str(request.url_for("reference")),
                },
            ),
            request.url.path,
            request.state.ids,
        )


async def _paid(
    query: QueryParams, db: Database, tenant_id: UUID, now: datetime, allowed: frozenset[str],
    route: Route, sport: str,
) -> Response:  # fmt: skip
    async with db.transaction(tenant_id) as conn:
        key = await sessions.enter(conn, tenant_id, query.get("apiKey"), now)
    given = asked.single(query.multi_items(), allowed)
    async with db.snapshot(None) as conn:
        answer = await route(Asking(conn, given, sport, now, key))
    used = key.used
    if answer.cost:
        async with db.transaction(tenant_id) as conn:
            used = await sessions.charge(conn, tenant_id, key, answer.cost, now)
    headers = {
        "x-requests-remaining": str(max(0, key.credits_per_month - used)),
        "x-requests-used": str(used),
        "x-requests-last": str(answer.cost),
    }
    return Response(shapes.body(answer.body), headers=headers, media_type="application/json")


@router.get("/sports")
@router.get("/sports/", include_in_schema=False)
async def sports(request: Request, tenant_id: Visitor, db: Db, now: Now) -> Response:
    """The sports with something ahead or on, or with `all=true` every one. Free."""
    return await _serve(request, db, tenant_id, now, asked.SPORTS, _sports)


@router.get("/sports/{sport}/odds")
@router.get("/sports/{sport}/odds/", include_in_schema=False)
async def odds(request: Request, sport: str, tenant_id: Visitor, db: Db, now: Now) -> Response:
    """Prices of a sport, or of what is `upcoming`. Costs markets by regions; nothing if empty."""
    return await _serve(request, db, tenant_id, now, asked.ODDS, _odds, sport)


@router.get("/sports/{sport}/events")
@router.get("/sports/{sport}/events/", include_in_schema=False)
async def events(request: Request, sport: str, tenant_id: Visitor, db: Db, now: Now) -> Response:
    """The events of a sport without prices. Free."""
    return await _serve(request, db, tenant_id, now, asked.EVENTS, _events, sport)


@router.get("/sports/{sport}/scores")
@router.get("/sports/{sport}/scores/", include_in_schema=False)
async def scores(request: Request, sport: str, tenant_id: Visitor, db: Db, now: Now) -> Response:
    """Scores of what is ahead, on, and ended in the last `daysFrom` days. Costs 1, or 2 then."""
    return await _serve(request, db, tenant_id, now, asked.SCORES, _scores, sport)


@router.get("/sports/{sport}/participants")
@router.get("/sports/{sport}/participants/", include_in_schema=False)
async def participants(
    request: Request, sport: str, tenant_id: Visitor, db: Db, now: Now
) -> Response:
    """Who takes part in a sport. Costs 1."""
    return await _serve(request, db, tenant_id, now, asked.PARTICIPANTS, _participants, sport)


@router.get("/sports/{sport}/events/{event_id}/odds")
@router.get("/sports/{sport}/events/{event_id}/odds/", include_in_schema=False)
async def event_odds(
    request: Request, sport: str, event_id: str, tenant_id: Visitor, db: Db, now: Now
) -> Response:
    """Any markets of one event. Costs the markets that are in the answer, by regions."""

    async def route(ask: Asking) -> Answer:
        wanted = await _wanted(ask, of_event=True)
        one = await _event(ask, event_id)
        found = words.market_types(one.sport, wanted.markets)
        _afford(ask, len(wanted.markets) * wanted.groups)
        quotes = await screen.quotes(ask.conn, [one.id], Asked(markets=found))
        body = shapes.odds(one, ask.sport, quotes, wanted)
        return Answer(body, len(shapes.market_keys(body)) * wanted.groups)

    return await _serve(request, db, tenant_id, now, asked.EVENT_ODDS, route, sport)


@router.get("/sports/{sport}/events/{event_id}/markets")
@router.get("/sports/{sport}/events/{event_id}/markets/", include_in_schema=False)
async def event_markets(
    request: Request, sport: str, event_id: str, tenant_id: Visitor, db: Db, now: Now
) -> Response:
    """Which markets each bookmaker quotes on one event. Costs 1."""

    async def route(ask: Asking) -> Answer:
        wanted = await _wanted(ask, of_event=True)
        one = await _event(ask, event_id)
        _afford(ask, 1)
        quotes = await screen.quotes(ask.conn, [one.id], Asked())
        return Answer(shapes.markets(one, ask.sport, quotes, wanted), 1)

    return await _serve(request, db, tenant_id, now, asked.EVENT_MARKETS, route, sport)


@router.get("/historical/sports/{sport}/odds")
@router.get("/historical/sports/{sport}/odds/", include_in_schema=False)
@router.get("/sports/{sport}/odds-history", include_in_schema=False)
@router.get("/sports/{sport}/odds-history/", include_in_schema=False)
async def historical_odds(
    request: Request, sport: str, tenant_id: Visitor, db: Db, now: Now
) -> Response:
    """Prices of a sport as they stood at a `date`. Costs ten times the present's."""
    return await _serve(request, db, tenant_id, now, asked.HISTORY, _historical, sport)


@router.get("/historical/sports/{sport}/events")
@router.get("/historical/sports/{sport}/events/", include_in_schema=False)
async def historical_events(
    request: Request, sport: str, tenant_id: Visitor, db: Db, now: Now
) -> Response:
    """The events of a sport that were ahead at a `date`. Costs 1; nothing if there were none."""
    return await _serve(
        request, db, tenant_id, now, asked.EVENTS_HISTORY, _historical_events, sport
    )


@router.get("/historical/sports/{sport}/events/{event_id}/odds")
@router.get("/historical/sports/{sport}/events/{event_id}/odds/", include_in_schema=False)
async def historical_event_odds(
    request: Request, sport: str, event_id: str, tenant_id: Visitor, db: Db, now: Now
) -> Response:
    """Any markets of one event as they stood at a `date`. Costs ten times the present's."""

    async def route(ask: Asking) -> Answer:
        at = asked.date(ask.given, ask.now)
        wanted = await _wanted(ask, of_event=True)
        one = await _event_at(ask, event_id, at)
        types = words.market_types(one.sport, wanted.markets)
        _afford(ask, HISTORY_COST * len(wanted.markets) * wanted.groups)
        quotes = await _quotes_at(ask, [one], types, at)
        body = shapes.odds(one, ask.sport, quotes, wanted)
        cost = HISTORY_COST * len(shapes.market_keys(body)) * wanted.groups
        return Answer(_at(at, ask.now, body), cost)

    return await _serve(request, db, tenant_id, now, asked.EVENT_HISTORY, route, sport)


async def _sports(ask: Asking) -> Answer:
    return Answer(shapes.sports(await _competitions(ask), asked.everything(ask.given)))


async def _odds(ask: Asking) -> Answer:
    wanted = await _wanted(ask, of_event=False)
    keys, found = await _listed(ask, wanted)
    _afford(ask, len(wanted.markets) * wanted.groups if found else 0)
    types = sorted({t for one in found for t in words.market_types(one.sport, wanted.markets)})
    quotes = await screen.quotes(ask.conn, [one.id for one in found], Asked(markets=types))
    body = _by_event(found, keys, quotes, wanted)
    return Answer(body, len(wanted.markets) * wanted.groups if body else 0)


async def _historical(ask: Asking) -> Answer:
    at = asked.date(ask.given, ask.now)
    wanted = await _wanted(ask, of_event=False)
    keys, found = await _listed_at(ask, wanted, at)
    cost = HISTORY_COST * len(wanted.markets) * wanted.groups if found else 0
    _afford(ask, cost)
    types = sorted({t for one in found for t in words.market_types(one.sport, wanted.markets)})
    quotes = await _quotes_at(ask, found, types, at)
    data = [one for one in _by_event(found, keys, quotes, wanted) if one["bookmakers"]]
    return Answer(_at(at, ask.now, data), cost if data else 0)


async def _historical_events(ask: Asking) -> Answer:
    at = asked.date(ask.given, ask.now)
    wanted = asked.wanted(ask.given, of_event=True)
    _afford(ask, 1)
    keys, found = await _listed_at(ask, wanted, at)
    data = [shapes.event(one, keys[one.competition_id], wanted.unix) for one in found]
    return Answer(_at(at, ask.now, data), 1 if data else 0)


async def _events(ask: Asking) -> Answer:
    wanted = asked.wanted(ask.given, of_event=True)
    keys, found = await _listed(ask, wanted)
    return Answer([shapes.event(one, keys[one.competition_id], wanted.unix) for one in found])


async def _scores(ask: Asking) -> Answer:
    days = asked.days_from(ask.given)
    wanted = asked.wanted(ask.given, of_event=True)
    cost = 2 if days else 1
    _afford(ask, cost)
    keys, found = await _listed(ask, wanted)
    begun: list[Listed] = []
    if days:
        filters = Asked(
            competition_ids=_meant(ask, await _competitions(ask)), event_ids=_ids(wanted)
        )
        # Every event after the last instant of now, by whatever id.
        before = ask.now, UUID(int=2**128 - 1)
        since = ask.now - timedelta(days=days)
        begun = await screen.begun(ask.conn, filters, before, since, EVENTS_MAX)
    known = {one.id for one in found}
    ids = [one.id for one in (*found, *begun)]
    live = await catalogue.live_of(ask.conn, ids)
    over = await catalogue.results_known(ask.conn, ids, ask.now)
    shown = [*[one for one in reversed(begun) if one.id not in known and one.id in over], *found]
    return Answer(
        [
            shapes.scored(
                one, keys[one.competition_id], wanted.unix, live.get(one.id), over.get(one.id)
            )
            for one in shown
        ],
        cost,
    )


async def _participants(ask: Asking) -> Answer:
    _afford(ask, 1)
    meant = _meant(ask, await _competitions(ask))
    since = ask.now - AHEAD
    found = await screen.teams(ask.conn, meant or [], since, TEAMS_MAX)
    return Answer([{"full_name": name, "id": f"par_{one.hex}"} for one, name in found], 1)


async def _wanted(ask: Asking, *, of_event: bool) -> Wanted:
    sources = [words.their_key(key) for key in await screen.source_keys(ask.conn)]
    return asked.regions_needed(asked.wanted(ask.given, of_event=of_event, known_sources=sources))


async def _competitions(ask: Asking) -> dict[str, list[Competition]]:
    since, until = ask.now - ON, ask.now + AHEAD
    return words.by_key(await screen.competitions(ask.conn, since, until, COMPETITIONS_MAX))


def _meant(ask: Asking, by_key: dict[str, list[Competition]]) -> list[UUID] | None:
    """The competitions of the sport that is asked about. Raises UnknownSport."""
    if ask.sport not in by_key:
        raise UnknownSport("Unknown sport")
    return [one.id for one in by_key[ask.sport]]


def _keys(by_key: dict[str, list[Competition]]) -> dict[UUID, str]:
    return {one.id: key for key, found in by_key.items() for one in found}


async def _listed(ask: Asking, wanted: Wanted) -> tuple[dict[UUID, str], list[Listed]]:
    """competition -> key, and the events of the sport that are ahead or on. Raises UnknownSport."""
    by_key = await _competitions(ask)
    upcoming = ask.sport == UPCOMING
    meant = None if upcoming else _meant(ask, by_key)
    filters = Asked(competition_ids=meant, event_ids=_ids(wanted))
    after = ask.now - ON, UUID(int=0)
    until = ask.now + AHEAD
    found = await screen.listed(ask.conn, filters, after, until, ask.now, EVENTS_MAX)
    found = [one for one in found if _starts_within(one, wanted)]
    if upcoming:
        on = [one for one in found if one.status == "live"]
        found = on + [one for one in found if one.status != "live"][:UPCOMING_EVENTS]
    return _keys(by_key), found


async def _event(ask: Asking, text: str) -> Listed:
    """The event of a path, of the sport of that path. Raises UnknownSport, UnknownEvent."""
    try:
        event_id = asked.event_id(text)
    except Invalid as error:
        raise UnknownEvent("Event not found") from error
    meant = _meant(ask, await _competitions(ask))
    one = await screen.event_by_id(ask.conn, event_id)
    if one is None or one.competition_id not in (meant or ()) or _is_over(one):
        raise UnknownEvent("Event not found. The event may have expired or the id is invalid.")
    return one


async def _event_at(ask: Asking, text: str, at: datetime) -> Listed:
    """The event of a path that was ahead or on at a time, whatever became of it since.

    Raises UnknownSport, UnknownEvent.
    """
    try:
        event_id = asked.event_id(text)
    except Invalid as error:
        raise UnknownEvent("Event not found") from error
    meant = _meant(ask, await _competitions(ask))
    one = await screen.event_by_id(ask.conn, event_id)
    if one is None or one.competition_id not in (meant or ()) or one.starts_at <= at - ON:
        raise UnknownEvent("Event not found at this date")
    return one


async def _listed_at(
    ask: Asking, wanted: Wanted, at: datetime
) -> tuple[dict[UUID, str], list[Listed]]:
    """competition -> key, and the events of the sport that were ahead. Raises UnknownSport."""
    by_key = await _competitions(ask)
    filters = Asked(competition_ids=_meant(ask, by_key), event_ids=_ids(wanted))
    found = await screen.listed_at(ask.conn, filters, at, at + AHEAD, EVENTS_MAX)
    return _keys(by_key), [one for one in found if _starts_within(one, wanted)]


async def _quotes_at(
    ask: Asking, found: Sequence[Listed], types: list[str], at: datetime
) -> list[screen.Quote]:
    """What was quoted on the events then."""
    filters = Asked(markets=types)
    ids = [one.id for one in found]
    return await screen.quotes_at(ask.conn, ids, filters, at - HISTORY_BACK, at)


def _at(at: datetime, now: datetime, data: object) -> shapes.Json:
    """An answer about the past: which moment it is, and the ones before and after."""
    return {
        "timestamp": shapes.time(at, unix=False),
        "previous_timestamp": shapes.time(at - STEP, unix=False),
        "next_timestamp": shapes.time(at + STEP, unix=False) if at + STEP <= now else None,
        "data": data,
    }


def _is_over(one: Listed) -> bool:
    return one.status not in ("scheduled", "live")


def _ids(wanted: Wanted) -> list[UUID] | None:
    return None if wanted.event_ids is None else list(wanted.event_ids)


def _starts_within(one: Listed, wanted: Wanted) -> bool:
    after = wanted.starts_from is None or one.starts_at >= wanted.starts_from
    return after and (wanted.starts_to is None or one.starts_at <= wanted.starts_to)


def _by_event(
    found: Sequence[Listed], keys: dict[UUID, str], quotes: Sequence[screen.Quote], wanted: Wanted
) -> list[shapes.Json]:
    by_event: dict[UUID, list[screen.Quote]] = {}
    for quote in quotes:
        by_event.setdefault(quote.event_id, []).append(quote)
    return [
        shapes.odds(one, keys[one.competition_id], by_event.get(one.id, []), wanted)
        for one in found
    ]


def _afford(ask: Asking, cost: int) -> None:
    """Refuse before reading what the key could not pay. Raises OutOfCredits."""
    sessions.affordable(ask.key, cost)
