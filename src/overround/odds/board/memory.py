"""The board in memory: arrays of [source, selection], written by the hub alone.

A cell knows its price, its state, when it was last seen (`observed`) and when its value last
differed (`changed`). `apply` takes a batch of columns and says what changed; an observation older
than the cell's is ignored, so a late packet never turns the price back
(test: an old snapshot after a new one changes nothing).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from uuid import UUID

import numpy as np

from overround.odds.board.model import (
    CellState,
    Change,
    Int8s,
    Int32s,
    Int64s,
    MarketCells,
    Source,
    SourceKind,
)

_COLUMNS_FIRST = 1024
_ROWS_FIRST = 16


class Board:
    """Every price of every source for the selections of open events."""

    def __init__(self) -> None:
        self.sources: list[Source] = []
        self._row_of: dict[tuple[str, str], Source] = {}
        self._column_of: dict[UUID, int] = {}
        self._selection_ids: list[UUID] = []
        self._market_of_column: list[UUID] = []
        self._free: list[int] = []
        self._markets: dict[UUID, MarketCells] = {}
        self._markets_of: dict[UUID, list[UUID]] = {}
        shape = (_ROWS_FIRST, _COLUMNS_FIRST)
        self.price_e4: Int32s = np.zeros(shape, np.int32)
        self.state: Int8s = np.zeros(shape, np.int8)
        self.observed_us: Int64s = np.zeros(shape, np.int64)
        self.changed_us: Int64s = np.zeros(shape, np.int64)

    # -- what is on the board ------------------------------------------------------------------

    def add_source(self, source_id: int, provider: str, key: str, kind: SourceKind) -> Source:
        """Give a source its row; the same source keeps the row it has."""
        known = self._row_of.get((provider, key))
        if known is not None:
            return known
        source = Source(source_id, provider, key, kind, len(self.sources))
        self.sources.append(source)
        self._row_of[provider, key] = source
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
        for market_id in self._markets_of.pop(event_id, ()):
            cells = self._markets.pop(market_id)
            for selection_id in cells.selection_ids:
                del self._column_of[selection_id]
            for values in (self.price_e4, self.state, self.observed_us, self.changed_us):
                values[:, cells.columns] = 0
            self._free += cells.columns.tolist()

    def cells_of(self, selection_id: UUID) -> MarketCells | None:
        """The market that a selection answers, if it is on the board."""
        column = self._column_of.get(selection_id)
        return None if column is None else self._markets[self._market_of_column[column]]

    def markets_of(self, event_id: UUID) -> list[MarketCells]:
        """The event's markets, in the order they came."""
        return [self._markets[market_id] for market_id in self._markets_of.get(event_id, ())]

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

    @property
    def columns(self) -> int:
        """How many columns there are, the free ones included."""
        return len(self._selection_ids)

    # -- prices --------------------------------------------------------------------------------

    def apply(
        self, rows: Int64s, columns: Int64s, price_e4: Int32s, state: Int8s, observed_us: Int64s
    ) -> Change:
        """Take observations, [k] each, one per cell; returns the cells that changed.

        An observation older than what the cell holds is ignored; an equal value only renews
        `observed`.
        """
        newer = observed_us >= self.observed_us[rows, columns]
        differs = (price_e4 != self.price_e4[rows, columns]) | (state != self.state[rows, columns])
        if not newer.all():
            rows, columns, price_e4 = rows[newer], columns[newer], price_e4[newer]
            state, observed_us, differs = state[newer], observed_us[newer], differs[newer]
        self.price_e4[rows, columns] = price_e4
        self.state[rows, columns] = state
        self.observed_us[rows, columns] = observed_us
        self.changed_us[rows[differs], columns[differs]] = observed_us[differs]
        return Change(
            rows[differs], columns[differs], price_e4[differs], state[differs], observed_us[differs]
        )

    def absent(
        self, provider: str, event_id: UUID, rows: Int64s, columns: Int64s
    ) -> tuple[Int64s, Int64s]:
        """Cells that a snapshot of `provider` on the event should have named and did not.

        `rows` and `columns` [k] are the cells it names; the answer is those that hold a price of
        the provider on the event beside them.
        """
        own_rows = [source.row for source in self.sources if source.provider == provider]
        own_columns = [cells.columns for cells in self.markets_of(event_id)]
        if not own_rows or not own_columns:
            return np.zeros(0, np.int64), np.zeros(0, np.int64)
        block_rows, block_columns = np.array(own_rows, np.int64), np.concatenate(own_columns)
        state = self.state[np.ix_(block_rows, block_columns)]
        at_row, at_column = np.nonzero((state == CellState.OPEN) | (state == CellState.SUSPENDED))
        held_rows, held_columns = block_rows[at_row], block_columns[at_column]
        width = self.price_e4.shape[1]
        missed = ~np.isin(held_rows * width + held_columns, rows * width + columns)
        return held_rows[missed], held_columns[missed]

    def open_prices(self, cells: MarketCells) -> Int32s:
        """The prices to be had on a market, [sources, sides]; 0 where a source quotes none."""
        count = len(self.sources)
        state = self.state[:count, cells.columns]
        return np.where(state == CellState.OPEN, self.price_e4[:count, cells.columns], 0)

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
        rows, columns = self.price_e4.shape
        more_rows = max(rows, 2 * len(self.sources)) if len(self.sources) > rows else rows
        more_columns = 2 * columns
        while more_columns < self.columns:
            more_columns *= 2
        if more_rows == rows and self.columns <= columns:
            return
        wide = more_columns if self.columns > columns else columns
        grow = ((0, more_rows - rows), (0, wide - columns))
        self.price_e4 = np.pad(self.price_e4, grow)
        self.state = np.pad(self.state, grow)
        self.observed_us = np.pad(self.observed_us, grow)
        self.changed_us = np.pad(self.changed_us, grow)
