"""One file of the export -> matches, the prices of their books, results, and what was refused."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Final

from overround.core.errors import ProviderDataError
from overround.odds.feeds import body as bodies
from overround.odds.feeds import reading
from overround.odds.feeds.body import Body
from overround.odds.feeds.model import FeedBatch, FeedEvent, FeedResult, FeedScore
from overround.odds.feeds.oddsportal.questions import SPORTS, question_of
from overround.odds.feeds.oddsportal.results import scores_of
from overround.odds.feeds.provider import Parsed, SourceKind
from overround.odds.feeds.reading import EventRefused, Node, Quotes, node_of, nodes_of, text

PROVIDER_KEY: Final = "oddsportal"

MAX_BODY_BYTES: Final = 16_000_000
# .../football/england/premier-league/leicester-brentford-xQ77QTN0/ or .../football/h2h/.../#0nx5GXq
_LINK: Final = re.compile(
    r"https://www\.oddsportal\.com/([a-z-]{1,30})/\S{1,300}?[-#]([A-Za-z0-9]{8})/?"
)
_SEASON: Final = re.compile(r"\s+[0-9]{4}(?:/[0-9]{4})?$")
_MARKET: Final = "_market"
_MAX_CLOCK_LENGTH: Final = 30
_BEFORE_THE_START: Final = timedelta(seconds=1)
_RESULT_AFTER: Final = timedelta(hours=4)
_EXCHANGES: Final = frozenset({"betfair_exchange", "matchbook", "smarkets"})


def source_kind(source: str) -> SourceKind:
    """Whether `source` lays its own prices or shows those of its customers."""
    return "exchange" if source in _EXCHANGES else "bookmaker"


def parse(name: str, body: bytes) -> Parsed:
    """Everything `body` says.

    A bad match or price is a `Rejected` and the rest goes on. Raises ProviderDataError, and
    nothing else: `body_too_large` (16 MB), `not_json`, `unknown_layout`, `too_many_rows`,
    `too_many_prices`.
    """
    found = reading.json_of(body, MAX_BODY_BYTES)
    records = nodes_of(found)
    if not any({"match_link", "match_url"} & record.keys() for record in records):
        raise ProviderDataError("the body links to no match", code="unknown_layout")
    file = bodies.named(name)
    for record, place in file.each(records, "match_link"):
        try:
            event = _event(record)
        except EventRefused as refused:
            file.refuse(refused, place)
            continue
        # A page is collected again and again.
        if event.provider_event_id not in file.events:
            file.name(event)
        _say(event, record, file)
        try:
            _happened(event, record, file)
        except EventRefused as refused:
            file.refuse(refused, event.provider_event_id)
    return file.parsed()


def _event(record: Node) -> FeedEvent:
    link = _LINK.fullmatch(text(record, "match_link", "match_url"))
    if link is None:
        raise EventRefused("id_invalid", text(record, "match_link", "match_url"))
    sport = SPORTS.get(link[1])
    if sport is None:
        raise EventRefused("unknown_sport", link[1])
    home, away = reading.sides_of(text(record, "home_team"), text(record, "away_team"))
    starts_at = _time(text(record, "match_date"))
    # What is written about a match has the competition as it stands in the link.
    called = text(record, "league_name") or text(record, "league").replace("-", " ").title()
    league = _SEASON.sub("", called)
    competition = reading.name_of(league, "competition")
    return FeedEvent(
        PROVIDER_KEY,
        f"{link[2]}:{starts_at:%Y%m%d}",
        sport,
        f"{sport}:{reading.source_of(competition)}",
        competition,
        "",
        home,
        away,
        starts_at,
    )


def _time(value: str) -> datetime:
    """ "2025-02-21 20:00:00 UTC". Raises EventRefused `start_invalid`."""
    return reading.start_of(value.replace(" UTC", "+00:00"))


def _say(event: FeedEvent, record: Node, file: Body) -> None:
    """Say the prices: in play as they were seen, else as the last ones before the start."""
    quotes = file.collect(event.sport, event.sport, event.provider_event_id)
    for key, found in record.items():
        if key.endswith(_MARKET):
            for book in nodes_of(found):
                _book(event.sport, key.removesuffix(_MARKET), book, quotes)
    prices = quotes.all()
    if not prices:
        return
    seen_at = _seen_at(record)
    if text(record, "live_period") and seen_at is not None:
        file.say(FeedBatch(event, seen_at, prices, snapshot=False, phase="live"))
        return
    last = event.starts_at - _BEFORE_THE_START
    is_over = seen_at is None or seen_at > last
    file.say(
        FeedBatch(
            event,
            last if seen_at is None or is_over else seen_at,
            prices,
            snapshot=False,
            phase="closing" if is_over else "",
        )
    )


def _seen_at(record: Node) -> datetime | None:
    return reading.moment(text(record, "scraped_at_utc", "scraped_date").replace(" UTC", "+00:00"))


def _book(sport: str, key: str, book: Node, quotes: Quotes) -> None:
    period = text(book, "period")
    question = question_of(sport, key, period)
    source = reading.source_of(text(book, "bookmaker_name"))
    if question is None or source is None:
        prices = sum(reading.price_of(text(book, name)) != "price_invalid" for name in book)
        bodies.leave_out(quotes, f"{key}/{period}", f"{key} {period}", prices)
        return
    asked, sides = question
    for name, side in sides.items():
        if name in book:
            bodies.offer(quotes, source, asked, side, text(book, name))


def _happened(event: FeedEvent, record: Node, file: Body) -> None:
    """Note the score or the result. Raises EventRefused as `scores_of` does."""
    final = node_of(record.get("final_score"))
    home = text(record, "home_score") or text(final, "home")
    away = text(record, "away_score") or text(final, "away")
    period = text(record, "live_period")
    if period:
        goals, seen_at = bodies.points(home, away), _seen_at(record)
        if goals is not None and seen_at is not None and event.sport == "football":
            clock = reading.shown(period)[:_MAX_CLOCK_LENGTH]
            score = FeedScore(PROVIDER_KEY, event.provider_event_id, clock, {"ft": goals}, seen_at)
            file.scores.append(score)
        return
    known = {result.provider_event_id for result in file.results}
    if not (home or away) or event.provider_event_id in known:
        return
    scores = scores_of(event.sport, home, away, text(record, "partial_results", "notes"))
    at = event.starts_at + _RESULT_AFTER
    file.results.append(FeedResult(PROVIDER_KEY, event.provider_event_id, "finished", scores, at))
