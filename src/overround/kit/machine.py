"""What the machine around us has."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Final

# What a container may use: of the second version of control groups, and of the first.
LIMITS: Final = (
    Path("/sys/fs/cgroup/memory.max"),
    Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"),
)


def memory_bytes(limits: Iterable[Path] = LIMITS) -> int:
    """The memory there is for us: the machine's, or what the container around us may use of it."""
    import psutil

    found = [psutil.virtual_memory().total]
    for path in limits:
        try:
            found.append(int(path.read_text()))
        except (OSError, ValueError):
            # There is no such group, or it says that it has no limit ("max").
            continue
    return min(found)
