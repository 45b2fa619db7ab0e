"""What the provider's bodies say, whatever their layout, before any of it is read."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from overround.odds.feeds.coverage import Coverage


@dataclass(frozen=True, slots=True)
class Outcome:
    """One answer as it was written; `description` is the team or player a market is about."""

    name: str
    price: str
    point: str = ""
    description: str = ""


@dataclass(frozen=True, slots=True)
class Group:
    """What one bookmaker quotes in one of its markets; `stamp` is when it was last asked."""

    book: str
    market: str
    stamp: str
    outcomes: list[Outcome]


@dataclass(slots=True)
class Game:
    """One event of a body at one moment.

    `groups` is None where the body is not about prices. `complete` says that the prices are all
    that is quoted. `is_named` says that its id was made of its names. `scores` are (team, score).
    """

    game_id: str
    sport_key: str
    title: str
    starts: str
    home: str
    away: str
    seen_at: datetime | None = None
    groups: list[Group] | None = None
    complete: bool = True
    completed: bool = False
    scored: str = ""
    is_named: bool = False
    scores: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])


@dataclass(slots=True)
class Capture:
    """A whole body; `odds_format` is a format of `core.odds_format`, `rows` its records."""

    games: list[Game]
    odds_format: str
    rows: int


@dataclass(slots=True)
class Counts:
    """A body's coverage by sport."""

    by_sport: dict[str, Coverage] = field(default_factory=dict[str, Coverage])

    def of(self, sport: str, called: str) -> Coverage:
        """The counts of one sport, begun where there are none."""
        return self.by_sport.setdefault(sport, Coverage(sport, called))
