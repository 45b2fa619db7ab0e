"""What matching keeps: what was decided about a feed event, and where a person has placed it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from overround.odds.feeds import FeedEvent
from overround.odds.matching.model import Resolved
from overround.odds.queue.model import Waiting

# Whose word about a spelling it is: a match's, a person's, or that of a new event whose team was
# taken for one of ours by its name, which is no evidence that it is.
ToldBy = Literal["match", "person", "entry"]


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
