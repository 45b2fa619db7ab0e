"""The parent of the roles: it starts each, starts again whichever ends, and ends them all.

A role is a process of its own (`overround run ROLE`), in a session of its own, so a Ctrl-C meant
for the terminal's command reaches the parent alone and the parent ends the others in order. What a
role logs goes to `<state>/logs/<role>.log`.

The standard input of a role is a pipe whose other end only the parent holds. When the parent is
gone, however it went, the pipe says so, and the role ends by itself
(test: roles do not outlive a killed supervisor).

A role can be begun anew, with another configuration or another version of the program. One that
`overlaps` ends when its successor has said that it serves; a successor that never does is ended and
the old one goes on (test: a successor that does not start changes nothing).
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import sys
import threading
import time
from asyncio.subprocess import Process
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from overround.core.errors import SettingsError
from overround.kit import logs, loop
from overround.kit.settings import LogSettings

# After a life that was long enough, and after the first that was not: what killed it is over.
BACKOFF_S: Final = (0.0, 0.0, 0.25, 0.5, 1.0, 2.0)
# A role that lived this long had started, and what ended it is no reason to wait.
STARTED_S: Final = 5.0
# Longer than the api's drain.
TERM_S: Final = 12.0
# A busy api writes a megabyte in that time.
LOGS_EVERY_S: Final = 5.0
ORPHAN_GRACE_S: Final = 1.0
# So long a successor may take until it serves.
READY_S: Final = 60.0

# How often a role that keeps ending is mentioned.
_SAY_EVERY: Final = 30

# The exit code of a command whose configuration is wrong (`cli.context.EXIT_USAGE`): the same start
# would fail the same way for ever.
_CONFIGURATION: Final = 2

_log = logs.get(__name__)


@dataclass(frozen=True, slots=True)
class Role:
    """One child: the role's name, its further arguments, and the descriptors it is handed.

    `number` tells several of one name apart. One that `overlaps` may run beside its successor, and
    is told by `--ready-fd` where to say that it serves (`say_ready`).
    """

    name: str
    arguments: tuple[str, ...] = ()
    descriptors: tuple[int, ...] = ()
    number: int = 1
    overlaps: bool = False

    @property
    def key(self) -> str:
        """What it is called among all of them: api, api-2."""
        return self.name if self.number == 1 else f"{self.name}-{self.number}"


@dataclass(slots=True)
class _Child:
    role: Role
    log: Path
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    starts: int = 0
    task: asyncio.Task[None] | None = None
    process: Process | None = None
    # A process that takes over at the end of this one, and whoever waits for the next life.
    successor: Process | None = None
    anew: asyncio.Event | None = None


class Supervisor:
    """The roles of one state directory. Stopping twice is safe.

    `common` are arguments that every role gets, `environment` is theirs beside our own, `say`
    tells a person what does not work, and `keeping` how much of their logs is kept.
    """

    def __init__(
        self,
        state: Path,
        *,
        common: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
        say: Callable[[str], None] = lambda _line: None,
        keeping: LogSettings | None = None,
    ) -> None:
        self._logs = state / "logs"
        self._keeping = keeping or LogSettings()
        self._common = tuple(common)
        self._environment = {**os.environ, **(environment or {})}
        self._say = say
        self._children: dict[str, _Child] = {}
        self._lifeline, self._ours = os.pipe()
        self._keeper: asyncio.Task[None] | None = None

    def start(self, role: Role) -> None:
        """Start a role and keep it running."""
        child = _Child(role, self._logs / f"{role.name}.log")
        child.task = asyncio.create_task(self._keep(child))
        self._children[role.key] = child
        self._keeper = self._keeper or asyncio.create_task(self._keep_logs_short())

    async def until(self, stop: asyncio.Event) -> None:
        """Wait for `stop`. Raises SettingsError when a role finds its configuration wrong."""
        told = asyncio.create_task(stop.wait())
        tasks = [child.task for child in self._children.values() if child.task is not None]
        try:
            await asyncio.wait([told, *tasks], return_when=asyncio.FIRST_COMPLETED)
        finally:
            told.cancel()
        for task in tasks:
            if task.done() and (error := task.exception()) is not None:
                raise error

    async def end(self, name: str) -> None:
        """End one role, gently first; nothing happens when there is none."""
        child = self._children.get(name)
        if child is not None and child.task is not None:
            child.stop.set()
            await asyncio.wait([child.task])
            if child.successor is not None:
                await _end(child.successor)

    async def renew(self, name: str) -> bool:
        """Have a role begin anew; False when it does not, and what ran before goes on if it can.

        Whoever stops the supervisor meanwhile cancels this first.
        """
        child = self._children[name]
        if child.role.overlaps:
            child.successor = await self._stand_by(child)
            if child.successor is None:
                return False
        child.anew = anew = asyncio.Event()
        if child.process is not None:
            await _end(child.process)
        await anew.wait()
        return self.pid(name) is not None

    def pid(self, name: str) -> int | None:
        """The process of a role; None while there is none."""
        process = self._children[name].process
        return process.pid if process is not None and process.returncode is None else None

    def names(self) -> list[str]:
        """The roles, in the order in which they were started."""
        return list(self._children)

    async def stop(self) -> None:
        """End every role, all at once."""
        await asyncio.gather(*(self.end(name) for name in self._children))
        if self._keeper is not None:
            self._keeper.cancel()
        for descriptor in (self._lifeline, self._ours):
            with suppress(OSError):
                os.close(descriptor)
        self._lifeline = self._ours = -1

    def restarts(self) -> dict[str, int]:
        """How often each role was started again."""
        return {name: max(0, child.starts - 1) for name, child in self._children.items()}

    async def _keep(self, child: _Child) -> None:
        """Run the role until it is told to stop. Raises SettingsError (see `until`)."""
        quick_ends = 0
        while not child.stop.is_set():
            started_s = time.monotonic()
            code = await self._live(child)
            if child.stop.is_set():
                return
            if child.anew is not None:
                quick_ends = 0
                continue
            if code == _CONFIGURATION:
                raise SettingsError(f"{child.role.name} does not start; see {child.log}")
            lived_s = time.monotonic() - started_s
            quick_ends = quick_ends + 1 if lived_s < STARTED_S else 0
            pause_s = BACKOFF_S[min(quick_ends, len(BACKOFF_S) - 1)]
            _log.warning("role.ended", role=child.role.name, code=code, lived_s=round(lived_s, 1))
            if quick_ends < len(BACKOFF_S) or quick_ends % _SAY_EVERY == 0:
                again = f"again in {pause_s} s; see {child.log}" if pause_s else "starting it again"
                self._say(f"{child.role.name} ended ({_reason(code)}): {again}")
            await loop.wait(child.stop, pause_s)

    async def _live(self, child: _Child) -> int | None:
        """One life of the role; its exit code, None when the machine had no room for it."""
        process, child.successor = child.successor, None
        process = process or await self._spawn(child)
        child.process = process
        if child.anew is not None:
            child.anew.set()
            child.anew = None
        if process is None:
            return None
        ended = asyncio.create_task(process.wait())
        told = asyncio.create_task(child.stop.wait())
        try:
            await asyncio.wait([ended, told], return_when=asyncio.FIRST_COMPLETED)
            if not ended.done():
                await _end(process)
            return await ended
        finally:
            told.cancel()

    async def _stand_by(self, child: _Child) -> Process | None:
        """A process that serves beside the one that does; None, and it is gone, if it does not."""
        ours, theirs = os.pipe()
        try:
            process = await self._spawn(child, theirs)
        finally:
            os.close(theirs)
        try:
            if process is not None and await _is_told(ours):
                return process
        except BaseException:
            if process is not None:
                await _end(process)
            raise
        finally:
            os.close(ours)
        if process is not None:
            await _end(process)
        _log.warning("role.not_renewed", role=child.role.name)
        self._say(f"{child.role.name} does not start anew: the old one goes on; see {child.log}")
        return None

    async def _spawn(self, child: _Child, ready: int | None = None) -> Process | None:
        """Start a process; None when the machine has no room for it."""
        role = child.role
        arguments = ["run", role.name, "--supervised", *role.arguments, *self._common]
        handed = role.descriptors
        if ready is not None:
            arguments += ["--ready-fd", str(ready)]
            handed = (*handed, ready)
        try:
            with child.log.open("ab") as output:
                process = await asyncio.create_subprocess_exec(
                    sys.executable, "-P", "-m", "overround.cli", *arguments,
                    stdin=self._lifeline,
                    stdout=output,
                    stderr=output,
                    env=self._environment,
                    start_new_session=True,
                    pass_fds=handed,
                )  # fmt: skip
        except OSError as error:
            _log.error("role.not_started", role=role.name, reason=str(error))
            return None
        child.starts += 1
        _log.info("role.started", role=role.name, pid=process.pid, starts=child.starts)
        return process

    async def _keep_logs_short(self) -> None:
        while True:
            await asyncio.sleep(LOGS_EVERY_S)
            for log in self._logs.glob("*.log"):
                with suppress(OSError):
                    shorten(log, self._keeping.file_bytes_max, self._keeping.files_max)


def shorten(log: Path, bytes_max: int, files_max: int = 1) -> None:
    """Put a log that has grown too long aside, as `.log.1`; those put aside before move on by one,
    and the oldest of `files_max` is gone.

    A role goes on writing to the file it was given, so the file is emptied and not renamed; what
    is written between the two steps is lost, which a log can bear.
    """
    if log.stat().st_size <= bytes_max:
        return
    for number in range(files_max - 1, 0, -1):
        with suppress(FileNotFoundError):
            log.with_suffix(f".log.{number}").replace(log.with_suffix(f".log.{number + 1}"))
    shutil.copyfile(log, log.with_suffix(".log.1"))
    os.truncate(log, 0)


def _reason(code: int | None) -> str:
    """How it ended, for a person: "exit 1", "SIGKILL"."""
    if code is None:
        return "not started"
    if code >= 0:
        return f"exit {code}"
    try:
        return signal.Signals(-code).name
    except ValueError:
        return f"signal {-code}"


async def _end(process: Process) -> None:
    """SIGTERM to the role; its whole session is killed when that does not end it in `TERM_S`."""
    with suppress(ProcessLookupError):
        process.terminate()
    try:
        await asyncio.wait_for(process.wait(), TERM_S)
    except TimeoutError:
        _log.warning("role.killed", pid=process.pid)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


async def _is_told(descriptor: int) -> bool:
    """Whether something is written to a pipe before it is closed, and in `READY_S`."""
    told = asyncio.Event()
    running = asyncio.get_running_loop()
    running.add_reader(descriptor, told.set)
    try:
        async with asyncio.timeout(READY_S):
            await told.wait()
    except TimeoutError:
        return False
    finally:
        running.remove_reader(descriptor)
    return bool(os.read(descriptor, 1))


def say_ready(descriptor: int | None) -> None:
    """Said by a role when it serves, to the parent that wants to know."""
    if descriptor is not None:
        # The parent may have given up by now.
        with suppress(OSError):
            os.write(descriptor, b"1")
            os.close(descriptor)


def end_with_parent() -> None:
    """Called by a role at its start: end this process when its parent has gone.

    A thread waits, because the event loop may be busy. It asks as a signal does, and a process
    that does not listen is ended after `ORPHAN_GRACE_S`: whoever comes next wants the port.
    """

    def wait() -> None:
        while os.read(sys.stdin.fileno(), 1):
            pass
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(ORPHAN_GRACE_S)
        os._exit(1)

    threading.Thread(target=wait, name="parent-watch", daemon=True).start()
