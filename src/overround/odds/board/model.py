"""The board's words: sources, cells, and what a batch of prices changed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from typing import Literal
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

Int8s = NDArray[np.int8]
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
class Change:
    """The cells that a batch changed, [k] each, with what they hold now; times in microseconds."""

    rows: Int64s
    columns: Int64s
    price_e4: Int32s
    state: Int8s
    observed_us: Int64s

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
class ChangedPrice:
    """A changed cell on its way to the journal."""

    source_id: int
    selection_id: UUID
    price_e4: int
    state: StateName
    observed_at: datetime
    source_at: datetime | None


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
