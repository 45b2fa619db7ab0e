"""What settlement reads and decides."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from overround.core.bets import Rounding
from overround.core.payoff import GradeName


@dataclass(frozen=True, slots=True)
class OpenLeg:
    """A leg with what grading needs to know of it; `result_version` graded it, if any did."""

    bet_id: UUID
    user_id: UUID
    n: int
    event_id: UUID
    sport: str
    market_type: str
    period: str
    line_q4: int | None
    side: str
    price_e4: int
    grade: GradeName | None
    result_version: int | None
    bet_open: bool
    stake_minor: int
    payout_rounding: Rounding


@dataclass(frozen=True, slots=True)
class Graded:
    """A leg's grade, by which version of its event's result; both None: not known any more."""

    bet_id: UUID
    n: int
    grade: GradeName | None
    result_version: int | None


@dataclass(frozen=True, slots=True)
class Payout:
    """What a bet came to."""

    bet_id: UUID
    outcome: GradeName
    payout_minor: int
