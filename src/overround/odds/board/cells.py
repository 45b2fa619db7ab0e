"""The board's arrays, [source, column]: a row for each source, a column for each selection.

A cell knows its price, its state, when it was last seen (`observed`) and when its value last
differed (`changed`). `open_e4` is its price where that is to be had and 0 elsewhere, so the best
price of a selection is the highest of its column; the best two are kept as changes come in. A batch
costs the same however large the board is, because only its own cells and columns are touched.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from overround.odds.board.freshness import Pace
from overround.odds.board.model import Bools, CellState, Change, Int8s, Int16s, Int32s, Int64s

_COLUMNS_FIRST: Final = 1024
_ROWS_FIRST: Final = 16
_NOBODY: Final = -1
# A member of an enum is looked up by its name each time, which a busy board feels.
_OPEN: Final = int(CellState.OPEN)
_SHUT: Final = np.int8(CellState.SUSPENDED)


class Cells:
    """Prices by source and column, and what follows from them."""

    def __init__(self) -> None:
        shape = (_ROWS_FIRST, _COLUMNS_FIRST)
        self.price_e4: Int32s = np.zeros(shape, np.int32)
        self.open_e4: Int32s = np.zeros(shape, np.int32)
        self.state: Int8s = np.zeros(shape, np.int8)
        self.observed_us: Int64s = np.zeros(shape, np.int64)
        self.changed_us: Int64s = np.zeros(shape, np.int64)
        # Cells of a source that fell silent: nothing is open there before a snapshot names them.
        self.awaits: Bools = np.zeros(shape, np.bool_)
        # Whether any ever has: most boards need not look.
        self.has_awaited = False
        # The two highest open prices of a column and whose they are: 0 and -1 where there is none.
        self.best_e4: Int32s = np.zeros((2, _COLUMNS_FIRST), np.int32)
        self.best_row: Int16s = np.full((2, _COLUMNS_FIRST), _NOBODY, np.int16)
        self.pace = Pace(_ROWS_FIRST)
        self.seq = 0

    def apply(
        self, rows: Int64s, columns: Int64s, price_e4: Int32s, state: Int8s, observed_us: Int64s
    ) -> Change:
        """Take observations, [k] each, one per cell; returns the cells that changed.

        An observation older than what the cell holds is ignored; an equal value only renews
        `observed`. Where a snapshot is awaited what would be open is suspended
        (test: a silent source opens nothing before a snapshot).
        """
        self.pace.heard(rows, observed_us)
        at = rows * self.state.shape[1] + columns
        held_us = self.observed_us.reshape(-1)
        newer = observed_us >= held_us[at]
        if not newer.all():
            at, rows, columns, price_e4 = at[newer], rows[newer], columns[newer], price_e4[newer]
            state, observed_us = state[newer], observed_us[newer]
        awaits = self.awaits.reshape(-1)[at] & (state == _OPEN)
        if awaits.any():
            state = np.where(awaits, _SHUT, state)
        held_us[at] = observed_us
        held_e4, held_state = self.price_e4.reshape(-1), self.state.reshape(-1)
        differs = (price_e4 != held_e4[at]) | (state != held_state[at])
        if not differs.all():
            at, rows, columns, price_e4 = (
                at[differs], rows[differs], columns[differs], price_e4[differs],
            )  # fmt: skip
            state, observed_us = state[differs], observed_us[differs]
        if len(at):
            held_e4[at], held_state[at] = price_e4, state
            self.changed_us.reshape(-1)[at] = observed_us
            self.open_e4.reshape(-1)[at] = np.where(state == _OPEN, price_e4, 0)
            self.rank(columns)
            self.seq += 1
        return Change(rows, columns, price_e4, state, observed_us, self.seq)

    def put(
        self,
        rows: Int64s,
        columns: Int64s,
        price_e4: Int32s,
        state: Int8s,
        times_us: tuple[Int64s, Int64s],
    ) -> None:
        """Put cells as they were kept, [k] each; `times_us` are when they changed and were seen.

        Nobody spoke by that: it tells nothing of how often a source does.
        """
        self.price_e4[rows, columns], self.state[rows, columns] = price_e4, state
        self.changed_us[rows, columns], self.observed_us[rows, columns] = times_us
        self.open_e4[rows, columns] = np.where(state == _OPEN, price_e4, 0)
        self.rank(columns)

    def rank(self, columns: Int64s) -> None:
        """Find the best two prices of some columns anew; of equal ones the first row's."""
        prices = self.open_e4.T[columns]
        within = np.arange(len(columns))
        for place in range(2):
            rows = prices.argmax(axis=1)
            best = prices[within, rows]
            self.best_e4[place, columns] = best
            self.best_row[place, columns] = np.where(best > 0, rows, _NOBODY)
            prices[within, rows] = 0

    def silence(self, rows: Int64s, at_us: int) -> Change:
        """Suspend all that some sources have open; they await a snapshot from now on.

        What they say is shown again event by event, when a snapshot of the event has come.
        """
        at_row, columns = np.nonzero(self.open_e4[rows])
        own = rows[at_row]
        self.awaits[rows] |= self.state[rows] != CellState.EMPTY
        self.has_awaited = True
        self.state[own, columns] = CellState.SUSPENDED
        self.open_e4[own, columns] = 0
        self.changed_us[own, columns] = at_us
        if len(own):
            self.rank(np.unique(columns))
            self.seq += 1
        price_e4 = self.price_e4[own, columns]
        state = np.full(len(own), CellState.SUSPENDED, np.int8)
        return Change(own, columns, price_e4, state, np.full(len(own), at_us, np.int64), self.seq)

    def clear(self, columns: Int64s) -> None:
        """Empty some columns for other selections; nobody has said anything of those yet."""
        for values in self._by_source():
            values[:, columns] = 0
        self.best_e4[:, columns], self.best_row[:, columns] = 0, _NOBODY

    def make_room(self, rows: int, columns: int) -> None:
        """Make the arrays large enough; what is in them stays where it is."""
        has_rows, has_columns = self.state.shape
        if rows <= has_rows and columns <= has_columns:
            return
        if rows > has_rows:
            rows = max(rows, 2 * has_rows)
            self.pace.make_room(rows)
        if columns > has_columns:
            columns = max(columns, 2 * has_columns)
        more_rows, more_columns = max(rows - has_rows, 0), max(columns - has_columns, 0)
        grow = ((0, more_rows), (0, more_columns))
        self.price_e4 = np.pad(self.price_e4, grow)
        self.open_e4 = np.pad(self.open_e4, grow)
        self.state = np.pad(self.state, grow)
        self.observed_us = np.pad(self.observed_us, grow)
        self.changed_us = np.pad(self.changed_us, grow)
        self.awaits = np.pad(self.awaits, grow)
        wider = ((0, 0), (0, more_columns))
        self.best_e4 = np.pad(self.best_e4, wider)
        self.best_row = np.pad(self.best_row, wider, constant_values=_NOBODY)

    def passed_by(self, columns: Int64s) -> Int16s:
        """How many other sources have moved since each open price last did, [sources, k].

        A price that stands still while the others move is old, however often it is repeated
        (test: a price that others have passed by is told apart). 0 where none is open.
        """
        is_open = self.open_e4[:, columns] > 0
        changed_us = np.where(is_open, self.changed_us[:, columns], 0)
        later = changed_us[None, :, :] > changed_us[:, None, :]
        return np.where(is_open, later.sum(axis=1), 0).astype(np.int16)

    def bytes_held(self) -> int:
        """What the arrays take of the memory."""
        both = (*self._by_source(), self.best_e4, self.best_row)
        return sum(values.nbytes for values in both)

    def _by_source(self) -> tuple[NDArray[Any], ...]:
        return (
            self.price_e4,
            self.open_e4,
            self.state,
            self.observed_us,
            self.changed_us,
            self.awaits,
        )
