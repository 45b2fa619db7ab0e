"""What a cash-out is asked by, and what comes of it. Money is minor units of the bet's currency."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from overround.core.bets import Rounding
from overround.core.payoff import GradeName

# What to do when the value has moved since the quote.
Policy = Literal["none", "higher", "any"]
OrderState = Literal["waiting", "done", "dropped"]


@dataclass(frozen=True, slots=True)
class Terms:
    """What a tenant pays for bets that end early: `margin_bps` below their value.

    A quote lasts `quote_s`. Of an event in play, a price must have stood for `delay_s`. What was
    last heard of an event may be `stale_s` old, in play `stale_in_play_s`.
    """

    enabled: bool = True
    margin_bps: int = 400
    quote_s: int = 12
    delay_s: int = 6
    stale_s: int = 21_600
    stale_in_play_s: int = 20


@dataclass(frozen=True, slots=True)
class StoredBet:
    """A bet as it stands; `cashed_stake_minor` of its stake was cashed out for `cashed_minor`. One
    that `is_free` stands on a free bet."""

    id: UUID
    user_id: UUID
    book_id: UUID
    kind: str
    status: str
    outcome: str | None
    currency: str
    stake_minor: int
    potential_payout_minor: int
    payout_rounding: Rounding
    settlement_version: int
    cashed_stake_minor: int
    cashed_minor: int
    sizes: Sequence[int] | None = None
    is_free: bool = False
    each_way: bool = False


@dataclass(frozen=True, slots=True)
class StoredLeg:
    """A leg of it, and how its event stands; `heard_at` is when that was last heard of."""

    bet_id: UUID
    n: int
    event_id: UUID
    market_id: UUID
    selection_id: UUID
    market_type: str
    line_q4: int | None
    side: str
    price_e4: int
    grade: GradeName | None
    starts_at: datetime
    is_in_play: bool
    is_closed: bool
    heard_at: datetime | None
    banker: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer of a leg's market with what the bet's book lays on it; None: nothing."""

    book_id: UUID
    market_id: UUID
    selection_id: UUID
    price_e4: int | None
    state: str | None
    version: int | None
    changed_at: datetime | None


@dataclass(frozen=True, slots=True)
class Standing:
    """All that a bet's value follows from: itself, its legs, the markets of those that are open."""

    bet: StoredBet
    legs: Sequence[StoredLeg]
    markets: Mapping[UUID, Sequence[Answer]]


@dataclass(frozen=True, slots=True)
class Quote:
    """What the house pays now for `stake_minor` of a bet's stake.

    `share_bps` of the whole bet would then be cashed out, earlier parts included, and
    `rest_minor` of the stake stay. `fair_minor` is the part's value without the margin, `digest`
    what it was reckoned from: the bet's version, and the version of every offer.
    """

    bet_id: UUID
    currency: str
    share_bps: int
    stake_minor: int
    rest_minor: int
    amount_minor: int
    fair_minor: int
    digest: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Shown:
    """What a player says that he was quoted; compared with what is true, and never believed."""

    bet_id: UUID
    share_bps: int
    amount_minor: int
    digest: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Valuation:
    """A bet's quotes by share, or why there are none; and what is to be done by itself.

    `cashed_minor` was paid for parts of it so far; `open_stake_minor` of its stake is left.
    """

    bet_id: UUID
    quotes: Sequence[Quote]
    refusal: str | None
    order_minor: int | None
    cashed_minor: int
    open_stake_minor: int


@dataclass(frozen=True, slots=True)
class Asked:
    """A player's request: the quote he agreed to, what he does about a change, and its key."""

    bet_id: UUID
    shown: Shown
    policy: Policy
    key: str
    body_sha256: bytes


@dataclass(frozen=True, slots=True)
class Decision:
    """The answer to a request; `answer` is stored with the key and repeated to the letter."""

    is_replayed: bool
    answer: dict[str, Any]

    @property
    def refusal(self) -> str | None:
        """Why nothing was cashed out; None when it was."""
        return self.answer.get("refusal")


@dataclass(frozen=True, slots=True)
class Order:
    """A bet that is cashed out by itself as soon as that pays `at_least_minor`."""

    bet_id: UUID
    user_id: UUID
    at_least_minor: int
    state: OrderState
