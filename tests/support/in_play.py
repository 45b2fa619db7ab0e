"""A match that is being played, for tests: what a feed says of it, taken by a hub."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx2

from overround.betting.offers import Offers, book_of
from overround.core import price
from overround.odds.feeds import FeedBatch, FeedEvent, FeedMarket, FeedPrice, FeedScore
from overround.roles.hub.writer import Hub
from tests.support.edge import Edge

PROVIDER = "football_data"
SIDES = {"1x2": ("home", "draw", "away"), "total": ("over", "under")}
# A sport that is laid in play as is usual.
USUAL: dict[str, object] = {"delay_ms": None, "stale_ms": None, "by_score": None}
BEFORE = ("2.00", "3.50", "4.00")
IN_PLAY = ("1.80", "3.60", "5.00")


def now() -> datetime:
    """A bet in play is judged by the database's clock, so what a feed says is said now."""
    return datetime.now(UTC)


@dataclass(slots=True)
class Match:
    """A match of acme's book, which began ten minutes ago."""

    edge: Edge
    hub: Hub
    event: FeedEvent

    @property
    def event_id(self) -> UUID:
        """Which of our events it is."""
        return self.hub.events[self.event.key].event_id

    @property
    def heard_at(self) -> datetime:
        """When it was spoken of last."""
        heard_us = self.hub.playing.on[self.event_id].heard_us
        return datetime.fromtimestamp(heard_us / 1_000_000, UTC)

    async def say(
        self, prices: Sequence[str] | None, *, at: datetime | None = None, line: int | None = None
    ) -> None:
        """Quote the match, or a total of it, or stop (None)."""
        market = FeedMarket("1x2") if line is None else FeedMarket("total", "ft", line)
        sides = SIDES[market.market_type]
        quoted = tuple(
            FeedPrice("bet365", market, side, price.parse_decimal(text), text, prices is None)
            for side, text in zip(sides, prices or IN_PLAY, strict=False)
        )
        at = at or now()
        phase = "live" if at > self.event.starts_at else ""
        batch = FeedBatch(self.event, at, quoted, line is None, phase)
        async with self.edge.worker_db.transaction(None) as conn:
            await self.hub.prices(conn, [batch], {}, at)

    async def score(
        self, home: int, away: int, *, at: datetime | None = None, **parts: tuple[int, int]
    ) -> None:
        """So it stands now."""
        at = at or now()
        said = FeedScore(*self.event.key, "23'", {"ft": (home, away), **parts}, at)
        async with self.edge.worker_db.transaction(None) as conn:
            await self.hub.scores(conn, [said], at)

    async def offers(self, client: httpx2.AsyncClient) -> list[dict[str, Any]]:
        """What is laid of it, market by market, 1x2 first."""
        answer = await client.get(f"/api/v1/events/{self.event_id}/markets")
        markets: list[dict[str, Any]] = answer.json()["markets"] if answer.is_success else []
        return [one for market in markets for one in market["selections"]]

    async def home(self, client: httpx2.AsyncClient) -> tuple[str, str, str]:
        """The home side's selection, price and state."""
        first = next(one for one in await self.offers(client) if one["side"] == "home")
        return first["selection_id"], first["price"], first["state"]


async def relay(match: Match) -> None:
    """The hub reads what the office has set, and prices by it."""
    tenant = match.edge.tenants["acme"]
    book = match.hub.books[0]
    async with match.edge.worker_db.reading(tenant.id) as conn:
        book.book = await book_of(conn, tenant)
    async with match.edge.worker_db.transaction(None) as conn:
        await book.load(conn, match.hub.board.event_ids())
        await match.hub.lay(conn, now())


async def offered(
    edge: Edge, boss: httpx2.AsyncClient, sport: str = "football", **more: Any
) -> None:
    """Acme lays the sport in play, as is usual but for what is said."""
    body = {"sport": sport, "offered": True, **USUAL, **more}
    answer = await boss.put("/api/v1/office/in-play", json=body)
    assert answer.status_code == 200, answer.text


async def begun(edge: Edge, name: str = "one", minutes: int = 10) -> Match:
    """A match that was laid before its start, so long ago; nothing is said of it since."""
    started = now() - timedelta(minutes=minutes)
    tenant = edge.tenants["acme"]
    async with edge.worker_db.reading(tenant.id) as conn:
        book = await book_of(conn, tenant)
    hub = Hub.empty()
    hub.books = [Offers(book)]
    event = FeedEvent(
        PROVIDER, name, "football", "E0", "Premier League", "England",
        f"Home {name}", f"Away {name}", started,
    )  # fmt: skip
    match = Match(edge, hub, event)
    await match.say(BEFORE, at=started - timedelta(hours=1))
    async with edge.worker_db.transaction(None) as conn:
        await hub.start_due(conn, started)
    return match
