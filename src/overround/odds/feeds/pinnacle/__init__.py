"""Pinnacle, through its partners' API (PS3838) and its guest site: fixtures and odds apart.

Fixtures name the events; odds say an event's id only, so their prices are `FeedQuotes` until the
fixtures are known. Corners and bookings are events of their own, under their parent's clubs, and
say so in their names: their totals are not goals. In play a football handicap counts from now on;
it is moved by the score to the line of the whole match (test: a handicap in play is moved by the
score). Invariant: no bytes make `parse` raise anything but ProviderDataError.
"""

from overround.odds.feeds.pinnacle.asks import ASKS
from overround.odds.feeds.pinnacle.fetch import Request, last_of, read, recognises, requests
from overround.odds.feeds.pinnacle.parse import PROVIDER_KEY, parse, source_kind
from overround.odds.feeds.provider import Provider

PROVIDER = Provider(PROVIDER_KEY, recognises, read, parse, source_kind, repeats=True, asks=ASKS)

__all__ = [
    "PROVIDER",
    "PROVIDER_KEY",
    "Request",
    "last_of",
    "parse",
    "read",
    "recognises",
    "requests",
    "source_kind",
]
