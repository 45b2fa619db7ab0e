"""Accounts of the machine: PostgreSQL refuses to run as root, so root lends it another account.

Nothing here changes the mode of a directory that is not ours; what an account cannot reach is
copied to where it can (tests/servers/test_accounts.py).
"""

from __future__ import annotations

import os
import pwd
import shutil
import stat
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from overround.core.errors import SettingsError


@dataclass(frozen=True, slots=True)
class Account:
    """An account of the machine that children run as; None in its place means our own."""

    name: str
    uid: int
    gid: int


def for_servers(name: str) -> Account | None:
    """The account the servers run as: None (our own) unless we are root.

    Raises SettingsError when root names an account that is absent or is root itself.
    """
    if os.geteuid() != 0:
        return None
    try:
        entry = pwd.getpwnam(name)
    except KeyError:
        raise SettingsError(f"servers.account: there is no account {name!r} here") from None
    if entry.pw_uid == 0:
        raise SettingsError("servers.account: PostgreSQL refuses to run as root")
    return Account(name, entry.pw_uid, entry.pw_gid)


def may_pass(account: Account | None, directory: Path) -> bool:
    """Whether the account may pass `directory` and every directory above it.

    Decided from mode bits, as somebody who is in no further group; an access list that grants
    more is not seen, which costs a copy and nothing else.
    """
    if account is None:
        return True
    resolved = directory.resolve()
    try:
        return all(_grants(account, path.stat(), 0o1) for path in (resolved, *resolved.parents))
    except OSError:
        return False


def may_use(account: Account | None, path: Path) -> bool:
    """Whether the account may read `path`, and list or run it if it can be listed or run."""
    if account is None:
        return True
    try:
        found = path.resolve().stat()
    except OSError:
        return False
    needed = 0o5 if stat.S_ISDIR(found.st_mode) or found.st_mode & 0o100 else 0o4
    return may_pass(account, path.resolve().parent) and _grants(account, found, needed)


def _grants(account: Account, found: os.stat_result, bits: int) -> bool:
    if found.st_uid == account.uid:
        granted = found.st_mode >> 6
    elif found.st_gid == account.gid:
        granted = found.st_mode >> 3
    else:
        granted = found.st_mode
    return granted & bits == bits


def private_directory(path: Path, account: Account | None) -> Path:
    """Make `path` a 0700 directory of the account; its parent must exist."""
    path.mkdir(mode=0o700, exist_ok=True)
    # By descriptor and not through a link: its parent may be a directory of the account itself.
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        if account is not None:
            os.fchown(handle, account.uid, account.gid)
        os.fchmod(handle, 0o700)
    finally:
        os.close(handle)
    return path


def reachable_copy(sources: Iterable[Path], root: Path, into: Path) -> Path:
    """Copy `sources` (below `root`) to the same places below `into`, readable by everyone.

    The copy appears as a whole: it is made beside `into` and renamed, so a copy that was
    interrupted is never used. Returns `into`.
    """
    if into.is_dir():
        return into
    into.parent.mkdir(mode=0o711, parents=True, exist_ok=True)
    unfinished = into.with_name(f".{into.name}.{os.getpid()}")
    shutil.rmtree(unfinished, ignore_errors=True)
    for source in sources:
        target = unfinished / source.relative_to(root)
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, symlinks=True)
        else:
            shutil.copy2(source, target)
    for path in (unfinished, *unfinished.rglob("*")):
        if not path.is_symlink():
            executable = path.is_dir() or bool(path.stat().st_mode & 0o100)
            path.chmod(0o755 if executable else 0o644)
    try:
        unfinished.rename(into)
    except OSError:
        shutil.rmtree(unfinished, ignore_errors=True)
        if not into.is_dir():
            raise
    return into
