"""The words of what is looked at after the fact, and of how the house is doing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

Health = Literal["healthy", "degraded", "down"]
ReportKind = Literal["house", "books", "words", "backup"]


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
class Replica:
    """A standby as the primary sees it; what it is behind is None where it has said nothing yet.

    `behind_ms` is of what it replayed last, `behind_bytes` of the log it has not replayed.
    """

    name: str
    state: str
    sync: str
    behind_ms: int | None
    behind_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class Server:
    """The database server: who is connected, who replicates, whether its log is archived."""

    connections: int
    connections_max: int
    is_replica: bool = False
    replicas: Sequence[Replica] = ()
    archived_at: datetime | None = None
    archive_failures: int = 0
    inserted: Mapping[str, int] = field(default_factory=dict[str, int])


@dataclass(frozen=True, slots=True)
class PoolUse:
    """Connections of the fullest process of a kind; see `metrics.DB_POOL_USAGE`."""

    process: str
    pool: str
    usage_percent: float
    waiting: int
    breaker_open: bool


@dataclass(frozen=True, slots=True)
class Traffic:
    """What was answered and logged in a span. Times are upper limits of a histogram's bounds."""

    span_s: float
    requests: int
    failed: int
    p50_ms: float | None
    p95_ms: float | None
    error_lines: int


@dataclass(frozen=True, slots=True)
class Pattern:
    """Lines of the logs that say the same: `what` is the event, or the text without its figures."""

    level: str
    what: str
    reason: str
    count: int
    roles: Sequence[str]
    last_at: datetime


@dataclass(frozen=True, slots=True)
class CacheUse:
    """How often what was looked for in a cache was there, since the oldest process began."""

    hits: int
    misses: int

    @property
    def hit_bps(self) -> int | None:
        """The share in hundredths of a percent; None where nobody looked."""
        looked = self.hits + self.misses
        return self.hits * 10_000 // looked if looked else None


@dataclass(frozen=True, slots=True)
class Machine:
    """The machine of whoever looked; memory is what a process could still have, and the processors
    are busy by so much of their time since the last look."""

    disk_free_bytes: int
    disk_bytes: int
    memory_free_bytes: int
    memory_bytes: int
    load: float
    processors: int
    cpu_percent: float = 0.0


@dataclass(frozen=True, slots=True)
class Thresholds:
    """From where on something is told; the words are those of the settings (`alerts`)."""

    provider_ok_percent_min: float = 80.0
    pool_percent_max: float = 85.0
    pool_waiting_max: int = 5
    connections_percent_max: float = 80.0
    response_ms_max: int = 1_000
    response_growth_max: float = 4.0
    failed_percent_max: float = 1.0
    errors_growth_max: float = 5.0
    price_age_s_max: int = 1_800
    disk_free_percent_min: float = 5.0
    replica_behind_ms_max: int = 60_000
    replica_behind_bytes_max: int = 64_000_000
    backup_age_s_max: int = 93_600


@dataclass(frozen=True, slots=True)
class Look:
    """Everything that was found at `at`. `cache` is its version, None where it does not answer.

    `traffic` is of the last minutes and `traffic_before` of the hour before them; None where nobody
    has counted for so long.
    """

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
    server: Server | None = None
    pools: Sequence[PoolUse] = ()
    traffic: Traffic | None = None
    traffic_before: Traffic | None = None
    patterns: Sequence[Pattern] = ()
    machine: Machine | None = None
    backup_at: datetime | None = None
    sessions: Mapping[str, int] = field(default_factory=dict[str, int])
    caches: Mapping[str, CacheUse] = field(default_factory=dict[str, CacheUse])
    bets_waiting: int = 0
    # Why slips wait in the database -> how many, and since when the first of them.
    slips: Mapping[str, Waiting] = field(default_factory=dict[str, Waiting])
    # Cash-outs in play that stand their delay.
    cash_outs: Waiting = Waiting(0, None)
    thresholds: Thresholds = field(default_factory=Thresholds)


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is not as it should be, with a stable code; `subject` tells several apart.

    `cause` is what it probably comes of and `remedy` what to do about it (`ops.remedies`).
    """

    code: str
    level: Health
    detail: str
    subject: str = ""
    cause: str = ""
    remedy: str = ""


AlertState = Literal["raised", "cleared"]


@dataclass(frozen=True, slots=True)
class Alert:
    """A finding that stands or has just gone. `told_at` is when the sinks last took it; None while
    they have not heard of its present state."""

    code: str
    subject: str
    level: Health
    detail: str
    state: AlertState
    raised_at: datetime
    changed_at: datetime
    told_at: datetime | None


@dataclass(frozen=True, slots=True)
class Written:
    """A report that is kept: when it was made, how long that took, and what it says."""

    report: dict[str, Any]
    made_at: datetime
    took_ms: int
