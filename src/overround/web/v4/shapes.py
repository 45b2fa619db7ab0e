"""The bodies of `/v4`: bookmakers with markets with outcomes, prices and points as numbers."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from itertools import groupby
from typing import Final, cast
from uuid import UUID

from overround.core import line, odds_format, price
from overround.odds.catalogue import LiveScore, Result
from overround.odds.feeds import the_odds_api
from overround.trading.screen import Competition, Listed, Quote
from overround.web.v4 import words
from overround.web.v4.asked import Wanted
from overround.web.v4.words import Question

Json = dict[str, object]

# The order in which the original writes answers: teams first, a draw after them.
_ORDER: Final = {"home": 0, "away": 1, "draw": 2, "over": 0, "under": 1, "yes": 0, "no": 1}

# A number is kept as its digits until the body is written: no price passes through a float.
_NUMBER: Final = re.compile(r'"\\u0000(-?[0-9]+(?:\.[0-9]+)?)"')


def body(value: object) -> bytes:
    """The value as JSON."""
    return _NUMBER.sub(r"\1", json.dumps(value, separators=(",", ":"))).encode()


def number(text: str) -> str:
    """Digits that are written as a number, without superfluous ones: "2.50" is 2.5."""
    return "\0" + (text.rstrip("0").rstrip(".") if "." in text else text)


def time(at: datetime, unix: bool) -> str | int:
    """A time to the second, in the format asked for."""
    if unix:
        return int(at.timestamp())
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def sports(by_key: Mapping[str, Sequence[Competition]], everything: bool) -> list[Json]:
    """The sports with something ahead or on, or all of them."""
    return [
        {
            "key": key,
            "group": words.group(found[0].sport),
            "title": found[0].name,
            "description": " ".join(filter(None, (found[0].country, found[0].name))),
            "active": any(one.is_active for one in found),
            "has_outrights": any(one.has_outrights for one in found),
        }
        for key, found in sorted(by_key.items())
        if everything or any(one.is_active for one in found)
    ]


def event(one: Listed, key: str, unix: bool) -> Json:
    """An event without prices."""
    return {
        "id": one.id.hex,
        "sport_key": key,
        "sport_title": one.competition,
        "commence_time": time(one.starts_at, unix),
        **_teams(one),
    }


def _teams(one: Listed) -> Json:
    """Both teams; a contest has none, and null for each as in the original."""
    return {
        "home_team": one.home if one.away else None,
        "away_team": one.away or None,
    }


def scored(one: Listed, key: str, unix: bool, live: LiveScore | None, over: Result | None) -> Json:
    """An event with its score, which is null before the start."""
    points = None if over is None else over.scores.get("final") or over.scores.get("ft")
    told = None if over is None else over.observed_at
    if points is None and live is not None:
        points = live.scores.get("final") or live.scores.get("ft")
        told = live.observed_at
    names = (one.home, one.away)
    return {
        "id": one.id.hex,
        "sport_key": key,
        "sport_title": one.competition,
        "commence_time": time(one.starts_at, unix),
        "completed": over is not None,
        **_teams(one),
        "scores": None
        if points is None
        else [
            {"name": name, "score": str(point)} for name, point in zip(names, points, strict=False)
        ],
        "last_update": None if told is None else time(told, unix),
    }


def odds(one: Listed, key: str, quotes: Iterable[Quote], wanted: Wanted) -> Json:
    """An event with the prices of the bookmakers that are asked for."""
    asked = [q for m in wanted.markets if (q := words.question(one.sport, m)) is not None]
    shown = [q for q in once(quotes) if q.state == "open" and _wants(q, wanted)]
    shown.sort(key=lambda quote: the_odds_api.key_of(quote.source))
    bookmakers: list[Json] = []
    for bookmaker, group in groupby(shown, key=lambda quote: the_odds_api.key_of(quote.source)):
        quoted = list(group)
        markets = [m for q in asked if (m := _market(one, q, quoted, wanted)) is not None]
        if markets:
            newest = max(quote.observed_at for quote in quoted)
            bookmakers.append(
                {
                    "key": bookmaker,
                    "title": words.title(bookmaker),
                    "last_update": time(newest, wanted.unix),
                    **_extras(wanted),
                    "markets": markets,
                }
            )
    return event(one, key, wanted.unix) | {"bookmakers": bookmakers}


def markets(one: Listed, key: str, quotes: Iterable[Quote], wanted: Wanted) -> Json:
    """An event with the keys of the markets that each bookmaker quotes."""
    asked = [q for m in sorted(words.MARKET_KEYS) if (q := words.question(one.sport, m))]
    whole = odds(one, key, quotes, Wanted(wanted.regions, wanted.bookmakers, ()))
    shown = sorted(
        (q for q in once(quotes) if q.state == "open" and _wants(q, wanted)),
        key=lambda quote: the_odds_api.key_of(quote.source),
    )
    listed: list[Json] = []
    for bookmaker, group in groupby(shown, key=lambda quote: the_odds_api.key_of(quote.source)):
        quoted = list(group)
        keys = [
            {"key": q.key, "last_update": time(max(s.observed_at for s in said), wanted.unix)}
            for q in asked
            if (said := _answers(q, quoted))
        ]
        if keys:
            title = words.title(bookmaker)
            listed.append({"key": bookmaker, "title": title, "markets": keys})
    return whole | {"bookmakers": listed}


def market_keys(answer: Json) -> set[str]:
    """The keys of the markets that an event's answer holds: what is paid for."""
    bookmakers = cast("list[dict[str, list[dict[str, str]]]]", answer["bookmakers"])
    return {market["key"] for bookmaker in bookmakers for market in bookmaker["markets"]}


def once(quotes: Iterable[Quote]) -> list[Quote]:
    """The newest of each source and selection: a book may come through two providers."""
    newest: dict[tuple[str, UUID], Quote] = {}
    for quote in quotes:
        held = newest.get((quote.source, quote.selection_id))
        if held is None or quote.observed_at > held.observed_at:
            newest[quote.source, quote.selection_id] = quote
    return list(newest.values())


def _wants(quote: Quote, wanted: Wanted) -> bool:
    bookmaker = the_odds_api.key_of(quote.source)
    if wanted.bookmakers:
        return bookmaker in wanted.bookmakers
    return words.is_listed(bookmaker, wanted.regions)


def _answers(question: Question, quotes: Sequence[Quote]) -> list[Quote]:
    types = {name for name, _ in question.types}
    return [q for q in quotes if q.market_type in types and q.period == question.period]


def _market(
    one: Listed, question: Question, quotes: Sequence[Quote], wanted: Wanted
) -> Json | None:
    found = _answers(question, quotes)
    if question.one_line:
        found = [
            quote
            for name, _ in question.types
            for quote in _main_line([q for q in found if q.market_type == name])
        ]
    if not found:
        return None
    teams = dict(question.types)
    found = sorted(found, key=lambda q: (q.market_type, q.line_q4 or 0, _ORDER.get(q.side, 9)))
    return {
        "key": question.key,
        "last_update": time(max(quote.observed_at for quote in found), wanted.unix),
        **_extras(wanted),
        "outcomes": [_outcome(one, quote, teams[quote.market_type], wanted) for quote in found],
    }


def _main_line(quotes: Sequence[Quote]) -> list[Quote]:
    """The line whose two prices are nearest to each other; of two such, the lower."""
    by_line: dict[int, list[Quote]] = {}
    for quote in quotes:
        by_line.setdefault(quote.line_q4 or 0, []).append(quote)
    whole = {q4: found for q4, found in by_line.items() if len(found) == 2}
    if not whole:
        return []
    apart = {q4: abs(a.price_e4 - b.price_e4) for q4, (a, b) in whole.items()}
    return whole[min(sorted(whole), key=lambda q4: apart[q4])]


def _outcome(one: Listed, quote: Quote, team: str, wanted: Wanted) -> Json:
    found: Json = {
        "name": words.answer(quote.side, one.home, one.away) if one.away else quote.side,
        "price": _price(quote.price_e4, wanted.american),
    }
    if team:
        found["description"] = one.home if team == "home" else one.away
    if quote.line_q4 is not None:
        # Every team writes its own handicap: the away side's is the home side's turned round.
        turned = quote.market_type == "asian_handicap" and quote.side == "away"
        found["point"] = number(line.to_text(-quote.line_q4 if turned else quote.line_q4))
    return found | _extras(wanted)


def _price(price_e4: int, american: bool) -> str:
    if american:
        return number(str(round(odds_format.to_value(price.to_fraction(price_e4), "american"))))
    return number(price.to_text(price_e4))


def _extras(wanted: Wanted) -> Json:
    found: Json = {}
    found.update(dict.fromkeys(sorted(wanted.extras)))
    return found
