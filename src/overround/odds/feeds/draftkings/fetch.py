"""Files of the site on disk, known by how they begin, and the address of one league's offers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from overround.core.errors import Invalid
from overround.odds.feeds import files
from overround.odds.feeds.draftkings.parse import MAX_BODY_BYTES, PROVIDER_KEY
from overround.odds.feeds.model import Rejected
from overround.odds.feeds.provider import Payload

HOST: Final = "https://sportsbook.draftkings.com"
_ID: Final = re.compile(r"[0-9]{1,9}")
_BEGINS: Final = re.compile(
    rb'\s*(?:\{\s*"eventGroup"\s*:|\{\s*"sports"\s*:\s*\{\s*"data"'
    rb'|\[\s*\{\s*"away_team"[^{}]{0,600}"away_ml"[^{}]{0,300}"run_line_spread")'
)


def recognises(head: bytes) -> bool:
    """Whether `head` begins as one of the site's bodies does."""
    return _BEGINS.match(head.removeprefix(b"\xef\xbb\xbf")) is not None


def read(path: Path) -> Iterator[Payload | Rejected]:
    """The site's files at `path` (see `files.read`); others are refused as `not_draftkings`."""
    return files.read(path, files.Wanted(recognises, f"not_{PROVIDER_KEY}", MAX_BODY_BYTES))


def event_group(group_id: str) -> str:
    """The address of one league's offers. Raises Invalid `invalid_key`."""
    if not _ID.fullmatch(group_id):
        raise Invalid("the id of an event group is a number", code="invalid_key")
    return f"{HOST}/sites/US-SB/api/v5/eventgroups/{group_id}?format=json"
