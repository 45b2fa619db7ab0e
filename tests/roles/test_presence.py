"""A process says that it lives, whatever becomes of its database, and says when it ends."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from overround.core.clock import WallClock
from overround.db import Database
from overround.db.logins import Role
from overround.ops import store
from overround.ops.model import Life
from overround.roles import presence
from overround.roles.attach import Endpoints

Urls = Mapping[Role, str]


async def lives(db: Database) -> list[Life]:
    async with db.reading(None) as conn:
        return await store.lives(conn)


async def heard_after(db: Database, moment: datetime) -> Life:
    """The life once it has beaten after a moment."""
    async with asyncio.timeout(20):
        while True:
            for life in await lives(db):
                if life.beat_at > moment:
                    return life
            await asyncio.sleep(0.01)


def test_a_beat_outlives_its_database(
    database_urls: Urls, endpoints: Endpoints, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(presence, "BEAT_S", 0.02)

    async def story() -> None:
        name = str(conninfo_to_dict(database_urls["app"])["dbname"])
        app = await Database.open(database_urls["app"], purpose="web", size_max=2)
        worker = await Database.open(database_urls["worker"], purpose="worker", size_max=2)
        async with presence.told(app, "api", WallClock(), lambda: {"streams": 3}):
            first = await heard_after(worker, datetime(2020, 1, 1, tzinfo=UTC))
            assert (first.role, first.facts) == ("api", {"streams": 3})
            async with await psycopg.AsyncConnection.connect(
                endpoints.superuser_url(name), autocommit=True
            ) as superuser:
                await superuser.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE datname = current_database() AND usename = 'overround_app'"
                )
            again = await heard_after(worker, datetime.now(UTC))
            assert again.since == first.since
        assert await lives(worker) == []
        await app.close()
        await worker.close()

    asyncio.run(story())
