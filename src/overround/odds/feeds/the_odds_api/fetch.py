"""Files of the feed on disk, and what to ask the provider for: requests as values, not sent here.

A request names everything but the key, so that it can be logged and its answer cached; `url` adds
the key last.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlencode

from overround.core.errors import Invalid
from overround.odds.feeds import files
from overround.odds.feeds.model import Rejected
from overround.odds.feeds.provider import Payload
from overround.odds.feeds.the_odds_api import tables
from overround.odds.feeds.the_odds_api.bodies import MAX_BODY_BYTES
from overround.odds.feeds.the_odds_api.parse import PROVIDER_KEY
from overround.odds.feeds.the_odds_api.questions import FEATURED

HOST: Final = "https://api.the-odds-api.com"
REGIONS: Final = ("us", "us2", "uk", "au", "eu")
MAX_BOOKMAKERS: Final = 100
# As many bookmakers by name cost what one region costs.
_BOOKMAKERS_PER_REGION: Final = 10
_WORD: Final = re.compile(r"[a-z0-9_]{1,80}")
_ID: Final = re.compile(r"[0-9a-f]{32}")
_DAYS: Final = range(1, 4)

_BEGINS: Final = re.compile(
    rb'\s*(?:\{\s*"(?:success|timestamp)".{0,300}?"data"\s*:\s*)?\[?\s*\{(?:(?!\{).){0,300}?"sport_key"',
    re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Request:
    """A question to the provider, and what it costs at most in credits."""

    path: str
    parameters: tuple[tuple[str, str], ...]
    cost: int

    def url(self, key: str) -> str:
        """The whole address, with the key: not to be logged."""
        return f"{HOST}{self.path}?{urlencode([('apiKey', key), *self.parameters])}"


def recognises(head: bytes) -> bool:
    """Whether `head` begins as one of the feed's bodies or tables does."""
    head = head.removeprefix(b"\xef\xbb\xbf")
    return _BEGINS.match(head[:2_000]) is not None or tables.recognises(head)


def read(path: Path) -> Iterator[Payload | Rejected]:
    """The feed's files at `path` (see `files.read`); others are refused as `not_the_odds_api`."""
    return files.read(path, files.Wanted(recognises, f"not_{PROVIDER_KEY}", MAX_BODY_BYTES))


def odds(
    sport_key: str,
    regions: Sequence[str] = ("eu",),
    markets: Sequence[str] = FEATURED,
    bookmakers: Sequence[str] = (),
) -> Request:
    """All that is quoted on a sport's events; bookmakers by name stand in for regions.

    Raises Invalid `unknown_region`, `unknown_market` (the provider answers an unknown one with
    something else, silently), `invalid_key` for what is no key of a sport or bookmaker,
    `too_many_bookmakers` (100).
    """
    if not markets or not set(markets) <= set(FEATURED):
        raise Invalid("featured markets are " + ", ".join(FEATURED), code="unknown_market")
    where, factor = _where(regions, bookmakers)
    path = f"/v4/sports/{_word(sport_key)}/odds"
    return Request(path, (*where, *_shape(markets)), len(set(markets)) * factor)


def event_odds(
    sport_key: str, event_id: str, markets: Sequence[str], regions: Sequence[str] = ("eu",)
) -> Request:
    """Further markets of one event. Raises Invalid as `odds` does, and `invalid_key` of its id."""
    if not _ID.fullmatch(event_id):
        raise Invalid("an event id is 32 hexadecimal digits", code="invalid_key")
    if not markets or not all(_WORD.fullmatch(market) for market in markets):
        raise Invalid("a market key is a word", code="unknown_market")
    where, factor = _where(regions, ())
    path = f"/v4/sports/{_word(sport_key)}/events/{event_id}/odds"
    return Request(path, (*where, *_shape(markets)), len(set(markets)) * factor)


def scores(sport_key: str, days_from: int | None = None) -> Request:
    """Scores of a sport: what is on, and what ended in the last 1 to 3 days.

    Raises Invalid `invalid_key`, `days_out_of_range`.
    """
    path = f"/v4/sports/{_word(sport_key)}/scores"
    if days_from is None:
        return Request(path, (("dateFormat", "iso"),), 1)
    if days_from not in _DAYS:
        raise Invalid("scores go back 1 to 3 days", code="days_out_of_range")
    return Request(path, (("daysFrom", str(days_from)), ("dateFormat", "iso")), 2)


def _shape(markets: Sequence[str]) -> tuple[tuple[str, str], ...]:
    return (
        ("markets", ",".join(dict.fromkeys(markets))),
        ("oddsFormat", "decimal"),
        ("dateFormat", "iso"),
    )


def _where(
    regions: Sequence[str], bookmakers: Sequence[str]
) -> tuple[tuple[tuple[str, str], ...], int]:
    if len(bookmakers) > MAX_BOOKMAKERS:
        raise Invalid("at most 100 bookmakers at once", code="too_many_bookmakers")
    if bookmakers:
        names = ",".join(dict.fromkeys(_word(name) for name in bookmakers))
        return (("bookmakers", names),), -(-len(set(bookmakers)) // _BOOKMAKERS_PER_REGION)
    if not regions or not set(regions) <= set(REGIONS):
        raise Invalid("regions are " + ", ".join(REGIONS), code="unknown_region")
    return (("regions", ",".join(dict.fromkeys(regions))),), len(set(regions))


def _word(text: str) -> str:
    if not _WORD.fullmatch(text):
        raise Invalid("a key is lower case letters, digits and underscores", code="invalid_key")
    return text
