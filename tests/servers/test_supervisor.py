"""The roles under their supervisor: killed, orphaned, ended; as processes, on real servers."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import httpx2
import psutil
import pytest

from overround.core.errors import SettingsError
from overround.kit import processes
from overround.kit.processes import ProcessKey
from overround.kit.settings import ServersSettings, Settings
from overround.roles import seeding
from overround.roles import supervisor as supervisors
from overround.roles.attach import attached
from overround.roles.supervisor import Role, Supervisor, shorten
from tests.servers.commands import overround_cli
from tests.support.ports import free_port
from tests.support.servers import state_directory, wait_stopped
from tests.support.waiting import until

ROLES = ("api", "hub", "settle", "jobs")


@dataclass(frozen=True, slots=True)
class Serving:
    """A running `overround serve`."""

    process: subprocess.Popen[str]
    state: Path
    port: int

    def role(self, name: str) -> ProcessKey | None:
        """The process of a role, as the supervisor's child."""
        return self._by_name().get(name)

    def roles(self) -> list[ProcessKey]:
        """The processes of all roles that live."""
        return list(self._by_name().values())

    def _by_name(self) -> dict[str, ProcessKey]:
        found: dict[str, ProcessKey] = {}
        for child in psutil.Process(self.process.pid).children():
            with suppress(psutil.Error):
                words, key = child.cmdline(), processes.key_of(child.pid)
                if words[4:5] == ["run"] and key is not None:
                    found[words[5]] = key
        return found

    def status(self) -> int:
        """What the api answers; a refused connection is an error."""
        return httpx2.get(f"http://127.0.0.1:{self.port}/healthz", timeout=30).status_code

    def is_listening(self) -> bool:
        """Whether anybody holds the port."""
        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
        except OSError:
            return False
        return True


@pytest.fixture(scope="module")
def state() -> Generator[Path]:
    """The state directory of this file: its servers stand from one test to the next."""
    with state_directory() as path:
        with attached(Settings(state=path, servers=ServersSettings(linger_s=0))):
            yield path
        wait_stopped(path)


@contextmanager
def serving(state: Path) -> Generator[Serving]:
    """`overround serve --json`, all its roles started; killed afterwards."""
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "overround.cli", "serve", "--json", "--state", str(state)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd="/",
        env={**os.environ, "OVERROUND_WEB__PORT": str(port), "OVERROUND_SERVERS__LINGER_S": "0"},
    )
    found = Serving(process, state, port)
    try:
        until(lambda: len(found.roles()) == len(ROLES), "the roles to start", 60)
        assert found.status() == 200
        yield found
    finally:
        process.kill()
        process.communicate()


def test_a_killed_role_is_back_until_the_house_is_told_to_end(
    state: Path,
) -> None:
    with serving(state) as house:
        for name in ROLES:
            killed = house.role(name)
            assert killed is not None
            os.kill(killed.pid, signal.SIGKILL)
            # Whoever asks now waits for the next api and is answered by it.
            assert house.status() == 200

            def back(name: str = name, killed: ProcessKey = killed) -> bool:
                return house.role(name) not in {None, killed}

            until(back, f"{name} to be back")
        second = overround_cli("serve", "--state", str(state))
        assert second.returncode == 3
        assert "another serve or demo runs" in second.stderr
        assert house.status() == 200
        roles = house.roles()
        house.process.send_signal(signal.SIGTERM)
        out, err = house.process.communicate(timeout=30)
        assert house.process.returncode == 0
        restarts = json.loads(out)["restarts"]
        assert set(restarts) == set(ROLES)
        assert all(restarts[name] >= 1 for name in ROLES), restarts
        assert "api ended (SIGKILL): starting it again" in err
        assert not any(map(processes.is_alive, roles))
        assert not house.is_listening()


def test_roles_do_not_outlive_a_killed_supervisor(state: Path) -> None:
    with serving(state) as house:
        roles = house.roles()
        house.process.kill()
        until(lambda: not any(map(processes.is_alive, roles)), "the roles to end")
        assert not house.is_listening()


def test_a_role_that_refuses_its_configuration_is_not_started_again(state: Path) -> None:
    async def story() -> Supervisor:
        supervisor = Supervisor(state)
        supervisor.start(Role("settle", ("--no-such-option",)))
        try:
            with pytest.raises(SettingsError, match=r"settle does not start; see .*settle\.log"):
                await supervisor.until(asyncio.Event())
        finally:
            await supervisor.stop()
            await supervisor.stop()
        return supervisor

    assert asyncio.run(story()).restarts() == {"settle": 0}


def test_a_role_that_keeps_ending_is_started_less_and_less_often(
    state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Its start takes seconds beside other work, and has not lasted for that.
    monkeypatch.setattr(supervisors, "STARTED_S", 60.0)
    said: list[str] = []

    async def story() -> None:
        enough = asyncio.Event()

        def say(line: str) -> None:
            said.append(line)
            if len(said) == 4:
                enough.set()

        supervisor = Supervisor(state, common=("--state", str(state)), say=say)
        # It does what it is told and ends, which is no end that a supervisor expects.
        supervisor.start(Role("settle", ("--once",)))
        try:
            await asyncio.wait_for(enough.wait(), 60)
            await supervisor.end("settle")
            ended = supervisor.restarts()
            await supervisor.end("settle")
            assert supervisor.restarts() == ended
        finally:
            await supervisor.stop()

    with attached(Settings(state=state)) as endpoints:
        asyncio.run(seeding.prepare(endpoints))
        asyncio.run(story())
    assert said[0] == "settle ended (exit 0): starting it again"
    pauses = [line.partition("again in ")[2].partition(";")[0] for line in said]
    assert pauses[1:] == ["0.25 s", "0.5 s", "1.0 s"]


def test_a_log_is_cut_while_it_is_written(tmp_path: Path) -> None:
    log = tmp_path / "api.log"
    with log.open("a") as stream:
        for text in ("first", "second", "third"):
            stream.write(text)
            stream.flush()
            shorten(log, 5)
    # Five bytes are not too many; what follows goes where the role writes: to the end of it.
    assert log.read_text() == "third"
    assert log.with_suffix(".log.1").read_text() == "firstsecond"
