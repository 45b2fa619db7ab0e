"""The words of what is looked at after the fact, and of how the house is doing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

Health = Literal["healthy", "degraded", "down"]
ReportKind = Literal["house", "books"]


@dataclass(frozen=True, slots=True)
class FoundEdge:
    """An arbitrage as it is stored, with the market it was found in.

    `legs` are `{"side", "source", "price_e4", "stake_ppm"}` in board order; profits are millionths
    of the total stake.
    """

    id: UUID
    kind: str
    sport: str
    market_type: str
    period: str
    line_q4: int | None
    guaranteed_ppm: int
    legs: list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Asked:
    """What came of asking a provider about a sport, summed over a day; see `feeds.Outcome`."""

    provider: str
    sport: str
    polls: int
    ok: int
    states: dict[str, int]
    rows_read: int
    events: int
    prices: int
    rejected: dict[str, int]
    body_bytes: int
    took_ms: int
    took_ms_max: int
    last_at: datetime
    last_state: str
    last_ok_at: datetime | None
    quota_left: int | None


@dataclass(frozen=True, slots=True)
class Standing:
    """The prices that stand on events ahead or in play, of one of: a provider; a source of it
    (`source`); a sport and market of it (`sport`, `market_type`).

    Ages are milliseconds since a price was last seen: half are at most `p50_ms` old.
    """

    provider: str
    source: str | None
    sport: str | None
    market_type: str | None
    prices: int
    open_prices: int
    events: int
    p50_ms: int
    p95_ms: int


@dataclass(frozen=True, slots=True)
class Counted:
    """How many of something a provider has, by reason, and since when the oldest."""

    provider: str
    reason: str
    count: int
    oldest_at: datetime


@dataclass(frozen=True, slots=True)
class Waiting:
    """Work that waits: how much, since when the oldest, and how much nobody tries any more."""

    count: int
    oldest_at: datetime | None
    stuck: int = 0


@dataclass(frozen=True, slots=True)
class Gate:
    """How a provider that is asked by schedule may be asked: `closed` is the healthy breaker."""

    breaker: str
    breaker_until: datetime | None
    rests_until: datetime | None
    quota_left: int | None


@dataclass(frozen=True, slots=True)
class Life:
    """A process that says it lives. `ended` where it is one of this machine and is no more."""

    role: str
    holder: str
    version: str
    since: datetime
    beat_at: datetime
    facts: dict[str, Any]
    ended: bool = False


@dataclass(frozen=True, slots=True)
class Held:
    """A lease that somebody holds."""

    name: str
    holder: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Storage:
    """The database's version and weight, and of that the history of prices: pieces, since when."""

    version: str
    size_bytes: int
    history_bytes: int
    history_pieces: int
    history_from: datetime | None


@dataclass(frozen=True, slots=True)
class Books:
    """What the last check of the ledgers found; None of `checked_at` is never."""

    checked_at: datetime | None
    tenants: int = 0
    violations: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Look:
    """Everything that was found at `at`. `cache` is its version, None where it does not answer."""

    at: datetime
    version: str
    storage: Storage
    cache: str | None
    lives: Sequence[Life]
    leases: Sequence[Held]
    asked: Sequence[Asked]
    standing: Sequence[Standing]
    quarantined: Sequence[Counted]
    queue: Sequence[Counted]
    inbox: Waiting
    settle: Waiting
    books: Books
    gates: Mapping[str, Gate] = field(default_factory=dict[str, Gate])


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is not as it should be, with a stable code."""

    code: str
    level: Health
    detail: str


@dataclass(frozen=True, slots=True)
class Written:
    """A report that is kept: when it was made, how long that took, and what it says."""

    report: dict[str, Any]
    made_at: datetime
    took_ms: int
