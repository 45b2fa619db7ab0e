"""A million random updates for a board, and whether two boards agree after them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import numpy as np

from benchmarks.board_reference import Observation, SlowBoard
from overround.core import ids
from overround.core.grading import sides
from overround.odds.board import Board, CellState, Change

AT: Final = datetime(2026, 1, 1, tzinfo=UTC)
_SHARES: Final = ((CellState.OPEN, 0.90), (CellState.SUSPENDED, 0.07), (CellState.WITHDRAWN, 0.03))
_STEP_US: Final = 1_000


def board(sources: int, events: int) -> Board:
    """An empty board of three-way markets, one an event."""
    made = Board()
    for n in range(sources):
        made.add_source(n + 1, "bench", f"source {n}", "bookmaker")
    for n in range(events):
        event = ids.derived(AT, "event", str(n))
        selections = {side: ids.below(event, side) for side in sides("1x2")}
        made.add_market(ids.below(event, "market"), event, "1x2", "ft", None, selections)
    return made


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch as columns, [k] each, and as rows for the reference."""

    rows: np.ndarray[tuple[int], np.dtype[np.int64]]
    columns: np.ndarray[tuple[int], np.dtype[np.int64]]
    price_e4: np.ndarray[tuple[int], np.dtype[np.int32]]
    state: np.ndarray[tuple[int], np.dtype[np.int8]]
    observed_us: np.ndarray[tuple[int], np.dtype[np.int64]]

    def said(self) -> Iterator[Observation]:
        """The same, one by one."""
        return zip(
            self.rows.tolist(),
            self.columns.tolist(),
            self.price_e4.tolist(),
            self.state.tolist(),
            self.observed_us.tolist(),
            strict=True,
        )

    def onto(self, target: Board) -> Change:
        """Apply it."""
        return target.apply(self.rows, self.columns, self.price_e4, self.state, self.observed_us)


def batches(
    rng: np.random.Generator, sources: int, columns: int, size: int, count: int
) -> list[Batch]:
    """Random batches, one observation a cell each: a tenth repeats a price, a twentieth is late."""
    states = np.array([state for state, _ in _SHARES], np.int8)
    shares = [share for _, share in _SHARES]
    made: list[Batch] = []
    for n in range(count):
        cells = rng.choice(sources * columns, size, replace=False)
        late = rng.random(size) < 0.05
        moment = (n + 1) * _STEP_US - np.where(late, rng.integers(0, 20 * _STEP_US, size), 0)
        # Ten prices a cell, so that some are said again.
        price_e4 = 10_100 + 100 * (cells % 200) + 10 * rng.integers(0, 10, size)
        made.append(
            Batch(
                cells // columns,
                cells % columns,
                price_e4.astype(np.int32),
                rng.choice(states, size, p=shares),
                np.maximum(moment, 1).astype(np.int64),
            )
        )
    return made


def rows_of(change: Change) -> list[Observation]:
    """A change as rows."""
    return list(
        zip(
            change.rows.tolist(),
            change.columns.tolist(),
            change.price_e4.tolist(),
            change.state.tolist(),
            change.observed_us.tolist(),
            strict=True,
        )
    )


def differences(fast: Board, slow: SlowBoard) -> int:
    """In how many cells, best pairs and times of sources the two differ."""
    found = 0
    for (row, column), cell in slow.cells.items():
        at = row, column
        held = (fast.price_e4[at], fast.state[at], fast.observed_us[at], fast.changed_us[at])
        said = (cell.price_e4, cell.state, cell.observed_us, cell.changed_us)
        is_open = cell.price_e4 if cell.state == CellState.OPEN else 0
        found += tuple(map(int, held)) != said or int(fast.open_e4[at]) != is_open
    for column in range(fast.columns):
        best = fast.best_e4[:, column].tolist(), fast.best_row[:, column].tolist()
        found += tuple(zip(*best, strict=True)) != slow.best(column)
    for row, heard_us in slow.heard_us.items():
        found += int(fast.pace.heard_us[row]) != heard_us
    return found
