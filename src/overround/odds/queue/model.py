"""The words of the queue: what waits, and what a person said of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal
from uuid import UUID

Verdict = Literal["confirmed", "rejected", "new", "unmatched", "rematched"]


@dataclass(frozen=True, slots=True)
class Waiting:
    """A feed event that waits: why, what it may be, and the markets whose prices lie beside."""

    provider: str
    provider_event_id: str
    kind: str
    reason: str
    described: dict[str, str]
    candidates: list[UUID]
    queued_at: datetime
    parked: list[tuple[str, str, int | None]] = field(
        default_factory=list[tuple[str, str, int | None]]
    )


@dataclass(frozen=True, slots=True)
class PersonsDecision:
    """A person's decision as a hub hears of it: whose prices go from where to where."""

    seq: int
    provider: str
    provider_event_id: str
    event_before: UUID | None
    event_id: UUID | None

    @property
    def key(self) -> tuple[str, str]:
        """Whose event it is, by its id there."""
        return self.provider, self.provider_event_id
