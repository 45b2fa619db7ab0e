"""From a snapshot to an answer: the tag, the age, and a warning where it is old.

What is public may be kept by anybody for five minutes and shown for one more while it is asked for
again; `Age` counts from when the snapshot was last known to be true, so a cache in front of us adds
no time of its own to ours.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Final, Literal

from overround.kit import etags
from overround.storefront.snapshots import Snapshot

if TYPE_CHECKING:
    from overround.storefront.shelf import Shelf

Headers = list[tuple[bytes, bytes]]

MAX_AGE_S: Final = 300
STALE_S: Final = 60
PUBLIC: Final = f"public, max-age={MAX_AGE_S}, stale-while-revalidate={STALE_S}".encode()
# Snapshots are confirmed every few seconds; one that was not for so long is said to be stale.
FRESH_S: Final = 30
_STALE: Final = b'110 overround "Response is Stale"'
_DEFAULTS: Final = b'199 overround "Defaults: no copy is known"'

# What the storefront answers by itself: on a tenant's host, or on any host below the tenant's name.
ShownName = Literal["theme", "board", "fixtures", "lobby"]
_WORDS: Final[Mapping[str, ShownName]] = {
    "load-theme": "theme",
    "board": "board",
    "fixtures": "fixtures",
    "lobby": "lobby",
}
_PUBLIC: Final = re.compile(
    r"(?:/([a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?))?/api/public/(load-theme|board|fixtures|lobby)"
)
# The board and the fixtures are the first pages of the API, as the application answered them last.
BOARD_VIEW: Final = "view:/api/v1/board"
FIXTURES_VIEW: Final = "view:/api/v1/events"
_NAMES: Final[Mapping[ShownName, str]] = {
    "theme": "theme",
    "board": BOARD_VIEW,
    "fixtures": FIXTURES_VIEW,
    "lobby": "lobby",
}


@dataclass(frozen=True, slots=True)
class Answer:
    """What is sent: `headers` in lower case, as ASGI wants them."""

    status: int
    headers: Headers
    body: bytes


def shown_at(path: str) -> ShownName | None:
    """What a path asks the storefront for, if it does."""
    found = _PUBLIC.fullmatch(path)
    return None if found is None else _WORDS[found[2]]


def label_at(path: str, host_label: str | None) -> str | None:
    """Whose storefront `path` asks for; None where it names somebody else than the host, or nobody.

    `host_label` is None for a host that names no tenant, where the path alone decides
    (test: the path and the host name one tenant).
    """
    found = _PUBLIC.fullmatch(path)
    if found is None or (found[1] and host_label and found[1] != host_label):
        return None
    return found[1] or host_label


def answer(
    snapshot: Snapshot,
    at: datetime,
    if_none_match: str | None = None,
    *,
    cache_control: bytes = PUBLIC,
    stale: bool = False,
) -> Answer:
    """The snapshot, or 304 to who has it; one that is `stale`, or that nobody has confirmed for
    long, says so."""
    age_s = snapshot.age_s(at)
    headers: Headers = [
        (b"etag", snapshot.etag.encode()),
        (b"cache-control", cache_control),
        (b"age", b"%d" % age_s),
    ]
    if stale or age_s > FRESH_S:
        headers.append((b"warning", _STALE))
    return _sent(snapshot, headers, if_none_match)


def default(
    snapshot: Snapshot, if_none_match: str | None = None, *, cache_control: bytes = PUBLIC
) -> Answer:
    """What stands in where no copy is known. It is born stale, so that whoever keeps it asks again
    at once."""
    headers: Headers = [
        (b"etag", snapshot.etag.encode()),
        (b"cache-control", cache_control),
        (b"age", b"%d" % MAX_AGE_S),
        (b"warning", _DEFAULTS),
    ]
    return _sent(snapshot, headers, if_none_match)


def at_hand(
    shelf: Shelf, shown: ShownName, label: str, at: datetime, if_none_match: str | None = None
) -> Answer | None:
    """What the tenant of that label shows, if this process has a copy: for hot paths."""
    found = shelf.at_hand(label, _NAMES[shown])
    return None if found is None else answer(found, at, if_none_match)


async def load(
    shelf: Shelf, shown: ShownName, label: str, at: datetime, if_none_match: str | None = None
) -> Answer:
    """What the tenant of that label shows: always 200 or 304, with its copy or with defaults.

    A tenant that never was looks like one that nothing is known of. Asks no database, and waits a
    moment for the cache where this process has no copy yet.
    """
    found = await shelf.take(label, _NAMES[shown])
    if found is None:
        return default(_default(shown, label), if_none_match)
    return answer(found, at, if_none_match)


def default_theme(label: str) -> Snapshot:
    """The looks of who has chosen none, and of who is no more."""
    return _default("theme", label)


@lru_cache(maxsize=1_000)
def _default(shown: ShownName, label: str) -> Snapshot:
    """An empty list; looks that nobody chose (test: the defaults are the looks of no choice)."""
    if shown != "theme":
        return Snapshot(b'{"items":[],"next_cursor":null}', 0)
    document = {
        "tenant": label,
        "name": label,
        "logo": None,
        "colours": {
            "brand": "#14532d",
            "on_brand": "#ffffff",
            "accent_light": "#14532d",
            "accent_dark": "#89a996",
        },
        "fonts": {"body": "system", "heading": "system"},
        "layout": "comfortable",
        "contact": {},
        "features": {},
        "stylesheet": None,
    }
    return Snapshot(json.dumps(document, ensure_ascii=True).encode(), 0)


def _sent(snapshot: Snapshot, headers: Headers, if_none_match: str | None) -> Answer:
    if if_none_match is not None and etags.matches(snapshot.etag, if_none_match):
        return Answer(304, headers, b"")
    media = snapshot.media_type.encode("ascii")
    length = b"%d" % len(snapshot.body)
    headers += [(b"content-type", media), (b"content-length", length)]
    return Answer(200, headers, snapshot.body)
