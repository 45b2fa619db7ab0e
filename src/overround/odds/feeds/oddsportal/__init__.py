"""OddsPortal, as the export of a harvester writes it: one file a match and market, many books.

A link is that of two teams and not of a match, so the day belongs to the id. What was collected
after the match is what the page kept: the last prices before its start.
Invariant: no bytes make `parse` raise anything but ProviderDataError.
"""

from overround.odds.feeds.oddsportal.fetch import read, recognises
from overround.odds.feeds.oddsportal.parse import PROVIDER_KEY, parse, source_kind
from overround.odds.feeds.provider import Provider

PROVIDER = Provider(PROVIDER_KEY, recognises, read, parse, source_kind, repeats=True)

__all__ = ["PROVIDER", "PROVIDER_KEY", "parse", "read", "recognises", "source_kind"]
