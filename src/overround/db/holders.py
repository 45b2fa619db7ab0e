"""Who holds something, in words that a person reads and a successor on this machine can check:
"pull, pid 4711 (<start time>) on <machine>"."""

from __future__ import annotations

import re
from typing import Final

from overround.kit import processes
from overround.kit.processes import ProcessKey

_SIGNED: Final = re.compile(r"(.*), pid (\d+) \((\S+)\) on (\S+)")
_NAME_CHARS_MAX: Final = 60


def signed(name: str) -> str:
    """`name`, with the process that it is and the machine it runs on."""
    ours = processes.ourselves()
    return f"{name[:_NAME_CHARS_MAX]}, pid {ours.pid} ({ours.started}) on {processes.machine()}"


def name_of(holder: str) -> str:
    """The name that somebody signed with."""
    found = _SIGNED.fullmatch(holder)
    return holder if found is None else found[1]


def has_ended(holder: str) -> bool:
    """Whether the process that signed as `holder` is one of this machine and has ended.

    False where nobody can tell.
    """
    found = _SIGNED.fullmatch(holder)
    if found is None or found[4] != processes.machine():
        return False
    return processes.has_ended(ProcessKey(int(found[2]), found[3]))
