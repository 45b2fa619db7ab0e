"""How the feed is asked about a sport: its odds before the start, or its scores and results."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Final

from overround.core.errors import Invalid
from overround.odds.feeds.goalserve.parse import parse
from overround.odds.feeds.goalserve.tree import MAX_BODY_BYTES
from overround.odds.feeds.provider import Parsed
from overround.odds.feeds.request import JSON, XML, Asks, Received, Request, Subject

HOST: Final = "https://www.goalserve.com"
# Our sport -> the provider's category of odds, and its folder of scores.
_CATEGORIES: Final[Mapping[str, tuple[str, str]]] = {
    "football": ("soccer_10", "soccernew"),
    "basketball": ("basket_10", "bsktbl"),
    "tennis": ("tennis_10", "tennis_scores"),
    "ice_hockey": ("hockey_10", "hockey"),
    "handball": ("handball_10", "handball"),
    "volleyball": ("volleyball_10", "volleyball"),
    "american_football": ("football_10", "football"),
    "baseball": ("baseball_10", "baseball"),
    "cricket": ("cricket_10", "cricket"),
    "rugby": ("rugby_10", "rugby"),
    "rugby_league": ("rugbyleague_10", "rugbyleague"),
    "boxing": ("boxing_10", "boxing"),
    "esports": ("esports_10", "esports"),
    "futsal": ("futsal_10", "futsal"),
    "mma": ("mma_10", "mma"),
    "table_tennis": ("table_tennis_10", "table_tennis"),
    "darts": ("darts_10", "darts"),
}
_DAYS: Final = re.compile(r"[1-9]|1[0-4]")
_BOOKMAKERS: Final = re.compile(r"[0-9]{1,6}(?:,[0-9]{1,6}){0,19}")
_OPTIONS: Final = frozenset({"days", "bookmakers", "scores"})
_KEY: Final = re.compile(r"[A-Za-z0-9_-]{8,80}")
_KEY_PLACE: Final = "/getfeed/"


def requests(subject: Subject) -> tuple[Request, ...]:
    """The odds of the next days, and with the option `scores` "yes" today's scores and results.

    Options: `days` 1 to 14 (default 7), `bookmakers` by their numbers with commas, `scores`.
    Raises Invalid `unknown_sport`, `unknown_option`, `option_invalid`.
    """
    options = subject.options
    if subject.sport not in _CATEGORIES:
        raise Invalid("sports are " + ", ".join(sorted(_CATEGORIES)), code="unknown_sport")
    if not options.keys() <= _OPTIONS:
        raise Invalid("options are " + ", ".join(sorted(_OPTIONS)), code="unknown_option")
    days, bookmakers = options.get("days", "7"), options.get("bookmakers", "16")
    if not _DAYS.fullmatch(days) or not _BOOKMAKERS.fullmatch(bookmakers):
        raise Invalid("days are 1 to 14, bookmakers numbers", code="option_invalid")
    category, folder = _CATEGORIES[subject.sport]
    last = subject.at + timedelta(days=int(days))
    query = (
        ("cat", category),
        ("json", "1"),
        ("bm", bookmakers),
        ("date_start", f"{subject.at:%d.%m.%Y}"),
        ("date_end", f"{last:%d.%m.%Y}"),
    )
    odds = Request("odds", f"{_KEY_PLACE}getodds/soccer", query)
    if options.get("scores") != "yes":
        return (odds,)
    return (odds, Request("scores", f"{_KEY_PLACE}{folder}/home", (("json", "1"),)))


def _parse(name: str, body: bytes, received: Received) -> Parsed:
    del received
    return parse(name, body)


def _signed(request: Request, key: str) -> Request:
    """The key is a folder. Raises Invalid `invalid_key` for what would be more than one."""
    if not _KEY.fullmatch(key):
        raise Invalid("a key is letters, digits and dashes", code="invalid_key")
    rest = request.path.removeprefix(_KEY_PLACE)
    return replace(request, path=f"{_KEY_PLACE}{key}/{rest}")


ASKS: Final = Asks(
    HOST, requests, _parse, (*JSON, *XML), MAX_BODY_BYTES, signed=_signed, needs_key=True
)
