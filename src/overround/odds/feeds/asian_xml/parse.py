"""One file of one book -> its events, a snapshot of their prices, and what was refused."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from overround.core.errors import ProviderDataError
from overround.odds.feeds import body as bodies
from overround.odds.feeds import markup, reading
from overround.odds.feeds.body import Asked
from overround.odds.feeds.model import FeedBatch, FeedEvent
from overround.odds.feeds.provider import Parsed, SourceKind
from overround.odds.feeds.reading import EventRefused, Node, Quotes, nodes_of, text

PROVIDER_KEY: Final = "asian_xml"

MAX_BODY_BYTES: Final = 32_000_000
_SPORT: Final = "football"
_TIME: Final = re.compile(r"[0-9]{8}T[0-9]{4}")

_PERIODS: Final[Mapping[str, str]] = {"regularTime": "ft", "time1": "ht", "time2": "2h"}
_RESULT: Final = {"win1": "home", "draw": "draw", "win2": "away"}
_OVER_UNDER: Final = {"over": "over", "under": "under"}
# What is counted and how it is asked -> our market type and sides. "Odd or even" is not here: the
# format does not say which answer is which.
_QUESTIONS: Final[Mapping[tuple[str, str], tuple[str, Mapping[str, str]]]] = {
    ("goals", "win_draw_win"): ("1x2", _RESULT),
    ("goals", "asian_handicap"): ("asian_handicap", {"ah1": "home", "ah2": "away"}),
    ("goals", "europien_handicap"): (
        "handicap_1x2",
        {"eh1": "home", "ehx": "draw", "eh2": "away"},
    ),
    ("goals", "totals"): ("total", _OVER_UNDER),
    ("goals", "double_chance"): ("double_chance", {"_1x": "1X", "_x2": "X2", "_12": "12"}),
    ("goals", "halftime_fulltime"): ("half_time_full_time", {"__x__x": "draw/draw"}),
    ("corners", "totals"): ("total", _OVER_UNDER),
    ("both_teams_to_score", "win_win"): (
        "both_teams_to_score",
        {"win_only1": "yes", "win_only2": "no"},
    ),
    ("half_with_most_goals", "win_draw_win"): (
        "highest_scoring_half",
        {"win1": "1h", "draw": "draw", "win2": "2h"},
    ),
}
# The answers whose line is the away side's; a draw's is the home side's.
_AWAY_LINES: Final = frozenset({"ah2", "eh2"})
_OF_ONE_SIDE: Final = frozenset({"home", "away"})


@dataclass(frozen=True, slots=True)
class _Book:
    """Whose file it is, and the zone of its clock."""

    source: str
    zone: str


_188BET: Final = _Book("188bet", "+00:00")
_VIVARO: Final = _Book("vivaro", "-01:00")
# Only Vivaro puts the sport in front of a competition.
_FOOTBALL: Final = "FOOTBALL : "


def source_kind(source: str) -> SourceKind:
    """Both are bookmakers."""
    del source
    return "bookmaker"


def parse(name: str, body: bytes) -> Parsed:
    """Everything `body` says; its prices count as seen just before its first event.

    A bad event or price is a `Rejected` and the rest goes on. Raises ProviderDataError, and
    nothing else, for a body of another kind: `unknown_layout`, `too_many_rows`,
    `too_many_prices`, and as `markup.root_of` does.
    """
    root, tree = markup.root_of(body, MAX_BODY_BYTES)
    if root != "all":
        raise ProviderDataError("the body has no events", code="unknown_layout")
    competitions = [one for s in nodes_of(tree.get("s", [])) for one in nodes_of(s.get("t", []))]
    called = [text(one, "@is") for one in competitions]
    book = _VIVARO if called and called[0].startswith(_FOOTBALL) else _188BET
    file = bodies.named(name)
    for competition, words in zip(competitions, called, strict=True):
        for found, place in file.each(nodes_of(competition.get("e", [])), "@g"):
            quotes = file.collect(_SPORT, _SPORT, place)
            prices = nodes_of(found.get("o", []))
            try:
                event = _event(found, words.removeprefix(_FOOTBALL), book)
                file.name(event)
            except EventRefused as refused:
                file.refuse(refused, place)
                bodies.leave_out(quotes, refused.reason, "of refused events", len(prices))
                continue
            for price in prices:
                _take(price, book.source, quotes)
            file.say(FeedBatch(event, event.starts_at, quotes.all(), snapshot=False))
    file.seen_before_the_first()
    return file.parsed()


def _event(found: Node, competition: str, book: _Book) -> FeedEvent:
    name = reading.name_of(competition, "competition")
    home, away = reading.sides_of(text(found, "@ht"), text(found, "@at"))
    event_id = reading.id_of(text(found, "@g"))
    starts_at = _time(text(found, "@time"), book.zone)
    key = reading.source_of(name) or "unknown"
    return FeedEvent(PROVIDER_KEY, event_id, _SPORT, key, name, "", home, away, starts_at)


def _time(value: str, zone: str) -> datetime:
    """ "20120501T1500" by the clock of the book. Raises EventRefused `start_invalid`."""
    return reading.start_of(f"{value}{zone}" if _TIME.fullmatch(value) else "")


def _take(price: Node, source: str, quotes: Quotes) -> None:
    counted, kind, answer = text(price, "@tv"), text(price, "@bgtype"), text(price, "@type")
    period = _PERIODS.get(text(price, "@p"))
    question = _QUESTIONS.get((counted, kind))
    if question is None or period is None:
        bodies.leave_out(quotes, f"{counted}/{kind}", f"{counted} {kind}")
        return
    market_type, sides = question
    if counted == "corners":
        period = {"ft": "corners", "ht": "corners_ht"}.get(period, "")
    # A total may be of one side alone.
    of = text(price, "@bv")
    if market_type == "total" and of in _OF_ONE_SIDE:
        market_type = f"{of}_total"
    line = text(price, "@odds") or text(price, "@total")
    if answer in _AWAY_LINES and line:
        line = bodies.opposite(line)
    asked = Asked(market_type, period, line)
    bodies.offer(quotes, source, asked, sides.get(answer), text(price, "@v"))
