"""A board in memory that is told prices in a few words, and looked at."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID

import numpy as np

from overround.core import ids, line, price
from overround.odds import edges
from overround.odds.board import Board, CellState, SourceKind, to_us
from overround.odds.catalogue import market_and_selections
from overround.odds.edges import Policy, Scope, StoredEdge, lifecycle
from overround.odds.edges.model import Found

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)
EVENT = ids.derived(AT, "event")


@dataclass(slots=True)
class Table:
    """One event's prices; `say` changes some, `look` says what they give."""

    policy: Policy = field(default_factory=Policy)
    sport: str = "football"
    starts_at: datetime = AT + timedelta(hours=2)
    board: Board = field(default_factory=Board)
    open: dict[lifecycle.Key, StoredEdge] = field(default_factory=dict[lifecycle.Key, StoredEdge])

    def say(
        self,
        source: str,
        market: str,
        *written: str,
        at: datetime = AT,
        kind: SourceKind = "bookmaker",
        provider: str = "feed",
    ) -> None:
        """`say("one", "total 2.5", "1.90", "1.95")`: sides in order, `-` is not to be had."""
        words = market.split()
        line_q4 = line.parse(words[1]) if len(words) > 1 else None
        period = "final" if words[0] == "moneyline" else "ft"
        row = self.board.add_source(len(self.board.sources), provider, source, kind).row
        found, selections = market_and_selections(EVENT, words[0], period, line_q4)
        cells = self.board.add_market(
            found.id, EVENT, words[0], period, line_q4, {k: v.id for k, v in selections.items()}
        )
        states = [CellState.WITHDRAWN if text == "-" else CellState.OPEN for text in written]
        prices = [0 if text == "-" else price.parse_decimal(text) for text in written]
        self.board.apply(
            np.full(len(written), row, np.int64),
            cells.columns,
            np.array(prices, np.int32),
            np.array(states, np.int8),
            np.full(len(written), to_us(at), np.int64),
        )

    @property
    def scopes(self) -> dict[UUID, Scope]:
        return {EVENT: Scope(self.sport, self.starts_at)}

    def look(self, at: datetime = AT) -> dict[str, Found]:
        """What one look finds, by the head of `what`: one of a kind is enough for a test."""
        found = edges.look(self.board, self.scopes, at, self.policy)
        return {one.what.partition(":")[0]: one for one in found}

    def step(self, at: datetime, second: edges.SecondLook = edges.NOBODY) -> lifecycle.Step:
        """A look that is remembered."""
        found = edges.look(self.board, self.scopes, at, self.policy)
        step = lifecycle.step(self.open, found, at, second)
        for edge in (*step.added, *step.changed, *step.seen):
            self.open[lifecycle.key_of(edge)] = edge
        for edge in step.gone:
            del self.open[lifecycle.key_of(edge)]
        return step
