"""The read API of the board, for people and programs that are logged in."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Query, Request, Response

from overround.core.errors import NotFound
from overround.db import Connection
from overround.db.routes import Db
from overround.kit import paging, routes
from overround.kit.routes import CursorText, Limit, Now, Reader
from overround.trading.screen import asking, places, rendering, shapes, store, wire
from overround.trading.screen.model import Asked, Listed, Move, Page, Past, Place

router = APIRouter(prefix="/api/v1", tags=["screen"])

# Everything that is ahead, and as long as a match may be on. No nearer end: an event that came over
# it with prices that have not moved would be in no delta.
AHEAD: Final = timedelta(days=400)
ON: Final = timedelta(hours=12)
# Those who go on reading an hour after the start are told that the event ended.
GONE_BACK: Final = timedelta(days=1)
HISTORY_LONGEST: Final = timedelta(hours=24)
CLOSED_BACK: Final = timedelta(days=400)
ODDS_EVENTS_MAX: Final = 500
MOVES_MAX: Final = 5_000
HISTORY_MAX: Final = 2_000
GONE_MAX: Final = 500
EVENTS_AT_ONCE: Final = 50

_LIVE = {"Cache-Control": "private, no-cache"}
_TEXT = Query(min_length=1, max_length=asking.TEXT_MAX)


def _filters(
    sport: Annotated[str | None, Query(pattern="^[a-z_]{1,40}$")] = None,
    competition_id: UUID | None = None,
    event_ids: Annotated[str | None, _TEXT] = None,
    markets: Annotated[str | None, _TEXT] = None,
    sources: Annotated[str | None, _TEXT] = None,
) -> Asked:
    """The filters that all reads share; lists are words with commas."""
    return asking.asked(sport, competition_id, event_ids, markets, sources)


Write = Callable[[Sequence[Listed], Page], Iterable[str]]
Filters = Annotated[Asked, Depends(_filters)]
EventsLimit = Annotated[int, Query(ge=1, le=ODDS_EVENTS_MAX)]
Known = Annotated[str | None, Header(alias="If-None-Match", max_length=1_000)]


@router.get("/odds", response_model=wire.OddsOut)
async def odds(
    _: Reader, request: Request, db: Db, now: Now, asked: Filters,
    limit: EventsLimit = paging.LIMIT_DEFAULT, cursor: CursorText = None, known: Known = None,
) -> Response:  # fmt: skip
    """What every source quotes on events that are ahead or on, by start."""
    async with db.snapshot(None) as conn:
        shown, following = await _page(conn, asked, now, limit, cursor)
        ids = [event.id for event in shown]
        etag = shapes.etag(str(request.url.query), shown, await store.version(conn, ids))
        if known is not None and routes.matches(etag.removeprefix("W/"), known):
            return Response(status_code=304, headers=_LIVE | {"ETag": etag})
        items = await _items(conn, shown, asked, rendering.odds)
    answer = shapes.listing(items, following)
    return _answered(request, answer, following, {"ETag": etag})


@router.get("/best", response_model=wire.BestOut)
async def best(
    _: Reader, request: Request, db: Db, now: Now, asked: Filters,
    limit: EventsLimit = paging.LIMIT_DEFAULT, cursor: CursorText = None, known: Known = None,
) -> Response:  # fmt: skip
    """The best open price of every selection, who quotes it, and what the best leave a book."""
    async with db.snapshot(None) as conn:
        shown, following = await _page(conn, asked, now, limit, cursor)
        ids = [event.id for event in shown]
        etag = shapes.etag(str(request.url.query), shown, await store.version(conn, ids))
        if known is not None and routes.matches(etag.removeprefix("W/"), known):
            return Response(status_code=304, headers=_LIVE | {"ETag": etag})
        items = await _items(conn, shown, asked, rendering.best)
    answer = shapes.listing(items, following)
    return _answered(request, answer, following, {"ETag": etag})


@router.get("/history", response_model=wire.HistoryOut)
async def history(
    _: Reader, request: Request, db: Db, now: Now, event_id: UUID, asked: Filters,
    since: datetime | None = None, until: datetime | None = None,
    limit: Annotated[int, Query(ge=100, le=HISTORY_MAX)] = 500, cursor: CursorText = None,
) -> Response:  # fmt: skip
    """The changes of one event's prices within 24 hours, oldest first; by default the last."""
    window = asking.span(since, until, now, HISTORY_LONGEST)
    after = paging.begin(cursor, paging.since(window[0] - timedelta(microseconds=1)))
    async with db.reading(None) as conn:
        if await store.event_by_id(conn, event_id) is None:
            raise NotFound("there is no such event")
        found = await store.history(conn, event_id, asked, window, (after.at, after.id), limit + 1)
    shown, following = _cut_whole(found, limit)
    answer = {
        "event_id": str(event_id),
        "since": shapes.stamp(window[0]),
        "until": shapes.stamp(window[1]),
        "items": [shapes.past(one) for one in shown],
        "next_cursor": following,
    }
    return _answer(request, answer, following)


@router.get("/closing", response_model=wire.ClosingOut)
async def closing(
    _: Reader, request: Request, db: Db, now: Now, asked: Filters,
    limit: Limit = paging.LIMIT_DEFAULT, cursor: CursorText = None,
) -> Response:  # fmt: skip
    """What every source quoted last before the start, of events that have begun."""
    before = paging.begin(cursor, paging.Cursor(now, paging.NEWEST.id))
    place = min(before.at, now), before.id
    async with db.reading(None) as conn:
        found = await store.begun(conn, asked, place, now - CLOSED_BACK, limit + 1)
        shown, following = paging.cut(found, limit, lambda event: (event.starts_at, event.id))
        prices = await store.closing(conn, [event.id for event in shown], asked)
    answer = {"items": shapes.closing(shown, prices), "next_cursor": following}
    return _answer(request, answer, following)


@router.get("/delta", response_model=wire.DeltaOut)
async def delta(
    _: Reader, request: Request, db: Db, now: Now, asked: Filters,
    since: Annotated[str | None, Query(max_length=places.TEXT_LENGTH)] = None,
    limit: Annotated[int, Query(ge=1, le=MOVES_MAX)] = 1_000,
) -> Response:  # fmt: skip
    """What changed since a place, with tombstones. Without one: the place of now, and nothing else.

    Ask for a place, read `/odds`, and then go on from the place: nothing is missed.
    """
    window, gone_window = (now - ON, now + AHEAD), (now - GONE_BACK, now + AHEAD)
    # One moment for all statements: what commits between them is the next reader's.
    async with db.snapshot(None) as conn:
        here, newest = await store.here(conn)
        if since is None:
            answer = shapes.delta([], [], places.to_text(here), more=False, gone_max=GONE_MAX)
            return _answer(request, answer)
        after = places.checked(places.parse(since), here.database, newest)
        found = await store.moves(conn, asked, after, window, limit + 1)
        gone = await store.gone(conn, asked, after, gone_window, GONE_MAX + 1)
    more = len(found) > limit
    place = _place_of(found[limit - 1], here.database) if more else here
    moves = found[:limit]
    answer = shapes.delta(moves, gone, places.to_text(place), more=more, gone_max=GONE_MAX)
    return _answer(request, answer)


async def _page(
    conn: Connection, asked: Asked, now: datetime, limit: int, cursor: str | None
) -> tuple[Sequence[Listed], str | None]:
    """A page of events that are ahead or on, and the cursor of the next one."""
    after = paging.begin(cursor, paging.since(now - ON))
    found = await store.listed(conn, asked, (after.at, after.id), now + AHEAD, now, limit + 1)
    return paging.cut(found, limit, lambda event: (event.starts_at, event.id))


async def _items(
    conn: Connection, shown: Sequence[Listed], asked: Asked, write: Write
) -> list[str]:
    """The events of a page as JSON. Some at a time, so that whoever else is served by this process
    does not wait for the whole."""
    items: list[str] = []
    for first in range(0, len(shown), EVENTS_AT_ONCE):
        some = shown[first : first + EVENTS_AT_ONCE]
        items += write(some, await store.page(conn, [event.id for event in some], asked))
    return items


def _cut_whole(found: Sequence[Past], limit: int) -> tuple[Sequence[Past], str | None]:
    """A page that ends between two moments of a selection: its sources are not torn apart."""
    if len(found) <= limit:
        return found, None
    torn = found[limit]
    shown = [
        one
        for one in found[:limit]
        if (one.observed_at, one.selection_id) != (torn.observed_at, torn.selection_id)
    ]
    last = shown[-1]
    return shown, paging.Cursor(last.observed_at, last.selection_id).to_text()


def _place_of(move: Move, database: int) -> Place:
    return Place(database, move.written, move.selection_id, move.source_id)


def _answer(request: Request, answer: object, following: str | None = None) -> Response:
    """The answer as JSON."""
    return _answered(request, shapes.body(answer), following)


def _answered(
    request: Request, body: bytes, following: str | None, headers: Mapping[str, str] | None = None
) -> Response:
    """The body; the next page is named in the Link header too."""
    said = _LIVE | dict(headers or {})
    if following is not None:
        said["Link"] = f'<{request.url.include_query_params(cursor=following)}>; rel="next"'
    return Response(body, headers=said, media_type="application/json")
