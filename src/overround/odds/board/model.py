"""The board's words: sources, cells, and what a batch of prices changed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from typing import Literal
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

Bools = NDArray[np.bool_]
Int8s = NDArray[np.int8]
Int16s = NDArray[np.int16]
Int32s = NDArray[np.int32]
Int64s = NDArray[np.int64]

SourceKind = Literal["bookmaker", "exchange"]


class CellState(IntEnum):
    """A price on the board: never seen, to be had, not now, no longer quoted."""

    EMPTY = 0
    OPEN = 1
    SUSPENDED = 2
    WITHDRAWN = 3


StateName = Literal["open", "suspended", "withdrawn"]

STATE_NAMES: dict[CellState, StateName] = {
    CellState.OPEN: "open",
    CellState.SUSPENDED: "suspended",
    CellState.WITHDRAWN: "withdrawn",
}


@dataclass(frozen=True, slots=True)
class Source:
    """A bookmaker or exchange as one provider delivers it; `row` is its row on the board."""

    source_id: int
    provider: str
    key: str
    kind: SourceKind
    row: int


@dataclass(frozen=True, slots=True)
class MarketCells:
    """A market on the board: its sides, and for each the column of its prices."""

    market_id: UUID
    event_id: UUID
    market_type: str
    period: str
    line_q4: int | None
    sides: tuple[str, ...]
    selection_ids: tuple[UUID, ...]
    columns: Int64s


@dataclass(frozen=True, slots=True)
class Layout:
    """An event's markets as a table of places: market n's sides are `width` places from n * width.

    `columns` and `held` [places] are each place's column on the board and whether it has a side;
    `winners` [markets] is how many sides win. A ladder is the markets of one question by their
    lines, so that the first side's chance falls. `main` is the places of home and away in the
    event's main market. `column_at` [places], `sides` [markets], `wins` [markets] and `rungs` are
    the columns, the places of each market, the winners and the ladders once more, for who looks at
    them one by one.
    """

    place_of: dict[tuple[str, str, int | None, str], int]
    columns: Int64s
    held: Bools
    width: int
    winners: Int64s
    ladders: tuple[Int64s, ...]
    main: tuple[int, int] | None
    column_at: tuple[int, ...]
    sides: tuple[tuple[int, ...], ...]
    wins: tuple[int, ...]
    rungs: tuple[tuple[int, ...], ...]


@dataclass(frozen=True, slots=True)
class Doubt:
    """A price that waits for a second reading."""

    price_e4: int
    observed_us: int


@dataclass(frozen=True, slots=True)
class RefusedPrice:
    """A price that is not believed; `held_e4` is what stood there, None where nothing did.

    One of an archive is `recorded` all the same: it is what the source quoted, and nobody can bet
    on it any more.
    """

    source_id: int
    selection_id: UUID
    reason: str
    price_e4: int
    held_e4: int | None
    recorded: bool
    observed_at: datetime


@dataclass(frozen=True, slots=True)
class Change:
    """The cells that a batch changed, [k] each, with what they hold now; times in microseconds.

    `seq` counts the batches that changed anything: the board's number after this one.
    """

    rows: Int64s
    columns: Int64s
    price_e4: Int32s
    state: Int8s
    observed_us: Int64s
    seq: int

    @property
    def count(self) -> int:
        """How many cells changed."""
        return len(self.rows)


@dataclass(frozen=True, slots=True)
class StoredPrice:
    """A cell as the journal kept it."""

    source_id: int
    selection_id: UUID
    price_e4: int
    state: str
    observed_at: datetime
    changed_at: datetime


@dataclass(frozen=True, slots=True)
class FrozenPrice:
    """A cell at the start of its event, on its way to the closing prices."""

    source_id: int
    selection_id: UUID
    event_id: UUID
    price_e4: int
    observed_at: datetime
    lag_ms: int


@dataclass(frozen=True, slots=True)
class ClosingPrice:
    """The last price of a source before the start, and how long before it was seen."""

    event_id: UUID
    market_id: UUID
    market_type: str
    line_q4: int | None
    side: str
    source: str
    price_e4: int
    lag_ms: int


@dataclass(frozen=True, slots=True)
class SourcePrice:
    """What one source quotes now for one side, for people to compare."""

    event_id: UUID
    source: str
    market_type: str
    period: str
    line_q4: int | None
    side: str
    price_e4: int
    state: str
    observed_at: datetime
    changed_at: datetime
