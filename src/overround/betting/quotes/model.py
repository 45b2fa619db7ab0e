"""What a player asks before he bets, and what he is told. Money is minor units."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from overround.betting.bets.model import BetKind
from overround.betting.freebets.model import FreeBet
from overround.core.bets import Rounding


@dataclass(frozen=True, slots=True)
class AskedLeg:
    """A selection, and the price, the version of the offer and the place terms where it was shown
    them."""

    selection_id: UUID
    price_e4: int | None = None
    banker: bool = False
    offer_version: int | None = None
    place_terms: str | None = None


@dataclass(frozen=True, slots=True)
class Ask:
    """A slip with or without a stake; `sizes` makes it a system. Who accepts a lower stake is told
    what he would be given. With `by_line` he stakes so much on each line, and his bounds are a
    line's; with `free_bet_id` he stakes that."""

    user_id: UUID
    legs: tuple[AskedLeg, ...]
    stake_minor: int | None = None
    sizes: tuple[int, ...] | None = None
    odds_policy: Literal["none", "higher", "any"] = "higher"
    tolerance_bps: int = 0
    accept_lower_stake: bool = False
    by_line: bool = False
    free_bet_id: UUID | None = None
    each_way: bool = False

    @property
    def kind(self) -> BetKind:
        """What kind of bet it would be."""
        if self.sizes is not None:
            return "system"
        return "single" if len(self.legs) == 1 else "combo"


@dataclass(frozen=True, slots=True)
class OfferedLeg:
    """What the book lays on a leg's selection, and what risk has room for; None: no bound.

    Of a selection that the book does not know everything is None. `win_max_minor` is what one bet
    may win, the rooms are net losses.
    """

    selection_id: UUID
    event_id: UUID | None
    market_id: UUID | None
    price_e4: int | None
    version: int | None
    state: str | None
    starts_at: datetime | None
    closed_at: datetime | None
    win_max_minor: int | None
    selection_room_minor: int | None
    event_room_minor: int | None
    sport: str | None = None
    place_terms: str | None = None
    # Being played, in a sport that the house lays in play.
    is_in_play: bool = False


@dataclass(frozen=True, slots=True)
class Terms:
    """What the house takes of anybody, and of this player; `cash_minor` is None without a purse."""

    status: str
    currency: str
    stake_min_minor: int
    payout_max_minor: int
    payout_rounding: Rounding
    user_status: str | None
    cash_minor: int | None
    factor_e4: int
    legs_min: int | None
    legs_max: int | None
    leg_price_min_e4: int | None
    leg_price_max_e4: int | None
    slip_price_min_e4: int | None
    slip_price_max_e4: int | None
    lower_stakes: bool = True


@dataclass(frozen=True, slots=True)
class PlayerRoom:
    """How often he may still bet on these selections, and what he may still win; None: no bound."""

    repeats: int | None = None
    day_room_minor: int | None = None
    event_room_minor: int | None = None


@dataclass(frozen=True, slots=True)
class Known:
    """What was read for a quote: of the house and the player, of each leg, and of the free bet that
    the slip names."""

    terms: Terms
    legs: tuple[OfferedLeg, ...]
    room: PlayerRoom = PlayerRoom()
    free: FreeBet | None = None


@dataclass(frozen=True, slots=True)
class Refused:
    """One thing that would refuse the slip; `answer` holds its bounds, as the book's own does."""

    code: str
    answer: Mapping[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True, slots=True)
class Quote:
    """What was found. `stake_max_minor` is None where no stake would do, and `limited_by` the code
    by which the next minor unit would be refused, or that leaves no stake. Of a quote by the line
    both bounds are whole stakes that `units` lines share evenly.

    `potential_minor` is what `stake_minor` pays when all legs win; None while a price is missing.
    """

    currency: str
    lines: int
    legs: tuple[OfferedLeg, ...]
    leg_refusals: tuple[str | None, ...]
    refusals: tuple[Refused, ...]
    stake_min_minor: int
    stake_minor: int | None
    stake_max_minor: int | None = None
    limited_by: str | None = None
    units: int = 1
    potential_minor: int | None = None
