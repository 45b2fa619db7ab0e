"""The provider's bookmakers in our words; one that is not here is called by its own name."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from overround.odds.feeds.provider import SourceKind

_SOURCES: Final = {
    "16": "bet365",
    "17": "marathonbet",
    "18": "unibet",
    "21": "betfair_exchange",
    "82": "pinnacle",
    "232": "dafabet",
}
# XML numbers bookmakers otherwise and is read by their names; its Betfair is the exchange, which
# a booksum of half a percent shows.
_BY_NAME: Final = {"Betfair": "betfair_exchange"}
_EXCHANGES: Final = frozenset({"betfair_exchange", "matchbook"})
_MAX_KEY_LENGTH: Final = 40
_NOT_A_WORD: Final = re.compile(r"[^a-z0-9]+")


@lru_cache(maxsize=1_024)
def source_of(bookmaker_id: str, name: str) -> str | None:
    """The source's key: ours, or the name in lower case with underscores; None where
    that leaves nothing, or too much."""
    known = _SOURCES.get(bookmaker_id) or _BY_NAME.get(name)
    if known is not None:
        return known
    key = _NOT_A_WORD.sub("_", name.casefold()).strip("_")
    return key if 0 < len(key) <= _MAX_KEY_LENGTH else None


def source_kind(source: str) -> SourceKind:
    """Whether `source` lays its own prices or shows those of its customers."""
    return "exchange" if source in _EXCHANGES else "bookmaker"
