"""The shapes every provider speaks to the rest of the house.

Ids are the provider's, times are aware UTC, prices are `price_e4` (decimal price x 10,000, rounded
down at the feed), lines are quarters (`line_q4`: 2.5 goals is 10, home -0.25 is -1).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from overround.core.endings import ResultStatus

Certainty = Literal["seen", "confirmed"]


@dataclass(frozen=True, slots=True)
class FeedEvent:
    """One match as the provider names it. `competition_key` is the provider's code for it.

    With `runners` it is a contest: `home` is its name and `away` empty, its prices are those of the
    market `winner`, whose sides are the runners' names, and each way it is paid at `place_terms`.
    """

    provider: str
    provider_event_id: str
    sport: str
    competition_key: str
    competition_name: str
    country: str
    home: str
    away: str
    starts_at: datetime
    season: str = ""
    runners: tuple[str, ...] = ()
    place_terms: str | None = None

    @property
    def key(self) -> tuple[str, str]:
        """Whose event it is, by its id there: (provider, provider_event_id)."""
        return self.provider, self.provider_event_id


@dataclass(frozen=True, slots=True)
class FeedMarket:
    """A question: type + period + line. For `asian_handicap` the line is the home side's."""

    market_type: str
    period: str = "ft"
    line_q4: int | None = None


@dataclass(frozen=True, slots=True)
class FeedPrice:
    """One source's price for one side of one market; `source_text` is what the provider wrote.

    `seen_at` is when the provider last asked the source, where it says so and that was before the
    moment of the batch: a price is as old as that.
    """

    source: str
    market: FeedMarket
    side: str
    price_e4: int
    source_text: str
    suspended: bool = False
    seen_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class FeedResult:
    """What happened, by the periods of `core.facts`: `{"ht": (1, 0), "ft": (2, 0)}`.

    Unknown ones are absent. `certainty` is `seen` where the provider says that its keeper has not
    confirmed it yet. Of a contest it has `positions` (`core.positions`).
    """

    provider: str
    provider_event_id: str
    status: ResultStatus
    scores: dict[str, tuple[int, int]]
    observed_at: datetime
    certainty: Certainty = "confirmed"
    positions: dict[str, int] | None = None

    @property
    def key(self) -> tuple[str, str]:
        """Whose event it is, by its id there: (provider, provider_event_id)."""
        return self.provider, self.provider_event_id


@dataclass(frozen=True, slots=True)
class FeedScore:
    """The score while an event is on; `clock` says how long, in the provider's words (67')."""

    provider: str
    provider_event_id: str
    clock: str
    scores: dict[str, tuple[int, int]]
    observed_at: datetime

    @property
    def key(self) -> tuple[str, str]:
        """Whose event it is, by its id there: (provider, provider_event_id)."""
        return self.provider, self.provider_event_id


@dataclass(frozen=True, slots=True)
class Rejected:
    """A row, cell or body that was refused, with a stable reason code and where it stood."""

    reason: str
    where: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class FeedBatch:
    """What one provider said about one event at one moment.

    With `snapshot` the prices are all that the provider quotes on the event at `observed_at`: a
    price of this provider that is on the board and not in the batch is withdrawn.
    `source_at` is the provider's own stamp where it gives one.
    """

    event: FeedEvent
    observed_at: datetime
    prices: tuple[FeedPrice, ...]
    snapshot: bool = True
    phase: Literal["opening", "closing", "live", ""] = ""
    source_at: datetime | None = None
    rejected: tuple[Rejected, ...] = field(default=())


@dataclass(frozen=True, slots=True)
class FeedQuotes:
    """What one provider said about an event that it names elsewhere; otherwise as `FeedBatch`.

    Providers that send fixtures and prices apart say an event's id only beside its prices.
    """

    provider: str
    provider_event_id: str
    observed_at: datetime
    prices: tuple[FeedPrice, ...]
    snapshot: bool = True
    phase: Literal["opening", "closing", "live", ""] = ""
    source_at: datetime | None = None

    @property
    def key(self) -> tuple[str, str]:
        """Whose event it is, by its id there: (provider, provider_event_id)."""
        return self.provider, self.provider_event_id

    def of(self, event: FeedEvent) -> FeedBatch:
        """The same, said of the event by name."""
        return FeedBatch(
            event, self.observed_at, self.prices, self.snapshot, self.phase, self.source_at
        )
