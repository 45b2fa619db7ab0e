"""What can be won from the board without being right: the words of an arbitrage."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from typing import Literal
from uuid import UUID

# 'sure' pays in every state; 'free_roll' gives the stake back in some states and pays in the rest.
ArbitrageKind = Literal["sure", "free_roll"]


@dataclass(frozen=True, slots=True)
class ArbitrageLeg:
    """One side to take: whose price, and which."""

    side: str
    source: str
    price_e4: int


@dataclass(frozen=True, slots=True)
class Split:
    """How to divide a total stake over the legs, and what that returns, per unit of the total.

    `guaranteed` is the net return of the worst state (the highest that any division reaches) and
    `best` the net return of the kindest state under the same `stakes`, which sum to one.
    """

    stakes: tuple[Fraction, ...]
    guaranteed: Fraction
    best: Fraction


@dataclass(frozen=True, slots=True)
class Arbitrage:
    """The best prices of one market, divided so that no state loses.

    Legs and `split.stakes` are in the board order of the sides. `naive_margin` is 1/booksum - 1,
    which promises more than the payoffs keep wherever a line can push or half win. `suspect` says
    that a price looks like an error of its source rather than an opportunity.
    """

    market_type: str
    line_q4: int | None
    legs: tuple[ArbitrageLeg, ...]
    naive_margin: Fraction
    split: Split
    kind: ArbitrageKind
    suspect: bool

    @property
    def guaranteed(self) -> Fraction:
        """Net return of the worst state, per unit of the total stake."""
        return self.split.guaranteed

    @property
    def best(self) -> Fraction:
        """Net return of the kindest state, per unit of the total stake."""
        return self.split.best

    @property
    def stakes(self) -> tuple[Fraction, ...]:
        """Share of the total stake on each leg; the shares sum to one."""
        return self.split.stakes


@dataclass(frozen=True, slots=True)
class StoredEdge:
    """An arbitrage as it was seen: open until `expired_at`.

    Profits are millionths of the total stake, rounded down; `legs` are
    `{"side", "source", "price_e4", "stake_ppm"}` in board order.
    """

    id: UUID
    kind: ArbitrageKind
    event_id: UUID
    market_id: UUID
    naive_ppm: int
    guaranteed_ppm: int
    best_ppm: int
    suspect: bool
    legs: list[dict[str, str | int]]
    detected_at: datetime
    seen_at: datetime
    expired_at: datetime | None
