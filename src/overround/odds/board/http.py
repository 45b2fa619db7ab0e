"""The sources' prices side by side, for people who are logged in: the path that seed 001 names."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import groupby
from uuid import UUID

from fastapi import APIRouter

from overround.core import line, price
from overround.db.routes import Db
from overround.kit import paging
from overround.kit.routes import CursorText, Limit, Now, Output, Reader
from overround.odds import catalogue
from overround.odds.board import store
from overround.odds.board.model import SourcePrice
from overround.odds.catalogue import Event

router = APIRouter(prefix="/api/v1", tags=["board"])

_WINDOW = timedelta(days=14)


class SourcePriceOut(Output):
    """What one source quotes for one side."""

    source: str
    market: str
    period: str
    line: str | None
    side: str
    price: str
    state: str
    observed_at: datetime
    changed_at: datetime


class GameOut(Output):
    """One event with every source's prices."""

    id: UUID
    sport: str
    competition: str
    home_team: str
    away_team: str
    start_time: datetime
    odds: list[SourcePriceOut]


class GamesOut(Output):
    """A page of events, by start."""

    items: list[GameOut]
    next_cursor: str | None


@router.get("/games")
async def games(
    _: Reader,
    db: Db,
    now: Now,
    limit: Limit = paging.LIMIT_DEFAULT,
    cursor: CursorText = None,
) -> GamesOut:
    """Coming events with the prices of every source."""
    after = paging.begin(cursor, paging.since(now))
    async with db.reading(None) as conn:
        found = await catalogue.events_page(conn, (after.at, after.id), now + _WINDOW, limit + 1)
        shown, following = paging.cut(found, limit, lambda event: (event.starts_at, event.id))
        prices = await store.prices_of(conn, [event.id for event in shown])
    by_event = {
        event_id: list(group) for event_id, group in groupby(prices, key=lambda p: p.event_id)
    }
    return GamesOut(
        items=[_game_out(event, by_event.get(event.id, [])) for event in shown],
        next_cursor=following,
    )


def _game_out(event: Event, prices: list[SourcePrice]) -> GameOut:
    return GameOut(
        id=event.id,
        sport=event.sport,
        competition=event.competition,
        home_team=event.home,
        away_team=event.away,
        start_time=event.starts_at,
        odds=[
            SourcePriceOut(
                source=found.source,
                market=found.market_type,
                period=found.period,
                line=None if found.line_q4 is None else line.to_text(found.line_q4),
                side=found.side,
                price=price.to_text(found.price_e4),
                state=found.state,
                observed_at=found.observed_at,
                changed_at=found.changed_at,
            )
            for found in prices
        ],
    )
