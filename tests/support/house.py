"""A house with something in it, served as it is in life: for tests that look at pages."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

import httpx2

from overround.betting.offers import Offers, book_of
from overround.betting.settlement import settle_due
from overround.core import price
from overround.core.clock import WallClock
from overround.db.logins import Role
from overround.kit.settings import Settings, WebSettings
from overround.money.revenue import store as revenue_store
from overround.money.revenue.model import DayFigures
from overround.odds.feeds import FeedBatch, FeedEvent, FeedMarket, FeedPrice
from overround.roles import api
from overround.roles.archive import importer
from overround.roles.attach import Endpoints
from overround.roles.hub.writer import Hub
from tests.support.edge import PASSWORD, Edge, opened

Urls = Mapping[Role, str]
# market -> what two books quote for each side.
Quotes = Mapping[FeedMarket, Mapping[str, tuple[str, str]]]

THREE_WAYS: Final[Quotes] = {
    FeedMarket("1x2"): {
        "home": ("2.10", "2.05"),
        "draw": ("3.40", "3.30"),
        "away": ("3.60", "3.75"),
    },
    FeedMarket("total", "ft", 10): {"over": ("1.90", "1.95"), "under": ("1.92", "1.88")},
    FeedMarket("asian_handicap", "ft", -3): {"home": ("2.04", "2.01"), "away": ("1.86", "1.90")},
    FeedMarket("both_teams_to_score"): {"yes": ("1.80", "1.77"), "no": ("2.00", "2.05")},
}
TWO_WAYS: Final[Quotes] = {
    FeedMarket("moneyline", "final"): {"home": ("1.70", "1.72"), "away": ("2.15", "2.10")},
    FeedMarket("total", "final", 638): {"over": ("1.90", "1.90"), "under": ("1.90", "1.92")},
}


@dataclass(slots=True)
class House:
    """What is in it: events by name, and who may log in with `PASSWORD`."""

    port: int = 0
    events: dict[str, UUID] = field(default_factory=dict[str, UUID])
    staff: str = "boss@acme.example"
    player: str = "ann@players.example"

    @property
    def url(self) -> str:
        """Where acme's pages are."""
        return f"http://acme.localhost:{self.port}"


@contextmanager
def served(endpoints: Endpoints, urls: Urls, house: House) -> Generator[House]:
    """The api role over the database, in a thread of its own, on a free port."""
    listener = api.listen("127.0.0.1", 0)
    house.port = listener.getsockname()[1]
    settings = Settings(state=endpoints.state, web=WebSettings(port=house.port))
    started: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []
    ready = threading.Event()

    async def main() -> None:
        stop = asyncio.Event()
        started.append((asyncio.get_running_loop(), stop))
        ready.set()
        await api.run(
            settings, urls["app"], stop, redis_url=endpoints.redis_url, listener=listener,
            clock=WallClock(),
        )  # fmt: skip

    thread = threading.Thread(target=lambda: asyncio.run(main()))
    thread.start()
    ready.wait()
    loop, stop = started[0]
    try:
        yield house
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()


def furnished(urls: Urls) -> House:
    """Two sports, bets of two players, one result, a month of revenue, staff with every right."""
    house = House()
    asyncio.run(_furnish(urls, house))
    return house


async def _furnish(urls: Urls, house: House) -> None:
    async with opened(urls) as edge:
        now = datetime.now(UTC)
        edge.clock.move_to(now)
        await lay(edge, house, now)
        await edge.staff("boss", "*")
        ann, bob = await edge.player("ann"), await edge.player("bob")
        for client in (ann, bob):
            await edge.deposit(client, "1000.00")
        await _bet(edge, house, ann, bob)
        await _settle(edge, house.events["Lindport"], now)
        await _days(edge, now)


async def lay(edge: Edge, house: House, now: datetime) -> None:
    tenant = edge.tenants["acme"]
    async with edge.worker_db.reading(tenant.id) as conn:
        book = await book_of(conn, tenant)
    hub = Hub.empty()
    hub.books = [Offers(book)]
    football = ("Lindport", "Harrow Vale"), ("Ostmark Rovers", "Cray City"), ("Alder", "Brixen 04")
    batches = [
        _batch("football", "E0", "Premier League", "England", home, away, now, 2 * n, THREE_WAYS)
        for n, (home, away) in enumerate(football, start=1)
    ] + [
        _batch("basketball", "BL", "Coast League", "", "Salt Bay Gulls", "Northern Herons", now, 3,
               TWO_WAYS)
    ]  # fmt: skip
    async with edge.worker_db.transaction(None) as conn:
        await hub.prices(conn, batches, {}, now)
    for batch in batches:
        house.events[batch.event.home] = hub.events[batch.event.key].event_id


def _batch(
    sport: str, key: str, competition: str, country: str, home: str, away: str, now: datetime,
    hours: int, quotes: Quotes,
) -> FeedBatch:  # fmt: skip
    event = FeedEvent(
        "football_data", home, sport, key, competition, country, home, away,
        now + timedelta(hours=hours),
    )  # fmt: skip
    prices = tuple(
        FeedPrice(source, market, side, price.parse_decimal(text), text)
        for market, sides in quotes.items()
        for side, texts in sides.items()
        for source, text in zip(("bet365", "pinnacle"), texts, strict=True)
    )
    return FeedBatch(event, now, prices)


async def _bet(edge: Edge, house: House, ann: httpx2.AsyncClient, bob: httpx2.AsyncClient) -> None:
    lindport, ostmark = house.events["Lindport"], house.events["Ostmark Rovers"]
    gulls = house.events["Salt Bay Gulls"]
    await bet(edge, ann, "25.00", (lindport, "1x2", "home"))
    await bet(edge, bob, "40.00", (lindport, "1x2", "away"))
    await bet(edge, ann, "60.00", (ostmark, "1x2", "home"))
    await bet(edge, bob, "15.50", (ostmark, "1x2", "draw"))
    await bet(edge, ann, "20.00", (ostmark, "asian_handicap", "away"))
    await bet(edge, bob, "35.00", (ostmark, "total", "over"), (gulls, "moneyline", "away"))
    await bet(edge, ann, "80.00", (gulls, "moneyline", "home"))


async def bet(
    edge: Edge, client: httpx2.AsyncClient, stake: str, *legs: tuple[UUID, str, str]
) -> dict[str, Any]:
    """Place a bet on (event, market, side) at the prices of now."""
    asked: list[dict[str, str]] = []
    for event_id, market, side in legs:
        event = (await client.get(f"/api/v1/events/{event_id}/markets")).json()
        asked += [
            {"selection_id": one["selection_id"], "price": one["price"]}
            for found in event["markets"]
            for one in found["selections"]
            if (found["market"], one["side"]) == (market, side)
        ]
    placed = await client.post(
        "/api/v1/bets", json={"stake": stake, "legs": asked}, headers=edge.key()
    )
    assert placed.status_code == 201, placed.text
    return placed.json()


async def _settle(edge: Edge, event_id: UUID, now: datetime) -> None:
    tenant_id = edge.tenants["acme"].id
    await importer.enter_result(
        edge.worker_db, event_id, status="finished", scores={"ht": (1, 0), "ft": (1, 0)},
        entered_by="a person", at=now,
    )  # fmt: skip
    async with edge.worker_db.transaction(tenant_id) as conn:
        await settle_due(conn, tenant_id, now, 10)


async def _days(edge: Edge, now: datetime) -> None:
    """A month of days, some of them bad ones, written as the jobs role would."""
    tenant_id = edge.tenants["acme"].id
    shares = (8, 12, -5, 3, 9, -14, 22, 6, 0, 15, -2, 11, 7, 4, -9, 18, 5, 10, 1, 13)
    figures = [
        DayFigures((now - timedelta(days=n)).date(), 180_000 + 7_919 * n, 0, None)
        for n in range(len(shares), 0, -1)
    ]
    figures = [
        DayFigures(one.day, one.handle_minor, one.handle_minor * (100 - share) // 100, None)
        for one, share in zip(figures, shares, strict=True)
    ]
    fees = [max(0, one.handle_minor - one.payout_minor) // 10 for one in figures]
    async with edge.worker_db.transaction(tenant_id) as conn:
        await revenue_store.upsert(conn, tenant_id, "EUR", figures, [1_000] * len(figures), fees)


__all__ = ["PASSWORD", "House", "bet", "furnished", "lay", "served"]
