"""kill -9 of everything, and pids that lie."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Generator
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from overround.cache.server import ValkeyServer
from overround.kit import processes
from overround.kit.processes import ProcessKey
from overround.kit.settings import ServersSettings, Settings
from overround.roles import place, servers
from overround.roles.attach import Endpoints, attached
from overround.roles.place import Record
from tests.servers.commands import attached_command
from tests.support.servers import state_directory, wait_stopped
from tests.support.waiting import until

BACK_S = 10.0


@pytest.fixture(scope="module")
def base() -> Generator[Path]:
    """The state directory of this file: its cluster is made once, whatever is killed."""
    with state_directory() as path:
        yield path


@pytest.fixture
def state(base: Path) -> Generator[Path]:
    """The state directory, its servers down before and after."""
    yield base
    wait_stopped(base)


@pytest.fixture
def new_state() -> Generator[Path]:
    """A state directory of this test alone, with nothing in it."""
    with state_directory() as path:
        yield path
        wait_stopped(path)


@pytest.fixture
def own(state: Path) -> Generator[Endpoints]:
    """The servers of this file up, this process attached."""
    settings = Settings(state=state, servers=ServersSettings(linger_s=0))
    with attached(settings) as endpoints:
        yield endpoints


def answers(endpoints: Endpoints) -> bool:
    """Whether the database answers the app login."""
    try:
        with psycopg.connect(endpoints.url("app"), connect_timeout=2) as conn:
            return conn.execute("SELECT 1").fetchone() == (1,)
    except psycopg.OperationalError:
        return False


def record_of(endpoints: Endpoints) -> Record:
    """The record as it stands on the disk now."""
    found = place.read_record(endpoints.state)
    assert found is not None
    return found


def kill(key: ProcessKey | None) -> None:
    """kill -9."""
    assert key is not None
    os.kill(key.pid, signal.SIGKILL)


def valkey_answers(endpoints: Endpoints) -> bool:
    """Whether Valkey answers."""
    record = record_of(endpoints)
    run, home = Path(record.run), Path(record.home)
    return ValkeyServer(Path(), home, run, Path(), None).is_ready()


def is_ready_again(endpoints: Endpoints, before: Record) -> bool:
    """Whether another record says that all is well."""
    found = place.read_record(endpoints.state)
    return found is not None and found != before and found.phase == "ready"


def test_a_killed_postgres_is_back_with_everything_that_was_acknowledged(own: Endpoints) -> None:
    with psycopg.connect(own.url("owner"), autocommit=True) as conn:
        conn.execute("CREATE TABLE kept AS SELECT 7 AS seven")
        before = record_of(own)
        kill(before.postgres)
        until(lambda: is_ready_again(own, before), "postgres to be back", BACK_S)
    with psycopg.connect(own.url("owner")) as conn:
        assert conn.execute("SELECT seven FROM kept").fetchone() == (7,)
    after = record_of(own)
    assert after.postgres_restarts == 1
    assert after.supervisor == before.supervisor


def test_a_backend_that_computes_does_not_keep_postgres_down(own: Endpoints) -> None:
    # It never looks at its socket or latch, so it does not notice that the postmaster died.
    busy = psycopg.connect(own.url("worker"))
    pid = busy.info.backend_pid
    busy.pgconn.send_query(b"SELECT count(*) FROM generate_series(1, 100000000000) AS n")
    before = record_of(own)
    kill(before.postgres)
    until(lambda: is_ready_again(own, before), "postgres to be back", BACK_S)
    assert processes.key_of(pid) is None
    busy.close()


def test_a_killed_valkey_is_back(own: Endpoints) -> None:
    before = record_of(own)
    kill(before.valkey)
    until(lambda: is_ready_again(own, before), "valkey to be back", BACK_S)
    assert valkey_answers(own)
    assert record_of(own).postgres == before.postgres


@pytest.mark.parametrize("also_postgres", [False, True])
def test_an_attached_command_survives_a_killed_supervisor(
    own: Endpoints, also_postgres: bool
) -> None:
    before = record_of(own)
    kill(before.supervisor)
    if also_postgres:
        kill(before.postgres)
    until(lambda: is_ready_again(own, before), "another supervisor", BACK_S)
    after = record_of(own)
    assert answers(own)
    assert valkey_answers(own)
    assert after.supervisor != before.supervisor
    # The orphans were ended, not joined by a second pair on the same files.
    for orphan in (before.postgres, before.valkey):
        assert orphan is not None
        assert not processes.is_alive(orphan)
    # What the command was told at the start still holds.
    assert (after.run, after.port, after.redis_url) == (before.run, before.port, before.redis_url)


def test_attached_commands_start_one_supervisor_between_them(state: Path) -> None:
    with (
        attached_command(state) as first,
        attached_command(state),
        attached_command(state),
    ):
        before = place.read_record(state)
        assert before is not None
        kill(before.supervisor)

        def another() -> bool:
            found = place.read_record(state)
            return found is not None and found != before and found.phase == "ready"

        until(another, "another supervisor", BACK_S)
        assert first.said["supervisor"] == before.supervisor.pid
        # None was started in vain.
        assert "another supervisor holds" not in (state / "logs" / "servers.log").read_text()
        with psycopg.connect(first.said["app"]) as conn:
            assert conn.execute("SELECT 1").fetchone() == (1,)


def test_the_next_command_ends_the_orphans_of_a_killed_supervisor(state: Path) -> None:
    with attached_command(state, linger_s=60) as command:
        before = place.read_record(state)
        assert before is not None
        command.process.kill()
        command.process.wait()
        kill(before.supervisor)
        until(lambda: not processes.is_alive(before.supervisor), "the supervisor to die")
    assert before.postgres is not None
    assert processes.is_alive(before.postgres)
    with attached(Settings(state=state, servers=ServersSettings(linger_s=0))) as endpoints:
        assert answers(endpoints)
        assert not processes.is_alive(before.postgres)


def test_a_stale_pid_file_that_names_a_stranger(state: Path) -> None:
    with attached_command(state) as command:
        home = Path(command.said["home"])
        assert command.finish() == 0
    wait_stopped(state)
    stranger = subprocess.Popen(["sleep", "60"])
    try:
        pid_file = home / "postgres" / "postmaster.pid"
        pid_file.write_text(f"{stranger.pid}\n{home}/postgres\n1700000000\n5432\n\n\n\n")
        os.chown(pid_file, home.stat().st_uid, home.stat().st_gid)
        with attached(Settings(state=state, servers=ServersSettings(linger_s=0))) as endpoints:
            assert answers(endpoints)
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def stranger_record(stranger: ProcessKey, home: str) -> Record:
    """The record of a dead supervisor whose postgres had the stranger's pid."""
    return Record("ready", ProcessKey(1, "long ago"), home, home, 1, postgres=stranger)


def test_a_reused_pid_is_left_alone() -> None:
    # The stranger even names our directory, as a backup or an editor would.
    arguments = [sys.executable, "-c", "import time; time.sleep(60)", "/somewhere/home"]
    stranger = subprocess.Popen(arguments)
    try:
        key = processes.key_of(stranger.pid)
        assert key is not None
        servers.end_orphans(stranger_record(replace(key, started="earlier"), "/somewhere/home"))
        assert stranger.poll() is None
        servers.end_orphans(stranger_record(key, "/another/home"))
        assert stranger.poll() is None
        # The same check does end the process that was recorded.
        servers.end_orphans(stranger_record(key, "/somewhere/home"))
        assert stranger.wait(timeout=30) != 0
    finally:
        stranger.kill()
        stranger.wait()


def test_a_record_that_names_a_stranger_does_not_stop_a_start(state: Path) -> None:
    with attached_command(state) as command:
        home = command.said["home"]
        assert command.finish() == 0
    wait_stopped(state)
    stranger = subprocess.Popen(["sleep", "60"])
    try:
        key = ProcessKey(stranger.pid, "earlier")
        place.write_record(state, stranger_record(key, home))
        with attached(Settings(state=state, servers=ServersSettings(linger_s=0))) as endpoints:
            assert answers(endpoints)
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_a_record_that_cannot_be_read_does_not_stop_a_start(state: Path) -> None:
    place.open_state(state)
    for text in ("", "{", "[]", "7", json.dumps({"phase": "ready"})):
        (state / "servers.json").write_text(text)
        assert place.read_record(state) is None
    with attached_command(state) as command:
        assert command.said["postgres"]


def test_a_half_made_cluster_is_made_anew(new_state: Path) -> None:
    state = new_state
    with attached_command(state) as command:
        home = Path(command.said["home"])
        assert command.finish() == 0
    wait_stopped(state)
    (home / "postgres").rename(home / "postgres.new")
    (home / "postgres.new" / "PG_VERSION").unlink()
    with attached(Settings(state=state, servers=ServersSettings(linger_s=0))) as endpoints:
        assert answers(endpoints)
        assert not (home / "postgres.new").exists()


def test_a_supervisor_killed_during_the_first_start_is_followed_by_one_that_finishes(
    new_state: Path,
) -> None:
    state = new_state
    place.open_state(state)
    settings = Settings(state=state, servers=ServersSettings(linger_s=0))
    plan = servers.Plan(str(state), settings.servers.account, 0.0, 128, servers.Timeouts())
    waiting = place.attached_lock(state)
    assert waiting.try_shared()
    subprocess.run([sys.executable, "-m", "overround.roles.servers", plan.to_json()], check=True)
    unfinished = state / "servers" / "postgres.new"
    until(unfinished.exists, "initdb to begin")
    record = place.read_record(state)
    assert record is not None
    kill(record.supervisor)
    waiting.release()
    with attached(settings) as endpoints:
        assert answers(endpoints)
