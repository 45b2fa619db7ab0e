"""What matching keeps: what was decided about a feed event, what waits, what people decided."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal
from uuid import UUID

from overround.odds.feeds import FeedEvent
from overround.odds.matching.model import Resolved

# Whose word about a spelling it is: a match's, a person's, or that of a new event whose team was
# taken for one of ours by its name, which is no evidence that it is.
ToldBy = Literal["match", "person", "entry"]
Verdict = Literal["confirmed", "rejected", "new", "unmatched", "rematched"]


@dataclass(frozen=True, slots=True)
class Known:
    """A feed event that is decided; `owner` is the provider whose event it was first, `said` the
    start that this one has named last, `status` that of our event."""

    provider_event_id: str
    event_id: UUID
    swapped: bool
    starts_at: datetime
    owner: str
    said: datetime
    status: str

    @property
    def resolved(self) -> Resolved:
        """The decision as the board needs it."""
        return Resolved(self.event_id, self.swapped, self.starts_at)


@dataclass(frozen=True, slots=True)
class Seen:
    """A fixture of this season as somebody named it: who plays in which competition."""

    sport: str
    competition_name: str
    country: str
    home: str
    away: str


@dataclass(frozen=True, slots=True)
class Remembered:
    """A decision about a feed event, to be kept."""

    provider: str
    provider_event_id: str
    event_id: UUID
    swapped: bool
    confidence_bps: int
    reason: str
    described: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Match:
    """A feed event and the event of ours that it is, with what its provider called it."""

    provider: str
    provider_event_id: str
    event_id: UUID
    swapped: bool
    described: dict[str, str]


@dataclass(frozen=True, slots=True)
class Waiting:
    """A feed event that waits: why, what it may be, and the markets whose prices lie beside."""

    provider: str
    provider_event_id: str
    kind: str
    reason: str
    described: dict[str, str]
    candidates: list[UUID]
    queued_at: datetime
    parked: list[tuple[str, str, int | None]] = field(
        default_factory=list[tuple[str, str, int | None]]
    )


@dataclass(frozen=True, slots=True)
class PersonsDecision:
    """A person's decision as a hub hears of it: whose prices go from where to where."""

    seq: int
    provider: str
    provider_event_id: str
    event_before: UUID | None
    event_id: UUID | None

    @property
    def key(self) -> tuple[str, str]:
        """Whose event it is, by its id there."""
        return self.provider, self.provider_event_id


@dataclass(frozen=True, slots=True)
class Moved:
    """A feed event that a person has placed: where it was, where it is, and how its sides lie.

    `before` is the match it was in, `waiting` what waited of it, with what lies beside the board;
    `event_id` None is the queue, `starts_at` that event's start.
    """

    key: tuple[str, str]
    before: Match | None
    waiting: Waiting | None
    event_id: UUID | None
    swapped: bool
    starts_at: datetime | None


def described(event: FeedEvent, looks_like: str = "") -> dict[str, str]:
    """What the provider calls the event, to be read by a person and by `event_of`; `looks_like`
    says which of its teams may be one of ours."""
    said = {"looks_like": looks_like} if looks_like else {}
    return said | {
        "sport": event.sport,
        "competition_key": event.competition_key,
        "competition": event.competition_name,
        "country": event.country,
        "home": event.home,
        "away": event.away,
        "starts_at": event.starts_at.isoformat(),
        "season": event.season,
    }


def event_of(key: tuple[str, str], said: Mapping[str, str]) -> FeedEvent:
    """The feed's event as it was described."""
    return FeedEvent(
        *key,
        said["sport"],
        said["competition_key"],
        said["competition"],
        said["country"],
        said["home"],
        said["away"],
        datetime.fromisoformat(said["starts_at"]),
        said["season"],
    )
