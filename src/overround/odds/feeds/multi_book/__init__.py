"""A collection of basketball prices of several books side by side, made every few seconds.

Each book has its own order of the teams there and the file does not say which, so the same side is
favourite at one and outsider at another: only totals are taken, which have no sides
(test: sides that books order differently are left out). Its clock is eight hours ahead of UTC.
Invariant: no bytes make `parse` raise anything but ProviderDataError.
"""

from overround.odds.feeds.multi_book.fetch import read, recognises
from overround.odds.feeds.multi_book.parse import PROVIDER_KEY, parse, source_kind
from overround.odds.feeds.provider import Provider

PROVIDER = Provider(PROVIDER_KEY, recognises, read, parse, source_kind, repeats=False)

__all__ = ["PROVIDER", "PROVIDER_KEY", "parse", "read", "recognises", "source_kind"]
