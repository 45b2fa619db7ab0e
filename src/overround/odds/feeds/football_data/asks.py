"""How the site is asked: the fixtures to come with their prices, or a division's season."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Final

from overround.core.errors import Invalid
from overround.odds.feeds.football_data.parse import MAX_BODY_BYTES, parse
from overround.odds.feeds.provider import Parsed
from overround.odds.feeds.request import CSV, Asks, Received, Request, Subject

HOST: Final = "https://www.football-data.co.uk"
_DIVISION: Final = re.compile(r"[A-Z]{1,3}[0-9C]")
_SEASON_BEGINS: Final = 7


def requests(subject: Subject) -> tuple[Request, ...]:
    """The file of "fixtures", or of a division ("E0") in the season that is on.

    Raises Invalid `invalid_key`.
    """
    if subject.sport == "fixtures":
        return (Request("fixtures", "/fixtures.csv"),)
    division = subject.sport.upper()
    if not _DIVISION.fullmatch(division):
        raise Invalid("a division is letters and a digit, as E0", code="invalid_key")
    return (Request("season", f"/mmz4281/{_season(subject.at)}/{division}.csv"),)


def _season(at: datetime) -> str:
    """The two years of a season as the site writes them: 2526."""
    first = at.year if at.month >= _SEASON_BEGINS else at.year - 1
    return f"{first % 100:02}{(first + 1) % 100:02}"


def _parse(name: str, body: bytes, received: Received) -> Parsed:
    del received
    return parse(name, body)


ASKS: Final = Asks(HOST, requests, _parse, (*CSV, "application/vnd.ms-excel"), MAX_BODY_BYTES)
