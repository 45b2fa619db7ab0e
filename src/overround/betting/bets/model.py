"""What the player asks and what the book accepted. Money is minor units."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from overround.core import bets
from overround.core.principal import Principal

OddsPolicy = Literal["none", "higher", "any"]
# `nobody`: the session that the slip came by has ended; nothing was asked or stored. `moved`: the
# prices are others than the slip's payout was computed at; nothing was stored, and `prices_e4` are
# the present ones. `waits`: it has to wait first, for what its answer says; nothing was stored.
DecisionKind = Literal["accepted", "refused", "replayed", "key_reused", "nobody", "moved", "waits"]
# What a slip has waited for already: a person's word passes every question, a delay its own.
Passes = Literal["approval", "delay"]
BetKind = Literal["single", "combo", "system"]
# Whether a stake is a slip's whole one or each line's.
StakeMode = Literal["total", "unit"]
SystemName = Literal[
    "trixie", "patent", "yankee", "lucky15", "canadian", "lucky31", "heinz", "lucky63",
    "super_heinz", "goliath",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class SlipLeg:
    """One selection at the price the player saw, and the version of the offer where he says it.

    A banker is in every line of a system. `place_terms` are those that were shown, where it is each
    way and he says them.
    """

    selection_id: UUID
    price_e4: int
    banker: bool = False
    offer_version: int | None = None
    place_terms: str | None = None


@dataclass(frozen=True, slots=True)
class Slip:
    """What a player asks. `key` is his word for this request, `bet_id` what it would become.

    `sizes` makes it a system of all lines with so many legs, bankers included; the stake is the
    whole one, shared by the lines. Who accepts a lower stake is given the largest that fits.
    With `free_bet_id` the stake is that free bet's, the whole of it. `each_way` puts half of the
    stake on the legs to win, half on them to be placed.
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
    accept_lower_stake: bool = False
    free_bet_id: UUID | None = None
    each_way: bool = False

    @property
    def lines(self) -> int:
        """How many lines share the stake, of a bet each way those of both parts.

        Raises Invalid `invalid_size`.
        """
        bankers = sum(leg.banker for leg in self.legs)
        return bets.stored_lines(len(self.legs), self.sizes, bankers) * (2 if self.each_way else 1)

    @property
    def kind(self) -> BetKind:
        """What it would become."""
        if self.sizes is not None:
            return "system"
        return "single" if len(self.legs) == 1 else "combo"


@dataclass(frozen=True, slots=True)
class Priced:
    """A slip with what `stake_minor`, which is its own or a lower one, pays when all its legs win
    at `prices_e4`: rounded down, and whether half-even rounds it up. `terms` are the place terms of
    its legs, where it is each way; "" of one that is not known yet."""

    slip: Slip
    stake_minor: int
    prices_e4: Sequence[int]
    potential_minor: int
    rounds_up: bool
    terms: Sequence[str] | None = None


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

    @property
    def waits(self) -> bool:
        """Whether the slip has to wait, or waits already."""
        return "waits" in self.answer


@dataclass(frozen=True, slots=True)
class Waited:
    """A slip that has waited; at `agreed_e4` where a person of the house agreed to prices."""

    asked: Asked
    passes: Passes | None = None
    agreed_e4: tuple[int, ...] | None = None


@dataclass(frozen=True, slots=True)
class Waits:
    """What is said of a slip that waits: the answer's body, the path where it is looked at, and
    whether that is what its request preferred."""

    body: bytes
    location: str
    is_preferred: bool = False

    def headers(self) -> dict[str, str]:
        """What the answer says beside its body."""
        said = {"location": self.location}
        return {**said, "preference-applied": "respond-async"} if self.is_preferred else said


@dataclass(frozen=True, slots=True)
class SentSlip:
    """A slip as the raw front has it: `body` is JSON, the headers are text."""

    caller: Principal
    currency: str
    body: bytes
    key: str | None
    asked_by: str | None
    token_sha256: bytes
    at: datetime
    prefer: str | None = None


# Who answers slips: the acceptor, or a transaction of its own for each.
Ask = Callable[[Asked], Awaitable[Decision]]
# Who lets a slip wait: because its player prefers it (None), or for what a decision said. None
# where its key has been answered.
LetWait = Callable[[Asked, Decision | None], Awaitable[Waits | None]]


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
    dead_heat: str | None
    place_terms: str | None
    place_grade: str | None
    place_dead_heat: str | None


@dataclass(frozen=True, slots=True)
class Bet:
    """What the book accepted. Of one on a free bet the payouts are what its player gets.

    `cashed_stake_minor` of the stake was cashed out for `cashed_minor`, which the payout of a bet
    that has ended includes.
    """

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
    each_way: bool
    cashed_stake_minor: int
    cashed_minor: int
    payout_rounding: bets.Rounding
    legs: tuple[Leg, ...]
    free_bet_id: UUID | None = None

    @property
    def open_stake_minor(self) -> int:
        """What of the stake is at play; nothing once the bet has ended."""
        return self.stake_minor - self.cashed_stake_minor if self.status == "open" else 0

    @property
    def open_potential_minor(self) -> int:
        """What that pays when all legs win: what `potential_payout_minor` is to the whole stake."""
        if self.status != "open" or not self.cashed_stake_minor:
            return self.potential_payout_minor if self.status == "open" else 0
        prices = [leg.price_e4 for leg in self.legs]
        marks = [leg.banker for leg in self.legs]
        exact = bets.potential_ratio(self.open_stake_minor, prices, self.sizes, marks)
        return bets.rounded(exact, self.payout_rounding)


@dataclass(frozen=True, slots=True)
class LatestBet:
    """A bet as the office reads it, with the name that its player goes by."""

    bet: Bet
    player: str
