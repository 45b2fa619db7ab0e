"""The database stops, dies, comes back: the public sees copies, money waits, nobody lies."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx2

from overround.db.logins import Role
from tests.storefront.house import House, logged_in, process
from tests.storefront.valkey import Valkey, valkey
from tests.support.line import Line

Urls = Mapping[Role, str]
PUBLIC = ("/", "/api/v1/board", "/api/v1/events", "/theme.css")
SHOWN = ("load-theme", "board", "fixtures", "lobby")


async def deposit(client: httpx2.AsyncClient, key: str) -> httpx2.Response:
    headers = {"Idempotency-Key": f"key-{key}"}
    return await client.post("/api/v1/deposits", json={"amount": "1.00"}, headers=headers)


async def until_paid(client: httpx2.AsyncClient, key: str) -> None:
    """Ask under the same key until it is done, as a client does after a 503."""
    async with asyncio.timeout(30):
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
                assert time.monotonic() - began_s < 15
                await outage_of(house)
                own = await ann.get("/api/v1/balance")
                assert own.status_code == 503
                await house.road.mend()
                began_s = time.monotonic()
                await asyncio.gather(*(until_paid(ann, f"{n}{i}") for i in range(9)))
                assert time.monotonic() - began_s < 15
            # Every key was done once: nothing that was refused had happened in secret.
            balance = (await ann.get("/api/v1/balance")).json()
            assert balance["cash"] == "19.00", balance

    def _frozen(road: Line) -> Any:
        async def freeze() -> None:
            road.freeze()

        return freeze

    asyncio.run(story())


def test_healthz_is_instant_while_both_servers_are_dead(
    database_urls: Urls, tmp_path: Path
) -> None:
    """It asks no pool and no cache and loads nothing: it is there when all else is gone."""

    async def story(server: Valkey) -> None:
        async with process(database_urls, server.url) as house, house.client() as visitor:
            assert (await visitor.get("/healthz")).status_code == 200
            server.kill()
            house.road.freeze()
            loaded, asked = set(sys.modules), _asked_of_pools(house)
            busy_s, slowest_s = time.process_time(), 0.0
            for n in range(200):
                at_s = time.monotonic()
                host = ("acme.bet.example", "nobody.bet.example", "10.0.0.9")[n % 3]
                answer = await visitor.get("/healthz", headers={"Host": host})
                assert (answer.status_code, answer.json()) == (200, {"status": "ok"})
                slowest_s = max(slowest_s, time.monotonic() - at_s)
            assert set(sys.modules) == loaded
            assert _asked_of_pools(house) == asked
            # Not one of them waited for anything: a pool's or the cache's wait is longer by far.
            assert slowest_s < 0.9
            assert (time.process_time() - busy_s) / 200 < 0.01

    with valkey(tmp_path) as server:
        asyncio.run(story(server))


def _asked_of_pools(house: House) -> list[int]:
    return [pool.stats().get("requests_num", 0) for pool in house.database.every()]


def test_a_process_that_knows_no_tenant_yet_answers_with_copies_or_defaults(
    database_urls: Urls, tmp_path: Path
) -> None:
    """It began a moment before the database went: who is whose tenant it cannot ask any more."""

    async def story(url: str) -> None:
        async with (
            process(database_urls, url) as before,
            process(database_urls, url, make_tenants=False) as house,
        ):
            await before.publishing.run_once()
            await before.shelf.settle()
            await house.road.cut()
            lists = ("/api/v1/board", "/api/v1/events")
            for host, warning in (("acme", "110"), ("nobody", "199")):
                async with house.client(host) as visitor:
                    for path in lists:
                        answer = await visitor.get(path)
                        assert answer.status_code == 200, (host, path, answer.text)
                        assert answer.headers["warning"].startswith(warning), (host, path)
                        assert answer.json()["items"] == []
            await house.road.mend()
            async with house.client("nobody") as visitor, house.client() as acme:
                async with asyncio.timeout(30):
                    while "warning" in (await acme.get(lists[0])).headers:
                        await house.shelf.settle()
                for path in lists:
                    assert (await visitor.get(path)).status_code == 404

    with valkey(tmp_path) as server:
        asyncio.run(story(server.url))
