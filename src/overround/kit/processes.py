"""Processes and locks of one machine.

A pid alone is no identity: the kernel hands it out again. A process is known here by its pid
*and* the moment it started, so a recorded process that has died is never confused with a stranger
that was given its number (tests/servers/test_processes.py).
"""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil

from overround.kit.accounts import Account

POLL_S: Final = 0.02


@dataclass(frozen=True, slots=True)
class ProcessKey:
    """A process: `started` differs between two processes that were given the same pid."""

    pid: int
    started: str


def key_of(pid: int) -> ProcessKey | None:
    """The living process with this pid; None when there is none or only its zombie is left."""
    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return None
        return ProcessKey(pid, _started(process))
    except psutil.Error:
        return None


def ourselves() -> ProcessKey:
    """This process."""
    return ProcessKey(os.getpid(), _started(psutil.Process()))


def is_alive(key: ProcessKey) -> bool:
    """Whether that very process runs still."""
    return key_of(key.pid) == key


def has_ended(key: ProcessKey) -> bool:
    """Whether that very process has ended for certain; False also where nobody can tell.

    Another account's process may be hidden from us and live: only the kernel's own "no such
    process", a zombie, or a pid that was handed out again is a proof.
    """
    try:
        os.kill(key.pid, 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        pass
    try:
        process = psutil.Process(key.pid)
        return process.status() == psutil.STATUS_ZOMBIE or _started(process) != key.started
    except psutil.Error:
        return False


def machine() -> str:
    """Where our pids mean something: this boot of this machine, inside its containers their own.

    Two processes with equal words see each other's pids; with unequal words they may or may not.
    """
    if sys.platform != "linux":
        return f"{uuid.getnode():x}"
    try:
        space = Path("/proc/self/ns/pid").readlink().name
    except OSError:
        space = "-"
    return f"{_boot_id()}/{space}"


def command_line(key: ProcessKey) -> list[str]:
    """Its arguments; empty when it is gone or hidden from us."""
    try:
        arguments = psutil.Process(key.pid).cmdline()
    except psutil.Error:
        return []
    return arguments if is_alive(key) else []


def working_in(directory: Path, name: str) -> list[ProcessKey]:
    """Living processes called `name` whose working directory is `directory`.

    A server stays in its data directory for life, its workers included, whoever their parent is
    now: this finds the backends that a killed postmaster left behind.
    """
    found: list[ProcessKey] = []
    wanted = os.path.realpath(directory)
    for process in psutil.process_iter(["name"]):
        try:
            if process.name() == name and process.cwd() == wanted and (k := key_of(process.pid)):
                found.append(k)
        except psutil.Error:
            continue
    return found


def send(key: ProcessKey, number: signal.Signals) -> None:
    """Signal that very process; nothing happens when it is gone.

    Where the kernel has pidfds, the handle is opened before the identity is compared, so the pid
    cannot change hands between the comparison and the signal.
    """
    with suppress(ProcessLookupError):
        handle = _pidfd(key.pid)
        if handle is None:
            if is_alive(key):
                os.kill(key.pid, number)
            return
        try:
            if is_alive(key):
                signal.pidfd_send_signal(handle, number)
        finally:
            os.close(handle)


def end(keys: Sequence[ProcessKey], steps: Sequence[tuple[signal.Signals, float]]) -> bool:
    """End processes with ever harder signals, each with the seconds it is given; True when gone."""
    for number, patience_s in steps:
        for key in keys:
            send(key, number)
        if wait_gone(keys, patience_s):
            return True
    return False


def wait_gone(keys: Sequence[ProcessKey], timeout_s: float) -> bool:
    """Wait until none of them lives; False when the time is over first."""
    deadline = time.monotonic() + timeout_s
    while any(is_alive(key) for key in keys):
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_S)
    return True


class FileLock:
    """`flock` on a file: released by the kernel when the holder dies, however it dies."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._fd: int | None = None

    def try_exclusive(self) -> bool:
        """Hold it alone, unless somebody holds it."""
        return self._try(fcntl.LOCK_EX)

    def try_shared(self) -> bool:
        """Hold it with others, unless somebody holds it alone."""
        return self._try(fcntl.LOCK_SH)

    def wait_exclusive(self, timeout_s: float) -> bool:
        """Hold it alone as soon as nobody does; False when the time is over first."""
        return self._wait(fcntl.LOCK_EX, timeout_s)

    def wait_shared(self, timeout_s: float) -> bool:
        """Hold it with others as soon as nobody holds it alone; False when the time is over."""
        return self._wait(fcntl.LOCK_SH, timeout_s)

    def release(self) -> None:
        """Let go; releasing twice is safe."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

    def is_in_place(self) -> bool:
        """Whether the file that is held still stands at its path (nobody deleted the directory)."""
        if self._fd is None:
            return False
        try:
            return os.path.samestat(os.fstat(self._fd), self._path.stat())
        except OSError:
            return False

    def _wait(self, mode: int, timeout_s: float) -> bool:
        # Polled, because flock knows no time limit of its own.
        deadline = time.monotonic() + timeout_s
        while not self._try(mode):
            if time.monotonic() > deadline:
                return False
            time.sleep(POLL_S)
        return True

    def _try(self, mode: int) -> bool:
        # flock gives up the old lock before it asks for the new one, so a held lock is never
        # converted. The descriptor is not inherited by spawned programs: a server cannot keep
        # alive the lock of the command that started it.
        if self._fd is not None:
            raise RuntimeError(f"{self._path} is held already")
        fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(fd, mode | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(fd)
            return False
        except BaseException:
            os.close(fd)
            raise
        self._fd = fd
        return True


def write_atomically(path: Path, text: str, *, mode: int = 0o600) -> None:
    """Replace a file as a whole: a reader sees the old text or the new, a crash leaves one.

    It never writes through a link that somebody put where the temporary file goes: root writes
    into a directory of the servers' account.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident():x}")
    temporary.unlink(missing_ok=True)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    fd = os.open(temporary, flags, mode)
    with os.fdopen(fd, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def spawn(
    arguments: Sequence[str | Path],
    *,
    directory: Path,
    log: Path,
    account: Account | None,
    environment: Mapping[str, str] | None = None,
) -> subprocess.Popen[bytes]:
    """Start a program as our direct child in its own session, its output appended to `log`.

    Its own session keeps a Ctrl-C meant for the terminal's command away from the servers.
    """
    base = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}
    with log.open("ab") as output:
        return subprocess.Popen(
            [str(argument) for argument in arguments],
            cwd=directory,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**base, **(environment or {})},
            start_new_session=True,
            user=account.uid if account else None,
            group=account.gid if account else None,
            extra_groups=[] if account else None,
            umask=0o077,
        )


def _pidfd(pid: int) -> int | None:
    """A handle of the process; None where the kernel has none to give."""
    if sys.platform != "linux":
        return None
    try:
        return os.pidfd_open(pid)
    except ProcessLookupError:
        raise
    except OSError:
        return None


def _boot_id() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return "-"


def _started(process: psutil.Process) -> str:
    # The wall-clock start that psutil derives moves when the clock is set. Linux counts ticks since
    # boot, which with the boot's own id never repeat.
    if sys.platform == "linux":
        try:
            stat = Path(f"/proc/{process.pid}/stat").read_text(encoding="utf-8", errors="replace")
        except OSError as error:
            raise psutil.NoSuchProcess(process.pid) from error
        return f"{_boot_id()}:{stat.rpartition(')')[2].split()[19]}"
    return f"{process.create_time():.2f}"
