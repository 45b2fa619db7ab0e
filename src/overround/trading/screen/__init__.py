"""The screen: what every source quotes, read side by side, as a trader or a program wants it.

Words: a *quote* is one source's present price of one selection; *best* is the highest open one; a
*move* is a cell that changed since a place in the order of writing, a *place* where a reader stood
in that order. Invariants: nothing here writes; a reader who hands back the place it was given
misses no change, and may see one twice; a place of another database is refused.
"""

from overround.trading.screen.model import Asked, Competition, Listed, Quote
from overround.trading.screen.store import (
    begun,
    competitions,
    event_by_id,
    listed,
    listed_at,
    quotes,
    quotes_at,
    source_keys,
    teams,
)

__all__ = [
    "Asked",
    "Competition",
    "Listed",
    "Quote",
    "begun",
    "competitions",
    "event_by_id",
    "listed",
    "listed_at",
    "quotes",
    "quotes_at",
    "source_keys",
    "teams",
]
