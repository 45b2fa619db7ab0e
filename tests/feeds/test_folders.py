"""A folder of files: what cannot be looked into costs itself only, and is named."""

from __future__ import annotations

import os
from pathlib import Path

from overround.odds.feeds import football_data
from overround.roles.archive import files as reading
from tests.roles.seasons import whole

DEEP = 25
NAME = "d" * 200


def test_a_folder_that_cannot_be_looked_into_is_named(tmp_path: Path) -> None:
    """Nobody may look into one whose path is too long for the system, not even root."""
    whole(tmp_path)
    at = os.open(tmp_path, os.O_RDONLY)
    try:
        for _ in range(DEEP):
            os.mkdir(NAME, dir_fd=at)
            below = os.open(NAME, os.O_RDONLY, dir_fd=at)
            os.close(at)
            at = below
    finally:
        os.close(at)
    files = reading.read(tmp_path, [football_data.PROVIDER])
    assert files.season.events
    told = [row for row in files.as_dict()["files"] if row["refused"] == {"unreadable": 1}]
    assert [row["file"][:200] for row in told] == [NAME]
