"""What the house may lose and where it stands. Money is minor units of the tenant's currency."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal, NamedTuple
from uuid import UUID

Scope = Literal["house", "sport", "competition", "event", "market", "selection"]
Limit = Literal["win_max", "selection_max", "event_max"]
Reason = Literal["liability", "velocity", "price_move"]

# From the narrowest: the first that says something about a limit wins.
SCOPES: Final[tuple[Scope, ...]] = (
    "selection", "market", "event", "competition", "sport", "house",
)  # fmt: skip
HOUSE_KEY: Final = "house"
WHOLE_BPS: Final = 10_000
FACTOR_ONE_E4: Final = 10_000


@dataclass(frozen=True, slots=True)
class Cap:
    """The limits that one scope says; None leaves one to the wider scopes.

    `win_max_minor` is what one bet may win, `selection_max_minor` what may be lost if one selection
    wins, `event_max_minor` what an event may cost (not for a market or a selection).
    """

    scope: Scope
    scope_key: str
    win_max_minor: int | None = None
    selection_max_minor: int | None = None
    event_max_minor: int | None = None


@dataclass(frozen=True, slots=True)
class Wait:
    """What one scope lets wait before it is taken; None leaves it to the wider scopes.

    A bet that may win more than `approve_win_minor` waits for a person, any other for `delay_ms`
    times its player's delay factor.
    """

    scope: Scope
    scope_key: str
    approve_win_minor: int | None = None
    delay_ms: int | None = None


@dataclass(frozen=True, slots=True)
class HeldCaps:
    """The limits that hold somewhere, and whose word each is; None where nobody limits it."""

    win_max_minor: int | None
    selection_max_minor: int | None
    event_max_minor: int | None
    said_by: Mapping[Limit, Scope]


@dataclass(frozen=True, slots=True)
class Policy:
    """How caps open, how often a player may repeat himself, and what is suspended unasked.

    Of its caps the house opens `ramp_share_bps` until `ramp_s` before the start, and then more in a
    straight line. A market is suspended when a selection's liability reaches `suspend_at_bps` of
    its cap, gets `velocity_max` bets within a minute, or its price moves by `move_max_bps` at once;
    the last two for `hold_s`. A slip has from `legs_min` to `legs_max` legs at from `leg_price_min`
    to `leg_price_max`, pays between its own two for a unit staked, stakes `stake_min` and pays
    `payout_max` at most, both within the platform's bounds. None: not watched. With `lower_stakes`
    who asks for it is given a smaller stake, where his own does not fit.
    """

    ramp_share_bps: int = WHOLE_BPS
    ramp_s: int = 0
    repeat_max: int | None = None
    repeat_s: int = 60
    player_day_max_minor: int | None = None
    player_event_max_minor: int | None = None
    suspend_at_bps: int | None = None
    velocity_max: int | None = None
    move_max_bps: int | None = None
    hold_s: int = 60
    legs_min: int | None = None
    legs_max: int | None = None
    leg_price_min_e4: int | None = None
    leg_price_max_e4: int | None = None
    slip_price_min_e4: int | None = None
    slip_price_max_e4: int | None = None
    stake_min_minor: int | None = None
    payout_max_minor: int | None = None
    lower_stakes: bool = True

    @property
    def hold(self) -> timedelta:
        """For how long velocity and a moved price suspend."""
        return timedelta(seconds=self.hold_s)


@dataclass(frozen=True, slots=True)
class PlayerRisk:
    """What a person decided about a player: factors on his limits and on his delay."""

    user_id: UUID
    factor_e4: int
    delay_e4: int
    note: str
    set_at: datetime


@dataclass(frozen=True, slots=True)
class NamedPlayer:
    """The same with the name that he goes by."""

    player: PlayerRisk
    name: str


@dataclass(frozen=True, slots=True)
class Share:
    """A leg's part of its bet: a stake that is paid `payout_minor` if the leg wins."""

    stake_minor: int
    payout_minor: int


@dataclass(frozen=True, slots=True)
class Standing:
    """What open bets have on one selection, as the row says, with what it belongs to."""

    event_id: UUID
    market_id: UUID
    market_type: str
    period: str
    line_q4: int | None
    selection_id: UUID
    side: str
    bets: int
    stake_minor: int
    payout_minor: int
    place_minor: int = 0


class Row(NamedTuple):
    """What open bets have on a selection; `place_minor` of the payout is paid for a place alone."""

    bets: int
    stake_minor: int
    payout_minor: int
    place_minor: int


@dataclass(frozen=True, slots=True)
class SelectionLiability:
    """What one answer means to the house; below zero it earns."""

    selection_id: UUID
    side: str
    bets: int
    stake_minor: int
    liability_minor: int


@dataclass(frozen=True, slots=True)
class MarketLiability:
    """A market on which bets are open; `worst_minor` is its worst end, whoever wins."""

    market_id: UUID
    market_type: str
    period: str
    line_q4: int | None
    stake_minor: int
    worst_minor: int
    selections: tuple[SelectionLiability, ...]


@dataclass(frozen=True, slots=True)
class EventLiability:
    """An event on which bets are open, its worst market first."""

    event_id: UUID
    bets: int
    stake_minor: int
    exposure_minor: int
    markets: tuple[MarketLiability, ...]


@dataclass(frozen=True, slots=True)
class Watched:
    """A selection whose market may be suspended: what it shows and the cap that holds for it."""

    event_id: UUID
    market_id: UUID
    selection_id: UUID
    liability_minor: int
    cap_minor: int | None
    minute_bets: int
    moved_bps: int


@dataclass(frozen=True, slots=True)
class Alarm:
    """Why a market is suspended unasked: what was measured and the bound that it passed."""

    event_id: UUID
    market_id: UUID
    reason: Reason
    measured: int
    bound: int


@dataclass(frozen=True, slots=True)
class Suspension:
    """An alarm that was acted on; without `until` it waits for a person."""

    id: UUID
    event_id: UUID
    market_id: UUID
    reason: Reason
    measured: int
    bound: int
    at: datetime
    until: datetime | None
    lifted_at: datetime | None


@dataclass(frozen=True, slots=True)
class Sharpness:
    """How good a player's prices were against the close, over his bets that have one.

    `mean_ppm` is the mean closing-line value and `error_ppm` its standard error, in millionths of
    the stake.
    """

    user_id: UUID
    name: str
    bets: int
    mean_ppm: int
    error_ppm: int
    suggested_e4: int
