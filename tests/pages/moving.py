"""A furnished house whose prices a test can move while a browser looks at it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TypeVar

import psycopg

from overround.betting.settlement import settle_due
from overround.core import price
from overround.roles.archive import importer
from overround.roles.attach import Endpoints
from tests.support.edge import opened
from tests.support.house import House, Urls, furnished, served
from tests.support.servers import fresh_database

T = TypeVar("T")

# As a hub would write it, so that everything that follows is the product's own doing.
MOVE = """
UPDATE offer SET price_e4 = coalesce(%s, price_e4), state = %s, version = version + 1,
       seq = nextval('offer_seq'), changed_at = %s
WHERE selection_id = %s"""
LAID = """
SELECT s.id::text, o.price_e4 FROM selection s
JOIN market m ON m.id = s.market_id JOIN offer o ON o.selection_id = s.id
WHERE s.event_id = %s AND m.market_type = %s AND s.side = %s"""
# Nothing listens there: the api polls the database, as it does while the cache is away.
NO_CACHE = "redis://127.0.0.1:1/0"


@dataclass(frozen=True, slots=True)
class Moving:
    """A house that is served, and the database under it."""

    house: House
    urls: Urls

    @property
    def url(self) -> str:
        """Where acme's pages are."""
        return self.house.url

    def event(self, name: str) -> str:
        """The path of an event's page."""
        return f"/events/{self.house.events[name]}"

    def offer(self, event: str, market: str, side: str) -> tuple[str, str]:
        """(selection id, price) of what is laid now."""
        with psycopg.connect(self.urls["worker"]) as conn:
            asked = (self.house.events[event], market, side)
            row = conn.execute(LAID, asked).fetchone()
        assert row is not None
        return row[0], price.to_text(row[1])

    def move(self, selection_id: str, to: str | None = None, state: str = "open") -> None:
        """Lay a selection at another price or in another state."""
        price_e4 = price.parse_decimal(to) if to else None
        with psycopg.connect(self.urls["worker"]) as conn:
            moved = conn.execute(MOVE, (price_e4, state, datetime.now(UTC), selection_id))
            assert moved.rowcount == 1

    def end(self, event: str, home: int, away: int) -> int:
        """The event is over; returns how many bets were settled by it."""
        return apart(lambda: asyncio.run(self._end(event, home, away)))

    async def _end(self, event: str, home: int, away: int) -> int:
        now = datetime.now(UTC)
        async with opened(self.urls, make_tenants=False) as edge:
            await importer.enter_result(
                edge.worker_db, self.house.events[event], status="finished",
                scores={"ht": (0, 0), "ft": (home, away)}, entered_by="a person", at=now,
            )  # fmt: skip
            async with edge.worker_db.reading(None) as conn:
                found = await conn.execute("SELECT id FROM tenant WHERE subdomain = 'acme'")
                row = await found.fetchone()
            assert row is not None
            async with edge.worker_db.transaction(row[0]) as conn:
                return await settle_due(conn, row[0], now, 100)


def apart(work: Callable[[], T]) -> T:
    """What `work` gives, done in another thread: Playwright keeps a loop running in this one."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(work).result()


@contextmanager
def moving(endpoints: Endpoints) -> Generator[Moving]:
    """A house of its own, served until the end of the block."""
    with fresh_database(endpoints) as urls:
        house = apart(lambda: furnished(urls))
        with served(replace(endpoints, redis_url=NO_CACHE), urls, house):
            yield Moving(house, urls)
