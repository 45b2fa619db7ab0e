"""An open bet as risk reads it."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from overround.core.bets import Rounding


@dataclass(frozen=True, slots=True)
class OpenLeg:
    """A leg of an open bet; one without a grade is open."""

    event_id: UUID
    market_id: UUID
    selection_id: UUID
    price_e4: int
    grade: str | None
    banker: bool = False
    dead_heat: str | None = None
    place_terms: str | None = None
    place_grade: str | None = None
    place_dead_heat: str | None = None


@dataclass(frozen=True, slots=True)
class OpenBet:
    """An open bet with all its legs; `stake_minor` is what of it is still at play."""

    id: UUID
    stake_minor: int
    payout_rounding: Rounding
    sizes: list[int] | None
    legs: tuple[OpenLeg, ...]


@dataclass(frozen=True, slots=True)
class Beaten:
    """What a player's taken prices were worth at the fair close on average, less the stake, with
    the standard error of that, in millionths; one price's error is as large as its mean."""

    user_id: UUID
    name: str
    bets: int
    mean_ppm: int
    error_ppm: int
