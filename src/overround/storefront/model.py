"""What the public sees of a book: one selection and what is laid for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal
from uuid import UUID

ShownState = Literal["open", "suspended", "closed"]


@dataclass(frozen=True, slots=True)
class Shown:
    """A selection as it is shown; `is_main` is the event's main market, which the board shows.

    `changed_ms` is when the price or the state last changed, in milliseconds since 1970 UTC. A
    closed one is shown no more.
    """

    selection_id: UUID
    event_id: UUID
    is_main: bool
    price_e4: int
    state: ShownState
    changed_ms: int
