"""What the processes of one state directory counted, each in a file of its own.

    metrics/<role>-<pid>-<token>.cells   the doubles, mapped into the process: a count is in the
                                         file once it is counted, and a kill loses none
    metrics/<role>-<pid>-<token>.keys    who that is, and a line of JSON for each cell
    metrics/ended.json                   the counts of processes that have ended, added up

A process that ends leaves its files. The next one that starts adds them to `ended.json` and
deletes them, so a count never falls and the files do not pile up (test: counts outlive their
process). A reader reads the files before `ended.json` and leaves out whom it names: in whatever
moment it comes, each process is in one of them.
"""

from __future__ import annotations

import json
import mmap
import os
import secrets
from array import array
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from overround.kit import processes
from overround.kit.counting.cells import SLOT_BYTES, SLOTS, Counted, Described, Registry
from overround.kit.processes import FileLock, ProcessKey

_ENDED: Final = "ended.json"
_LOCK: Final = "ended.lock"
# Beyond it nobody reads a file: it is none of ours.
_KEYS_BYTES_MAX: Final = 64_000_000
# Those that were deleted lately may be in the hands of a reader.
_NAMED_MAX: Final = 200

Cells = dict[tuple[str, tuple[str, ...]], tuple[float, ...]]


@dataclass(frozen=True, slots=True)
class Told:
    """What one process counted. Of one that has `ended` the gauges mean nothing any more."""

    stem: str
    role: str
    pid: int
    ended: bool
    cells: tuple[Counted, ...]


class _KeysFile:
    """The lines of one process."""

    def __init__(self, path: Path, head: Mapping[str, object]) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
        self._descriptor = os.open(path, flags, 0o600)
        self._line(head)

    def write(self, name: str, values: Sequence[str], slot: int, width: int) -> None:
        """Put a cell down. On a full disk it is counted all the same, and not seen."""
        with suppress(OSError):
            self._line([name, list(values), slot, width])

    def _line(self, said: object) -> None:
        os.write(self._descriptor, json.dumps(said, ensure_ascii=False).encode() + b"\n")


def keep(registry: Registry, directory: Path, role: str) -> None:
    """Count on a file of `directory` from now on, as `role`; what ended there is added up first.

    Raises OSError when the directory or the file cannot be made.
    """
    directory.mkdir(mode=0o700, exist_ok=True)
    add_up_ended(registry.families, directory)
    us = processes.ourselves()
    stem = f"{role}-{us.pid}-{secrets.token_hex(4)}"
    head = {"role": role, "pid": us.pid, "started": us.started, "machine": processes.machine()}
    descriptor = os.open(
        directory / f"{stem}.cells", os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600
    )
    try:
        # All of it now: a page that finds no room on a full disk later would end the process.
        os.posix_fallocate(descriptor, 0, SLOTS * SLOT_BYTES)
        mapped = mmap.mmap(descriptor, SLOTS * SLOT_BYTES)
    finally:
        os.close(descriptor)
    keys = _KeysFile(directory / f"{stem}.keys", head)
    registry.keep_in(memoryview(mapped).cast("d"), keys)


def read(directory: Path) -> tuple[list[Told], list[Counted]]:
    """What every process of the directory counted, and those that have ended before together."""
    told = [one for path in sorted(directory.glob("*.keys")) if (one := _told(path)) is not None]
    added, named = _ended(directory)
    return [one for one in told if one.stem not in named], added


def merged(
    families: Mapping[str, Described], told: Iterable[Told], ended: Iterable[Counted]
) -> Cells:
    """One figure for each cell: counts are summed, of gauges what the family says.

    What no family knows, or knows in another width, was counted by another version: left out.
    """
    found: Cells = {}
    for cell in ended:
        _merge(families, found, cell)
    for one in told:
        for cell in one.cells:
            family = families.get(cell.name)
            if one.ended and family is not None and family.kind == "gauge":
                continue
            _merge(families, found, cell)
    return found


def add_up_ended(families: Mapping[str, Described], directory: Path) -> None:
    """Add the counts of processes that have ended to those of before, and delete their files.

    Two that start at once: one does it. Raises OSError when the sum cannot be written.
    """
    lock = FileLock(directory / _LOCK)
    if not lock.try_exclusive():
        return
    try:
        told, added = read(directory)
        over = [one for one in told if one.ended]
        if not over:
            return
        cells = merged(families, over, added)
        _, named = _ended(directory)
        stems = [*named, *(one.stem for one in over)][-_NAMED_MAX:]
        rows = [[name, list(values), list(slots)] for (name, values), slots in cells.items()]
        _write(directory / _ENDED, {"stems": stems, "cells": rows})
        for one in over:
            for suffix in (".cells", ".keys"):
                (directory / f"{one.stem}{suffix}").unlink(missing_ok=True)
    finally:
        lock.release()


def _told(path: Path) -> Told | None:
    """What the process of these files counted; None of files that are none, or are gone."""
    try:
        if path.stat().st_size > _KEYS_BYTES_MAX:
            return None
        head, *lines = path.read_bytes().split(b"\n")
        who = json.loads(head)
        slots = array("d", path.with_suffix(".cells").read_bytes())
        key = ProcessKey(int(who["pid"]), str(who["started"]))
        ended = who["machine"] == processes.machine() and processes.has_ended(key)
        # The last piece is what a line of this moment has not ended yet.
        cells = tuple(_cell(json.loads(line), slots) for line in lines[:-1])
        return Told(path.stem, str(who["role"]), key.pid, ended, cells)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _cell(line: list[Any], slots: array[float]) -> Counted:
    name, values, slot, width = line
    return Counted(name, tuple(values), tuple(slots[slot : slot + width]))


def _ended(directory: Path) -> tuple[list[Counted], list[str]]:
    try:
        said = json.loads((directory / _ENDED).read_bytes())
        cells = [
            Counted(name, tuple(values), tuple(slots)) for name, values, slots in said["cells"]
        ]
        return cells, list(said["stems"])
    except (OSError, ValueError, KeyError, TypeError):
        return [], []


def _merge(families: Mapping[str, Described], found: Cells, cell: Counted) -> None:
    family = families.get(cell.name)
    if family is None or len(cell.slots) != family.width or len(cell.values) != len(family.labels):
        return
    key = (cell.name, cell.values)
    before = found.get(key)
    if before is None:
        found[key] = cell.slots
    elif family.kind == "gauge" and family.merge == "max":
        found[key] = (max(before[0], cell.slots[0]),)
    else:
        found[key] = tuple(map(sum, zip(before, cell.slots, strict=True)))


def _write(path: Path, said: object) -> None:
    """The whole file or the one before."""
    beside = path.with_suffix(".new")
    beside.write_text(json.dumps(said, ensure_ascii=False), encoding="utf-8")
    beside.replace(path)
