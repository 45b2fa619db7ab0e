"""Bodies on disk, and what to ask the partners' API for: everything once, then changes `since`."""

from __future__ import annotations

import re
from codecs import BOM_UTF8
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from overround.odds.feeds import files
from overround.odds.feeds.model import Rejected
from overround.odds.feeds.pinnacle.parse import MAX_BODY_BYTES, PROVIDER_KEY
from overround.odds.feeds.provider import Payload

_PARTNERS: Final = re.compile(rb'\s*\{\s*"sportId"\s*:\s*[0-9]{1,4}\s*,\s*"last"\s*:')
_LIST: Final = re.compile(rb"\s*\[\s*\{")
# Words that stand together in a guest body of each kind and in nobody else's.
_GUEST: Final = (
    (b'"alignment"', b'"parlayRestriction"'),
    (b'"matchupId"', b'"prices"'),
    (b'"matchupCount"', b'"group"'),
)
_LAST: Final = re.compile(rb'"last"\s*:\s*([0-9]{1,20})')


@dataclass(frozen=True, slots=True)
class Request:
    """One request to the partners' API; a `delta` holds what changed and is no snapshot."""

    path: str
    query: tuple[tuple[str, str], ...]
    delta: bool


def recognises(head: bytes) -> bool:
    """Whether `head` begins as a body of either API does."""
    begin = head.removeprefix(BOM_UTF8)
    if _PARTNERS.match(begin):
        return True
    is_list = _LIST.match(begin) is not None
    return is_list and any(all(word in begin for word in words) for words in _GUEST)


def read(path: Path) -> Iterator[Payload | Rejected]:
    """The bodies at `path` (see `files.read`); others are refused as `not_pinnacle`."""
    return files.read(path, files.Wanted(recognises, f"not_{PROVIDER_KEY}", MAX_BODY_BYTES))


def requests(
    sport_id: int, since_fixtures: int | None = None, since_odds: int | None = None
) -> tuple[Request, Request]:
    """What to ask for a sport: its fixtures first, for odds name no events.

    `since_…` is the `last` of the answer before; without it everything is asked for.
    """
    sport = ("sportId", str(sport_id))
    return (
        _request("/v3/fixtures", (sport,), since_fixtures),
        _request("/v4/odds", (sport, ("oddsFormat", "Decimal")), since_odds),
    )


def _request(path: str, query: tuple[tuple[str, str], ...], since: int | None) -> Request:
    if since is None:
        return Request(path, query, delta=False)
    return Request(path, (*query, ("since", str(since))), delta=True)


def last_of(body: bytes) -> int | None:
    """The cursor of an answer of the partners' API, to ask `since` with; None where it has none."""
    found = _LAST.search(body[: files.HEAD_BYTES])
    return None if found is None else int(found[1])
