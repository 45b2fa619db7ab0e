"""football-data.co.uk: a season of one division as a CSV file, results and prices side by side.

A row is one match; its columns hold the prices of several named books, collected once before the
match and once at its start. Books are read from the header, so a season that brings new ones needs
no change here. Three layouts: a division's season, all seasons of an "extra" league, and the
upcoming fixtures. Invariants: no bytes make `parse` raise anything but ProviderDataError
(tests/feeds/test_football_data_hostile.py); a book gives all the outcomes of a market or none.
"""

from overround.odds.feeds.football_data.asks import ASKS
from overround.odds.feeds.football_data.fetch import read
from overround.odds.feeds.football_data.header import recognises
from overround.odds.feeds.football_data.parse import PROVIDER_KEY, parse
from overround.odds.feeds.football_data.words import EXCHANGES, source_kind
from overround.odds.feeds.provider import Provider

PROVIDER = Provider(PROVIDER_KEY, recognises, read, parse, source_kind, asks=ASKS)

__all__ = ["EXCHANGES", "PROVIDER", "parse", "read", "recognises", "source_kind"]
