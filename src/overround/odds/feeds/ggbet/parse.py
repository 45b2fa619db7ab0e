"""A list of matches -> events, a snapshot of their prices, and what was refused."""

from __future__ import annotations

from typing import Final

from overround.odds.feeds import body as bodies
from overround.odds.feeds import reading
from overround.odds.feeds.body import Asked, Body
from overround.odds.feeds.model import FeedBatch, FeedEvent
from overround.odds.feeds.provider import Parsed, SourceKind
from overround.odds.feeds.reading import EventRefused, Node, Quotes, node_of, nodes_of, text

PROVIDER_KEY: Final = "ggbet"
SOURCE: Final = "ggbet"

MAX_BODY_BYTES: Final = 16_000_000
_SPORT: Final = "football"
_RESULTS: Final = {"win1": "home", "winX": "draw", "win2": "away"}
_TOTALS: Final = {"totals": "total", "totals1": "home_total", "totals2": "away_total"}
_HANDICAPS: Final = {"handicaps1": "home", "handicaps2": "away"}


def source_kind(source: str) -> SourceKind:
    """GG.bet is a bookmaker."""
    del source
    return "bookmaker"


def parse(name: str, body: bytes) -> Parsed:
    """Everything `body` says; its prices count as seen just before its first match.

    A bad match or price is a `Rejected` and the rest goes on. Raises ProviderDataError, and
    nothing else: `body_too_large` (16 MB), `not_json`, `too_many_rows`, `too_many_prices`.
    """
    found = reading.json_of(body, MAX_BODY_BYTES)
    file = bodies.named(name)
    for match, place in file.each(nodes_of(found), "title"):
        try:
            event = _event(match)
            file.name(event)
        except EventRefused as refused:
            file.refuse(refused, place)
        else:
            _say(event, node_of(match.get("markets")), file)
    file.seen_before_the_first()
    return file.parsed()


def _event(match: Node) -> FeedEvent:
    home, away = reading.sides_of(text(match, "team1"), text(match, "team2"))
    starts_at = reading.start_of(text(match, "date_start"))
    # A link ends with the names, the day and the month.
    slug = text(match, "href").rpartition("/")[2]
    event_id = reading.id_of(f"{starts_at.year}:{slug}"[:80] if slug else "")
    tournament = node_of(match.get("tournament"))
    called = text(tournament, "league") or text(match, "league")
    league = reading.name_of(called, "competition")
    key = reading.source_of(league) or "unknown"
    return FeedEvent(PROVIDER_KEY, event_id, _SPORT, key, league, "", home, away, starts_at)


def _say(event: FeedEvent, markets: Node, file: Body) -> None:
    quotes = file.collect(_SPORT, _SPORT, event.provider_event_id)
    for called, side in _RESULTS.items():
        _offer(quotes, Asked("1x2", "ft"), side, markets.get(called))
    both = node_of(markets.get("bothToScore"))
    for side in ("yes", "no"):
        _offer(quotes, Asked("both_teams_to_score", "ft"), side, both.get(side))
    _lines(quotes, markets, "ft")
    _lines(quotes, node_of(node_of(markets.get("half")).get("1")), "ht")
    for called, side in _HANDICAPS.items():
        for handicap in nodes_of(markets.get(called, [])):
            asked = Asked("asian_handicap", "ft", text(handicap, "type"))
            _offer(quotes, asked, side, handicap)
    file.say(FeedBatch(event, event.starts_at, quotes.all()))


def _lines(quotes: Quotes, markets: Node, period: str) -> None:
    for called, market_type in _TOTALS.items():
        for total in nodes_of(markets.get(called, [])):
            for side in ("over", "under"):
                asked = Asked(market_type, period, text(total, "type"))
                _offer(quotes, asked, side, total.get(side))


def _offer(quotes: Quotes, asked: Asked, side: str, found: object) -> None:
    """Take a price, where there is one."""
    price = node_of(found)
    if price:
        bodies.offer(quotes, SOURCE, asked, side, text(price, "v"))
