"""What the player asks and what the book accepted. Money is minor units."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from overround.core.bets import Rounding
from overround.core.principal import Principal

OddsPolicy = Literal["none", "higher", "any"]
# `nobody`: the session that the slip came by has ended; nothing was asked or stored.
DecisionKind = Literal["accepted", "refused", "replayed", "key_reused", "nobody"]


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


@dataclass(frozen=True, slots=True)
class LatestBet:
    """A bet as the office reads it, with the name that its player goes by."""

    bet: Bet
    player: str


@dataclass(frozen=True, slots=True)
class OpenSelection:
    """A selection of a market on which bets are open, with what they stake and would be paid.

    `won_minor` is paid if the leg wins and `void_minor` if it is void, a combo's other legs taken
    as won. Of the combos, `reduced` have a leg that was graded other than won: they are counted
    and staked here, and what they are paid is left out.
    """

    event_id: UUID
    market_id: UUID
    market_type: str
    period: str
    line_q4: int | None
    selection_id: UUID
    side: str
    singles: int
    combos: int
    reduced: int
    stake_minor: int
    won_minor: int
    void_minor: int


@dataclass(frozen=True, slots=True)
class ReducedCombo:
    """An open leg (the `n`th of `grades`, from 1) of a combo that a graded leg has made smaller."""

    selection_id: UUID
    n: int
    stake_minor: int
    payout_rounding: Rounding
    grades: list[str | None]
    prices_e4: list[int]


@dataclass(frozen=True, slots=True)
class SelectionLiability:
    """What one answer means to the house; below zero it earns."""

    selection_id: UUID
    side: str
    singles: int
    combos: int
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
