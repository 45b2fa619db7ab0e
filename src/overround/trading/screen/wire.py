"""The answers as the document describes them."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict


class Output(BaseModel):
    """An answer: nothing unknown is in it, and nothing changes it."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class EventOut(Output):
    """An event that is ahead, on, or (of closing prices) has begun."""

    id: UUID
    sport: str
    country: str
    competition_id: UUID
    competition: str
    home: str
    away: str
    starts_at: datetime
    status: str


class QuoteOut(Output):
    """One source's price: `observed_at` is when it was last seen, `changed_at` when it moved."""

    source: str
    source_kind: str
    price: str
    state: str
    observed_at: datetime
    changed_at: datetime


class SelectionOut(Output):
    """One answer of a market with the price of each source."""

    selection_id: UUID
    side: str
    prices: list[QuoteOut]


class MarketOut(Output):
    """One question; for an Asian handicap the line is the home side's."""

    market: str
    period: str
    line: str | None
    selections: list[SelectionOut]


class OddsEventOut(EventOut):
    """An event with everything that is quoted on it."""

    markets: list[MarketOut]


class OddsOut(Output):
    """A page of events by start."""

    items: list[OddsEventOut]
    next_cursor: str | None


class BestSelectionOut(Output):
    """The highest open price of one answer, and every source that quotes it."""

    selection_id: UUID
    side: str
    price: str
    sources: list[str]


class BestMarketOut(Output):
    """The best prices of a market; `overround` is their booksum less one: below zero an arbitrage
    by the prices alone. It is null where a side is not quoted or several sides win."""

    market: str
    period: str
    line: str | None
    overround: str | None
    selections: list[BestSelectionOut]


class BestEventOut(EventOut):
    """An event with the best prices."""

    markets: list[BestMarketOut]


class BestOut(Output):
    """A page of events by start."""

    items: list[BestEventOut]
    next_cursor: str | None


class PastOut(Output):
    """A price as it became; `source_at` is the provider's own stamp."""

    market: str
    period: str
    line: str | None
    selection_id: UUID
    side: str
    source: str
    price: str
    state: str
    observed_at: datetime
    source_at: datetime | None


class HistoryOut(Output):
    """The changes of an event's prices between two times, oldest first."""

    event_id: UUID
    since: datetime
    until: datetime
    items: list[PastOut]
    next_cursor: str | None


class ClosingPriceOut(Output):
    """What a source quoted last before the start, and how long before that it was seen."""

    market: str
    period: str
    line: str | None
    selection_id: UUID
    side: str
    source: str
    source_kind: str
    price: str
    observed_at: datetime
    lag_ms: int


class ClosingEventOut(EventOut):
    """An event that has begun, with its closing prices."""

    prices: list[ClosingPriceOut]


class ClosingOut(Output):
    """A page of events, the latest start first."""

    items: list[ClosingEventOut]
    next_cursor: str | None


class MoveOut(Output):
    """A price as it stands after a change."""

    event_id: UUID
    market: str
    period: str
    line: str | None
    selection_id: UUID
    side: str
    source: str
    source_kind: str
    price: str
    state: str
    observed_at: datetime
    changed_at: datetime


class RemovedOut(Output):
    """A price that is not quoted any more: a tombstone, kept while its event is ahead or on."""

    event_id: UUID
    market: str
    period: str
    line: str | None
    selection_id: UUID
    side: str
    source: str
    source_kind: str
    removed_at: datetime


class GoneOut(Output):
    """An event that ended or was put off: nothing of it is quoted any more."""

    event_id: UUID
    status: str


class DeltaOut(Output):
    """What changed since a place. Hand `next` back as `since`; with `more` at once."""

    changed: list[MoveOut]
    removed: list[RemovedOut]
    events_gone: list[GoneOut]
    events_gone_truncated: bool
    next: str
    more: bool
