"""PostgreSQL stops for a minute under load: seed 004's first check at its full length."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import pytest

from overround.db.logins import Role
from tests.storefront.house import House, logged_in, process
from tests.storefront.valkey import valkey
from tests.support.waiting import until_async

Urls = Mapping[Role, str]
AWAY_S: Final = 60.0
BACK_S: Final = 5.0
PATHS: Final = ("/", "/api/v1/board", "/api/v1/events", "/acme/api/public/load-theme")

pytestmark = [pytest.mark.kill, pytest.mark.timeout(300)]


async def look(house: House, until_s: float, seen: Counter[tuple[str, int]]) -> None:
    async with house.client() as visitor:
        while time.monotonic() < until_s:
            for path in PATHS:
                answer = await visitor.get(path, headers={"Accept": "text/html,application/json"})
                seen[path, answer.status_code] += 1
            await asyncio.sleep(0.05)


async def pay(house: House, name: str, until_s: float, seen: Counter[int]) -> int:
    """Deposits, each under a key of its own; how many were said to have happened."""
    async with await logged_in(house, name) as client:
        done = n = 0
        while time.monotonic() < until_s:
            n += 1
            key = {"Idempotency-Key": f"key-{name}-{n}"}
            answer = await client.post("/api/v1/deposits", json={"amount": "1.00"}, headers=key)
            seen[answer.status_code] += 1
            assert answer.status_code != 503 or "retry-after" in answer.headers
            # What was not answered is asked again under its key, until somebody knows.
            while answer.status_code == 503 and time.monotonic() < until_s + 20:
                await asyncio.sleep(0.5)
                answer = await client.post("/api/v1/deposits", json={"amount": "1.00"}, headers=key)
                seen[answer.status_code] += 1
            done += answer.status_code == 201
        balance = (await client.get("/api/v1/balance")).json()["cash"]
        assert balance == f"{done}.00"
        return done


@pytest.mark.parametrize("way", ["stopped", "killed"])
def test_sixty_seconds_without_postgresql(database_urls: Urls, tmp_path: Path, way: str) -> None:
    async def story(url: str) -> None:
        async with process(database_urls, url) as house:
            stop = asyncio.Event()
            publishing = asyncio.create_task(house.publishing.run(stop))
            shelf = house.shelf
            await until_async(lambda: shelf.kept("acme", "view:/"), "the first copy")
            began_s = time.monotonic()
            end_s = began_s + 5 + AWAY_S + BACK_S
            looks, pays = Counter[tuple[str, int]](), Counter[int]()
            work = [asyncio.create_task(look(house, end_s, looks)) for _ in range(4)]
            paying = [asyncio.create_task(pay(house, f"p{n}", end_s, pays)) for n in range(4)]
            await asyncio.sleep(5)
            before = pays[201]
            await (house.road.cut() if way == "killed" else _freeze(house))
            away = Counter(pays)
            await asyncio.sleep(AWAY_S)
            refused = pays[503] - away[503]
            # At most those whose answer was on its way.
            assert pays[201] - away[201] <= len(paying)
            await house.road.mend()
            done = sum(await asyncio.gather(*paying))
            await asyncio.gather(*work)
            stop.set()
            await publishing
            assert {status for _, status in looks} == {200}, looks
            assert set(pays) <= {201, 503}, pays
            assert refused > 4
            assert done > before > 0

    async def _freeze(house: House) -> None:
        house.road.freeze()

    with valkey(tmp_path) as server:
        asyncio.run(story(server.url))
