"""Arbitrage found on the board, for people who are logged in."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from overround.core import price
from overround.db.routes import Db
from overround.kit import paging
from overround.kit.routes import CursorText, Limit, Output, User
from overround.odds import catalogue
from overround.odds.catalogue import Event
from overround.odds.edges import store
from overround.odds.edges.model import StoredEdge

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


@router.get("/arbitrage")
async def arbitrage(
    _: User,
    db: Db,
    guaranteed_ppm: Annotated[int, Query(ge=-1_000_000, le=1_000_000)] = 0,
    expired: bool = False,
    limit: Limit = paging.LIMIT_DEFAULT,
    cursor: CursorText = None,
) -> ArbitragesOut:
    """Arbitrage on the board now, or with `expired` ever, that guarantees at least this much."""
    before = paging.begin(cursor, paging.NEWEST)
    async with db.reading(None) as conn:
        found = await store.page(
            conn,
            (before.at, before.id),
            guaranteed_ppm_min=guaranteed_ppm,
            with_expired=expired,
            limit=limit + 1,
        )
        shown, following = paging.cut(found, limit, lambda edge: (edge.detected_at, edge.id))
        events = await catalogue.events_by_id(conn, [edge.event_id for edge in shown])
    return ArbitragesOut(
        items=[_edge_out(edge, events[edge.event_id]) for edge in shown],
        count=len(shown),
        next_cursor=following,
    )


def _edge_out(edge: StoredEdge, event: Event) -> ArbitrageOut:
    return ArbitrageOut(
        id=edge.id,
        event_id=edge.event_id,
        home=event.home,
        away=event.away,
        starts_at=event.starts_at,
        kind=edge.kind,
        guaranteed=_share(edge.guaranteed_ppm),
        best=_share(edge.best_ppm),
        naive=_share(edge.naive_ppm),
        suspect=edge.suspect,
        legs=[
            ArbitrageLegOut(
                side=str(leg["side"]),
                source=str(leg["source"]),
                price=price.to_text(int(leg["price_e4"])),
                stake_share=_share(int(leg["stake_ppm"])),
            )
            for leg in edge.legs
        ],
        detected_at=edge.detected_at,
        seen_at=edge.seen_at,
        expired_at=edge.expired_at,
    )


def _share(ppm: int) -> str:
    """Millionths as a decimal string: 11111 is "0.011111"."""
    digits = f"{abs(ppm):07d}"
    return f"{'-' if ppm < 0 else ''}{digits[:-_PPM_DIGITS]}.{digits[-_PPM_DIGITS:]}"
