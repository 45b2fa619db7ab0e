"""Roles begun anew: `overround restart` on a running house, and a successor that does not start."""

from __future__ import annotations

import asyncio
import json
import signal
from pathlib import Path

import pytest

from overround.core.errors import Unavailable
from overround.kit import processes
from overround.roles import place, renewing
from overround.roles.supervisor import Role, Supervisor
from tests.servers.commands import overround_cli
from tests.servers.test_supervisor import ROLES, serving
from tests.support.servers import state_directory, wait_stopped
from tests.support.waiting import until_async


def test_nobody_is_asked_where_nothing_serves(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="nothing serves"):
        renewing.ask(tmp_path)


@pytest.mark.story
def test_a_house_begins_anew_and_a_successor_that_does_not_start_changes_nothing() -> None:
    with state_directory() as state:
        with serving(state) as house:
            before = house.roles()
            done = overround_cli("restart", "--state", str(state), "--json")
            assert done.returncode == 0, done.stderr
            assert tuple(json.loads(done.stdout)["renewed"]) == ROLES
            assert not any(map(processes.is_alive, before))
            assert house.status() == 200
            house.process.send_signal(signal.SIGTERM)
            house.process.communicate(timeout=30)
        assert not (state / "serving.json").exists()
        asyncio.run(_refused(state))
        wait_stopped(state)


async def _refused(state: Path) -> None:
    """A role whose successor knows no such option goes on as it is."""
    said: list[str] = []
    supervisor = Supervisor(
        place.open_state(state), common=("--state", str(state)), say=said.append
    )
    supervisor.start(Role("settle", overlaps=True))
    try:
        async with renewing.listening(supervisor, state):
            await until_async(lambda: supervisor.pid("settle"), "the role to start")
            pid = supervisor.pid("settle")
            outcome = await asyncio.to_thread(renewing.ask, state)
        assert (outcome.renewed, outcome.failed) == ((), "settle")
        assert supervisor.pid("settle") == pid
        assert "settle does not start anew" in said[-1]
    finally:
        await supervisor.stop()
