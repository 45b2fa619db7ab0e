"""How the site is asked about a competition: all offers of its event group."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from overround.odds.feeds.draftkings import fetch
from overround.odds.feeds.draftkings.parse import MAX_BODY_BYTES, parse
from overround.odds.feeds.provider import Parsed
from overround.odds.feeds.request import Asks, Received, Request, Subject

# The names that people say; every other one is the number of an event group.
_GROUPS: Final[Mapping[str, str]] = {
    "nfl": "88808",
    "ncaaf": "87637",
    "nba": "42648",
    "ncaab": "92483",
    "mlb": "84240",
    "nhl": "42133",
}


def requests(subject: Subject) -> tuple[Request, ...]:
    """The one question about a competition. Raises Invalid `invalid_key`."""
    url = fetch.event_group(_GROUPS.get(subject.sport, subject.sport))
    path, _, _ = url.removeprefix(fetch.HOST).partition("?")
    return (Request("offers", path, (("format", "json"),)),)


def _parse(name: str, body: bytes, received: Received) -> Parsed:
    return parse(name, body, received.at)


ASKS: Final = Asks(fetch.HOST, requests, _parse, body_bytes_max=MAX_BODY_BYTES)
