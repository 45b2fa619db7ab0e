"""Edges found on the board: seen, renewed, expired; inside the hub's transaction."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from fractions import Fraction
from uuid import UUID

from overround.core import grading, ids
from overround.core.price import SCALE_E4
from overround.db import Connection
from overround.odds import board as boards
from overround.odds.board import Board, MarketCells
from overround.odds.edges import rules, store
from overround.odds.edges.model import Arbitrage, StoredEdge

# A price seen longer than this before the start is no closing price to compare with another.
CLOSING_LAG_MS_MAX = 3_600_000


@dataclass(slots=True)
class CloseCount:
    """Arbitrages among the closing prices of one market type.

    `found` are all whose best prices sum below one, `clean` those without a suspect price,
    `guaranteed` those whose payoffs gain in every state.
    """

    found: int = 0
    clean: int = 0
    guaranteed: int = 0

    def as_dict(self) -> dict[str, int]:
        """The figures by their names in a report."""
        counts = asdict(self)
        return {"all": counts.pop("found"), **counts}


async def detect(conn: Connection, board: Board, sport_of: Mapping[UUID, str], at: datetime) -> int:
    """Look at every market of the events; write what is new, changed or gone. Returns how many.

    `sport_of` is the events, each with its sport, which says whether it can end level.

    Exchanges take no part: their commission is not in the price.
    """
    known = await store.open_edges(conn, list(sport_of))
    unchanged: list[UUID] = []
    found = 0
    for cells, arbitrage in _found(board, sport_of):
        found += 1
        edge = _stored(cells, arbitrage, at)
        before = known.pop(cells.market_id, None)
        if before is None:
            await store.add(conn, edge)
        elif (before.legs, before.suspect) != (edge.legs, edge.suspect):
            await store.renew(conn, before.id, edge)
        else:
            unchanged.append(before.id)
    if unchanged:
        await store.seen(conn, unchanged, at)
    if known:
        await store.expire(conn, [edge.id for edge in known.values()], at)
    return found


async def count_closing(conn: Connection, event_ids: Sequence[UUID]) -> dict[str, CloseCount]:
    """Arbitrages among the stored closing prices of some events, by market type."""
    quotes: defaultdict[tuple[UUID, str, int | None], dict[str, dict[str, int]]] = defaultdict(dict)
    for price in await boards.closing(conn, event_ids, "bookmaker", CLOSING_LAG_MS_MAX):
        market = quotes[price.market_id, price.market_type, price.line_q4]
        market.setdefault(price.source, {})[price.side] = price.price_e4
    counts: defaultdict[str, CloseCount] = defaultdict(CloseCount)
    for (_, market_type, line_q4), by_source in quotes.items():
        count = counts[market_type]
        arbitrage = rules.arbitrage(market_type, line_q4, by_source)
        if arbitrage is not None:
            count.found += 1
            count.clean += not arbitrage.suspect
            count.guaranteed += arbitrage.guaranteed > 0
    return dict(counts)


def _found(board: Board, sport_of: Mapping[UUID, str]) -> Iterator[tuple[MarketCells, Arbitrage]]:
    for event_id, sport in sport_of.items():
        for cells in board.markets_of(event_id):
            if grading.sides(cells.market_type) != cells.sides or not may_pay(board, cells):
                continue
            level = grading.may_end_level(sport, cells.market_type, cells.period)
            arbitrage = rules.arbitrage(
                cells.market_type, cells.line_q4, board.quotes(cells), level=level
            )
            if arbitrage is not None:
                yield cells, arbitrage


def may_pay(board: Board, cells: MarketCells) -> bool:
    """Whether the best prices of all sources together sum below one: a bound that is cheap.

    Whoever takes part in an arbitrage is among them, so nothing is missed
    (test: the cheap bound misses no arbitrage).
    """
    best = board.open_prices(cells).max(axis=0, initial=0)
    return bool((best > 0).all()) and float((SCALE_E4 / best).sum()) < 1 + 1e-9


def _stored(cells: MarketCells, arbitrage: Arbitrage, at: datetime) -> StoredEdge:
    legs: list[dict[str, str | int]] = [
        {
            "side": leg.side,
            "source": leg.source,
            "price_e4": leg.price_e4,
            "stake_ppm": _ppm(stake),
        }
        for leg, stake in zip(arbitrage.legs, arbitrage.stakes, strict=True)
    ]
    return StoredEdge(
        id=ids.derived(at, "edge", str(cells.market_id), at.isoformat()),
        kind=arbitrage.kind,
        event_id=cells.event_id,
        market_id=cells.market_id,
        naive_ppm=_ppm(arbitrage.naive_margin),
        guaranteed_ppm=_ppm(arbitrage.guaranteed),
        best_ppm=_ppm(arbitrage.best),
        suspect=arbitrage.suspect,
        legs=legs,
        detected_at=at,
        seen_at=at,
        expired_at=None,
    )


def _ppm(share: Fraction) -> int:
    return share.numerator * 1_000_000 // share.denominator
