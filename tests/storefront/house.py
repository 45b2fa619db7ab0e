"""An api process for tests of outages: its application, over a line to the database that breaks."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import httpx2

from overround.cache.leases import Leases
from overround.core.clock import WallClock
from overround.db import Bulkheads, Database
from overround.db.logins import Role
from overround.kit.threads import BoundedThreads
from overround.people.sessions import SessionLimits
from overround.roles.publishing import Publishing
from overround.storefront import Shelf
from overround.web import Services, assembled
from overround.web.outage import Outage
from tests.support.edge import BASE_DOMAIN, Edge, opened, registration
from tests.support.line import Line, line

Urls = Mapping[Role, str]


@dataclass(slots=True)
class House:
    """An api process over a line that may break, beside an edge whose road is whole."""

    app: Any
    database: Database
    publishing: Publishing
    outage: Outage
    shelf: Shelf
    leases: Leases
    road: Line
    edge: Edge

    def client(self, host: str = "acme", token: str | None = None) -> httpx2.AsyncClient:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        name = host if "." in host else f"{host}.{BASE_DOMAIN}"
        transport = httpx2.ASGITransport(self.app, raise_app_exceptions=False)
        return httpx2.AsyncClient(transport=transport, base_url=f"http://{name}", headers=headers)


@asynccontextmanager
async def process(
    urls: Urls, redis_url: str | None = None, make_tenants: bool = True, *, straight: bool = False
) -> AsyncGenerator[House]:
    """A process like the api's; the second one over a database makes no tenants.

    `straight` leads past the line, and lets work take the time that it takes.
    """
    async with AsyncExitStack() as stack:
        edge = await stack.enter_async_context(opened(urls, make_tenants=make_tenants))
        road = await stack.enter_async_context(line(urls["app"]))
        database = await Bulkheads.open_shares(
            urls["app"] if straight else road.url,
            size_max=20,
            acquire_timeout_s=10.0 if straight else 1.0,
            hold_s_max=None if straight else 1.0,
        )
        stack.push_async_callback(database.close)
        shelf = await stack.enter_async_context(aclosing(Shelf.open(redis_url)))
        leases = await stack.enter_async_context(aclosing(Leases.open(redis_url, "session")))
        hashing = BoundedThreads(2, 64, "hashing")
        stack.callback(hashing.close)
        clock = WallClock()
        limits = SessionLimits()
        services = Services(
            database,
            clock,
            hashing,
            BASE_DOMAIN,
            limits,
            shelf=shelf,
            leases=leases,
            mark=_nowhere,
        )
        app, outage = assembled(services)
        publishing = Publishing(database, shelf, outage, clock)
        # What still waits at a frozen line would be waited for.
        stack.push_async_callback(road.mend)
        yield House(app, database, publishing, outage, shelf, leases, road, edge)


def _nowhere(book_id: UUID) -> None:
    """No process of these tests follows a book."""


async def logged_in(house: House, name: str) -> httpx2.AsyncClient:
    async with house.client() as client:
        answer = await client.post("/api/v1/users", json=registration(name))
    assert answer.status_code == 201, answer.text
    return house.client(token=answer.json()["token"])
