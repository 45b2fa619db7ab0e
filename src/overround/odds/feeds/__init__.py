"""Feeds: one folder per provider turns its bytes into our shapes, with the provider's ids.

Knows neither our ids nor the database. A value that cannot be read is a named `Rejected`, never an
exception out of the loop and never a guess.
"""

from overround.odds.feeds.coverage import Coverage, Unmapped
from overround.odds.feeds.health import NOT_CHANGED, Outcome
from overround.odds.feeds.keys import Answered, Key, KeyPool
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
from overround.odds.feeds.registry import PROVIDERS, payloads, payloads_of, provider_of
from overround.odds.feeds.request import Asks, Received, Request, Subject
from overround.odds.feeds.schedule import (
    IN_PLAY,
    Plan,
    Window,
    after_failure,
    after_success,
    starts_kept,
)
from overround.odds.feeds.wire import Letter, is_letter, letter_of, letters_of

__all__ = [
    "IN_PLAY",
    "NOT_CHANGED",
    "PROVIDERS",
    "Answered",
    "Asks",
    "Coverage",
    "FeedBatch",
    "FeedEvent",
    "FeedMarket",
    "FeedPrice",
    "FeedQuotes",
    "FeedResult",
    "FeedScore",
    "Key",
    "KeyPool",
    "Letter",
    "LiveFeed",
    "Outcome",
    "Parsed",
    "Payload",
    "Plan",
    "Provider",
    "Received",
    "Rejected",
    "Request",
    "Said",
    "SourceKind",
    "Subject",
    "Unmapped",
    "Window",
    "after_failure",
    "after_success",
    "is_letter",
    "letter_of",
    "letters_of",
    "payloads",
    "payloads_of",
    "provider_of",
    "starts_kept",
]
