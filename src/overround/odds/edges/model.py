"""What can be won from the board without being right: the words of an edge."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Final, Literal
from uuid import UUID

# 'sure' pays in every state; 'free_roll' gives the stake back in some states and pays in the rest.
ArbitrageKind = Literal["sure", "free_roll"]
EdgeKind = Literal["arbitrage", "value", "middle", "low_hold"]
EdgeStatus = Literal["detected", "verified", "stale", "expired"]
Reference = Literal["consensus", "sharp"]
# Why an edge is not believed, each a stable code.
Reason = Literal[
    "too_old",
    "skewed",
    "single_source",
    "passed_by",
    "probable_swap",
    "out_of_line",
    "source_contradicts_itself",
    "too_good",
    "rules_differ",
    "limits_apart",
]


# Sources whose prices move first and are asked least for: others follow them.
SHARP: Final = frozenset(
    {
        *("pinnacle", "ps3838", "betfair", "betfair_ex_eu", "betfair_ex_uk", "betfair_ex_au"),
        *("matchbook", "smarkets", "BFE", "P", "PS", "redlantern", "quillmarket"),
    }
)


@dataclass(frozen=True, slots=True)
class ArbitrageLeg:
    """One side to take: whose price, and which."""

    side: str
    source: str
    price_e4: int


@dataclass(frozen=True, slots=True)
class Split:
    """How to divide a total stake over the legs, and what that returns, per unit of the total.

    `guaranteed` is the net return of the worst state (the highest that any division reaches) and
    `best` the net return of the kindest state under the same `stakes`, which sum to one.
    """

    stakes: tuple[Fraction, ...]
    guaranteed: Fraction
    best: Fraction


@dataclass(frozen=True, slots=True)
class Arbitrage:
    """The best prices of one market, divided so that no state loses.

    Legs and `split.stakes` are in the board order of the sides. `naive_margin` is 1/booksum - 1,
    which promises more than the payoffs keep wherever a line can push or half win. `suspect` says
    that a price looks like an error of its source rather than an opportunity.
    """

    market_type: str
    line_q4: int | None
    legs: tuple[ArbitrageLeg, ...]
    naive_margin: Fraction
    split: Split
    kind: ArbitrageKind
    suspect: bool

    @property
    def guaranteed(self) -> Fraction:
        """Net return of the worst state, per unit of the total stake."""
        return self.split.guaranteed

    @property
    def best(self) -> Fraction:
        """Net return of the kindest state, per unit of the total stake."""
        return self.split.best

    @property
    def stakes(self) -> tuple[Fraction, ...]:
        """Share of the total stake on each leg; the shares sum to one."""
        return self.split.stakes


@dataclass(frozen=True, slots=True)
class Terms:
    """What a source takes and allows: commission in hundredths of a percent of the profit, and
    stakes in its own currency, of which one unit is worth `currency_rate`."""

    commission_bps: int = 0
    currency: str | None = None
    currency_rate: Fraction = Fraction(1)
    stake_min: Fraction | None = None
    stake_max: Fraction | None = None
    step: Fraction | None = None


@dataclass(frozen=True, slots=True)
class Policy:
    """What is looked for, and what is not believed. Shares are millionths.

    A price is judged by all sources together, its own among them, of which at least `judges_min`
    are others. Each speaks with its own noise, a standard deviation in log-odds (`noise_of`), and
    what is believed walks by `drift` while all others speak once. By `reference` "sharp" the sharp
    ones judge alone where they quote. An exchange judges, and is taken where its `terms` are known.
    `pushed` providers say what changes and nothing else, so each word of theirs says that the rest
    stands. Sources with the same `clones` name are one source. `rules` says by which rules a source
    settles a sport, where houses differ (retirement in tennis): legs by different ones are not
    hedged.
    """

    sharp: frozenset[str] = SHARP
    noise_sharp: float = 0.015
    noise: float = 0.05
    noises: Mapping[str, float] = field(default_factory=dict[str, float])
    drift: float = 0.07
    reference: Reference = "consensus"
    pushed: frozenset[str] = frozenset({"simulator"})
    method: str = "probit"
    judges_min: int = 3
    value_ppm_min: int = 20_000
    value_price_e4_max: int = 100_000
    hold_ppm_max: int = 5_000
    middle_cost_ppm_max: int = 25_000
    too_good_ppm: int = 100_000
    age_max: timedelta = timedelta(seconds=300)
    age_live_max: timedelta = timedelta(seconds=30)
    skew_max: timedelta = timedelta(seconds=300)
    skew_live_max: timedelta = timedelta(seconds=10)
    passed_by_max: int = 6
    terms: Mapping[str, Terms] = field(default_factory=dict[str, Terms])
    clones: Mapping[str, str] = field(default_factory=dict[str, str])
    rules: Mapping[tuple[str, str], str] = field(default_factory=dict[tuple[str, str], str])

    def noise_of(self, source: str) -> float:
        """How far off a source's log-odds are: its own figure, or that of its kind."""
        return self.noises.get(source, self.noise_sharp if source in self.sharp else self.noise)


@dataclass(frozen=True, slots=True)
class Scope:
    """What the board does not know of an event: its sport and when it starts."""

    sport: str
    starts_at: datetime


@dataclass(frozen=True, slots=True)
class Leg:
    """One side to take, of whichever market; `stake_ppm` is its share of the total stake.

    `word_us` is the source's last word on the event when the price was taken up, in microseconds:
    a later one that leaves the price standing is the second look. `provider` brought the price.
    The rest are the house's `Terms` as they were then, amounts as decimal strings.
    """

    market_id: UUID
    market_type: str
    period: str
    line_q4: int | None
    side: str
    source: str
    price_e4: int
    stake_ppm: int
    word_us: int
    provider: str = ""
    commission_bps: int = 0
    currency: str | None = None
    currency_rate: str = "1"
    stake_min: str | None = None
    stake_max: str | None = None
    step: str | None = None

    @property
    def price(self) -> tuple[UUID, str, str, int]:
        """What is quoted, by whom and at what: two looks that differ in it saw two prices."""
        return self.market_id, self.side, self.source, self.price_e4


@dataclass(frozen=True, slots=True)
class Found:
    """An edge as one look at the board shows it; `what` tells it from the event's others.

    `edge_ppm` is what it is worth of the total stake: guaranteed of an arbitrage and a low hold,
    expected of value and a middle. `naive_ppm` is 1/booksum - 1. `probability_ppm` is the fair
    chance of a value bet, or of a middle being hit. `kelly_ppm` is the full Kelly share.
    """

    kind: EdgeKind
    pays: ArbitrageKind | None
    what: str
    event_id: UUID
    market_id: UUID | None
    sport: str
    edge_ppm: int
    naive_ppm: int
    guaranteed_ppm: int
    best_ppm: int
    probability_ppm: int | None
    kelly_ppm: int | None
    confidence_ppm: int
    reasons: tuple[Reason, ...]
    tags: tuple[str, ...]
    legs: tuple[Leg, ...]
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class StoredEdge:
    """An edge with its life: open until `expired_at`, believed from `verified_at` on.

    `legs` are `Leg`s as JSON; `pays` is there for an arbitrage. `status`: `detected` at one look,
    `verified` when every leg stood at a second one and nothing speaks against it, `stale` when its
    prices are too old, `expired` when it is gone.
    """

    id: UUID
    kind: EdgeKind
    pays: ArbitrageKind | None
    status: EdgeStatus
    what: str
    event_id: UUID
    market_id: UUID | None
    sport: str
    edge_ppm: int
    naive_ppm: int
    guaranteed_ppm: int
    best_ppm: int
    probability_ppm: int | None
    kelly_ppm: int | None
    confidence_ppm: int
    peak_ppm: int
    peak_at: datetime
    reasons: list[str]
    tags: list[str]
    suspect: bool
    legs: list[dict[str, str | int | None]]
    detected_at: datetime
    verified_at: datetime | None
    seen_at: datetime
    expires_at: datetime
    expired_at: datetime | None

    def status_at(self, at: datetime) -> EdgeStatus:
        """What it is to somebody who reads it at `at`: what nobody has confirmed in time is stale,
        whether or not a hub was there to say so (test: one edge is read and divided)."""
        if self.expired_at is None and self.expires_at <= at:
            return "stale"
        return self.status


@dataclass(frozen=True, slots=True)
class Sighting:
    """What was found of one source, sport and market type in one hour of the day (UTC)."""

    kind: EdgeKind
    sport: str
    market_type: str
    source: str
    hour: int
    edges: int
    verified: int
    suspect: int
    mean_edge_ppm: int
    peak_ppm: int
    mean_life_ms: int | None
