"""The ends of the logs of a state directory, for whoever asks what they complain of."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

# So much of each is read: an hour of a quiet house, a minute of one in trouble.
TAIL_BYTES: Final = 262_144
_LOGS_MAX: Final = 40


def tails(directory: Path) -> Iterator[tuple[str, str]]:
    """(role, line) of the last lines of every log; what cannot be read is left out."""
    for path in sorted(directory.glob("*.log"))[:_LOGS_MAX]:
        try:
            with path.open("rb") as log:
                size = log.seek(0, os.SEEK_END)
                log.seek(max(0, size - TAIL_BYTES))
                lines = log.read(TAIL_BYTES).decode("utf-8", "replace").splitlines()
        except OSError:
            continue
        # The first is cut in two where there was more before it.
        for line in lines[1 if size > TAIL_BYTES else 0 :]:
            yield path.stem, line
