"""A slip that waits, and what people say of it. Money is minor units of the tenant's currency."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

# For what a slip waits: its turn, a person of the house, or a while.
Why = Literal["asked", "approval", "delay"]
State = Literal["waiting", "offered", "decided", "expired", "withdrawn"]
Verdict = Literal["approve", "offer", "refuse"]
# What a slip has waited for already; `betting.bets` says what either is good for.
Passes = Literal["approval", "delay"]


@dataclass(frozen=True, slots=True)
class Alternative:
    """What the house takes instead: the whole stake, and a price for each leg or None for the
    offers' own."""

    stake_minor: int
    prices_e4: tuple[int, ...] | None = None


@dataclass(frozen=True, slots=True)
class WaitingSlip:
    """A slip as its row says; `id` is that of the bet it may become.

    `asked` is the validated slip. `due_at` is when it may be placed, None while somebody is to
    decide; at `expires_at` nobody waits for it any more. `answer` is what its key got in the end.
    """

    id: UUID
    user_id: UUID
    key: str
    token_sha256: bytes | None
    asked: dict[str, Any]
    stake_minor: int
    win_minor: int
    why: Why
    passes: Passes | None
    state: State
    entered_at: datetime
    due_at: datetime | None
    expires_at: datetime
    attempts: int
    alternative: dict[str, Any] | None
    agreed_e4: list[int] | None
    decided_by: UUID | None
    reason: str | None
    answer: dict[str, Any] | None
    ended_at: datetime | None

    @property
    def is_open(self) -> bool:
        """Whether anything may still become of it."""
        return self.state in ("waiting", "offered")

    @property
    def refusal(self) -> str | None:
        """Why it became no bet; None of a bet, and while it waits."""
        return None if self.answer is None else self.answer.get("refusal")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a slip stands: at which place of its tenant's queue, from 1; None when it has ended."""

    slip: WaitingSlip
    position: int | None


@dataclass(frozen=True, slots=True)
class Given:
    """What a person of the house says of a slip. Of an offer, a stake or prices that he leaves out
    are those that were asked, or the offers' own, and the time is the usual one."""

    verdict: Verdict
    reason: str
    stake_minor: int | None
    prices_e4: tuple[int, ...] | None
    lasts_s: int | None


@dataclass(frozen=True, slots=True)
class AskedLeg:
    """A leg of a slip that waits, with what is laid on it now; None where nothing is."""

    selection_id: UUID
    event_id: UUID
    home: str
    away: str
    starts_at: datetime
    market_type: str
    period: str
    line_q4: int | None
    side: str
    price_now_e4: int | None
    state_now: str | None


@dataclass(frozen=True, slots=True)
class History:
    """What a player has bet so far: settled bets, their stakes and payouts, and his factor."""

    user_id: UUID
    name: str
    bets: int
    settled: int
    stake_minor: int
    payout_minor: int
    factor_e4: int | None


@dataclass(frozen=True, slots=True)
class Asking:
    """A slip that waits for a person, with what that person needs to decide."""

    slip: WaitingSlip
    legs: tuple[AskedLeg, ...]
    player: History


@dataclass(frozen=True, slots=True)
class Backlog:
    """How many slips wait for the same, and since when the first of them."""

    why: Why
    slips: int
    oldest_at: datetime


@dataclass(frozen=True, slots=True)
class Counts:
    """How many slips wait: of a player, and of his tenant."""

    mine: int
    tenants: int
