"""Files of the site on disk, known by how they begin, and the address of one event's page."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final
from urllib.parse import urlencode

from overround.core.errors import Invalid
from overround.odds.feeds import files
from overround.odds.feeds.fanduel.parse import MAX_BODY_BYTES, PROVIDER_KEY
from overround.odds.feeds.model import Rejected
from overround.odds.feeds.provider import Payload

_ID: Final = re.compile(r"[0-9]{1,12}")
_STATE: Final = re.compile(r"[a-z]{2}")
_BEGINS: Final = re.compile(
    rb'\s*\{\s*(?:"attachments"\s*:\s*\{|"layout"\s*:\s*\{\s*"(?:defaultTab|tabs|cards)")'
)


def recognises(head: bytes) -> bool:
    """Whether `head` begins as one of the site's pages does."""
    return _BEGINS.match(head.removeprefix(b"\xef\xbb\xbf")) is not None


def read(path: Path) -> Iterator[Payload | Rejected]:
    """The site's files at `path` (see `files.read`); others are refused as `not_fanduel`."""
    return files.read(path, files.Wanted(recognises, f"not_{PROVIDER_KEY}", MAX_BODY_BYTES))


def event_page(event_id: str, state: str = "nj") -> str:
    """The address of one event's page. Raises Invalid `invalid_key`."""
    if not _ID.fullmatch(event_id) or not _STATE.fullmatch(state):
        raise Invalid("an event is a number, a state two letters", code="invalid_key")
    return f"https://sbapi.{state}.sportsbook.fanduel.com/api/event-page?" + urlencode(
        [("eventId", event_id)]
    )
