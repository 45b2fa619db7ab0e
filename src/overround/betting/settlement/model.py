"""What settlement reads and decides."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal
from uuid import UUID

from overround.core import payoff
from overround.core.bets import Rounding
from overround.core.payoff import Grade, GradeName
from overround.odds.catalogue.model import Result

# `cashed_out`: all of the bet has ended early, at an agreed amount.
Outcome = GradeName | Literal["cashed_out"]

RulingKind = Literal["hold", "void"]
# `correction`: a result that takes back more than goes by itself; the product proposes it.
StoredKind = Literal["hold", "void", "correction"]
RulingState = Literal["proposed", "effective", "refused", "lifted"]


@dataclass(frozen=True, slots=True)
class StoredLeg:
    """A leg with what grading needs to know of it, and how it and its bet stand.

    `result_version` and `ruling_version` graded it, if anything did; `outcome` and `payout_minor`
    are its bet's, None while that is open. `stake_minor` is what is at play of its bet: what was
    not cashed out; `cashed_minor` is what was paid for the rest of it. `sizes` are a system's. Only
    legs each way have `place_terms`, and what they came to, to be placed.
    """

    bet_id: UUID
    user_id: UUID
    n: int
    event_id: UUID
    market_id: UUID
    selection_id: UUID
    sport: str
    market_type: str
    period: str
    line_q4: int | None
    side: str
    price_e4: int
    grade: GradeName | None
    result_version: int | None
    ruling_version: int
    outcome: Outcome | None
    payout_minor: int | None
    stake_minor: int
    payout_rounding: Rounding
    placed_at: datetime
    cashed_minor: int = 0
    sizes: Sequence[int] | None = None
    banker: bool = False
    dead_heat: str | None = None
    place_terms: str | None = None
    place_grade: GradeName | None = None
    place_dead_heat: str | None = None

    @property
    def stands(self) -> tuple[str | None, str | None, str | None, str | None]:
        """All that the leg came to so far."""
        return self.grade, self.dead_heat, self.place_grade, self.place_dead_heat


@dataclass(frozen=True, slots=True)
class Ruling:
    """A tenant's own word about bets on an event, before any result.

    `hold`: nothing of the event is known for this tenant, so what was settled is open again.
    `void`: legs of the market, of the selection or of all are void, as far as their bets were
    placed in [`placed_from`, `placed_to`).
    """

    kind: RulingKind
    market_id: UUID | None = None
    selection_id: UUID | None = None
    placed_from: datetime | None = None
    placed_to: datetime | None = None


@dataclass(frozen=True, slots=True)
class Ruled:
    """The rulings about an event that hold now, and how many have been made or lifted so far."""

    version: int
    rulings: Sequence[Ruling]


NOT_RULED = Ruled(0, ())


@dataclass(frozen=True, slots=True)
class Basis:
    """What settlement goes by: the newest result of each event, and the tenant's rulings."""

    results: Mapping[UUID, Result]
    ruled: Mapping[UUID, Ruled]


@dataclass(frozen=True, slots=True)
class Graded:
    """A leg's grade, by which result (0: a ruling alone) and ruling; None: not known any more."""

    bet_id: UUID
    n: int
    grade: GradeName | None
    result_version: int | None
    ruling_version: int
    dead_heat: str | None = None
    place_grade: GradeName | None = None
    place_dead_heat: str | None = None

    @property
    def stands(self) -> tuple[str | None, str | None, str | None, str | None]:
        """All that the leg came to."""
        return self.grade, self.dead_heat, self.place_grade, self.place_dead_heat

    @property
    def win(self) -> Grade | None:
        """What the leg came to."""
        return None if self.grade is None else payoff.stored(self.grade, self.dead_heat)

    @property
    def place(self) -> Grade | None:
        """What it came to, to be placed."""
        if self.place_grade is None:
            return None
        return payoff.stored(self.place_grade, self.place_dead_heat)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a bet comes to now; without an outcome it is open again."""

    bet_id: UUID
    outcome: GradeName | None
    payout_minor: int | None


# How many bets a movement names.
NAMED_MAX: Final = 20


@dataclass(frozen=True, slots=True)
class Moved:
    """A bet that would stand otherwise: what it is, and what it would be; None is open."""

    bet_id: UUID
    user_id: UUID
    stake_minor: int
    outcome: Outcome | None
    payout_minor: int | None
    would_outcome: Outcome | None
    would_payout_minor: int | None


@dataclass(frozen=True, slots=True)
class Movement:
    """What settling would do, or did: bets by what becomes of them, and the players' money.

    `credit_minor` is what players get to their cash, `debit_minor` what is taken from it; a stake
    that is held or taken is in neither. `first` are the bets, the oldest `NAMED_MAX` of them.
    """

    settles: int = 0
    changes: int = 0
    reopens: int = 0
    credit_minor: int = 0
    debit_minor: int = 0
    first: Sequence[Moved] = ()

    @property
    def bets(self) -> int:
        """How many bets stand otherwise."""
        return self.settles + self.changes + self.reopens

    @property
    def moved_minor(self) -> int:
        """All money that changes hands."""
        return self.credit_minor + self.debit_minor


@dataclass(frozen=True, slots=True)
class StoredRuling:
    """A ruling with its history, as the office sees it."""

    id: UUID
    event_id: UUID
    kind: StoredKind
    market_id: UUID | None
    selection_id: UUID | None
    placed_from: datetime | None
    placed_to: datetime | None
    reason: str
    state: RulingState
    bets: int
    moved_minor: int
    proposed_by: UUID
    proposed_at: datetime
    decided_by: UUID | None
    decided_at: datetime | None
    lifted_by: UUID | None
    lifted_at: datetime | None


@dataclass(frozen=True, slots=True)
class Asked:
    """By which word somebody rules: `key` is his Idempotency-Key, `body_sha256` what it is for."""

    key: str
    body_sha256: bytes


@dataclass(frozen=True, slots=True)
class Proposed:
    """The answer to who rules, and whether it was given before."""

    ruling: StoredRuling
    replayed: bool


# What begun events with open bets wait for. By themselves: `result` (nobody has said how it ended),
# `confirmation` (somebody has only seen it), `fact` (what is known does not decide every leg). For
# a person: `held` (the tenant holds it back), `agreement` (to a result that was corrected), `stuck`
# (settling it has failed too often), `contradicted` (providers say different things).
WaitsFor = Literal["result", "confirmation", "fact", "held", "agreement", "stuck", "contradicted"]


@dataclass(frozen=True, slots=True)
class Desk:
    """An event that has begun with open bets on it, and what they wait for."""

    event_id: UUID
    sport: str
    competition: str
    home: str
    away: str
    starts_at: datetime
    status: str
    waits_for: WaitsFor
    bets: int
    stakes_minor: int


@dataclass(frozen=True, slots=True)
class BetOn:
    """A selection that the tenant's bets are on, with how many."""

    market_id: UUID
    market_type: str
    period: str
    line_q4: int | None
    selection_id: UUID
    side: str
    bets: int
