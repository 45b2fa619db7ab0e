"""Files on disk, known by the words they begin with."""

from __future__ import annotations

import re
from codecs import BOM_UTF8
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from overround.odds.feeds import files
from overround.odds.feeds.ggbet.parse import MAX_BODY_BYTES, PROVIDER_KEY
from overround.odds.feeds.model import Rejected
from overround.odds.feeds.provider import Payload

_BEGINS: Final = re.compile(
    rb'\s*\[\s*\{\s*"href"\s*:\s*"https?://ggbet\.[^"]{0,300}"\s*,\s*"date_start"'
)


def recognises(head: bytes) -> bool:
    """Whether `head` begins as a list of this site's matches does."""
    return _BEGINS.match(head.removeprefix(BOM_UTF8)) is not None


def read(path: Path) -> Iterator[Payload | Rejected]:
    """The files at `path` (see `files.read`); others are refused as `not_ggbet`."""
    return files.read(path, files.Wanted(recognises, f"not_{PROVIDER_KEY}", MAX_BODY_BYTES))
