"""Betsson: the body of a table (events, markets, selections) and that of one page of markets.

A page names no event, so its prices are `FeedQuotes`. Of its markets those are taken whose template
is known; props of players are counted.
Invariant: no bytes make `parse` raise anything but ProviderDataError.
"""

from overround.odds.feeds.betsson.fetch import read, recognises
from overround.odds.feeds.betsson.parse import PROVIDER_KEY, parse, source_kind
from overround.odds.feeds.provider import Provider

PROVIDER = Provider(PROVIDER_KEY, recognises, read, parse, source_kind, repeats=True)

__all__ = ["PROVIDER", "PROVIDER_KEY", "parse", "read", "recognises", "source_kind"]
