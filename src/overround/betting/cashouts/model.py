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
OrderState = Literal["waiting", "done", "dropped", "ended"]
RequestState = Literal["waiting", "paid", "refused"]


@dataclass(frozen=True, slots=True)
class Terms:
    """What a tenant pays for bets that end early: `margin_bps` below their value.

    A quote lasts `quote_s`. What was last heard of an event before its start may be `stale_s` old;
    of one in play, a price must have stood for `delay_s`.
    """

    enabled: bool = True
    margin_bps: int = 400
    quote_s: int = 12
    delay_s: int = 2
    stale_s: int = 21_600


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
    """A leg of it, and how its event stands; `heard_at` is when that was last heard of.

    Of an open one that is in play `refused_in_play` is why no bet would be taken on it, and `score`
    how the event stands.
    """

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
    refused_in_play: str | None = None
    score: object = None


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

    @property
    def is_in_play(self) -> bool:
        """Whether the event of an open leg is being played."""
        return any(leg.is_in_play and leg.grade is None for leg in self.legs)

    @property
    def scores(self) -> list[object]:
        """How the events stand that are being played, leg by leg; None of any other."""
        return [leg.score for leg in self.legs]


@dataclass(frozen=True, slots=True)
class Quote:
    """What the house pays now for `stake_minor` of a bet's stake.

    `share_bps` of the whole bet would then be cashed out, earlier parts included, and
    `rest_minor` of the stake stay. `fair_minor` is the part's value without the margin, `digest`
    what it was reckoned from: the bet's version, and the version of every offer. `seal` makes it
    one of ours.
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
    seal: str = ""


@dataclass(frozen=True, slots=True)
class Shown:
    """What a sealed quote says: whose it is, what was agreed to, and until when it stands."""

    bet_id: UUID
    share_bps: int
    amount_minor: int
    digest: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Agreed:
    """What a player agreed to: a quote of ours, as he says it back, or what he has ordered.

    A value that has moved is paid by `policy`; `higher` takes one that is lower by up to
    `tolerance_bps`, too.
    """

    share_bps: int
    amount_minor: int
    digest: str
    policy: Policy
    tolerance_bps: int = 0


@dataclass(frozen=True, slots=True)
class Asked:
    """A player's request: the text of the quote he was shown, what he does about a change, and its
    key."""

    bet_id: UUID
    quote: str
    policy: Policy
    key: str
    body_sha256: bytes
    tolerance_bps: int = 0


@dataclass(frozen=True, slots=True)
class Backlog:
    """How many requests wait, and since when the first of them; None where none does."""

    cash_outs: int
    oldest_at: datetime | None


@dataclass(frozen=True, slots=True)
class Request:
    """A request as its row says; `id` is that of the cash-out it may become.

    One without a key was made by an order. One in play stands a delay until `due_at`, held against
    the `scores` it was asked at; `answer` is None until then.
    """

    id: UUID
    user_id: UUID
    bet_id: UUID
    key: str | None
    body_sha256: bytes | None
    share_bps: int
    amount_minor: int
    digest: str
    policy: Policy
    tolerance_bps: int
    at: datetime
    due_at: datetime | None = None
    scores: list[object] | None = None
    answer: dict[str, Any] | None = None

    @property
    def is_waiting(self) -> bool:
        """Whether it stands its delay still."""
        return self.answer is None

    @property
    def state(self) -> RequestState:
        """What has become of it."""
        if self.answer is None:
            return "waiting"
        return "paid" if self.refusal is None else "refused"

    @property
    def refusal(self) -> str | None:
        """Why nothing was cashed out; None when it was, and while it waits."""
        return None if self.answer is None else self.answer.get("refusal")

    @property
    def agreed(self) -> Agreed:
        """What it was asked by."""
        said = self.share_bps, self.amount_minor, self.digest, self.policy
        return Agreed(*said, self.tolerance_bps)


@dataclass(frozen=True, slots=True)
class Valuation:
    """A bet's quotes by share, or why there are none; and what is to be done by itself.

    `cashed_minor` was paid for parts of it so far; `open_stake_minor` of its stake is at play, none
    once it is over. `last` is what is asked of it and waits, or else what was asked last.
    """

    bet_id: UUID
    quotes: Sequence[Quote]
    refusal: str | None
    order_minor: int | None
    cashed_minor: int
    open_stake_minor: int
    last: Request | None = None

    @property
    def waiting(self) -> Request | None:
        """What stands its delay."""
        return self.last if self.last is not None and self.last.is_waiting else None


@dataclass(frozen=True, slots=True)
class Decision:
    """What became of a request; its answer is stored with its key and repeated to the letter."""

    is_replayed: bool
    request: Request

    @property
    def answer(self) -> dict[str, Any]:
        """What its key gets; empty while it waits."""
        return self.request.answer or {}

    @property
    def refusal(self) -> str | None:
        """Why nothing was cashed out; None when it was, and while it waits."""
        return self.request.refusal


@dataclass(frozen=True, slots=True)
class Order:
    """A bet that is cashed out by itself as soon as that pays `at_least_minor`."""

    bet_id: UUID
    user_id: UUID
    at_least_minor: int
    state: OrderState
    changed_at: datetime


@dataclass(frozen=True, slots=True)
class Pass:
    """Of some orders those whose bets are worth enough now, the bets of the others that are over,
    and the bet to go on after; None at the end."""

    ready: Sequence[Order]
    over: Sequence[UUID]
    after: UUID | None


@dataclass(frozen=True, slots=True)
class ListedRequest:
    """A request as the office reads it, with the name that its player goes by."""

    request: Request
    player: str


@dataclass(frozen=True, slots=True)
class ListedOrder:
    """An order as the office reads it, with the name that its player goes by."""

    order: Order
    player: str
