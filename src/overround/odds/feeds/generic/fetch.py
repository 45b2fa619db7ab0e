"""Files of the format on disk, known by the member or the columns that every one of them begins
with."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from overround.odds.feeds import files
from overround.odds.feeds.generic import records
from overround.odds.feeds.generic.parse import PROVIDER_KEY
from overround.odds.feeds.generic.records import MAX_BODY_BYTES
from overround.odds.feeds.model import Rejected
from overround.odds.feeds.provider import Payload

_BEGINS: Final = re.compile(rb'\s*\{\s*"overround_feed"\s*:')


def recognises(head: bytes) -> bool:
    """Whether `head` begins as the JSON or the CSV of the format does."""
    head = head.removeprefix(b"\xef\xbb\xbf")
    return _BEGINS.match(head) is not None or records.is_table(head)


def read(path: Path) -> Iterator[Payload | Rejected]:
    """The format's files at `path` (see `files.read`); others are refused as `not_generic`."""
    return files.read(path, files.Wanted(recognises, f"not_{PROVIDER_KEY}", MAX_BODY_BYTES))
