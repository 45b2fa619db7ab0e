"""The state directory: what stands where, and the record of the servers that run in it.

    state/                 ours: 0700; 0711 when root lends the servers another account
      attached.lock        held shared by every command that uses the servers
      launch.lock          held by the one of them that starts a supervisor, while it does
      supervisor.lock      held alone by the supervisor for its life
      servers.json         the record: who runs, on which port, in which phase
      place.json           where the servers' files are; decided once
      secrets.json         the passwords
      logs/                supervisor, postgres, valkey
      servers/             the account's own 0700 directory: postgres/, valkey/, run/ (sockets)

Two things may stand elsewhere, and place.json says where. When root's state directory is below a
directory the account may not pass (/root is 0700), the servers' directory is
/var/lib/overround/<id>.
When the path is too long for a unix socket, `run` is a 0700 directory below the runtime or
temporary directory. No directory that is not ours has its mode changed.
"""

from __future__ import annotations

import json
import os
import secrets
import stat
import tempfile
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final, Literal, cast

from overround.core.errors import SettingsError, Unavailable
from overround.kit import accounts, processes
from overround.kit.accounts import Account
from overround.kit.processes import FileLock, ProcessKey

ROOT_BASE: Final = Path("/var/lib/overround")

# sun_path holds 104 bytes on macOS and 108 on Linux, with the closing zero.
SOCKET_PATH_BYTES_MAX: Final = 100
_LONGEST_SOCKET_NAME: Final = ".s.PGSQL.65535"

_MARKER: Final = "attached.lock"
_PLACE: Final = "place.json"
_RECORD: Final = "servers.json"

Phase = Literal["starting", "ready", "recovering", "failed", "stopping"]


@dataclass(frozen=True, slots=True)
class Place:
    """Where the servers' files are. `port` is 0 until one was chosen."""

    home: Path
    run: Path
    shelf: Path
    port: int = 0


@dataclass(frozen=True, slots=True)
class Record:
    """What the supervisor says of itself and its children, for whoever comes after it."""

    phase: Phase
    supervisor: ProcessKey
    home: str
    run: str
    port: int
    postgres: ProcessKey | None = None
    valkey: ProcessKey | None = None
    redis_url: str = ""
    reason: str = ""
    postgres_restarts: int = 0
    valkey_restarts: int = 0


def attached_lock(state: Path) -> FileLock:
    """Shared by the commands that use the servers; alone by a supervisor that is about to stop."""
    return FileLock(state / _MARKER)


def supervisor_lock(state: Path) -> FileLock:
    """Held by the one supervisor of the state directory."""
    return FileLock(state / "supervisor.lock")


def launch_lock(state: Path) -> FileLock:
    """Held by the one command that starts a supervisor, until it runs."""
    return FileLock(state / "launch.lock")


def supervisor_runs(state: Path) -> bool:
    """Whether somebody holds the supervisor's lock: true for the living only."""
    lock = supervisor_lock(state)
    free = lock.try_shared()
    lock.release()
    return not free


def open_state(state: Path) -> Path:
    """Make the state directory, or check that it is one of ours. Returns its absolute path.

    Raises SettingsError for a directory of somebody else, and for one that holds other things:
    its mode is about to be changed, so a slip like `--state /tmp` must not pass.
    """
    state = state.expanduser().absolute()
    mode = 0o711 if os.geteuid() == 0 else 0o700
    try:
        state.mkdir(mode=mode, parents=True, exist_ok=True)
        found = state.stat()
        names = {path.name for path in state.iterdir()}
    except OSError as error:
        raise SettingsError(f"the state directory {state}: {error.strerror}") from None
    if found.st_uid != os.geteuid():
        raise SettingsError(f"the state directory {state} belongs to another account")
    if names and _MARKER not in names:
        raise SettingsError(f"{state} is not a state directory: it holds other files")
    state.chmod(mode)
    # First of all files, so that whoever comes next, or after a crash, knows the directory again.
    (state / _MARKER).touch(mode=0o600)
    (state / "logs").mkdir(mode=0o700, exist_ok=True)
    return state


def establish(state: Path, account: Account | None) -> Place:
    """The place of this state directory, decided at first use, its directories made.

    Called by the supervisor, under its lock.
    """
    place = read_place(state) or _decide(state, account)
    try:
        place.home.parent.mkdir(mode=0o711, parents=True, exist_ok=True)
        accounts.private_directory(place.home, account)
        if place.home.parent != state:
            # So that a person who finds it knows whose it is, and whether it is still wanted.
            processes.write_atomically(place.home.parent / f"{place.home.name}.state", str(state))
        place = replace(place, run=_sockets(place, account))
    except OSError as error:
        raise Unavailable(f"{error.filename}: {error.strerror}") from None
    write_place(state, place)
    return place


def write_place(state: Path, place: Place) -> None:
    """Remember the place."""
    content = {
        "home": str(place.home),
        "run": str(place.run),
        "shelf": str(place.shelf),
        "port": place.port,
    }
    processes.write_atomically(state / _PLACE, json.dumps(content, indent=1))


def read_record(state: Path) -> Record | None:
    """The record, or None when there is none that can be read."""
    content = _read_json(state / _RECORD)
    if content is None:
        return None
    try:
        for name in ("supervisor", "postgres", "valkey"):
            if content[name] is not None:
                content[name] = ProcessKey(**content[name])
        return Record(**content)
    except (KeyError, TypeError):
        return None


def write_record(state: Path, record: Record) -> None:
    """Replace the record."""
    processes.write_atomically(state / _RECORD, json.dumps(asdict(record), indent=1))


def forget_record(state: Path) -> None:
    """Take the record away: the servers were stopped in good order."""
    (state / _RECORD).unlink(missing_ok=True)


def _decide(state: Path, account: Account | None) -> Place:
    if account is None or accounts.may_pass(account, state.parent):
        home, shelf = state / "servers", state / "binaries"
    else:
        home, shelf = ROOT_BASE / secrets.token_hex(6), ROOT_BASE / "binaries"
    return Place(home, home / "run", shelf)


def _sockets(place: Place, account: Account | None) -> Path:
    """The directory of the sockets: the recorded one while it is ours, else a new one."""
    if _fits(place.run):
        return accounts.private_directory(place.run, account)
    if place.run != place.home / "run" and _is_ours(place.run, account):
        return place.run
    return _short_directory(account)


def _fits(run: Path) -> bool:
    # A comma would part it: PostgreSQL and its clients read socket directories as lists.
    fits = len(os.fsencode(run / _LONGEST_SOCKET_NAME)) <= SOCKET_PATH_BYTES_MAX
    return fits and "," not in str(run)


def _short_directory(account: Account | None) -> Path:
    runtime = os.environ.get("XDG_RUNTIME_DIR", "") if account is None else ""
    for base in (runtime, tempfile.gettempdir()):
        if base and Path(base).is_dir() and os.access(base, os.W_OK | os.X_OK):
            made = Path(tempfile.mkdtemp(prefix="overround-", dir=base))
            if _fits(made) and accounts.may_pass(account, made.parent):
                return accounts.private_directory(made, account)
            made.rmdir()
    raise Unavailable("no directory is short enough for a unix socket: set TMPDIR or --state")


def _is_ours(run: Path, account: Account | None) -> bool:
    wanted = account.uid if account else os.geteuid()
    try:
        found = run.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(found.st_mode) and found.st_uid == wanted and not found.st_mode & 0o77


def read_place(state: Path) -> Place | None:
    content = _read_json(state / _PLACE)
    if content is None:
        return None
    try:
        home, run, shelf = (Path(content[name]) for name in ("home", "run", "shelf"))
        return Place(home, run, shelf, int(content["port"]))
    except (KeyError, TypeError, ValueError):
        # Guessing a new place would start an empty database beside the real one.
        raise SettingsError(f"{state / _PLACE} cannot be read") from None


def _read_json(path: Path) -> dict[str, Any] | None:
    try:
        content: object = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError):
        content = {}
    return cast("dict[str, Any]", content) if isinstance(content, dict) else {}
