"""Edges found on the board, for people and for programs that read: searched, filtered, counted."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from overround.core import line, price, rational
from overround.core.errors import Invalid, NotFound, at_field
from overround.db import Connection
from overround.db.routes import Db
from overround.kit import paging
from overround.kit.routes import CursorText, Limit, Now, Output, Reader
from overround.odds import catalogue
from overround.odds.catalogue import Event
from overround.odds.edges import stakes, store
from overround.odds.edges.lifecycle import leg_of
from overround.odds.edges.model import EdgeKind, EdgeStatus, Leg, Sighting, StoredEdge
from overround.odds.edges.stakes import Placeable
from overround.odds.edges.store import Wanted

router = APIRouter(prefix="/api/v1", tags=["edges"])

_PPM_DIGITS = 6


class ArbitrageLegOut(Output):
    """One side to take, and the share of the total stake that goes on it."""

    side: str
    source: str
    price: str
    stake_share: str


class ArbitrageOut(Output):
    """An arbitrage. Shares are of the total stake; `guaranteed` is what the worst state pays."""

    id: UUID
    event_id: UUID
    home: str
    away: str
    starts_at: datetime
    kind: str
    guaranteed: str
    best: str
    naive: str
    suspect: bool
    legs: list[ArbitrageLegOut]
    detected_at: datetime
    seen_at: datetime
    expired_at: datetime | None


class ArbitragesOut(Output):
    """A page, newest first."""

    items: list[ArbitrageOut]
    count: int
    next_cursor: str | None


class EdgeLegOut(Output):
    """One side to take, of whichever market, and the share of the total stake that goes on it."""

    market: str
    period: str
    line: str | None
    side: str
    source: str
    price: str
    stake_share: str


class EdgeOut(Output):
    """An edge with its life. Shares are of the total stake.

    `edge_percentage` is what it is worth: guaranteed of an arbitrage and a low hold, expected of
    value and a middle. `model_probability` is what the other sources believe of a value bet, or of
    a middle being hit. `kelly_fraction` is the whole Kelly share; `confidence` of a value bet says
    how sure it is that it gains on average. Between `total_min` and `total_max` the shares stay
    within the houses' limits, in the trader's currency. `reasons` say why it is not believed.
    """

    id: UUID
    kind: str
    status: str
    event_id: UUID
    sport: str
    home: str
    away: str
    starts_at: datetime
    edge_percentage: str
    guaranteed: str
    best: str
    naive: str
    model_probability: str | None
    kelly_fraction: str | None
    confidence: str
    peak: str
    peak_at: datetime
    tags: list[str]
    suspect: bool
    reasons: list[str]
    total_min: str
    total_max: str | None
    legs: list[EdgeLegOut]
    detected_at: datetime
    verified_at: datetime | None
    seen_at: datetime
    expires_at: datetime
    expired_at: datetime | None
    lifetime_ms: int | None


class StakeOut(Output):
    """What to put on one side, in the house's currency."""

    side: str
    source: str
    price: str
    stake: str
    currency: str | None


class StakesOut(Output):
    """Stakes that can be placed as they are; the totals are in the trader's currency.

    `guaranteed` is the net of the worst way it can end, `best` of the kindest. All zero: within the
    houses' limits and steps nothing is worth placing.
    """

    id: UUID
    status: str
    total: str
    guaranteed: str
    best: str
    stakes: list[StakeOut]


class EdgesOut(Output):
    """A page, newest first."""

    items: list[EdgeOut]
    count: int
    next_cursor: str | None


class SightingOut(Output):
    """What was found of one source, market and hour of the day (UTC)."""

    kind: str
    sport: str
    market: str
    source: str
    hour: int
    edges: int
    verified: int
    suspect: int
    mean_edge: str
    peak: str
    mean_life_ms: int | None


class SightingsOut(Output):
    """The most frequent first."""

    since: datetime
    items: list[SightingOut]


@router.get("/arbitrage")
async def arbitrage(
    _: Reader,
    db: Db,
    guaranteed_ppm: Annotated[int, Query(ge=-1_000_000, le=1_000_000)] = 0,
    expired: bool = False,
    limit: Limit = paging.LIMIT_DEFAULT,
    cursor: CursorText = None,
) -> ArbitragesOut:
    """Arbitrage on the board now, or with `expired` ever, that guarantees at least this much."""
    wanted = Wanted(guaranteed_ppm, kinds=("arbitrage",), with_expired=expired)
    shown, events, following = await _page(db, wanted, limit, cursor)
    return ArbitragesOut(
        items=[_arbitrage_out(edge, events[edge.event_id]) for edge in shown],
        count=len(shown),
        next_cursor=following,
    )


@router.get("/edges")
async def search(
    _: Reader,
    db: Db,
    now: Now,
    kind: EdgeKind | None = None,
    status: EdgeStatus | None = None,
    sport: Annotated[str | None, Query(max_length=40)] = None,
    event_id: UUID | None = None,
    source: Annotated[str | None, Query(max_length=80)] = None,
    tag: Annotated[str | None, Query(max_length=40)] = None,
    edge_ppm: Annotated[int | None, Query(ge=-1_000_000, le=1_000_000)] = None,
    trusted: bool = False,
    expired: bool = False,
    limit: Limit = paging.LIMIT_DEFAULT,
    cursor: CursorText = None,
) -> EdgesOut:
    """Edges that are open, or with `expired` ever, of these kinds, sources, tags and sizes."""
    wanted = Wanted(
        edge_ppm_min=edge_ppm,
        kinds=None if kind is None else (kind,),
        statuses=None if status is None else (status,),
        sport=sport,
        event_id=event_id,
        source=source,
        tag=tag,
        trusted=trusted,
        with_expired=expired or status == "expired",
    )
    return await _edges_out(db, wanted, limit, cursor, now)


@router.get("/middles")
async def middles(
    _: Reader,
    db: Db,
    now: Now,
    expired: bool = False,
    limit: Limit = paging.LIMIT_DEFAULT,
    cursor: CursorText = None,
) -> EdgesOut:
    """Pairs of lines that may both win: open ones, or with `expired` ever."""
    wanted = Wanted(kinds=("middle",), with_expired=expired)
    return await _edges_out(db, wanted, limit, cursor, now)


@router.get("/edges/statistics")
async def statistics(
    _: Reader,
    db: Db,
    since: datetime,
    kind: EdgeKind | None = None,
    limit: Limit = paging.LIMIT_DEFAULT,
) -> SightingsOut:
    """What was found since a time, by source, market and hour of the day."""
    if since.tzinfo is None:
        raise Invalid("a time has a zone", code="time_without_zone")
    async with db.reading(None) as conn:
        found = await store.statistics(conn, since, kind, limit)
    return SightingsOut(since=since, items=[_sighting_out(one) for one in found])


@router.get("/edges/{edge_id}")
async def one(_: Reader, db: Db, now: Now, edge_id: UUID) -> EdgeOut:
    """One edge, open or over."""
    async with db.reading(None) as conn:
        edge = await _known_edge(conn, edge_id)
        events = await catalogue.events_by_id(conn, [edge.event_id])
    return _edge_out(edge, events[edge.event_id], now)


@router.get("/edges/{edge_id}/stakes")
async def placed(
    _: Reader,
    db: Db,
    now: Now,
    edge_id: UUID,
    total: Annotated[str, Query(max_length=40)],
    kelly: Annotated[str, Query(max_length=40)] = "0.25",
) -> StakesOut:
    """How to place a total on an edge in whole steps within every house's limits.

    Of a value bet `total` is the bankroll, of which `kelly` times the Kelly share is staked.
    """
    async with db.reading(None) as conn:
        edge = await _known_edge(conn, edge_id)
    with at_field("query/total"):
        whole = rational.parse(total)
    with at_field("query/kelly"):
        share = rational.parse(kelly)
    found = stakes.placeable(edge, whole, share)
    return _stakes_out(edge, found, now)


async def _known_edge(conn: Connection, edge_id: UUID) -> StoredEdge:
    edge = await store.one(conn, edge_id)
    if edge is None:
        raise NotFound("no such edge")
    return edge


async def _page(
    db: Db, wanted: Wanted, limit: int, cursor: str | None
) -> tuple[Sequence[StoredEdge], dict[UUID, Event], str | None]:
    before = paging.begin(cursor, paging.NEWEST)
    async with db.reading(None) as conn:
        found = await store.search(conn, (before.at, before.id), wanted, limit + 1)
        shown, following = paging.cut(found, limit, lambda edge: (edge.detected_at, edge.id))
        events = await catalogue.events_by_id(conn, [edge.event_id for edge in shown])
    return shown, events, following


async def _edges_out(
    db: Db, wanted: Wanted, limit: int, cursor: str | None, at: datetime
) -> EdgesOut:
    shown, events, following = await _page(db, wanted, limit, cursor)
    items = [_edge_out(edge, events[edge.event_id], at) for edge in shown]
    return EdgesOut(items=items, count=len(items), next_cursor=following)


def _stakes_out(edge: StoredEdge, found: Placeable, at: datetime) -> StakesOut:
    return StakesOut(
        id=edge.id,
        status=edge.status_at(at),
        total=rational.to_text(found.total),
        guaranteed=rational.to_text(found.guaranteed),
        best=rational.to_text(found.best),
        stakes=[
            StakeOut(
                side=leg.side,
                source=leg.source,
                price=price.to_text(leg.price_e4),
                stake=rational.to_text(stake),
                currency=leg.currency,
            )
            for leg, stake in zip(map(leg_of, edge.legs), found.stakes, strict=True)
        ],
    )


def _edge_out(edge: StoredEdge, event: Event, at: datetime) -> EdgeOut:
    legs = [leg_of(leg) for leg in edge.legs]
    room = stakes.room(legs)
    life = None if edge.expired_at is None else edge.expired_at - edge.detected_at
    return EdgeOut(
        id=edge.id,
        kind=edge.kind,
        status=edge.status_at(at),
        event_id=edge.event_id,
        sport=edge.sport,
        home=event.home,
        away=event.away,
        starts_at=event.starts_at,
        edge_percentage=_percentage(edge.edge_ppm),
        guaranteed=_share(edge.guaranteed_ppm),
        best=_share(edge.best_ppm),
        naive=_share(edge.naive_ppm),
        model_probability=_known(edge.probability_ppm),
        kelly_fraction=_known(edge.kelly_ppm),
        confidence=_share(edge.confidence_ppm),
        peak=_share(edge.peak_ppm),
        peak_at=edge.peak_at,
        tags=edge.tags,
        suspect=edge.suspect,
        reasons=edge.reasons,
        total_min=rational.to_text(room.least),
        total_max=None if room.most is None else rational.to_text(room.most),
        legs=[_leg_out(leg) for leg in legs],
        detected_at=edge.detected_at,
        verified_at=edge.verified_at,
        seen_at=edge.seen_at,
        expires_at=edge.expires_at,
        expired_at=edge.expired_at,
        lifetime_ms=None if life is None else life // timedelta(milliseconds=1),
    )


def _leg_out(leg: Leg) -> EdgeLegOut:
    return EdgeLegOut(
        market=leg.market_type,
        period=leg.period,
        line=None if leg.line_q4 is None else line.to_text(leg.line_q4),
        side=leg.side,
        source=leg.source,
        price=price.to_text(leg.price_e4),
        stake_share=_share(leg.stake_ppm),
    )


def _sighting_out(one: Sighting) -> SightingOut:
    return SightingOut(
        kind=one.kind,
        sport=one.sport,
        market=one.market_type,
        source=one.source,
        hour=one.hour,
        edges=one.edges,
        verified=one.verified,
        suspect=one.suspect,
        mean_edge=_share(one.mean_edge_ppm),
        peak=_share(one.peak_ppm),
        mean_life_ms=one.mean_life_ms,
    )


def _known(ppm: int | None) -> str | None:
    return None if ppm is None else _share(ppm)


def _percentage(ppm: int) -> str:
    """Millionths as per cent: 11111 is "1.1111"."""
    return _decimal(ppm, _PPM_DIGITS - 2)


def _arbitrage_out(edge: StoredEdge, event: Event) -> ArbitrageOut:
    return ArbitrageOut(
        id=edge.id,
        event_id=edge.event_id,
        home=event.home,
        away=event.away,
        starts_at=event.starts_at,
        kind=edge.pays or edge.kind,
        guaranteed=_share(edge.guaranteed_ppm),
        best=_share(edge.best_ppm),
        naive=_share(edge.naive_ppm),
        suspect=edge.suspect,
        legs=[
            ArbitrageLegOut(
                side=leg.side,
                source=leg.source,
                price=price.to_text(leg.price_e4),
                stake_share=_share(leg.stake_ppm),
            )
            for leg in map(leg_of, edge.legs)
        ],
        detected_at=edge.detected_at,
        seen_at=edge.seen_at,
        expired_at=edge.expired_at,
    )


def _share(ppm: int) -> str:
    """Millionths as a decimal string: 11111 is "0.011111"."""
    return _decimal(ppm, _PPM_DIGITS)


def _decimal(whole: int, places: int) -> str:
    digits = f"{abs(whole):0{places + 1}d}"
    return f"{'-' if whole < 0 else ''}{digits[:-places]}.{digits[-places:]}"
