"""What a look at a page says: its state, and the events with their prices where it shows them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from overround.odds.feeds.model import FeedBatch, Rejected

# Only `reading` has prices. `frozen` is judged over several looks; `unreachable` and `refused` are
# what a browser says that saw no page, or may not look.
State = Literal[
    "reading", "logged_out", "closed", "markup_changed", "frozen", "unreachable", "refused"
]


@dataclass(frozen=True, slots=True)
class Look:
    """One look: everything the page quoted at `at`, or by `detail` why it is not to be used.

    `clock` is the page's own sign of life. Prices of a look that is not `reading` are nobody's:
    there are none.
    """

    state: State
    at: datetime
    detail: str = ""
    clock: str = ""
    batches: tuple[FeedBatch, ...] = ()
    rejected: tuple[Rejected, ...] = ()
