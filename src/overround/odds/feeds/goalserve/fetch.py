"""Files of the feed on disk, known by how they begin: one object or element called `scores`."""

from __future__ import annotations

import re
from codecs import BOM_UTF8
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from overround.odds.feeds import files
from overround.odds.feeds.goalserve.parse import PROVIDER_KEY
from overround.odds.feeds.goalserve.tree import MAX_BODY_BYTES
from overround.odds.feeds.model import Rejected
from overround.odds.feeds.provider import Payload

_BEGINS: Final = re.compile(rb'\s*\{\s*"scores"\s*:')
_XML_BEGINS: Final = re.compile(rb'\s*(?:<\?xml[^>]{0,100}\?>\s*)?<scores\s[^>]{0,200}sport="')


def recognises(head: bytes) -> bool:
    """Whether `head` begins as the feed's JSON or XML does."""
    begin = head.removeprefix(BOM_UTF8)
    return _BEGINS.match(begin) is not None or _XML_BEGINS.match(begin) is not None


def read(path: Path) -> Iterator[Payload | Rejected]:
    """The feed's files at `path` (see `files.read`); others are refused as `not_goalserve`."""
    return files.read(path, files.Wanted(recognises, f"not_{PROVIDER_KEY}", MAX_BODY_BYTES))
