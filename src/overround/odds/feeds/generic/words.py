"""Which of the sources of a generic feed are exchanges: a feed says it in the source's name."""

from __future__ import annotations

from typing import Final

from overround.odds.feeds.provider import SourceKind

_EXCHANGES: Final = frozenset({"betdaq", "matchbook", "smarkets"})


def source_kind(source: str) -> SourceKind:
    """An exchange is called so ("my_exchange"), or is one that everybody knows."""
    return "exchange" if source in _EXCHANGES or source.endswith("_exchange") else "bookmaker"
