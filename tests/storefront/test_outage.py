"""The database stops, dies, comes back: the public sees copies, money waits, nobody lies."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from typing import Any

import httpx2

from overround.db.logins import Role
from tests.storefront.house import House, logged_in, process
from tests.support.line import Line

Urls = Mapping[Role, str]
PUBLIC = ("/", "/api/v1/board", "/api/v1/events", "/theme.css")
SHOWN = ("load-theme", "board", "fixtures", "lobby")


async def deposit(client: httpx2.AsyncClient, key: str) -> httpx2.Response:
    headers = {"Idempotency-Key": f"key-{key}"}
    return await client.post("/api/v1/deposits", json={"amount": "1.00"}, headers=headers)


async def until_paid(client: httpx2.AsyncClient, key: str) -> None:
    """Ask under the same key until it is done, as a client does after a 503."""
    async with asyncio.timeout(10):
        while (answer := await deposit(client, key)).status_code != 201:
            assert answer.status_code == 503
            await asyncio.sleep(0.1)


async def outage_of(house: House) -> None:
    """What holds while the database is away, whatever way it went."""
    async with house.client() as visitor, house.client("sakura") as other:
        for path in PUBLIC:
            answer = await visitor.get(path, headers={"Accept": "text/html, application/json"})
            assert answer.status_code == 200, (path, answer.text)
            assert answer.headers["warning"].startswith("110"), path
            assert int(answer.headers["age"]) >= 0
        for name in SHOWN:
            for path in (f"/acme/api/public/{name}", f"/api/public/{name}"):
                assert (await visitor.get(path)).status_code == 200
        assert (await other.get("/sakura/api/public/load-theme")).json()["name"] == "Sakura"
        assert (await visitor.get("/healthz")).status_code == 200


def test_under_load_the_pool_stays_below_85_percent(database_urls: Urls) -> None:
    async def story() -> None:
        async with process(database_urls, straight=True) as house, house.client() as visitor:
            await house.publishing.run_once()
            worst: dict[str, int] = {}

            async def watch() -> None:
                while True:
                    for pool in house.database.every():
                        stands = pool.figures()
                        before = worst.get(stands.purpose, 0)
                        worst[stands.purpose] = max(before, stands.usage_percent)
                    await asyncio.sleep(0)

            watching = asyncio.create_task(watch())
            for _ in range(5):
                asked = (visitor.get(PUBLIC[n % 4]) for n in range(100))
                answers = await asyncio.gather(*asked)
                assert {one.status_code for one in answers} == {200}
            watching.cancel()
            assert 0 < worst["reads"] < 85, worst

    asyncio.run(story())


def test_no_false_success_while_the_database_is_away(database_urls: Urls) -> None:
    async def story() -> None:
        async with process(database_urls) as house, await logged_in(house, "ann") as ann:
            await house.publishing.run_once()
            taken = [(await deposit(ann, "0")).status_code]
            assert taken == [201]
            for n, way in enumerate((house.road.cut, _frozen(house.road)), 1):
                await way()
                began_s = time.monotonic()
                refused = await asyncio.gather(*(deposit(ann, f"{n}{i}") for i in range(8)))
                assert [one.status_code for one in refused] == [503] * 8
                assert all("retry-after" in one.headers for one in refused)
                assert time.monotonic() - began_s < 5
                await outage_of(house)
                own = await ann.get("/api/v1/balance")
                assert own.status_code == 503
                await house.road.mend()
                began_s = time.monotonic()
                await asyncio.gather(*(until_paid(ann, f"{n}{i}") for i in range(9)))
                assert time.monotonic() - began_s < 5
            # Every key was done once: nothing that was refused had happened in secret.
            balance = (await ann.get("/api/v1/balance")).json()
            assert balance["cash"] == "19.00", balance

    def _frozen(road: Line) -> Any:
        async def freeze() -> None:
            road.freeze()

        return freeze

    asyncio.run(story())
