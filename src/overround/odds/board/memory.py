"""The board in memory: arrays of [source, selection], written by the hub alone.

The arrays are `cells`; here are the names of their rows and columns. An observation older than the
cell's is ignored, so a late packet never turns the price back
(test: an old snapshot after a new one changes nothing).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from overround.core import grading
from overround.odds.board import journal, wire
from overround.odds.board.cells import Cells
from overround.odds.board.journal import Entries
from overround.odds.board.model import (
    Bools,
    CellState,
    Change,
    Doubt,
    Int32s,
    Int64s,
    Layout,
    MarketCells,
    Source,
    SourceKind,
)
from overround.odds.pricing.implied import decimals, implied

# A float sum of a few reciprocals is off by far less; what passes is decided exactly.
_SHORT: Final = 1.0 + 1e-9
_ROOM_KEPT: Final = timedelta(hours=2)


@dataclass(frozen=True, slots=True)
class _Stretch:
    """Some markets' columns one after the other; `starts` [markets] is where each one begins."""

    markets: tuple[MarketCells, ...]
    columns: Int64s
    starts: Int64s

    @classmethod
    def of(cls, markets: Iterable[MarketCells]) -> _Stretch:
        """The stretch of some markets."""
        every = tuple(markets)
        sizes = np.array([len(cells.sides) for cells in every], np.int64)
        none = np.zeros(0, np.int64)
        columns = np.concatenate([none, *(cells.columns for cells in every)])
        return cls(every, columns, np.cumsum(sizes) - sizes)


class Board(Cells):
    """Every price of every source for the selections of open events."""

    def __init__(self) -> None:
        super().__init__()
        self.sources: list[Source] = []
        self._row_of: dict[tuple[str, str], Source] = {}
        self._column_of: dict[UUID, int] = {}
        self._selection_ids: list[UUID] = []
        self._market_of_column: list[UUID] = []
        self._free: list[int] = []
        self._markets: dict[UUID, MarketCells] = {}
        self._markets_of: dict[UUID, list[UUID]] = {}
        self._layouts: dict[UUID, Layout] = {}
        # event -> (row, column) -> the reading that waits for a second one.
        self.doubts: dict[UUID, dict[tuple[int, int], Doubt]] = {}
        # The last hours for which the journal has room.
        self.rooms: frozenset[datetime] = frozenset()
        self._every: _Stretch | None = None
        self._source_ids: NDArray[np.int16] = np.zeros(0, np.int16)
        self._exchanges: Bools = np.zeros(0, np.bool_)
        self._rows_of: dict[tuple[str, str | None], Int64s] = {}
        self._id_bytes: NDArray[np.void] = np.zeros(self.state.shape[1], "V16")

    # -- what is on the board ------------------------------------------------------------------

    def add_source(self, source_id: int, provider: str, key: str, kind: SourceKind) -> Source:
        """Give a source its row; the same source keeps the row it has."""
        known = self._row_of.get((provider, key))
        if known is not None:
            return known
        source = Source(source_id, provider, key, kind, len(self.sources))
        self.sources.append(source)
        self._row_of[provider, key] = source
        self._source_ids = np.array([one.source_id for one in self.sources], np.int16)
        self._exchanges = np.array([one.kind == "exchange" for one in self.sources], np.bool_)
        self._rows_of.clear()
        self._grow()
        return source

    def source(self, provider: str, key: str) -> Source | None:
        """The source, if it has a row."""
        return self._row_of.get((provider, key))

    def add_market(
        self,
        market_id: UUID,
        event_id: UUID,
        market_type: str,
        period: str,
        line_q4: int | None,
        selections: Mapping[str, UUID],
    ) -> MarketCells:
        """Give a market's selections their columns; a market that is there stays as it is."""
        known = self._markets.get(market_id)
        if known is not None:
            return known
        columns: list[int] = []
        for selection_id in selections.values():
            column = self._column_for(selection_id, market_id)
            self._column_of[selection_id] = column
            columns.append(column)
        self._grow()
        raw = b"".join(selection_id.bytes for selection_id in selections.values())
        self._id_bytes[columns] = np.frombuffer(raw, "V16")
        cells = MarketCells(
            market_id,
            event_id,
            market_type,
            period,
            line_q4,
            tuple(selections),
            tuple(selections.values()),
            np.array(columns, np.int64),
        )
        self._markets[market_id] = cells
        self._markets_of.setdefault(event_id, []).append(market_id)
        self._layouts.pop(event_id, None)
        self._every = None
        return cells

    def _column_for(self, selection_id: UUID, market_id: UUID) -> int:
        """A free column, or a new one at the end."""
        if self._free:
            column = self._free.pop()
            self._selection_ids[column] = selection_id
            self._market_of_column[column] = market_id
            return column
        self._selection_ids.append(selection_id)
        self._market_of_column.append(market_id)
        return len(self._selection_ids) - 1

    def drop(self, event_id: UUID) -> None:
        """Forget an event; its columns are given to the next markets, empty
        (test: a dropped event leaves nothing in its columns)."""
        self._layouts.pop(event_id, None)
        self._every = None
        self.doubts.pop(event_id, None)
        for market_id in self._markets_of.pop(event_id, ()):
            cells = self._markets.pop(market_id)
            for selection_id in cells.selection_ids:
                del self._column_of[selection_id]
            self.clear(cells.columns)
            self._free += cells.columns.tolist()

    def cells_of(self, selection_id: UUID) -> MarketCells | None:
        """The market that a selection answers, if it is on the board."""
        column = self._column_of.get(selection_id)
        return None if column is None else self._markets[self._market_of_column[column]]

    def markets_of(self, event_id: UUID) -> list[MarketCells]:
        """The event's markets, in the order they came."""
        return [self._markets[market_id] for market_id in self._markets_of.get(event_id, ())]

    def layout_of(self, event_id: UUID) -> Layout:
        """The event's markets as a table, made once for the markets it has."""
        found = self._layouts.get(event_id)
        if found is None:
            found = self._layouts[event_id] = _layout(self.markets_of(event_id))
        return found

    def exchanges(self) -> Bools:
        """Which rows are exchanges, [sources]."""
        return self._exchanges

    def open_count(self) -> int:
        """How many prices are to be had."""
        return int(np.count_nonzero(self.open_e4))

    def event_ids(self) -> list[UUID]:
        """The events that have a market here."""
        return list(self._markets_of)

    def has_market(self, market_id: UUID) -> bool:
        """Whether the market has its columns."""
        return market_id in self._markets

    def market(self, market_id: UUID) -> MarketCells:
        """The market's cells. Raises KeyError when it is not on the board."""
        return self._markets[market_id]

    def selection_id(self, column: int) -> UUID:
        """Whose prices stand in a column."""
        return self._selection_ids[column]

    def events_at(self, columns: Int64s) -> tuple[UUID, ...]:
        """Whose selections stand in some columns, each event once."""
        held: list[int] = columns.tolist()
        markets = dict.fromkeys(self._market_of_column[column] for column in held)
        return tuple(dict.fromkeys(self._markets[market_id].event_id for market_id in markets))

    @property
    def columns(self) -> int:
        """How many columns there are, the free ones included."""
        return len(self._selection_ids)

    # -- prices --------------------------------------------------------------------------------

    def complete(self, provider: str, event_id: UUID) -> None:
        """A snapshot of `provider` on the event has come: what it names may be open again."""
        if not self.has_awaited:
            return
        own = self.rows_of(provider)
        layout = self.layout_of(event_id)
        cells = np.ix_(own, layout.columns[layout.held])
        if self.awaits[cells].any():
            self.awaits[cells] = False

    def rows_of(self, provider: str, key: str | None = None) -> Int64s:
        """The rows of a provider's sources, or of one of them."""
        found = self._rows_of.get((provider, key))
        if found is None:
            own = [s.row for s in self.sources if s.provider == provider and key in (None, s.key)]
            found = self._rows_of[provider, key] = np.array(own, np.int64)
        return found

    def entries(self, changes: Sequence[tuple[Change, datetime | None]]) -> Entries:
        """Changes for the journal, each with the provider's own stamp."""
        return journal.entries(changes, self._source_ids, self._id_bytes)

    def has_room(self, hours: Iterable[datetime]) -> None:
        """The journal has room for these hours. Whose transaction fails is thrown away, and the
        last two hours are never dropped: only those need not be asked for again."""
        known = self.rooms.union(hours)
        self.rooms = frozenset(hour for hour in known if hour > max(known) - _ROOM_KEPT)

    def delta(self, change: Change) -> bytes:
        """A change as it travels (`wire`)."""
        return wire.pack(change, self._source_ids, self._id_bytes)

    def short(self, event_ids: Iterable[UUID] | None = None) -> list[MarketCells]:
        """The markets of some events, or of all, whose best prices sum below one.

        A bound that is cheap: whoever takes part in an arbitrage inside one market is among them,
        so nothing is missed (test: the cheap bound misses no arbitrage). One look at the prices
        that are kept as best.
        """
        if event_ids is None:
            self._every = self._every or _Stretch.of(self._markets.values())
            stretch = self._every
        else:
            stretch = _Stretch.of(m for event_id in event_ids for m in self.markets_of(event_id))
        if not stretch.markets:
            return []
        inverse = implied(decimals(self.best_e4[0, stretch.columns]))
        sums = np.add.reduceat(inverse, stretch.starts)
        return [stretch.markets[n] for n in np.flatnonzero(sums < _SHORT).tolist()]

    def absent(
        self, provider: str, event_id: UUID, rows: Int64s, columns: Int64s
    ) -> tuple[Int64s, Int64s]:
        """Cells that a snapshot of `provider` on the event should have named and did not.

        `rows` and `columns` [k] are the cells it names; the answer is those that hold a price of
        the provider on the event beside them.
        """
        block_rows, layout = self.rows_of(provider), self.layout_of(event_id)
        block_columns = layout.columns[layout.held]
        if not len(block_rows) or not len(block_columns):
            return np.zeros(0, np.int64), np.zeros(0, np.int64)
        state = self.state[np.ix_(block_rows, block_columns)]
        at_row, at_column = np.nonzero((state == CellState.OPEN) | (state == CellState.SUSPENDED))
        held_rows, held_columns = block_rows[at_row], block_columns[at_column]
        width = self.price_e4.shape[1]
        missed = ~np.isin(held_rows * width + held_columns, rows * width + columns)
        return held_rows[missed], held_columns[missed]

    def open_prices(self, cells: MarketCells) -> Int32s:
        """The prices to be had on a market, [sources, sides]; 0 where a source quotes none."""
        return self.open_e4[: len(self.sources), cells.columns]

    def quotes(
        self, cells: MarketCells, kinds: Iterable[SourceKind] = ("bookmaker",)
    ) -> dict[str, dict[str, int]]:
        """Open prices of a market by source key and side.

        A book that two providers deliver has two rows; of each side the price seen last counts
        (test: the newer of two rows counts).
        """
        wanted = frozenset(kinds)
        prices = self.open_prices(cells)
        seen_us = self.observed_us[:, cells.columns]
        found: dict[str, dict[str, int]] = {}
        newest: dict[tuple[str, str], int] = {}
        for source in self.sources:
            if source.kind not in wanted or not prices[source.row].any():
                continue
            row: list[int] = prices[source.row].tolist()
            times: list[int] = seen_us[source.row].tolist()
            by_side = found.setdefault(source.key, {})
            for side, price_e4, us in zip(cells.sides, row, times, strict=True):
                if price_e4 and us >= newest.get((source.key, side), 0):
                    newest[source.key, side] = us
                    by_side[side] = price_e4
        return found

    def _grow(self) -> None:
        self.make_room(len(self.sources), self.columns)
        more = self.state.shape[1] - len(self._id_bytes)
        if more:
            self._id_bytes = np.concatenate([self._id_bytes, np.zeros(more, "V16")])


def _layout(markets: Sequence[MarketCells]) -> Layout:
    width = max((len(cells.sides) for cells in markets), default=1)
    columns = np.zeros(len(markets) * width, np.int64)
    held = np.zeros(len(columns), np.bool_)
    place_of: dict[tuple[str, str, int | None, str], int] = {}
    for n, cells in enumerate(markets):
        places = slice(n * width, n * width + len(cells.sides))
        columns[places], held[places] = cells.columns, True
        asked = cells.market_type, cells.period, cells.line_q4
        place_of |= {(*asked, side): n * width + k for k, side in enumerate(cells.sides)}
    # A double chance pays two of its three sides.
    winners = tuple(2 if cells.market_type == "double_chance" else 1 for cells in markets)
    ladders = _ladders(markets)
    return Layout(
        place_of,
        columns,
        held,
        width,
        np.array(winners, np.int64),
        ladders,
        _main(place_of),
        tuple(columns.tolist()),
        tuple(
            tuple(range(n * width, n * width + len(cells.sides))) for n, cells in enumerate(markets)
        ),
        winners,
        tuple(tuple(ladder.tolist()) for ladder in ladders),
    )


def _ladders(markets: Sequence[MarketCells]) -> tuple[Int64s, ...]:
    """Markets of two sides by their line, of each question that is asked with several lines."""
    asked: dict[tuple[str, str], list[tuple[int, int]]] = {}
    for n, cells in enumerate(markets):
        if cells.line_q4 is not None and len(cells.sides) == 2:
            # Goals given to the home side make its win likelier; more goals to beat, the over less.
            handicap = grading.market(cells.market_type).is_handicap
            rung = -cells.line_q4 if handicap else cells.line_q4
            asked.setdefault((cells.market_type, cells.period), []).append((rung, n))
    return tuple(
        np.array([n for _, n in sorted(rungs)], np.int64)
        for rungs in asked.values()
        if len(rungs) > 1
    )


def _main(place_of: Mapping[tuple[str, str, int | None, str], int]) -> tuple[int, int] | None:
    """Home's and away's places in the market of who wins."""
    for market in (("1x2", "ft"), ("moneyline", "final")):
        home = place_of.get((*market, None, "home"))
        away = place_of.get((*market, None, "away"))
        if home is not None and away is not None:
            return home, away
    return None
