"""Feeds: one folder per provider turns its bytes into our shapes, with the provider's ids.

Knows neither our ids nor the database. A value that cannot be read is a named `Rejected`, never an
exception out of the loop and never a guess.
"""

from overround.odds.feeds.coverage import Coverage, Unmapped
from overround.odds.feeds.model import (
    FeedBatch,
    FeedEvent,
    FeedMarket,
    FeedPrice,
    FeedQuotes,
    FeedResult,
    FeedScore,
    Rejected,
)
from overround.odds.feeds.provider import LiveFeed, Parsed, Payload, Provider, Said, SourceKind
from overround.odds.feeds.registry import PROVIDERS, payloads, provider_of

__all__ = [
    "PROVIDERS",
    "Coverage",
    "FeedBatch",
    "FeedEvent",
    "FeedMarket",
    "FeedPrice",
    "FeedQuotes",
    "FeedResult",
    "FeedScore",
    "LiveFeed",
    "Parsed",
    "Payload",
    "Provider",
    "Rejected",
    "Said",
    "SourceKind",
    "Unmapped",
    "payloads",
    "provider_of",
]
