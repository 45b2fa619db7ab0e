"""One collection -> games, the totals of each book, and what was refused."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from typing import Final

from overround.odds.feeds import body as bodies
from overround.odds.feeds import reading
from overround.odds.feeds.body import Asked, Body
from overround.odds.feeds.model import FeedBatch, FeedEvent
from overround.odds.feeds.provider import Parsed, SourceKind
from overround.odds.feeds.reading import EventRefused, Node, Quotes, node_of, text

PROVIDER_KEY: Final = "multi_book"

MAX_BODY_BYTES: Final = 16_000_000
_SPORT: Final = "basketball"
_ZONE: Final = "+08:00"
_DAY: Final = re.compile(r"([0-9]{2})/([0-9]{2})")
_TIME: Final = re.compile(r"[0-9]{2}:[0-9]{2}")
# A book's id of a game ends with the day it was found on, which tells the year.
_YEAR: Final = re.compile(r"-(20[0-9]{2})-[0-9]{2}-[0-9]{2}(?:-|$)")
_LINE: Final = re.compile(r"[ou]?([0-9.]{1,8})")
_NONE: Final = "-1"
_BY_SIDE: Final = {"HA": ("h", "a"), "1X2": ("h", "a")}


def source_kind(source: str) -> SourceKind:
    """All of them are bookmakers, Betfair by its sportsbook."""
    del source
    return "bookmaker"


def parse(name: str, body: bytes) -> Parsed:
    """Everything `body` says; it was seen when its latest game that has a score had begun.

    A bad game or price is a `Rejected` and the rest goes on. Raises ProviderDataError, and nothing
    else: `body_too_large` (16 MB), `not_json`, `too_many_rows`, `too_many_prices`.
    """
    found = node_of(reading.json_of(body, MAX_BODY_BYTES))
    file = bodies.named(name)
    begun: list[datetime] = []
    for game, place in file.each(list(_games(found)), "GameID"):
        try:
            event = _event(game)
            file.name(event)
        except EventRefused as refused:
            file.refuse(refused, place)
            continue
        is_on = text(game, "ScoreH") not in ("", _NONE)
        begun += [event.starts_at] if is_on else []
        _say(event, node_of(game.get("Site")), file, is_on=is_on)
    if begun:
        file.batches = [replace(batch, observed_at=max(begun)) for batch in file.batches]
    else:
        file.seen_before_the_first()
    return file.parsed()


def _games(found: Node) -> Iterator[Node]:
    for league in found.values():
        for game in node_of(league).values():
            yield node_of(game)


def _event(game: Node) -> FeedEvent:
    home, away = reading.sides_of(text(game, "TeamH"), text(game, "TeamA"))
    league = reading.name_of(text(game, "League"), "competition")
    event_id = reading.id_of(text(game, "GameID"))
    key = reading.id_of(text(game, "LeagueID"))
    return FeedEvent(PROVIDER_KEY, event_id, _SPORT, key, league, "", home, away, _starts_at(game))


def _starts_at(game: Node) -> datetime:
    sites = node_of(game.get("Site")).values()
    year = next((y for site in sites if (y := _YEAR.search(text(node_of(site), "ID")))), None)
    day, time = _DAY.fullmatch(text(game, "GameDate")), _TIME.fullmatch(text(game, "GameTime"))
    if year is None or day is None or time is None:
        raise EventRefused("start_invalid", text(game, "GameDate"))
    return reading.start_of(f"{year[1]}-{day[1]}-{day[2]}T{time[0]}:00{_ZONE}")


def _say(event: FeedEvent, sites: Node, file: Body, *, is_on: bool) -> None:
    quotes = file.collect(_SPORT, _SPORT, event.provider_event_id)
    for called, found in sites.items():
        source = reading.source_of(called.removesuffix(".com"))
        if source is None:
            file.refusals.add("bookmaker_invalid", event.provider_event_id, called)
            continue
        _book(source, node_of(found), quotes)
    phase = "live" if is_on else ""
    file.say(FeedBatch(event, event.starts_at, quotes.all(), phase=phase))


def _book(source: str, site: Node, quotes: Quotes) -> None:
    for market, answers in _BY_SIDE.items():
        sided = node_of(site.get(market))
        count = sum(text(sided, answer) not in ("", _NONE) for answer in answers)
        bodies.leave_out(quotes, market, "sides in an order of the book's own", count)
    total = node_of(site.get("OU"))
    line = _LINE.fullmatch(text(total, "spread"))
    for answer, side in (("o", "over"), ("u", "under")):
        price = text(total, answer)
        if price not in ("", _NONE):
            asked = Asked("total", "final", line[1] if line else "none")
            bodies.offer(quotes, source, asked, side, price, written="hongkong")
