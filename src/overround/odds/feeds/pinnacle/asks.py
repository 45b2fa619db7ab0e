"""How the partners' API is asked about a sport: everything once, then what changed since."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Final

from overround.core.errors import Invalid
from overround.odds.feeds.pinnacle import fetch
from overround.odds.feeds.pinnacle.parse import MAX_BODY_BYTES, parse_asked
from overround.odds.feeds.pinnacle.words import SPORTS
from overround.odds.feeds.provider import Parsed
from overround.odds.feeds.request import Asks, Received, Request, Subject

HOST: Final = "https://api.ps3838.com"
_NUMBERS: Final[Mapping[str, int]] = {called: int(number) for number, called in SPORTS.items()}


def requests(subject: Subject) -> tuple[Request, ...]:
    """A sport's fixtures and then its odds, which name no events. Raises Invalid `unknown_sport`.

    Each goes on from its own cursor, so a restart asks for what is new and nothing else.
    """
    number = _NUMBERS.get(subject.sport)
    if number is None:
        raise Invalid("sports are " + ", ".join(sorted(_NUMBERS)), code="unknown_sport")
    since = {name: int(cursor) for name, cursor in subject.cursors.items() if cursor.isdecimal()}
    fixtures, odds = fetch.requests(number, since.get("fixtures"), since.get("odds"))
    return (
        Request("fixtures", fixtures.path, fixtures.query, delta=fixtures.delta),
        Request("odds", odds.path, odds.query, delta=odds.delta),
    )


def _parse(name: str, body: bytes, received: Received) -> Parsed:
    return parse_asked(name, body, delta=received.delta)


def _signed(request: Request, key: str) -> Request:
    """The key is "user:password"."""
    word = base64.b64encode(key.encode()).decode()
    return request.with_header("authorization", f"Basic {word}")


def _cursor(request: Request, body: bytes) -> str | None:
    del request
    last = fetch.last_of(body)
    return None if last is None else str(last)


ASKS: Final = Asks(
    HOST,
    requests,
    _parse,
    body_bytes_max=MAX_BODY_BYTES,
    signed=_signed,
    cursor=_cursor,
    needs_key=True,
)
