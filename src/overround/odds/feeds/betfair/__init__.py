"""Betfair's exchange: the market stream, live or as historic files, and the API's catalogues.

What the board takes is the best price that can be backed. Prices to lay belong to who lays, and the
last price traded is nobody's offer: both are counted and left out. The exchange takes its
commission from winnings (`Market.commission_bps`), so its price is not what is paid; the source is
of kind `exchange` for those who must know. A stream goes on where it was cut with the clocks of
its last message (test: a stream that was cut goes on where it stopped).
Invariant: no bytes make `parse` raise anything but ProviderDataError.
"""

from overround.odds.feeds.betfair.fetch import read, recognises, subscription
from overround.odds.feeds.betfair.parse import PROVIDER_KEY, parse, source_kind
from overround.odds.feeds.betfair.stream import Market, Stream
from overround.odds.feeds.provider import Provider

PROVIDER = Provider(PROVIDER_KEY, recognises, read, parse, source_kind, repeats=True)

__all__ = [
    "PROVIDER",
    "PROVIDER_KEY",
    "Market",
    "Stream",
    "parse",
    "read",
    "recognises",
    "source_kind",
    "subscription",
]
