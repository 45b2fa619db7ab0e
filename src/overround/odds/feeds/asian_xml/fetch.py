"""Files on disk, known by their root element."""

from __future__ import annotations

import re
from codecs import BOM_UTF8
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from overround.odds.feeds import files
from overround.odds.feeds.asian_xml.parse import MAX_BODY_BYTES, PROVIDER_KEY
from overround.odds.feeds.model import Rejected
from overround.odds.feeds.provider import Payload

_BEGINS: Final = re.compile(
    rb'\s*(?:<\?xml[^>]{0,100}\?>\s*)?(?:<!--[^>]{0,1000}-->\s*)?<all version="[0-9]{1,4}">\s*<s>'
)


def recognises(head: bytes) -> bool:
    """Whether `head` begins as a file of this format."""
    return _BEGINS.match(head.removeprefix(BOM_UTF8)) is not None


def read(path: Path) -> Iterator[Payload | Rejected]:
    """The files at `path` (see `files.read`); others are refused as `not_asian_xml`."""
    return files.read(path, files.Wanted(recognises, f"not_{PROVIDER_KEY}", MAX_BODY_BYTES))
