"""The words of matching: a candidate among our events, and the decision about a feed event."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal
from uuid import UUID

Kind = Literal["matched", "new", "ambiguous", "unmatched"]
Reason = Literal[
    "exact",
    "alias",
    "names",
    "one_team",
    "roster",
    "prices",
    "prices_differ",
    "taken",
    "second_id",
    "no_candidate",
    "two_candidates",
    "weak_names",
    "special_event",
    "no_name",
]

ROSTER_VALUE: Final = 0.65

# Identity of a spelling (`TeamName.identity`) -> participant, scoped by the caller to the sport,
# country and source the feed's event is of.
Aliases = Mapping[str, UUID]


@dataclass(frozen=True, slots=True)
class Candidate:
    """One of our events that the feed's event may be: same sport, start within the wide window."""

    event_id: UUID
    sport: str
    competition_name: str
    country: str
    home: str
    away: str
    starts_at: datetime
    home_id: UUID | None = None
    away_id: UUID | None = None
    # Since when it is played, given up or called off, where that was asked.
    over_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Score:
    """How alike two events are: each side's likeness in 0..1, the sides swapped or as they stand.

    `reason` is the strongest evidence, or why there is none ("category", "country", "start");
    `moved` says that the starts are further apart than sources round them.
    """

    home: float
    away: float
    reason: str
    swapped: bool = False
    moved: bool = False

    @property
    def value(self) -> float:
        """The weaker side's likeness, nudged by the stronger one: both teams have to agree.

        A moved start costs more than the margin between two candidates, so the one that starts
        when the feed says goes first.
        """
        likeness = 0.8 * min(self.home, self.away) + 0.2 * max(self.home, self.away)
        if self.reason == "roster":
            # One name is certain and the other is nobody else: as good as two names that pass.
            likeness = max(likeness, ROSTER_VALUE)
        return max(likeness - 0.1, 0.0) if self.moved else likeness


@dataclass(frozen=True, slots=True)
class Decision:
    """What becomes of a feed's event.

    `matched` names our event (`swapped`: the feed's home side is our away side, so its prices
    change sides); `new` is to be created; `ambiguous` waits for a person; `unmatched` is no event
    of ours at all.
    """

    kind: Kind
    event_id: UUID | None
    confidence: float
    reason: Reason
    swapped: bool = False


@dataclass(frozen=True, slots=True)
class Resolved:
    """Which event of ours a feed's event is; `starts_at` is ours."""

    event_id: UUID
    swapped: bool
    starts_at: datetime
