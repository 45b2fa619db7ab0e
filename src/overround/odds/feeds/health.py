"""What came of asking a provider once: the word in which health is counted.

Feeds know no database; `overround.ops.record(conn, outcome)` adds an outcome to its hour.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

# The one state that is a success; every other one is a failure by its name (`timeout`, `too_large`,
# `not_changed` is a success too: the provider answered and had nothing new).
OK: Final = "ok"
NOT_CHANGED: Final = "not_changed"
SUCCESSES: Final = frozenset({OK, NOT_CHANGED})


@dataclass(frozen=True, slots=True)
class Outcome:
    """One poll, one import or one minute of a feed that goes on.

    `sport` is ours, or "" where the answer was of no one sport. `state` is a stable word: one of
    `SUCCESSES`, or why not. `rows` were read, `rejected` counts the refused ones by reason,
    `prices` and `events` are what was said. `quota_left` is what the provider says one may still
    ask, None where it says nothing.
    """

    provider: str
    sport: str
    at: datetime
    state: str = OK
    rows: int = 0
    events: int = 0
    prices: int = 0
    rejected: Mapping[str, int] = field(default_factory=dict[str, int])
    body_bytes: int = 0
    took_ms: int = 0
    quota_left: int | None = None

    @property
    def succeeded(self) -> bool:
        """Whether the provider answered as it should."""
        return self.state in SUCCESSES
