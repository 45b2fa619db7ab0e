"""Files on disk, known by their first line."""

from __future__ import annotations

from codecs import BOM_UTF8
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from overround.odds.feeds import files
from overround.odds.feeds.model import Rejected
from overround.odds.feeds.provider import Payload
from overround.odds.feeds.tennis_data.parse import COLUMNS, MAX_BODY_BYTES, PROVIDER_KEY

_MAX_HEADER_BYTES: Final = 4_096


def recognises(head: bytes) -> bool:
    """Whether the first line of `head` has the columns of this format."""
    line = head[:_MAX_HEADER_BYTES].removeprefix(BOM_UTF8).lstrip(b"\r\n").splitlines()[:1]
    names = {name.strip() for name in line[0].decode("latin-1").split(",")} if line else set[str]()
    return names >= COLUMNS


def read(path: Path) -> Iterator[Payload | Rejected]:
    """The files at `path` (see `files.read`); others are refused as `not_tennis_data`."""
    return files.read(path, files.Wanted(recognises, f"not_{PROVIDER_KEY}", MAX_BODY_BYTES))
