"""What the player asks and what the book accepted. Money is minor units."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

OddsPolicy = Literal["none", "higher", "any"]
DecisionKind = Literal["accepted", "refused", "replayed", "key_reused"]


@dataclass(frozen=True, slots=True)
class SlipLeg:
    """One selection at the price the player saw."""

    selection_id: UUID
    price_e4: int


@dataclass(frozen=True, slots=True)
class Slip:
    """What a player asks. `key` is his word for this request, `bet_id` what it would become."""

    bet_id: UUID
    user_id: UUID
    key: str
    legs: tuple[SlipLeg, ...]
    stake_minor: int
    at: datetime
    odds_policy: OddsPolicy = "higher"
    tolerance_bps: int = 0


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
    grade: str | None


@dataclass(frozen=True, slots=True)
class Bet:
    """What the book accepted."""

    id: UUID
    user_id: UUID
    kind: Literal["single", "combo"]
    stake_minor: int
    currency: str
    potential_payout_minor: int
    status: Literal["open", "settled"]
    outcome: str | None
    payout_minor: int | None
    placed_at: datetime
    settled_at: datetime | None
    legs: tuple[Leg, ...]
