"""Files on disk: a path is one file or a folder, and what is in it is known by its first line."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from overround.core.errors import ProviderDataError
from overround.odds.feeds.football_data.header import MAX_HEADER_BYTES, recognises
from overround.odds.feeds.football_data.parse import MAX_BODY_BYTES
from overround.odds.feeds.model import Rejected
from overround.odds.feeds.provider import Payload

MAX_FILES: Final = 10_000


def read(path: Path) -> Iterator[Payload | Rejected]:
    """The football-data files at `path`, in name order, one in memory at a time.

    A folder is walked without following links; a file in it of another kind is a `Rejected`
    (`not_football_data`), as is one that cannot be read or is too large. Raises ProviderDataError
    where `path` is nothing, or a folder of more than 10,000 files.
    """
    files = _files(path)
    for file in files:
        name = file.name if file == path else file.relative_to(path).as_posix()
        yield _payload(file, name)


def _files(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise ProviderDataError("there is no such file or folder", code="no_such_path")
    files: list[Path] = []
    for folder, folders, names in os.walk(path):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        files.extend(Path(folder, name) for name in names if not name.startswith("."))
        if len(files) > MAX_FILES:
            raise ProviderDataError("the folder holds too many files", code="too_many_files")
    return sorted(files)


def _payload(file: Path, name: str) -> Payload | Rejected:
    try:
        # A pipe or a device would block or never end.
        if not file.is_file():
            return Rejected("not_a_file", name)
        with file.open("rb") as stream:
            head = stream.read(MAX_HEADER_BYTES)
            if not recognises(head):
                return Rejected("not_football_data", name)
            body = head + stream.read(MAX_BODY_BYTES + 1 - len(head))
    except OSError as error:
        return Rejected("unreadable", name, error.strerror or "")
    if len(body) > MAX_BODY_BYTES:
        return Rejected("body_too_large", name)
    return Payload(name, body)
