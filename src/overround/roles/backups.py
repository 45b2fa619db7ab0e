"""Backups of the embedded database: taken while it serves, checked, kept by number, brought back.

A backup is a folder that only we can read: `postgres`, a copy of the cluster as of its end, with
the log it needs; `secrets.json`, the passwords that the cluster knows; `backup.json`, which is
written last, so that one without it was broken off (test: a backup comes back whole). It is a copy
of files and not of rows, so ids of transactions stay what they are, and balances that name them too
(docs/decisions/0004). On somebody else's server the copy is theirs to take.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import time
from dataclasses import asdict, dataclass
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final, cast

from overround.core.errors import NotFound, SettingsError, Unavailable
from overround.db import binaries, logins
from overround.kit import accounts, logs, processes
from overround.kit.settings import Settings
from overround.roles import place as places
from overround.roles.attach import Endpoints

FOLDER: Final = "backups"
_CLUSTER: Final = "postgres"
_NOTE: Final = "backup.json"
_MANIFEST: Final = "backup_manifest"
_OWN_SUM: Final = b'"Manifest-Checksum"'
_PROGRAM: Final = "pg_basebackup"
_TIMEOUT_S: Final = 6 * 3_600
_WORDS_MAX: Final = 400

_log = logs.get(__name__)


@dataclass(frozen=True, slots=True)
class Backup:
    """A backup that is whole: where it lies, when it was begun, how large and how long."""

    path: str
    made_at: str
    size_bytes: int
    took_ms: int
    version: str

    def facts(self) -> dict[str, Any]:
        """As its report says it."""
        return asdict(self)


def default_folder(state: Path) -> Path:
    """Where backups lie unless somewhere else is named: on the same disk, so better elsewhere."""
    return state / FOLDER


def take(endpoints: Endpoints, folder: Path, at: datetime, keep: int) -> Backup:
    """Copy the running cluster into a new folder below `folder`, check every file of the copy, and
    delete all but the newest `keep`.

    Raises Unavailable where the server is somebody else's, or with the copying program's words; a
    copy that was broken off is deleted.
    """
    if endpoints.embedded is None:
        raise Unavailable(
            "this database server is not ours to copy: back it up by its own means, and say so by "
            "`overround db backup --taken`"
        )
    began_s = time.monotonic()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    into = folder / at.strftime("%Y%m%dT%H%M%SZ")
    try:
        into.mkdir(mode=0o700)
    except FileExistsError:
        raise Unavailable(f"{into} is there already") from None
    try:
        _copy_cluster(endpoints, into / _CLUSTER)
        shutil.copy2(endpoints.state / logins.SECRETS_NAME, into / logins.SECRETS_NAME)
        (into / logins.SECRETS_NAME).chmod(0o600)
        size = sum(one.stat().st_size for one in into.rglob("*") if one.is_file())
        took_ms = round((time.monotonic() - began_s) * 1_000)
        made = Backup(str(into), at.isoformat(), size, took_ms, version("overround"))
        processes.write_atomically(into / _NOTE, json.dumps(made.facts(), indent=1))
    except BaseException:
        shutil.rmtree(into, ignore_errors=True)
        raise
    for old in found(folder)[keep:]:
        shutil.rmtree(old.path)
        _log.info("backup.deleted", path=old.path)
    _log.info("backup.taken", **made.facts())
    return made


def found(folder: Path) -> list[Backup]:
    """The whole backups of a folder, the newest first."""
    backups: list[Backup] = []
    for note in folder.glob(f"*/{_NOTE}"):
        content = _read(note)
        if content is not None:
            backups.append(_backup(content, note.parent))
    return sorted(backups, key=lambda one: one.made_at, reverse=True)


def restore(settings: Settings, source: Path) -> Backup:
    """Bring a backup back, as the database of a state directory that has none yet.

    Raises NotFound where `source` is no whole backup, and SettingsError where the state directory
    has a database: nothing is ever overwritten (test: a backup comes back whole).
    """
    content = _read(source / _NOTE)
    if content is None or not (source / _CLUSTER / "PG_VERSION").is_file():
        raise NotFound(f"{source} is no whole backup")
    check(source / _CLUSTER)
    state = places.open_state(settings.state)
    lock = places.supervisor_lock(state)
    if not lock.try_exclusive():
        raise SettingsError(f"servers run in {state}: bring a backup back to a new directory")
    try:
        account = accounts.for_servers(settings.servers.account)
        place = places.establish(state, account)
        data = place.home / _CLUSTER
        if data.exists() or (state / logins.SECRETS_NAME).exists():
            raise SettingsError(f"{state} has a database: bring a backup back to a new directory")
        unfinished = place.home / f"{_CLUSTER}.restored"
        shutil.rmtree(unfinished, ignore_errors=True)
        shutil.copytree(source / _CLUSTER, unfinished)
        if account is not None:
            for one in (unfinished, *unfinished.rglob("*")):
                os.chown(one, account.uid, account.gid, follow_symlinks=False)
        secrets = (source / logins.SECRETS_NAME).read_text(encoding="utf-8")
        processes.write_atomically(state / logins.SECRETS_NAME, secrets)
        unfinished.rename(data)
    finally:
        lock.release()
    _log.info("backup.restored", source=str(source), state=str(state))
    return _backup(content, source)


def _copy_cluster(endpoints: Endpoints, into: Path) -> None:
    # The URL travels in the environment: a command line can be read by every account.
    from psycopg.conninfo import conninfo_to_dict

    names = {"user": "PGUSER", "password": "PGPASSWORD", "host": "PGHOST", "port": "PGPORT"}
    asked = cast("dict[str, Any]", conninfo_to_dict(endpoints.superuser_url()))
    environment = {names[key]: str(value) for key, value in asked.items() if key in names}
    # With the log of the meantime, without which the copied files agree with nothing.
    options = ["-X", "stream", "--checkpoint=fast", "--manifest-checksums=SHA256", "--no-password"]
    try:
        finished = subprocess.run(
            [str(binaries.program(_PROGRAM)), "-D", str(into), "-l", "overround", *options],
            env={"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC", **environment},
            capture_output=True,
            text=True,
            check=False,
            timeout=_TIMEOUT_S,
        )
    except subprocess.TimeoutExpired:
        raise Unavailable(f"{_PROGRAM} took longer than six hours") from None
    if finished.returncode != 0:
        raise Unavailable(f"{_PROGRAM}: {finished.stderr.strip()[-_WORDS_MAX:]}")
    check(into)


def check(cluster: Path) -> int:
    """Compare every file of a copied cluster with its manifest; returns how many there are.

    Raises Unavailable naming the first that is not what it was, and where the manifest itself is
    not whole. The log of the meantime is not in it: the server reads that when it starts.
    """
    written = (cluster / _MANIFEST).read_bytes()
    try:
        manifest: dict[str, Any] = json.loads(written)
        files: list[dict[str, Any]] = manifest["Files"]
        told = str(manifest["Manifest-Checksum"])
    except (ValueError, KeyError, TypeError):
        raise Unavailable(f"{cluster / _MANIFEST} is no manifest") from None
    # Its own sum is its last line, of all the lines before.
    if hashlib.sha256(written[: written.rindex(_OWN_SUM)]).hexdigest() != told:
        raise Unavailable(f"{cluster / _MANIFEST} is not what it was")
    for one in files:
        path = cluster / str(one["Path"])
        if one["Checksum-Algorithm"] != "SHA256" or not _is_as_told(path, one):
            raise Unavailable(f"{path} is not what it was")
    return len(files)


def _is_as_told(path: Path, told: dict[str, Any]) -> bool:
    try:
        if path.stat().st_size != told["Size"]:
            return False
        with path.open("rb") as opened:
            return hashlib.file_digest(opened, "sha256").hexdigest() == told["Checksum"]
    except OSError:
        return False


def _backup(content: dict[str, Any], path: Path) -> Backup:
    """The backup of a note, where it lies now: it may have been moved."""
    told: dict[str, Any] = {**content, "path": str(path)}
    return Backup(**told)


def _read(note: Path) -> dict[str, Any] | None:
    try:
        content: object = json.loads(note.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    if not isinstance(content, dict):
        return None
    said = cast("dict[str, Any]", content)
    return said if set(said) == set(Backup.__dataclass_fields__) else None
