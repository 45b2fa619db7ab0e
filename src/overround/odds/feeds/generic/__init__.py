"""The generic feed: anybody's own prices and results in our words, as JSON or CSV.

Every body says whose feed it is and when it was seen, so that the ids of two feeds never meet and
no price is without its moment. `docs/reference/generic-feed.md` is the format for people.
Invariants: no bytes make `parse` raise anything but ProviderDataError (the shared suite,
tests/feeds/test_conformance.py); what is no market of ours is counted.
"""

from overround.odds.feeds.generic.asks import ASKS
from overround.odds.feeds.generic.fetch import read, recognises
from overround.odds.feeds.generic.parse import PROVIDER_KEY, parse
from overround.odds.feeds.generic.words import source_kind
from overround.odds.feeds.provider import Provider

PROVIDER = Provider(PROVIDER_KEY, recognises, read, parse, source_kind, repeats=True, asks=ASKS)

__all__ = ["PROVIDER", "parse", "read", "recognises", "source_kind"]
