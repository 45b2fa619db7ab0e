"""Feeds: one folder per provider turns its bytes into our shapes, with the provider's ids.

Knows neither our ids nor the database. A value that cannot be read is a named `Rejected`, never an
exception out of the loop and never a guess.
"""

from overround.odds.feeds.model import (
    FeedBatch,
    FeedEvent,
    FeedMarket,
    FeedPrice,
    FeedResult,
    Rejected,
)
from overround.odds.feeds.provider import Parsed, Payload, Provider, SourceKind

__all__ = [
    "FeedBatch",
    "FeedEvent",
    "FeedMarket",
    "FeedPrice",
    "FeedResult",
    "Parsed",
    "Payload",
    "Provider",
    "Rejected",
    "SourceKind",
]
