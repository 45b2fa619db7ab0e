"""Faults that only a machine has: a full disk, a replica that stands still, an old backup."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest

from overround import ops
from overround.core.errors import NotFound, SettingsError, Unavailable
from overround.db import Database, binaries, logins, migrate
from overround.db import server as db_server
from overround.db.server import PostgresServer
from overround.kit import accounts
from overround.kit.settings import ServersSettings, Settings
from overround.ops import Thresholds, Written
from overround.roles import backups, looking
from overround.roles.attach import Endpoints, attached
from overround.roles.looking import Lookout
from tests.servers.commands import overround_cli
from tests.support.servers import state_directory, wait_stopped
from tests.support.waiting import until

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
DAY = timedelta(days=1)
LITTLE = Lookout(thresholds=Thresholds(replica_behind_bytes_max=100_000))
MAKE = "CREATE TABLE filling AS SELECT 1 AS n"
FILL = "INSERT INTO filling SELECT n FROM generate_series(1, 20000) n"
COUNT = "SELECT count(*) FROM filling"


def settings_of(state: Path) -> Settings:
    return Settings(state=state, servers=ServersSettings(linger_s=0))


def named(endpoints: Endpoints, lookout: Lookout, at: datetime = NOW) -> set[str]:
    """The codes of what a look by the worker finds."""

    async def looked() -> set[str]:
        db = await Database.open(endpoints.url("worker"), purpose="test", size_min=1, size_max=2)
        try:
            return {one.code for one in ops.findings(await looking.look(db, at, None, lookout))}
        finally:
            await db.close()

    return asyncio.run(looked())


def write_backup(endpoints: Endpoints, made: backups.Backup) -> None:
    """As the command does."""

    async def written() -> None:
        db = await Database.open(endpoints.url("worker"), purpose="test", size_min=1, size_max=2)
        try:
            async with db.transaction(None) as conn:
                at = datetime.fromisoformat(made.made_at)
                await ops.write_report(conn, "backup", Written(made.facts(), at, made.took_ms))
        finally:
            await db.close()

    asyncio.run(written())


def asked(url: str, *statements: str) -> int:
    """What the last statement says, as the superuser."""
    with psycopg.connect(url, autocommit=True) as conn:
        cursor = conn.cursor()
        for one in statements:
            cursor.execute(one.encode())
        row = cursor.fetchone() if cursor.description else None
    return 0 if row is None else row[0]


@contextmanager
def standby(endpoints: Endpoints, copied: Path) -> Generator[str]:
    """A replica that streams from the house, begun from a backup of it; its superuser's URL."""
    assert endpoints.embedded is not None
    home = Path(endpoints.embedded.home) / "second"
    account = accounts.for_servers("nobody")
    server = PostgresServer(
        binaries.for_account(account, endpoints.state / "binaries"), home, home / "run",
        db_server.choose_port(None), endpoints.state / "logs" / "second.log", account,
    )  # fmt: skip
    for one in (server.home, server.run):
        accounts.private_directory(one, account)
    shutil.copytree(copied, server.data)
    (server.data / "standby.signal").touch()
    with (server.data / "postgresql.auto.conf").open("a") as conf:
        conf.write(f"primary_conninfo = '{endpoints.superuser_url()}'\n")
    if account is not None:
        for one in (server.data, *server.data.rglob("*")):
            os.chown(one, account.uid, account.gid)
    process = server.start()
    known = logins.passwords(endpoints.state)
    try:
        until(lambda: server.is_ready(known), "the replica to answer", 60)
        yield server.superuser_url(known, logins.DATABASE)
    finally:
        process.terminate()
        process.wait(30)


@pytest.mark.story
def test_a_backup_comes_back_whole() -> None:
    with state_directory() as state:
        with attached(settings_of(state)) as endpoints:
            asyncio.run(migrate.migrate(endpoints.url("owner")))
            latest = backed_up(endpoints, state.parent / "backups")
            with pytest.raises(SettingsError, match="servers run"):
                backups.restore(settings_of(state), Path(latest.path))
        wait_stopped(state)
        bring_back(Path(latest.path))


def backed_up(endpoints: Endpoints, folder: Path) -> backups.Backup:
    """Two backups, of which the newer is kept; the status knows how old the last is."""
    asked(endpoints.superuser_url(logins.DATABASE), MAKE, FILL)
    first = backups.take(endpoints, folder, NOW, keep=1)
    write_backup(endpoints, first)
    assert "backup_old" not in named(endpoints, Lookout(), NOW + DAY)
    assert "backup_old" in named(endpoints, Lookout(), NOW + 2 * DAY)
    asked(endpoints.superuser_url(logins.DATABASE), FILL)
    latest = backups.take(endpoints, folder, NOW + DAY, keep=1)
    # What was broken off is no backup.
    (folder / "20990101T000000Z" / "postgres").mkdir(parents=True)
    assert backups.found(folder) == [latest]
    with pytest.raises(Unavailable, match="there already"):
        backups.take(endpoints, folder, NOW + DAY, keep=1)
    return latest


@pytest.mark.story
def test_a_replica_that_stands_still_is_named() -> None:
    with state_directory() as state:
        with attached(settings_of(state)) as endpoints:
            asyncio.run(migrate.migrate(endpoints.url("owner")))
            url = endpoints.superuser_url(logins.DATABASE)
            asked(url, MAKE)
            made = backups.take(endpoints, state.parent / "backups", NOW, keep=1)
            asked(url, FILL)
            with standby(endpoints, Path(made.path) / "postgres") as second:
                until(lambda: asked(second, COUNT) == 20_001, "the replica to follow", 60)
                until(lambda: "replica_behind" not in named(endpoints, LITTLE), "peace", 60)
                asked(second, "SELECT pg_wal_replay_pause()")
                asked(url, FILL)
                assert "replica_behind" in named(endpoints, LITTLE)
                asked(second, "SELECT pg_wal_replay_resume()")
                until(lambda: "replica_behind" not in named(endpoints, LITTLE), "it to catch up")
        wait_stopped(state)


def bring_back(source: Path) -> None:
    """The backup serves in another state directory, and not where a file of it has changed."""
    with state_directory() as other:
        told = overround_cli("db", "restore", str(source), "--state", str(other), "--json")
        assert told.returncode == 0, told.stderr
        assert json.loads(told.stdout)["refused"] == []
        with attached(settings_of(other)) as endpoints:
            assert asked(endpoints.superuser_url(logins.DATABASE), COUNT) == 40_001
        wait_stopped(other)
        with pytest.raises(SettingsError, match="has a database"):
            backups.restore(settings_of(other), source)
    with pytest.raises(NotFound, match="no whole backup"):
        backups.restore(settings_of(source.parent / "new"), source.parent)
    version = source / "postgres" / "PG_VERSION"
    version.write_bytes(b"17\n")
    with pytest.raises(Unavailable, match="PG_VERSION is not what it was"):
        backups.restore(settings_of(source.parent / "new"), source)


@contextmanager
def small_disk(at: Path) -> Generator[None]:
    """A file system of a megabyte, mounted at `at`, where this account may mount one."""
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(at)],
        capture_output=True,
        check=False,
    )
    if done.returncode:
        pytest.skip("a small file system cannot be mounted here: that takes root")
    try:
        yield
    finally:
        subprocess.run(["umount", str(at)], check=True)


def test_a_disk_that_is_nearly_full_is_named(database_urls: dict[str, str], tmp_path: Path) -> None:
    if shutil.which("mount") is None:
        pytest.skip("there is no mount here")

    async def looked() -> set[str]:
        db = await Database.open(database_urls["worker"], purpose="test", size_min=1, size_max=2)
        try:
            return {
                one.code
                for one in ops.findings(await looking.look(db, NOW, None, Lookout(tmp_path)))
            }
        finally:
            await db.close()

    with small_disk(tmp_path):
        assert "disk_short" not in asyncio.run(looked())
        (tmp_path / "filling").write_bytes(bytes(1_000_000))
        assert "disk_short" in asyncio.run(looked())
        (tmp_path / "filling").unlink()
        assert "disk_short" not in asyncio.run(looked())


def test_a_server_of_somebody_else_is_not_ours_to_copy(
    endpoints: Endpoints, tmp_path: Path
) -> None:
    with pytest.raises(Unavailable, match="not ours to copy"):
        backups.take(replace(endpoints, embedded=None), tmp_path, NOW, keep=1)
