"""How the site is asked: the page of a competition, or of one event by its number."""

from __future__ import annotations

import re
from typing import Final

from overround.core.errors import Invalid
from overround.odds.feeds.fanduel.parse import MAX_BODY_BYTES, parse
from overround.odds.feeds.provider import Parsed
from overround.odds.feeds.request import Asks, Received, Request, Subject

HOST: Final = "https://sbapi.nj.sportsbook.fanduel.com"
_PAGE: Final = re.compile(r"[a-z0-9-]{1,40}")
_EVENT: Final = re.compile(r"[0-9]{1,12}")


def requests(subject: Subject) -> tuple[Request, ...]:
    """The page of a competition ("nfl") or of an event (its number). Raises Invalid `invalid_key`.

    The site's state is part of its address: another one is another `base_url`.
    """
    if _EVENT.fullmatch(subject.sport):
        return (Request("event", "/api/event-page", (("eventId", subject.sport),)),)
    if not _PAGE.fullmatch(subject.sport):
        raise Invalid("a page is lower case letters, digits and dashes", code="invalid_key")
    query = (("page", "CUSTOM"), ("customPageId", subject.sport))
    return (Request("page", "/api/content-managed-page", query),)


def _parse(name: str, body: bytes, received: Received) -> Parsed:
    return parse(name, body, received.at)


def _signed(request: Request, key: str) -> Request:
    return request.with_query("_ak", key)


ASKS: Final = Asks(HOST, requests, _parse, body_bytes_max=MAX_BODY_BYTES, signed=_signed)
