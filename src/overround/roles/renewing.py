"""Roles begun anew while the house goes on: `overround restart` asks, the running `serve` does it.

Asked by SIGUSR1 (SIGHUP is what a terminal says when it is closed), the parent begins its roles
anew one after another, those that overlap first: where a new api cannot serve, because of the
configuration or the version that it was to bring, nothing else is touched. What became of it stands
in the state directory, beside who the parent is.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, cast

from overround.core.errors import Unavailable
from overround.kit import logs, processes
from overround.kit.processes import ProcessKey
from overround.roles.supervisor import Supervisor

_NAME: Final = "serving.json"
_ASK: Final = signal.SIGUSR1
# Twenty roles that take a minute each; no machine of ours does.
PATIENCE_S: Final = 1_200.0
_POLL_S: Final = 0.05

_log = logs.get(__name__)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of the last asking: which roles began anew, and the first that did not."""

    renewed: tuple[str, ...] = ()
    failed: str | None = None
    taken_s: float = 0.0


@dataclass(frozen=True, slots=True)
class _Serving:
    """Who serves a state directory, how often it was asked, and what became of the last time."""

    parent: ProcessKey
    count: int
    last: Outcome


@asynccontextmanager
async def listening(supervisor: Supervisor, state: Path) -> AsyncGenerator[None]:
    """Begin the roles anew whenever somebody asks, for the length of the block."""
    asked = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(_ASK, asked.set)
    record = _Serving(processes.ourselves(), 0, Outcome())
    _write(state, record)
    task = asyncio.create_task(_whenever(asked, supervisor, state, record))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        (state / _NAME).unlink(missing_ok=True)
        loop.remove_signal_handler(_ASK)


def ask(state: Path) -> Outcome:
    """Have the house of a state directory begin anew, and wait for it.

    Raises Unavailable when nobody serves it, or whoever does ends meanwhile.
    """
    before = _read(state)
    if before is None or not processes.is_alive(before.parent):
        raise Unavailable(f"nothing serves {state}")
    ends_s = time.monotonic() + PATIENCE_S
    os.kill(before.parent.pid, _ASK)
    while time.monotonic() < ends_s:
        found = _read(state)
        if found is None or found.parent != before.parent:
            break
        if found.count > before.count:
            return found.last
        if not processes.is_alive(before.parent):
            break
        time.sleep(_POLL_S)
    raise Unavailable(f"what serves {state} has not begun anew")


async def _whenever(
    asked: asyncio.Event, supervisor: Supervisor, state: Path, record: _Serving
) -> None:
    while True:
        await asked.wait()
        # Whoever asks from here on is answered by another turn.
        asked.clear()
        last = await _renew_all(supervisor)
        record = _Serving(record.parent, record.count + 1, last)
        _write(state, record)


async def _renew_all(supervisor: Supervisor) -> Outcome:
    began_s = time.monotonic()
    renewed: list[str] = []
    failed: str | None = None
    for name in supervisor.names():
        if not await supervisor.renew(name):
            failed = name
            break
        renewed.append(name)
    taken_s = round(time.monotonic() - began_s, 1)
    _log.info("roles.renewed", roles=renewed, failed=failed, taken_s=taken_s)
    return Outcome(tuple(renewed), failed, taken_s)


def _write(state: Path, record: _Serving) -> None:
    # A full disk is said by others; the roles run all the same.
    with suppress(OSError):
        processes.write_atomically(state / _NAME, json.dumps(asdict(record)))


def _read(state: Path) -> _Serving | None:
    try:
        found = cast("dict[str, Any]", json.loads((state / _NAME).read_text(encoding="utf-8")))
        last = found["last"]
        outcome = Outcome(tuple(last["renewed"]), last["failed"], last["taken_s"])
        return _Serving(ProcessKey(**found["parent"]), found["count"], outcome)
    except (OSError, ValueError, KeyError, TypeError):
        return None
