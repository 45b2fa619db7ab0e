"""The words of the worker protocol: what a scraper says, what the hub answers, in our shapes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from fractions import Fraction

from overround.odds.feeds.model import FeedEvent, FeedPrice, Rejected

# What stands in front of a site's name where a provider is named. A scraper of a book and a feed of
# it are two providers so: the snapshot of one withdraws nothing of the other.
PROVIDER_PREFIX = "worker_"


def provider_of(site: str) -> str:
    """The provider's key of everything that workers of a site deliver; its source is the site."""
    return PROVIDER_PREFIX + site


# -- a worker's messages, read ---------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Envelope:
    """What every message may carry; "" and None where it is absent.

    `sent_at` is the worker's clock, `seq` the number of the message on a numbered connection.
    """

    worker_id: str = ""
    sites: tuple[str, ...] = ()
    sent_at: datetime | None = None
    seq: int | None = None


@dataclass(frozen=True, slots=True)
class Register:
    """Who speaks, and for which site. With a `seq` the connection is numbered from it on.

    Who `confirms` answers when it is asked to look again: its prices are verified by its answers
    alone.
    """

    envelope: Envelope
    site: str
    token: str = field(default="", repr=False)
    confirms: bool = False


@dataclass(frozen=True, slots=True)
class SiteEvent:
    """One match as a site shows it: everything it quotes on it at that moment.

    `start_is_guess` where the start was reckoned from the minute of play.
    """

    event: FeedEvent
    prices: tuple[FeedPrice, ...]
    start_is_guess: bool = False


@dataclass(frozen=True, slots=True)
class OddsUpdate:
    """Matches of a site; those that could not be read are `rejected` and cost themselves only.

    `count` is how many the message had, the rejected ones included.
    """

    envelope: Envelope
    events: tuple[SiteEvent, ...]
    rejected: tuple[Rejected, ...] = ()
    count: int = 0


@dataclass(frozen=True, slots=True)
class SnapshotBegin:
    """What follows until the commit is all that the worker sees."""

    envelope: Envelope


@dataclass(frozen=True, slots=True)
class SnapshotCommit:
    """The end of a snapshot; `count` is how many matches it had, as the worker counts."""

    envelope: Envelope
    count: int


@dataclass(frozen=True, slots=True)
class Ping:
    """The worker is there. It says nothing about prices and refreshes none."""

    envelope: Envelope


@dataclass(frozen=True, slots=True)
class StateSaid:
    """How the worker is doing, in one word: `live`, or why it cannot see, as `markup_changed`."""

    envelope: Envelope
    state: str


@dataclass(frozen=True, slots=True)
class ConfirmResponse:
    """What the site quotes now for what was asked; None for nothing to be had."""

    envelope: Envelope
    request_id: str
    price_e4: int | None


Message = (
    Register | OddsUpdate | SnapshotBegin | SnapshotCommit | Ping | StateSaid | ConfirmResponse
)


# -- what the hub says -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class OpportunityLeg:
    """One side to take: whose price. `stake_ppm` is its share of the total stake in millionths."""

    provider: str
    side: str
    price_e4: int
    stake_ppm: int = 0


@dataclass(frozen=True, slots=True)
class Opportunity:
    """An arbitrage as it is told to workers and traders.

    `margin` is what the worst state pays per unit of the total stake; `line_q4` the home side's for
    a handicap. Legs stand in the board order of the sides.
    """

    id: str
    event_id: str
    home: str
    away: str
    market_type: str
    period: str
    line_q4: int | None
    margin: Fraction
    kind: str
    legs: tuple[OpportunityLeg, ...]
    detected_at: datetime


@dataclass(frozen=True, slots=True)
class ConfirmRequest:
    """Look again: what does the site quote for this side now? Market and side are the site's."""

    request_id: str
    event_id: str
    home: str
    away: str
    market_type: str
    period: str
    line_q4: int | None
    side: str


@dataclass(frozen=True, slots=True)
class Refused:
    """The hub's answer to a message that it did not take.

    With `snapshot_needed` it cannot know any more what the site quotes: everything the worker feeds
    is suspended until the next complete snapshot.
    """

    code: str
    detail: str
    seq: int | None = None
    snapshot_needed: bool = False
    rejected: tuple[Rejected, ...] = ()


# -- what a worker writes --------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Row:
    """One market of a match as the site writes it.

    `market` is a name of `words` (`ft_hdp`, `ft_ou`, `ht_1x2`, or `market_type:period`), `prices`
    side -> the site's text, `line` its text ("-0.5", "0.5/1"; of a handicap the home side's).
    """

    market: str
    prices: Mapping[str, str]
    line: str = ""
    suspended: bool = False


@dataclass(frozen=True, slots=True)
class Match:
    """One match as a scraper saw it: all the rows the site shows of it.

    `event_id` is the site's own where it has one. Without `starts_at` (aware) the `minute` of play
    ("15", "45+2", "HT") has to say when it began.
    """

    home: str
    away: str
    league: str
    rows: tuple[Row, ...]
    event_id: str = ""
    starts_at: datetime | None = None
    minute: str = ""
    country: str = ""
    sport: str = "football"

    @property
    def key(self) -> tuple[str, str, str, str]:
        """What tells matches of one pass apart."""
        return self.event_id, self.league, self.home, self.away
