"""A house of two api processes that is restarted again and again while its players bet."""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
from collections import Counter
from pathlib import Path

import psycopg
import pytest
from benchmarks import bets_house

from overround.core.clock import WallClock
from overround.kit.settings import ServersSettings, Settings
from overround.roles import seeding
from overround.roles.attach import attached
from tests.servers.commands import overround_cli
from tests.servers.test_supervisor import Serving, serving
from tests.support.servers import state_directory, wait_stopped
from tests.support.visitors import Request, visiting

# Each of them replaces both processes of the api, and every other role.
RESTARTS = int(os.environ.get("RESTARTS", "25"))
PLAYERS = 8
WIDE = {f"OVERROUND_LIMITS__{of}_BURST": "1000000" for of in ("PUBLIC", "READ", "BETS", "TENANT")}

PLACED = """
SELECT r.key, count(*) FROM bet b
LEFT JOIN bet_request r ON r.tenant_id = b.tenant_id AND r.bet_id = b.id GROUP BY 1"""


def _prepared(state: Path) -> list[str]:
    """A tenant with players and offers; the selections."""
    settings = Settings(state=state, servers=ServersSettings(linger_s=0))
    with attached(settings) as endpoints:
        asyncio.run(seeding.prepare(endpoints))
        at = WallClock().now()
        url = endpoints.superuser_url("overround")
        with psycopg.connect(url, autocommit=True) as conn:
            found = bets_house.add_events(conn, 20, at)
            bets_house.add_house(conn, "bench", PLAYERS, at)
        return [str(one) for one in found]


async def _restarted(house: Serving, state: Path, selections: list[str]) -> Counter[str]:
    """Restart under load; how often each key was answered with a bet."""
    rng, taken = random.Random(1), Counter[str]()
    host = f"bench.localhost:{house.port}"

    def asked(visitor: int, n: int) -> Request:
        headers = {"Host": host}
        if n % 3 == 0:
            return "GET", "/api/v1/board", headers, None
        headers["Authorization"] = f"Bearer {bets_house.token(visitor + 1)}"
        if n % 3 == 1:
            return "GET", "/api/v1/balance", headers, None
        leg = {"selection_id": rng.choice(selections), "price": "2.50"}
        body = json.dumps({"legs": [leg], "stake": "1.00"}).encode()
        headers |= {"Idempotency-Key": f"{visitor}-{n}", "Content-Type": "application/json"}
        return "POST", "/api/v1/bets", headers, body

    def answered(visitor: int, n: int, content: bytes) -> None:
        if n % 3 == 2 and b'"open"' in content:
            taken[f"{visitor}-{n}"] += 1

    async with visiting(house.port, asked, PLAYERS, answered) as seen:
        for _ in range(RESTARTS):
            done = await asyncio.to_thread(overround_cli, "restart", "--state", str(state))
            assert done.returncode == 0, done.stderr
    assert not seen.broken, seen
    assert set(seen.statuses) == {200, 201}, seen.statuses
    assert seen.closed >= RESTARTS
    assert sum(taken.values()) == seen.statuses[201]
    return taken


@pytest.mark.story
@pytest.mark.timeout(3_600)
def test_no_request_is_lost_by_rolling_restarts(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {**WIDE, "OVERROUND_WEB__PROCESSES": "2"}.items():
        monkeypatch.setenv(name, value)
    with state_directory() as state:
        selections = _prepared(state)
        with serving(state) as house:
            taken = asyncio.run(_restarted(house, state, selections))
            with (
                attached(Settings(state=state)) as endpoints,
                psycopg.connect(endpoints.superuser_url("overround")) as conn,
            ):
                placed = dict(conn.execute(PLACED).fetchall())
            house.process.send_signal(signal.SIGTERM)
            house.process.communicate(timeout=60)
        wait_stopped(state)
    assert taken
    assert placed == dict(taken)
