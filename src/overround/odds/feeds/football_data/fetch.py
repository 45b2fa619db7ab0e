"""Files on disk: what is a file of this feed is known by its first line."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from overround.odds.feeds import files
from overround.odds.feeds.football_data.header import recognises
from overround.odds.feeds.football_data.parse import MAX_BODY_BYTES, PROVIDER_KEY
from overround.odds.feeds.model import Rejected
from overround.odds.feeds.provider import Payload


def read(path: Path) -> Iterator[Payload | Rejected]:
    """The football-data files at `path` (see `files.read`); others are `not_football_data`."""
    return files.read(path, files.Wanted(recognises, f"not_{PROVIDER_KEY}", MAX_BODY_BYTES))
