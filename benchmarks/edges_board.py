"""The edge engine on a board in memory that is fed a feed's batches: no database, no clock."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from overround.core import ids
from overround.odds import edges
from overround.odds.board import Board, CellState, MarketCells, to_us
from overround.odds.catalogue import market_and_selections
from overround.odds.edges import Policy, Scope, StoredEdge, Terms, lifecycle
from overround.odds.feeds import FeedBatch, FeedEvent

PPM: Final = 1_000_000
ORIGIN: Final = datetime(2026, 1, 1, tzinfo=UTC)
# What an exchange keeps of a profit where it takes part.
COMMISSION: Final = Terms(commission_bps=500)
TERMS: Final[Mapping[str, Terms]] = {"BFE": COMMISSION, "betfair": COMMISSION}
POLICY: Final = Policy(terms=TERMS)


@dataclass(slots=True)
class Replayed:
    """A board fed by batches, the edges that are open on it and all that ever happened to them."""

    policy: Policy = POLICY
    board: Board = field(default_factory=Board)
    scopes: dict[UUID, Scope] = field(default_factory=dict[UUID, Scope])
    event_of: dict[tuple[str, str], UUID] = field(default_factory=dict[tuple[str, str], UUID])
    open: dict[lifecycle.Key, StoredEdge] = field(default_factory=dict[lifecycle.Key, StoredEdge])
    ever: dict[UUID, StoredEdge] = field(default_factory=dict[UUID, StoredEdge])
    first: dict[UUID, StoredEdge] = field(default_factory=dict[UUID, StoredEdge])
    verified: dict[UUID, StoredEdge] = field(default_factory=dict[UUID, StoredEdge])
    log: Any = field(default_factory=hashlib.sha256)
    entries: int = 0
    look_s: list[float] = field(default_factory=list[float])

    def take(self, batches: Iterable[FeedBatch], kinds: Mapping[str, str], at: datetime) -> None:
        """Put batches on the board and look at what they touch."""
        touched: dict[UUID, None] = {}
        for batch in batches:
            touched[self.put(batch, kinds)] = None
        began = time.process_time()
        scopes = {event_id: self.scopes[event_id] for event_id in touched}
        found = edges.look(self.board, scopes, at, self.policy)
        wanted = {str(event_id) for event_id in touched}
        before = {key: edge for key, edge in self.open.items() if key[0] in wanted}
        step = lifecycle.step(before, found, at)
        self.look_s.append(time.process_time() - began)
        for edge in (*step.added, *step.changed, *step.gone):
            self._note(edge)
        for edge in (*step.added, *step.changed, *step.seen):
            self.open[lifecycle.key_of(edge)] = edge
        for edge in step.gone:
            del self.open[lifecycle.key_of(edge)]

    def prices(self, cells: MarketCells) -> NDArray[np.float64]:
        """Decimal prices of a market, [sources, sides]; 0 is none."""
        rows = len(self.board.sources)
        return self.board.open_e4[:rows, cells.columns] / 10_000

    def changed_us(self, event_id: UUID) -> NDArray[np.int64]:
        """When each source last changed a price of an event, [sources]."""
        rows = len(self.board.sources)
        columns = [cells.columns for cells in self.board.markets_of(event_id)]
        return self.board.changed_us[:rows, np.concatenate(columns)].max(axis=1)

    def drop(self, event_id: UUID, at: datetime) -> None:
        """The event is over: nothing of it is on the board."""
        if self.scopes.pop(event_id, None) is None:
            return
        self.board.drop(event_id)
        for key in [key for key in self.open if key[0] == str(event_id)]:
            edge = self.open.pop(key)
            for gone in lifecycle.step({key: edge}, [], at).gone:
                self._note(gone)

    def _note(self, edge: StoredEdge) -> None:
        self.log.update(json.dumps(asdict(edge), default=str, sort_keys=True).encode())
        self.entries += 1
        self.first.setdefault(edge.id, edge)
        self.ever[edge.id] = edge
        if edge.status == "verified":
            self.verified[edge.id] = edge

    def put(self, batch: FeedBatch, kinds: Mapping[str, str]) -> UUID:
        """Put a batch on the board and look at nothing."""
        event_id = self._event(batch.event)
        cells: dict[tuple[int, int], tuple[int, int, int]] = {}
        at_us = to_us(batch.observed_at)
        for price in batch.prices:
            kind = "exchange" if kinds.get(price.source) == "exchange" else "bookmaker"
            source = self.board.add_source(
                len(self.board.sources), batch.event.provider, price.source, kind
            )
            asked = (price.market.market_type, price.market.period, price.market.line_q4)
            market, selections = market_and_selections(event_id, *asked)
            on = self.board.add_market(
                market.id, event_id, *asked, {side: one.id for side, one in selections.items()}
            )
            if price.side not in on.sides:
                continue
            column = int(on.columns[on.sides.index(price.side)])
            state = CellState.SUSPENDED if price.suspended else CellState.OPEN
            seen_us = to_us(price.seen_at) if price.seen_at else at_us
            cells[source.row, column] = (price.price_e4, state, seen_us)
        if batch.snapshot:
            self._absent(batch, event_id, cells, at_us)
        if cells:
            places, values = np.array(list(cells)), np.array(list(cells.values()))
            self.board.apply(
                places[:, 0].astype(np.int64),
                places[:, 1].astype(np.int64),
                values[:, 0].astype(np.int32),
                values[:, 1].astype(np.int8),
                values[:, 2].astype(np.int64),
            )
        return event_id

    def _absent(
        self,
        batch: FeedBatch,
        event_id: UUID,
        cells: dict[tuple[int, int], tuple[int, int, int]],
        at_us: int,
    ) -> None:
        named = np.array(list(cells) or np.zeros((0, 2)), np.int64)
        rows, columns = self.board.absent(batch.event.provider, event_id, named[:, 0], named[:, 1])
        for row, column in zip(rows.tolist(), columns.tolist(), strict=True):
            cells[row, column] = (0, CellState.WITHDRAWN, at_us)

    def _event(self, event: FeedEvent) -> UUID:
        known = self.event_of.get(event.key)
        if known is None:
            known = ids.derived(ORIGIN, "bench", *event.key)
            self.event_of[event.key] = known
        self.scopes.setdefault(known, Scope(event.sport, event.starts_at))
        return known
