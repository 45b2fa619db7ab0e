"""How the API is asked about a competition: the featured prices, and on request the scores."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from overround.core.errors import Invalid
from overround.odds.feeds.provider import Parsed
from overround.odds.feeds.request import Asks, Received, Request, Subject
from overround.odds.feeds.the_odds_api import fetch
from overround.odds.feeds.the_odds_api.bodies import MAX_BODY_BYTES
from overround.odds.feeds.the_odds_api.parse import parse
from overround.odds.feeds.the_odds_api.questions import FEATURED
from overround.odds.feeds.the_odds_api.quota import answered

# The names that people say; every other one is the provider's own ("soccer_epl").
_CALLED: Final[Mapping[str, str]] = {
    "nfl": "americanfootball_nfl",
    "ncaaf": "americanfootball_ncaaf",
    "nba": "basketball_nba",
    "ncaab": "basketball_ncaab",
    "mlb": "baseball_mlb",
    "nhl": "icehockey_nhl",
    "epl": "soccer_epl",
}
_OPTIONS: Final = frozenset({"regions", "markets", "bookmakers", "scores_days"})


def requests(subject: Subject) -> tuple[Request, ...]:
    """The questions about a competition.

    Options: `regions`, `markets`, `bookmakers` as the API has them, with commas; `scores_days`
    0 to 3 asks for scores too, of so many days back. Raises Invalid as `fetch.odds` does, and
    `unknown_option`.
    """
    if not subject.options.keys() <= _OPTIONS:
        raise Invalid("options are " + ", ".join(sorted(_OPTIONS)), code="unknown_option")
    key = _CALLED.get(subject.sport, subject.sport)
    words = {name: tuple(text.split(",")) for name, text in subject.options.items()}
    odds = fetch.odds(
        key,
        words.get("regions", ("eu",)),
        words.get("markets", FEATURED),
        words.get("bookmakers", ()),
    )
    asked = [Request("odds", odds.path, odds.parameters, odds.cost)]
    if (days := subject.options.get("scores_days")) is not None:
        if not days.isdecimal():
            raise Invalid("scores go back 0 to 3 days", code="days_out_of_range")
        scores = fetch.scores(key, int(days) or None)
        asked.append(Request("scores", scores.path, scores.parameters, scores.cost))
    return tuple(asked)


def _parse(name: str, body: bytes, received: Received) -> Parsed:
    return parse(name, body, received.at)


def _signed(request: Request, key: str) -> Request:
    return request.with_query("apiKey", key)


ASKS: Final = Asks(
    fetch.HOST,
    requests,
    _parse,
    body_bytes_max=MAX_BODY_BYTES,
    signed=_signed,
    heard=answered,
    needs_key=True,
)
