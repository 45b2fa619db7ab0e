"""Commands share one pair of servers, in whatever order they come and go."""

from __future__ import annotations

import os
import shutil
import signal
import time
from collections.abc import Generator
from pathlib import Path

import psycopg
import pytest

from overround.kit import processes
from overround.kit.settings import ServersSettings, Settings
from overround.roles import place
from overround.roles.attach import attached
from tests.servers.commands import Command, attached_command, start
from tests.support.servers import state_directory, wait_stopped
from tests.support.waiting import until


@pytest.fixture(scope="module")
def base() -> Generator[Path]:
    """The state directory of this file: its cluster is made once."""
    with state_directory() as path:
        yield path


@pytest.fixture
def state(base: Path) -> Generator[Path]:
    """The state directory, its servers down before and after."""
    yield base
    wait_stopped(base)


def works(command: Command) -> bool:
    """Whether the database of the command answers."""
    with psycopg.connect(command.said["app"]) as conn:
        return conn.execute("SELECT 1").fetchone() == (1,)


def test_the_first_of_two_commands_may_end_before_the_second(state: Path) -> None:
    with attached_command(state) as first, attached_command(state) as second:
        assert first.said == second.said
        assert first.finish() == 0
        assert works(second)
        # The linger time is zero here: it is the second command that keeps the servers.
        assert processes.key_of(second.said["postgres"]) is not None
        with attached_command(state) as third:
            assert third.said == second.said
        assert second.finish() == 0
    wait_stopped(state)
    assert processes.key_of(second.said["postgres"]) is None


def test_a_command_that_is_killed_lets_go(state: Path) -> None:
    with attached_command(state) as command:
        os.kill(command.process.pid, signal.SIGKILL)
        until(lambda: not place.supervisor_runs(state), "the servers to stop")


def test_the_servers_stop_five_seconds_after_the_last_command(state: Path) -> None:
    linger_s = ServersSettings().linger_s
    assert linger_s == 5.0
    with attached_command(state, linger_s) as command:
        # It lets go of them after this moment and before its own end.
        told_s = time.monotonic()
        assert command.finish() == 0
    # A command that comes in the meantime finds the same servers.
    with attached_command(state, linger_s) as again:
        in_time = time.monotonic() - told_s < linger_s
        assert again.said == command.said or not in_time
        assert again.finish() == 0
    took_s = until(lambda: not place.supervisor_runs(state), "the servers to stop")
    assert time.monotonic() - told_s > linger_s
    assert took_s < 10.0
    assert place.read_record(state) is None
    assert processes.key_of(command.said["postgres"]) is None
    until(lambda: processes.key_of(command.said["supervisor"]) is None, "the supervisor to end")


def test_commands_that_start_at_once_get_one_supervisor(state: Path) -> None:
    processes_started = [start(state, 0.0) for _ in range(5)]
    commands = [Command(process) for process in processes_started]
    try:
        assert len({command.said["supervisor"] for command in commands}) == 1
        assert all(works(command) for command in commands)
    finally:
        for command in commands:
            command.finish()


def test_a_command_that_comes_while_the_servers_stop_gets_new_ones(state: Path) -> None:
    with attached_command(state) as first:
        assert first.finish() == 0
    # With no linger time the supervisor is stopping now, or has just stopped.
    with attached_command(state) as second:
        assert works(second)
        assert second.said["supervisor"] != first.said["supervisor"]


def test_a_supervisor_that_is_asked_to_end_is_replaced_while_a_command_needs_it(
    state: Path,
) -> None:
    with attached_command(state) as command:
        os.kill(command.said["supervisor"], signal.SIGTERM)

        def another() -> bool:
            record = place.read_record(state)
            return (
                record is not None
                and record.phase == "ready"
                and record.supervisor.pid != command.said["supervisor"]
            )

        until(another, "another supervisor")
        assert works(command)


def test_a_deleted_state_directory_takes_its_servers_with_it() -> None:
    with state_directory() as state:
        settings = Settings(state=state, servers=ServersSettings(linger_s=60))
        with attached(settings) as endpoints:
            record = endpoints.embedded
            assert record is not None
            assert record.postgres is not None
            assert record.valkey is not None
        keys = [record.supervisor, record.postgres, record.valkey]
        shutil.rmtree(state, ignore_errors=True)
        until(lambda: not any(map(processes.is_alive, keys)), "the servers to end", 30)
