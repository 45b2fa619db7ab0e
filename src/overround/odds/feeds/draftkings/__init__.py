"""DraftKings: the site's event groups, a league in a body with its offers by category.

"A @ B" is played at B's, "A vs B" at A's; each team writes its own line; American odds are written
with a minus sign of typography. The list of sports and a table of lines made from the site are read
too. Invariants: no bytes make `parse` raise anything but ProviderDataError (the shared suite,
tests/feeds/test_conformance.py); what is suspended or hidden is never open.
"""

from overround.odds.feeds.draftkings.asks import ASKS
from overround.odds.feeds.draftkings.fetch import event_group, read, recognises
from overround.odds.feeds.draftkings.parse import PROVIDER_KEY, parse
from overround.odds.feeds.provider import Provider, SourceKind


def source_kind(_source: str) -> SourceKind:
    """The provider is a bookmaker and quotes nobody else."""
    return "bookmaker"


PROVIDER = Provider(PROVIDER_KEY, recognises, read, parse, source_kind, repeats=True, asks=ASKS)

__all__ = ["PROVIDER", "event_group", "parse", "read", "recognises", "source_kind"]
