"""Sessions through the cache: fewer questions to the record, and nobody revoked is let in."""

from __future__ import annotations

import asyncio
from collections.abc import Generator, Mapping
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from overround.cache import leases
from overround.cache.leases import Leases
from overround.db.logins import Role
from overround.people import sessions
from overround.people.sessions import Live, SessionLimits
from tests.storefront.house import House, process
from tests.storefront.valkey import valkey
from tests.support.edge import PASSWORD, registration, user_id_of

Urls = Mapping[Role, str]
TENANT, OTHER, ANN, BOB = (UUID(int=n) for n in range(1, 5))
TOKEN = bytes(range(32))
ME = "/api/v1/session"
AT = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def live(permanent: bool, seen: datetime, created: datetime) -> Live:
    return Live(ANN, BOB, "player", ("a",), seen, created, permanent)


def test_a_lease_says_all_of_the_session_and_knows_its_end() -> None:
    limits = SessionLimits()
    for permanent, idle, absolute in ((False, 1, 24), (True, 24, 720)):
        at_rest = live(permanent, AT, AT)
        assert sessions.borrowed(sessions.lent(at_rest), limits, AT) == at_rest
        near, past = AT + timedelta(hours=idle, seconds=-1), AT + timedelta(hours=idle)
        assert sessions.borrowed(sessions.lent(at_rest), limits, near) == at_rest
        assert sessions.borrowed(sessions.lent(at_rest), limits, past) is None
        old = live(permanent, AT, AT - timedelta(hours=absolute))
        assert sessions.borrowed(sessions.lent(old), limits, AT) is None


@given(st.binary(max_size=60))
def test_what_is_no_lease_is_nobody(said: bytes) -> None:
    assert sessions.borrowed(said, SessionLimits(), AT) is None


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Generator[str]:
    """A Valkey for all of this file."""
    with valkey(tmp_path_factory.mktemp("valkey")) as server:
        yield server.url


def test_a_forbidden_token_or_owner_is_asked_for_until_every_lease_is_over(url: str) -> None:
    async def story() -> None:
        async with aclosing(Leases.open(url, "session")) as one:
            await one.put(TENANT, TOKEN, ANN, b"ann", monotonic())
            assert await one.take(TENANT, TOKEN) == b"ann"
            assert await one.take(OTHER, TOKEN) is None, "a token is worth nothing elsewhere"
            assert await one.forbid(TENANT, TOKEN)
            assert await one.take(TENANT, TOKEN) is None
            # Who looked before it was revoked, and writes after, writes nothing.
            await one.put(TENANT, TOKEN, ANN, b"ann", monotonic())
            await one.renew(TENANT, TOKEN, ANN, b"ann")
            assert await one.take(TENANT, TOKEN) is None
            second = bytes(32)
            await one.put(TENANT, second, BOB, b"bob", monotonic())
            assert await one.forbid_owner(TENANT, BOB)
            assert await one.take(TENANT, second) is None
            await one.put(TENANT, bytes(31) + b"x", ANN, b"ann", monotonic())
            assert await one.take(TENANT, bytes(31) + b"x") == b"ann"
            assert leases.FORBIDDEN_S > leases.LEASE_S + 20

    asyncio.run(story())


def test_a_lease_counts_from_when_the_record_was_looked_at(url: str) -> None:
    async def story() -> None:
        async with aclosing(Leases.open(url, "slow")) as one:
            await one.put(TENANT, TOKEN, ANN, b"ann", monotonic() - leases.LEASE_S)
            assert await one.take(TENANT, TOKEN) is None
            await one.put(TENANT, TOKEN, ANN, b"ann", monotonic() - leases.LEASE_S + 5)
            assert await one.take(TENANT, TOKEN) == b"ann"
            await one.renew(TENANT, TOKEN, ANN, b"ann again")
            assert await one.take(TENANT, TOKEN) == b"ann again"

    asyncio.run(story())


def test_without_a_cache_there_is_no_lease_and_no_error(tmp_path: Path) -> None:
    async def story() -> None:
        with valkey(tmp_path) as server:
            async with aclosing(Leases.open(server.url, "session")) as one:
                await one.put(TENANT, TOKEN, ANN, b"ann", monotonic())
                server.kill()
                assert await one.take(TENANT, TOKEN) is None
                await one.put(TENANT, TOKEN, ANN, b"ann", monotonic())
                assert not await one.forbid(TENANT, TOKEN)
        async with aclosing(Leases.open(None, "session")) as none:
            await none.put(TENANT, TOKEN, ANN, b"ann", monotonic())
            assert await none.take(TENANT, TOKEN) is None

    asyncio.run(story())


async def enter(house: House, name: str, *, permanent: bool = False) -> str:
    """A token of a new player's second log-in."""
    async with house.client() as client:
        await client.post("/api/v1/users", json=registration(name))
        body = {"email": f"{name}@players.example", "password": PASSWORD, "permanent": permanent}
        answer = await client.post(ME, json=body)
    assert answer.status_code == 200, answer.text
    assert answer.json()["session"]["permanent"] is permanent
    return answer.json()["token"]


async def status(house: House, token: str) -> int:
    async with house.client(token=token) as client:
        return (await client.get(ME)).status_code


def test_nothing_revives_a_revoked_session(database_urls: Urls, url: str) -> None:
    """Every way to end a session, each while a lease of it is out, in two processes."""

    async def story() -> None:
        async with process(database_urls, url) as one, process(database_urls, url, False) as other:
            await one.edge.staff("boss", "users.manage")
            async with one.client() as client:
                body = {"email": "boss@acme.example", "password": PASSWORD}
                boss = (await client.post(ME, json=body)).json()["token"]
            for n, end in enumerate(("log_out", "end", "disable", "again")):
                name = f"p{n}"
                token = await enter(one, name)
                for house in (one, other, one):
                    assert await status(house, token) == 200
                async with other.client(token=token) as client:
                    if end == "log_out":
                        assert (await client.delete(ME)).status_code == 204
                    elif end == "end":
                        mine = (await client.get("/api/v1/sessions")).json()["items"]
                        for item in mine:
                            await client.delete(f"/api/v1/sessions/{item['id']}")
                    elif end == "disable":
                        user = await user_id_of(one.edge, name)
                        path = f"/api/v1/office/users/{user}/disable"
                        async with other.client(token=boss) as office:
                            assert (await office.post(path)).status_code == 200
                    else:
                        body = {"email": f"{name}@players.example", "password": PASSWORD}
                        assert (await client.post(ME, json=body)).status_code == 200
                for house in (one, other, one, other):
                    assert await status(house, token) == 401, end

    asyncio.run(story())


def test_sessions_relieve_the_database_in_a_burst_of_log_ins(database_urls: Urls, url: str) -> None:
    """Five people log in and open thirty things each; what the cache spares is counted: looks at
    sessions' records, and connections that PostgreSQL was asked for in all."""

    def connections(house: House) -> int:
        return sum(pool.stats().get("requests_num", 0) for pool in house.database.every())

    async def burst(house: House, tokens: list[str]) -> tuple[int, int]:
        before = house.leases.counts.misses, connections(house)
        await asyncio.gather(*(_opens(house, token) for token in tokens))
        return house.leases.counts.misses - before[0], connections(house) - before[1]

    async def _opens(house: House, token: str) -> None:
        async with house.client(token=token) as client:
            for _ in range(30):
                assert (await client.get("/api/v1/balance")).status_code == 200

    async def story() -> None:
        async with process(database_urls) as without:
            names = [f"q{n}" for n in range(5)]
            tokens = [await enter(without, name) for name in names]
            looks, taken = await burst(without, tokens)
            assert looks == 150
        async with process(database_urls, url, False) as house:
            # One look for each session, and 145 of 150 answered by leases: 97 % less.
            looks_left, taken_left = await burst(house, tokens)
            assert looks_left == 5
            assert house.leases.counts.hits == 145
            # Every look that is spared is a connection that is not asked for.
            assert taken - taken_left >= 140
            spared = [100 - left * 100 // all_ for left, all_ in ((looks_left, looks),
                      (taken_left, taken))]  # fmt: skip
            print(  # noqa: T201  (the figures are what an operator asks of this test)
                f"looks at sessions {looks} -> {looks_left} (-{spared[0]} %), "
                f"connections {taken} -> {taken_left} (-{spared[1]} %)"
            )

    asyncio.run(story())


def test_statistics_count_what_is_live_new_and_ended(database_urls: Urls) -> None:
    async def story() -> None:
        async with process(database_urls) as house:
            token = await enter(house, "ann", permanent=True)
            async with house.client(token=token) as client:
                await client.delete(ME)
            tenant_id = house.edge.tenants["acme"].id
            at = datetime.now(UTC)
            async with house.edge.app_db.reading(tenant_id) as conn:
                found = await sessions.statistics(conn, tenant_id, SessionLimits(), at)
            assert (found.active, found.created, found.revoked) == (1, 2, 1)

    asyncio.run(story())
