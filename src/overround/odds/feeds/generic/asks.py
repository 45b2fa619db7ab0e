"""How anybody's own feed is asked: one address, given in the settings, in our words."""

from __future__ import annotations

from typing import Final

from overround.core.errors import Invalid
from overround.odds.feeds.generic.parse import parse
from overround.odds.feeds.provider import Parsed
from overround.odds.feeds.request import CSV, JSON, Asks, Received, Request, Subject


def requests(subject: Subject) -> tuple[Request, ...]:
    """The one question: the option `path`, below the base address of the settings.

    Raises Invalid `path_missing`, `unknown_option`.
    """
    if not subject.options.keys() <= {"path"}:
        raise Invalid("the one option is path", code="unknown_option")
    path = subject.options.get("path", "")
    if not path.startswith("/"):
        raise Invalid("the option path begins with a slash", code="path_missing")
    return (Request("feed", path),)


def _parse(name: str, body: bytes, received: Received) -> Parsed:
    del received
    return parse(name, body)


def _signed(request: Request, key: str) -> Request:
    return request.with_header("authorization", f"Bearer {key}")


ASKS: Final = Asks("", requests, _parse, (*JSON, *CSV), signed=_signed)
