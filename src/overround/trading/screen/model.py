"""The screen's words."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final, NamedTuple
from uuid import UUID

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Asked:
    """What of the board is asked for; None is everything, and no filter excludes another."""

    sport: str | None = None
    competition_ids: list[UUID] | None = None
    event_ids: list[UUID] | None = None
    markets: list[str] | None = None
    sources: list[str] | None = None


@dataclass(frozen=True, slots=True)
class Listed:
    """An event that is ahead or on."""

    id: UUID
    sport: str
    competition_id: UUID
    competition: str
    country: str
    home: str
    away: str
    starts_at: datetime
    status: str


@dataclass(frozen=True, slots=True)
class Competition:
    """A competition with what of it is ahead or on, and The Odds API's key of it if it has one."""

    id: UUID
    sport: str
    country: str
    name: str
    key: str | None
    is_active: bool
    has_outrights: bool


class Quote(NamedTuple):
    """What one source quotes for one side; `kind` is bookmaker or exchange.

    A tuple, because a page holds tens of thousands: a frozen dataclass takes three times as long.
    """

    event_id: UUID
    selection_id: UUID
    market_type: str
    period: str
    line_q4: int | None
    side: str
    source: str
    kind: str
    price_e4: int
    state: str
    observed_at: datetime
    changed_at: datetime


class Side(NamedTuple):
    """One answer of a market on a page; `event` is the event's place on it, from 0."""

    event: int
    selection_id: str
    market_type: str
    period: str
    line_q4: int | None
    side: str


class Teller(NamedTuple):
    """A source as one provider delivers it; the same book through two providers is two of them."""

    source_id: int
    key: str
    kind: str
    provider: str


Ints = NDArray[np.int64]

# A price's state by whether it is open; one that is withdrawn is on no page.
STATES: Final = ("suspended", "open")


@dataclass(frozen=True, slots=True)
class Page:
    """What is quoted on some events, by the column: [k] each, by side and then by source.

    `side` and `teller` are places in `sides` and `tellers`; sides are event by event, market by
    market. `is_open` is 1 for open and 0 for suspended; times are microseconds since 1970.
    """

    sides: list[Side]
    tellers: list[Teller]
    side: Ints
    teller: Ints
    price_e4: Ints
    is_open: Ints
    observed_us: Ints
    changed_us: Ints

    def cells(self) -> Iterator[tuple[int, int, int, int, int, int]]:
        """The columns cell by cell, in the order in which they stand above."""
        every = (
            self.side, self.teller, self.price_e4, self.is_open, self.observed_us, self.changed_us,
        )  # fmt: skip
        columns: list[list[int]] = [column.tolist() for column in every]
        return zip(*columns, strict=True)  # pyright: ignore[reportReturnType]


@dataclass(frozen=True, slots=True)
class Version:
    """The prices of some events as they were written: how many, and the sum of their writings."""

    cells: int
    written: str


@dataclass(frozen=True, slots=True)
class Place:
    """Where a reader stands in the order of writing: after a row of transaction `written`.

    `database` is the database's own number: another one has another order.
    """

    database: int
    written: int
    selection_id: UUID
    source_id: int


@dataclass(frozen=True, slots=True)
class Move:
    """A cell as it stands after a change; withdrawn ones too."""

    event_id: UUID
    selection_id: UUID
    market_type: str
    period: str
    line_q4: int | None
    side: str
    source: str
    kind: str
    price_e4: int
    state: str
    observed_at: datetime
    changed_at: datetime
    source_id: int
    written: int


@dataclass(frozen=True, slots=True)
class Gone:
    """An event that is not quoted any more."""

    id: UUID
    status: str


@dataclass(frozen=True, slots=True)
class Past:
    """A price of the history."""

    selection_id: UUID
    market_type: str
    period: str
    line_q4: int | None
    side: str
    source: str
    source_id: int
    price_e4: int
    state: str
    observed_at: datetime
    source_at: datetime | None


@dataclass(frozen=True, slots=True)
class Closed:
    """What a source quoted last before the start, and how long before that was."""

    event_id: UUID
    selection_id: UUID
    market_type: str
    period: str
    line_q4: int | None
    side: str
    source: str
    kind: str
    price_e4: int
    observed_at: datetime
    lag_ms: int


@dataclass(frozen=True, slots=True)
class Best:
    """The highest open price of a selection and who quotes it; by `sources`, the first by name."""

    price_e4: int
    sources: tuple[str, ...]
