"""The XML in which 188bet and Vivaro were collected: two books, one event id, two clocks.

188bet's times are UTC and Vivaro's an hour behind it, which matches of known kick-off show. Both
name an event by the same id, so that a second file adds prices to it. Invariant: no bytes make
`parse` raise anything but ProviderDataError.
"""

from overround.odds.feeds.asian_xml.fetch import read, recognises
from overround.odds.feeds.asian_xml.parse import PROVIDER_KEY, parse, source_kind
from overround.odds.feeds.provider import Provider

PROVIDER = Provider(PROVIDER_KEY, recognises, read, parse, source_kind, repeats=True)

__all__ = ["PROVIDER", "PROVIDER_KEY", "parse", "read", "recognises", "source_kind"]
