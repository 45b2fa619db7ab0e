"""The board cell by cell: what `Board.apply` has to do, said in the plainest way, to compare."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from overround.odds.board import CellState

# row, column, price_e4, state, observed_us
Observation = tuple[int, int, int, int, int]


@dataclass(slots=True)
class Cell:
    """A price of one source for one selection."""

    price_e4: int = 0
    state: int = CellState.EMPTY
    observed_us: int = 0
    changed_us: int = 0
    awaits: bool = False


@dataclass(slots=True)
class SlowBoard:
    """A dictionary of cells. `rows` is how many sources there are."""

    rows: int
    cells: dict[tuple[int, int], Cell] = field(default_factory=dict[tuple[int, int], Cell])
    by_column: dict[int, list[int]] = field(default_factory=dict[int, list[int]])
    heard_us: dict[int, int] = field(default_factory=dict[int, int])

    def apply(self, said: Iterable[Observation]) -> list[Observation]:
        """The cells that changed, in the order they were said."""
        changed: list[Observation] = []
        for row, column, price_e4, said_state, observed_us in said:
            state = said_state
            self.heard_us[row] = max(self.heard_us.get(row, 0), observed_us)
            cell = self._cell(row, column)
            if observed_us < cell.observed_us:
                continue
            cell.observed_us = observed_us
            if cell.awaits and state == CellState.OPEN:
                state = int(CellState.SUSPENDED)
            if (price_e4, state) != (cell.price_e4, cell.state):
                cell.price_e4, cell.state, cell.changed_us = price_e4, state, observed_us
                changed.append((row, column, price_e4, state, observed_us))
        return changed

    def silence(self, row: int, at_us: int) -> list[Observation]:
        """Suspend what the source has open, until a snapshot names it."""
        changed: list[Observation] = []
        for (own, column), cell in sorted(self.cells.items()):
            if own != row:
                continue
            cell.awaits = cell.awaits or cell.state != CellState.EMPTY
            if cell.state == CellState.OPEN:
                cell.state, cell.changed_us = int(CellState.SUSPENDED), at_us
                changed.append((row, column, cell.price_e4, cell.state, at_us))
        return changed

    def best(self, column: int) -> tuple[tuple[int, int], tuple[int, int]]:
        """The two highest open prices of a column with their rows; (0, -1) where there is none."""
        found = sorted(
            (-cell.price_e4, row)
            for row in self.by_column.get(column, ())
            if (cell := self.cells[row, column]).state == CellState.OPEN
        )
        pairs = [(-lowered, row) for lowered, row in found[:2]]
        first, second = (*pairs, (0, -1), (0, -1))[:2]
        return first, second

    def _cell(self, row: int, column: int) -> Cell:
        cell = self.cells.get((row, column))
        if cell is None:
            cell = self.cells[row, column] = Cell()
            self.by_column.setdefault(column, []).append(row)
        return cell
