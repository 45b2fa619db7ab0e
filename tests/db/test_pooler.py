"""Behind PgBouncer in transaction mode: the API works, tenants stay apart, a wrong setting does not
start. `make pooled` runs the whole API suite this way."""

from __future__ import annotations

import asyncio
from collections.abc import Generator, Mapping

import psycopg
import pytest

from overround.db import Database, connect, guard
from overround.db.guard import UnsafeDatabase
from overround.db.logins import Role
from overround.db.migrate import migrate
from overround.db.prepared import DIRECT_THRESHOLD
from overround.roles.attach import Endpoints
from tests.storefront.house import House, process
from tests.support.edge import registration
from tests.support.pooler import PROGRAM, Pooler, pooler

Urls = Mapping[Role, str]

pytestmark = pytest.mark.skipif(PROGRAM is None, reason="PgBouncer is not installed")


@pytest.fixture(scope="module")
def running(endpoints: Endpoints) -> Generator[Pooler]:
    """One pooler for this file; a connection of it serves every client in turn."""
    with pooler(endpoints) as found:
        yield found


def pooled(running: Pooler, urls: Urls) -> dict[Role, str]:
    return {role: running.url(url) for role, url in urls.items()}


async def guarded(url: str, prepare_threshold: int | None) -> None:
    db = await Database.open(url, purpose="test", prepare_threshold=prepare_threshold)
    try:
        async with db.reading(None) as conn:
            await guard.check(conn, "app")
    finally:
        await db.close()


def test_a_wrong_setting_does_not_start(running: Pooler, database_urls: Urls) -> None:
    through = running.url(database_urls["app"])
    asyncio.run(guarded(through, None))
    for threshold in (0, 5):
        with pytest.raises(UnsafeDatabase, match="pooler"):
            asyncio.run(guarded(through, threshold))
        # Without a pooler between, it may.
        asyncio.run(guarded(database_urls["app"], threshold))


def test_behind_a_pooler_nothing_is_prepared_whatever_was_hoped_for(
    running: Pooler, database_urls: Urls
) -> None:
    async def story() -> None:
        through, straight = running.url(database_urls["app"]), database_urls["app"]
        for url, threshold in ((through, None), (straight, 0)):
            conn = await connect(url, prepares=True)
            assert conn.prepare_threshold == threshold
            await conn.close()
        never = await connect(straight, prepares=False)
        assert never.prepare_threshold is None
        await never.close()
        for url, threshold in ((through, None), (straight, DIRECT_THRESHOLD)):
            db = await Database.open(url, purpose="test", prepare_threshold="direct")
            async with db.reading(None) as conn:
                assert conn.prepare_threshold == threshold
                await guard.check(conn, "app")
            await db.close()

    asyncio.run(story())


def test_migrations_do_not_go_by_way_of_a_pooler(running: Pooler, database_urls: Urls) -> None:
    with pytest.raises(UnsafeDatabase, match="straight to the server"):
        asyncio.run(migrate(running.url(database_urls["owner"])))


def test_what_the_guard_forbids_runs_anothers_statement(
    running: Pooler, database_urls: Urls
) -> None:
    """The twin of the refusal: with statements prepared, transactions fail or lie."""

    async def story() -> int:
        wrong = 0
        url = running.url(database_urls["app"])
        conns = [await psycopg.AsyncConnection.connect(url, prepare_threshold=0) for _ in range(8)]

        async def ask(n: int, conn: psycopg.AsyncConnection) -> int:
            bad = 0
            for i in range(6):
                try:
                    async with conn.transaction():
                        query = f"SELECT '{n}-{i}', %s::int"
                        row = await (await conn.execute(query.encode(), [n])).fetchone()
                    bad += row != (f"{n}-{i}", n)
                except psycopg.Error:
                    bad += 1
            return bad

        wrong = sum(await asyncio.gather(*(ask(n, conn) for n, conn in enumerate(conns))))
        for conn in conns:
            await conn.close()
        return wrong

    assert asyncio.run(story()) > 0


def test_the_api_works_and_tenants_stay_apart(running: Pooler, database_urls: Urls) -> None:
    async def player(house: House, host: str, name: str) -> None:
        async with house.client(host) as client:
            answer = await client.post("/api/v1/users", json=registration(name))
            assert answer.status_code == 201, answer.text
        async with house.client(host, answer.json()["token"]) as client:
            for n in range(3):
                key = {"Idempotency-Key": f"{name}-deposit-{n}"}
                paid = await client.post("/api/v1/deposits", json={"amount": "100"}, headers=key)
                assert paid.status_code == 201, paid.text
                again = await client.post("/api/v1/deposits", json={"amount": "100"}, headers=key)
                assert again.headers["idempotency-replayed"] == "true"
            balance = (await client.get("/api/v1/balance")).json()
            expected = ("300.00", "EUR") if host == "acme" else ("300", "JPY")
            assert (balance["cash"], balance["currency"]) == expected
            assert (await client.get("/api/v1/session")).json()["user"]["display_name"] == name
            assert len((await client.get("/api/v1/statement")).json()["items"]) == 3

    async def story() -> None:
        async with process(pooled(running, database_urls), straight=True) as house:
            hosts = ("acme", "sakura") * 6
            players = (player(house, host, f"{host}{n}") for n, host in enumerate(hosts))
            await asyncio.gather(*players)

    asyncio.run(story())
