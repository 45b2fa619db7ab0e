"""A pool whose server goes away and comes back: who waits is answered, and at once."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncGenerator, Generator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from overround.core.errors import Unavailable
from overround.db import Database, logins
from overround.db.logins import Role
from overround.roles.attach import Endpoints
from tests.support.waiting import until_async

# Left to itself, psycopg's pool waits 0, 1 and 2 seconds between one broken connection and the
# next, and 1, 2 and 4 between one attempt and the next.
CONNECTIONS = 8
ACQUIRE_TIMEOUT_S = 3.0


@dataclass(frozen=True, slots=True)
class Road:
    """The way to the server: a link to its socket, which can be taken away and put back."""

    link: Path
    socket: Path
    url: str
    superuser_url: str

    def open(self) -> None:
        """Let connections through."""
        self.link.symlink_to(self.socket)

    def close(self) -> None:
        """Let none through and cut those that are: what a killed server does to a pool."""
        self.link.unlink()
        with psycopg.connect(self.superuser_url, autocommit=True) as conn:
            conn.execute(
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )


@pytest.fixture
def road(database_urls: Mapping[Role, str], endpoints: Endpoints) -> Generator[Road]:
    """An open road to this test's database."""
    record = endpoints.embedded
    assert record is not None
    database = str(conninfo_to_dict(database_urls["app"])["dbname"])
    password = logins.passwords(endpoints.state).of(logins.login("app"))
    # A socket's path is short: pytest's own directories may be too long for it.
    with tempfile.TemporaryDirectory() as made:
        directory = Path(made)
        url = logins.socket_url(logins.login("app"), password, directory, record.port, database)
        name = f".s.PGSQL.{record.port}"
        superuser_url = endpoints.superuser_url(database)
        found = Road(directory / name, Path(record.run) / name, url, superuser_url)
        found.open()
        yield found


@asynccontextmanager
async def pool(road: Road) -> AsyncGenerator[Database]:
    """A pool of the app login, full."""
    db = await Database.open(
        road.url,
        purpose="test",
        size_min=CONNECTIONS,
        size_max=CONNECTIONS,
        acquire_timeout_s=ACQUIRE_TIMEOUT_S,
    )
    try:
        yield db
    finally:
        await db.close()


async def ask(db: Database) -> None:
    """One request."""
    async with db.reading(None) as conn:
        assert await (await conn.execute("SELECT 1")).fetchone() == (1,)


def errors(db: Database) -> int:
    """How many attempts to connect have failed."""
    return db.stats().get("connections_errors", 0)


@pytest.mark.parametrize("asking", [1, 2 * CONNECTIONS])
def test_who_asks_after_a_restart_is_handed_no_broken_connection(road: Road, asking: int) -> None:
    async def story() -> None:
        async with pool(road) as db:
            await asyncio.to_thread(road.close)
            road.open()
            await asyncio.gather(*(ask(db) for _ in range(asking)))
            assert db.stats()["pool_size"] <= CONNECTIONS

    asyncio.run(story())


def test_a_pool_answers_as_soon_as_its_server_does(road: Road) -> None:
    async def story() -> None:
        async with pool(road) as db:
            await asyncio.to_thread(road.close)
            with pytest.raises(Unavailable, match="no database connection is free"):
                await ask(db)
            asked = asyncio.create_task(ask(db))
            failed = errors(db)
            # Nobody has to ask again for the pool to try again.
            await until_async(lambda: errors(db) > failed + 2, "further attempts")
            road.open()
            await asked
            await asyncio.gather(*(ask(db) for _ in range(2 * CONNECTIONS)))

    asyncio.run(story())


def test_a_pool_fills_up_again_without_being_asked(road: Road) -> None:
    async def story() -> None:
        async with pool(road) as db:
            await asyncio.to_thread(road.close)
            with pytest.raises(Unavailable):
                await ask(db)
            road.open()
            await until_async(lambda: db.stats()["pool_available"] == CONNECTIONS, "a full pool")

    asyncio.run(story())
