"""What the player asks and what the book accepted. Money is minor units."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from overround.core.principal import Principal

OddsPolicy = Literal["none", "higher", "any"]
# `nobody`: the session that the slip came by has ended; nothing was asked or stored. `moved`: the
# prices are others than the slip's payout was computed at; nothing was stored, and `prices_e4` are
# the present ones.
DecisionKind = Literal["accepted", "refused", "replayed", "key_reused", "nobody", "moved"]
BetKind = Literal["single", "combo", "system"]


@dataclass(frozen=True, slots=True)
class SlipLeg:
    """One selection at the price the player saw. A banker is in every line of a system."""

    selection_id: UUID
    price_e4: int
    banker: bool = False


@dataclass(frozen=True, slots=True)
class Slip:
    """What a player asks. `key` is his word for this request, `bet_id` what it would become.

    `sizes` makes it a system of all lines with so many legs, bankers included; the stake is the
    whole one, shared by the lines.
    """

    bet_id: UUID
    user_id: UUID
    key: str
    legs: tuple[SlipLeg, ...]
    stake_minor: int
    at: datetime
    odds_policy: OddsPolicy = "higher"
    tolerance_bps: int = 0
    sizes: tuple[int, ...] | None = None

    @property
    def kind(self) -> BetKind:
        """What it would become."""
        if self.sizes is not None:
            return "system"
        return "single" if len(self.legs) == 1 else "combo"


@dataclass(frozen=True, slots=True)
class Priced:
    """A slip with what it pays when all its legs win at `prices_e4`: rounded down, and whether
    half-even rounds it up."""

    slip: Slip
    prices_e4: Sequence[int]
    potential_minor: int
    rounds_up: bool


@dataclass(frozen=True, slots=True)
class Asked:
    """A slip of a tenant's player; `token_sha256` is the session it came by, where that is to be
    looked at together with the slip."""

    tenant_id: UUID
    slip: Slip
    token_sha256: bytes | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """The answer to a slip; `answer` is stored with the key and repeated to the letter."""

    kind: DecisionKind
    answer: dict[str, Any]

    @property
    def refusal(self) -> str | None:
        """Why the slip was not accepted; None when it was."""
        return self.answer.get("refusal")


@dataclass(frozen=True, slots=True)
class SentSlip:
    """A slip as the raw front has it: `body` is JSON, the headers `key` and `asked_by` are text."""

    caller: Principal
    currency: str
    body: bytes
    key: str | None
    asked_by: str | None
    token_sha256: bytes
    at: datetime


# Who answers slips: the acceptor, or a transaction of its own for each.
Ask = Callable[[Asked], Awaitable[Decision]]


@dataclass(frozen=True, slots=True)
class Leg:
    """A leg of a bet, with what it came to."""

    n: int
    event_id: UUID
    selection_id: UUID
    home: str
    away: str
    starts_at: datetime
    market_type: str
    period: str
    line_q4: int | None
    side: str
    price_e4: int
    shown_price_e4: int
    banker: bool
    grade: str | None


@dataclass(frozen=True, slots=True)
class Bet:
    """What the book accepted."""

    id: UUID
    user_id: UUID
    kind: BetKind
    sizes: list[int] | None
    stake_minor: int
    currency: str
    potential_payout_minor: int
    status: Literal["open", "settled"]
    outcome: str | None
    payout_minor: int | None
    placed_at: datetime
    settled_at: datetime | None
    legs: tuple[Leg, ...]


@dataclass(frozen=True, slots=True)
class LatestBet:
    """A bet as the office reads it, with the name that its player goes by."""

    bet: Bet
    player: str
