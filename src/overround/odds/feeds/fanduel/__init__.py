"""FanDuel: the site's event pages, one event or a competition in a body with all its markets.

"A @ B" is played at B's, "A v B" at A's; a runner says itself whether it is home, away, over or
under, and each team writes its own handicap. Invariants: no bytes make `parse` raise anything but
ProviderDataError (the shared suite, tests/feeds/test_conformance.py); a runner or market that is
not open is suspended.
"""

from overround.odds.feeds.fanduel.asks import ASKS
from overround.odds.feeds.fanduel.fetch import event_page, read, recognises
from overround.odds.feeds.fanduel.parse import PROVIDER_KEY, parse
from overround.odds.feeds.provider import Provider, SourceKind


def source_kind(_source: str) -> SourceKind:
    """The provider is a bookmaker and quotes nobody else."""
    return "bookmaker"


PROVIDER = Provider(PROVIDER_KEY, recognises, read, parse, source_kind, repeats=True, asks=ASKS)

__all__ = ["PROVIDER", "event_page", "parse", "read", "recognises", "source_kind"]
