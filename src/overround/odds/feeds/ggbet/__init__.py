"""GG.bet, as its football page was collected: a list of matches with their prices.

A handicap is written once for each side, and both times it is the home side's line
(test: both sides of a handicap have the home line). A collection does not say when it was made.
Invariant: no bytes make `parse` raise anything but ProviderDataError.
"""

from overround.odds.feeds.ggbet.fetch import read, recognises
from overround.odds.feeds.ggbet.parse import PROVIDER_KEY, parse, source_kind
from overround.odds.feeds.provider import Provider

PROVIDER = Provider(PROVIDER_KEY, recognises, read, parse, source_kind, repeats=False)

__all__ = ["PROVIDER", "PROVIDER_KEY", "parse", "read", "recognises", "source_kind"]
