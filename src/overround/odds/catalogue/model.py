"""The catalogue's words, with our ids."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from overround.core.endings import ResultStatus

# Somebody has only seen it; its keeper has confirmed it.
Certainty = Literal["seen", "confirmed"]
EventKind = Literal["match", "contest"]
# How a spelling came to be a participant's.
DecidedBy = Literal["name", "matcher", "person", "file"]


@dataclass(frozen=True, slots=True)
class Event:
    """One match, or a contest: then `home` is its name, and `away` empty. No bet is taken from
    `starts_at` on, or from an earlier `closed_at`."""

    id: UUID
    sport: str
    competition_id: UUID
    competition: str
    country: str
    home: str
    away: str
    starts_at: datetime
    status: str
    closed_at: datetime | None
    kind: EventKind = "match"


@dataclass(frozen=True, slots=True)
class NewContest:
    """A contest to be written, with its market `winner`: the runners by name are its selections."""

    id: UUID
    sport: str
    country: str
    competition: str
    name: str
    starts_at: datetime
    provider: str
    runners: Sequence[str]
    place_terms: str | None = None


@dataclass(frozen=True, slots=True)
class NewEvent:
    """An event to be written; the ids are derived from what the provider called it.

    `provider` names it first: its word about the start is believed.
    """

    id: UUID
    sport: str
    competition_id: UUID
    home_id: UUID
    away_id: UUID
    home: str
    away: str
    starts_at: datetime
    provider: str


@dataclass(frozen=True, slots=True)
class EventChange:
    """A change of an event's status or start: what it was, what it became, who said so and when."""

    event_id: UUID
    changed_by: str
    changed_at: datetime
    status_before: str | None
    status_after: str | None
    starts_before: datetime | None
    starts_after: datetime | None


@dataclass(frozen=True, slots=True)
class Participant:
    """Who takes part; `category` keeps women, age groups and reserves apart from the seniors.

    `country` is folded (`names.country_of`), empty where nobody says it.
    """

    id: UUID
    sport: str
    country: str
    category: str
    name: str


@dataclass(frozen=True, slots=True)
class Spelling:
    """A spelling of a participant, normalised; `scope` is empty where it holds everywhere in its
    sport, country and category, or names one competition or provider (`spelling_scope`)."""

    country: str
    category: str
    spelling: str
    scope: str
    participant_id: UUID


@dataclass(frozen=True, slots=True)
class Market:
    """A question of an event: type, period, line. For a handicap the line is the home side's.
    `place_terms` (`core.place_terms`) let a bet on it be each way."""

    id: UUID
    event_id: UUID
    market_type: str
    period: str
    line_q4: int | None
    place_terms: str | None = None


@dataclass(frozen=True, slots=True)
class Selection:
    """One answer of a market."""

    id: UUID
    market_id: UUID
    event_id: UUID
    side: str


@dataclass(frozen=True, slots=True)
class LiveScore:
    """Where an event in play stands: the feed's clock, the scores by period, each (home, away)."""

    event_id: UUID
    clock: str
    scores: Mapping[str, Sequence[int]]
    observed_at: datetime


@dataclass(frozen=True, slots=True)
class Happened:
    """What somebody says happened; `scores` by the periods of `core.facts`, each (home, away), and
    of a contest the `positions` of its runners (`core.positions`)."""

    event_id: UUID
    status: ResultStatus
    scores: Mapping[str, Sequence[int]]
    entered_by: str
    observed_at: datetime
    by_person: bool = False
    certainty: Certainty = "confirmed"
    positions: Mapping[str, int] | None = None


@dataclass(frozen=True, slots=True)
class Result:
    """What happened, by version; `scores` by period, each (home, away)."""

    event_id: UUID
    version: int
    status: ResultStatus
    scores: dict[str, list[int]]
    entered_by: str
    by_person: bool
    observed_at: datetime
    certainty: Certainty = "confirmed"
    positions: dict[str, int] | None = None


@dataclass(frozen=True, slots=True)
class Quarantined:
    """Something of a provider that was not believed, with its stable reason."""

    provider: str
    batch: str
    reason: str
    place: str
    detail: str
