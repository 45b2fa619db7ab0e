"""The words of what is looked at after the fact."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID


@dataclass(frozen=True, slots=True)
class FoundEdge:
    """An arbitrage as it is stored, with the market it was found in.

    `legs` are `{"side", "source", "price_e4", "stake_ppm"}` in board order; profits are millionths
    of the total stake.
    """

    id: UUID
    kind: str
    sport: str
    market_type: str
    period: str
    line_q4: int | None
    guaranteed_ppm: int
    legs: list[dict[str, Any]]
