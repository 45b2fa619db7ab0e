"""What the edge engine has found, as workers and traders are told: the one place that knows both.

Whoever rebuilds the engine rewrites `current` alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from fractions import Fraction
from typing import Final
from uuid import UUID

from overround.db import Connection
from overround.odds import catalogue, edges
from overround.odds.board import Board, MarketCells
from overround.odds.edges import ArbitrageKind, StoredEdge, Wanted
from overround.odds.feeds.worker import Opportunity, OpportunityLeg

# More are told when these are gone.
OPEN_MAX: Final = 500
_LAST: Final = (datetime.max.replace(tzinfo=UTC), UUID(int=2**128 - 1))
_PPM: Final = 1_000_000


async def current(conn: Connection, board: Board) -> list[Opportunity]:
    """The arbitrages that are verified now, newest first: those that pay in every state, whose
    prices do not look like a mistake and were looked at twice
    (test: what a worker does not confirm is told to nobody)."""
    wanted = Wanted(
        guaranteed_ppm_min=1, kinds=("arbitrage",), statuses=("verified",), trusted=True
    )
    found = await edges.search(conn, _LAST, wanted, OPEN_MAX)
    events = await catalogue.events_by_id(conn, list({edge.event_id for edge in found}))
    # The words of a worker have one market for all legs: what lies across several is not told.
    return [
        _told(edge, edge.pays, board.market(edge.market_id), events[edge.event_id])
        for edge in found
        if edge.event_id in events
        if edge.pays and edge.market_id and board.has_market(edge.market_id)
    ]


def _told(
    edge: StoredEdge, pays: ArbitrageKind, cells: MarketCells, event: catalogue.Event
) -> Opportunity:
    legs = tuple(
        OpportunityLeg(leg.source, leg.side, leg.price_e4, leg.stake_ppm)
        for leg in map(edges.leg_of, edge.legs)
    )
    return Opportunity(
        id=str(edge.id),
        event_id=str(event.id),
        home=event.home,
        away=event.away,
        market_type=cells.market_type,
        period=cells.period,
        line_q4=cells.line_q4,
        margin=Fraction(edge.guaranteed_ppm, _PPM),
        kind=pays,
        legs=legs,
        detected_at=edge.detected_at,
    )


@dataclass(slots=True)
class Told:
    """What was told last, so that only what differs is told again."""

    by_id: dict[str, Opportunity] = field(default_factory=dict[str, Opportunity])

    def news(self, now: Sequence[Opportunity]) -> tuple[list[Opportunity], list[str]]:
        """Those that are new or changed, and the ids of those that are gone; both are told then."""
        before, self.by_id = self.by_id, {one.id: one for one in now}
        fresh = [one for one in now if before.get(one.id) != one]
        return fresh, [key for key in before if key not in self.by_id]
