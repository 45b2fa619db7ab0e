"""tennis-data.co.uk: years of a tour's matches as one CSV, result and several books side by side.

The file names winner and loser, so which of two players is "home" is decided by their names alone:
a price must not tell who won (test: which side a player is on does not tell who won). No time of
day is told; a match counts as starting at noon UTC, and its prices as the last ones before that.
Invariant: no bytes make `parse` raise anything but ProviderDataError.
"""

from overround.odds.feeds.provider import Provider
from overround.odds.feeds.tennis_data.fetch import read, recognises
from overround.odds.feeds.tennis_data.parse import PROVIDER_KEY, parse, source_kind

PROVIDER = Provider(PROVIDER_KEY, recognises, read, parse, source_kind)

__all__ = ["PROVIDER", "PROVIDER_KEY", "parse", "read", "recognises", "source_kind"]
