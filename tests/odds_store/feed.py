"""What a provider says, in a few words, and a hub that takes it on a real database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from overround.betting import offers
from overround.betting.offers import Offer, Offers, book_of
from overround.core import line, price
from overround.odds.board import SourceKind
from overround.odds.feeds import FeedBatch, FeedEvent, FeedMarket, FeedPrice
from overround.roles.hub.writer import Hub
from tests.stories.world import World

KINDS: Mapping[str, SourceKind] = {"exchange": "exchange"}

_SIDES = {
    "1x2": ("home", "draw", "away"),
    "total": ("over", "under"),
    "asian_handicap": ("home", "away"),
}


def prices(source: str, market: str, *written: str, suspended: bool = False) -> list[FeedPrice]:
    """`prices("one", "total 2.5", "1.90", "1.95")`: all sides in order; `-` leaves one out."""
    market_type, _, line_text = market.partition(" ")
    fed = FeedMarket(market_type, "ft", line.parse(line_text) if line_text else None)
    return [
        FeedPrice(source, fed, side, price.parse_decimal(text), text, suspended)
        for side, text in zip(_SIDES[market_type], written, strict=True)
        if text != "-"
    ]


@dataclass(slots=True)
class Feed:
    """One provider's voice about one event."""

    world: World
    event: FeedEvent

    async def say(self, at: datetime, *said: Sequence[FeedPrice], snapshot: bool = True) -> int:
        """The hub takes what is said at `at`; returns the cells that changed."""
        batch = FeedBatch(self.event, at, tuple(p for group in said for p in group), snapshot)
        async with self.world.worker.transaction(None) as conn:
            return await self.world.hub.prices(conn, [batch], KINDS, at)

    @property
    def key(self) -> tuple[str, str]:
        return self.event.provider, self.event.provider_event_id

    @property
    def event_id(self) -> UUID:
        return self.world.hub.events[self.key].event_id

    async def start(self, at: datetime) -> int:
        """The event starts."""
        async with self.world.worker.transaction(None) as conn:
            return await self.world.hub.start(conn, [self.key], at)


async def reload(world: World, at: datetime, *tenants: str) -> None:
    """The hub as it stands on the database, with the books of `tenants`; it knows what it knew."""
    books: list[Offers] = []
    for name in tenants:
        owner = world.tenants[name]
        async with world.worker.transaction(owner.id) as conn:
            book = await book_of(conn, owner)
        books.append(Offers(book))
    events = world.hub.events
    async with world.worker.transaction(None) as conn:
        world.hub = await Hub.load(conn, books, at)
    world.hub.events = dict(events)


async def laid(world: World, feed: Feed, tenant: str = "acme") -> dict[str, tuple[str, str]]:
    """What the tenant's book lays on the event: "1x2 home" -> (price, state)."""
    found = await rows(world, feed, tenant)
    return {name: (price.to_text(o.price_e4), o.state) for name, o in found.items()}


async def rows(world: World, feed: Feed, tenant: str = "acme") -> dict[str, Offer]:
    """The tenant's rows of `offer` on the event, by market type, line and side."""
    owner = world.tenants[tenant]
    async with world.worker.reading(owner.id) as conn:
        stored = await offers.offers_of(conn, owner.book_id, [feed.event_id])
    named: dict[str, Offer] = {}
    for cells in world.hub.board.markets_of(feed.event_id):
        words = cells.market_type
        if cells.line_q4 is not None:
            words += f" {line.to_text(cells.line_q4)}"
        for side, selection_id in zip(cells.sides, cells.selection_ids, strict=True):
            if selection_id in stored:
                named[f"{words} {side}"] = stored[selection_id]
    return named


def shown(world: World, feed: Feed) -> dict[str, dict[str, dict[str, str]]]:
    """The open prices of the event on the board: market -> source -> side -> price."""
    found: dict[str, dict[str, dict[str, str]]] = {}
    for cells in world.hub.board.markets_of(feed.event_id):
        words = cells.market_type
        if cells.line_q4 is not None:
            words += f" {line.to_text(cells.line_q4)}"
        quotes = world.hub.board.quotes(cells, ("bookmaker", "exchange"))
        found[words] = {
            source: {side: price.to_text(price_e4) for side, price_e4 in by_side.items()}
            for source, by_side in quotes.items()
        }
    return found


async def feed_of(
    world: World, name: str = "E1", starts_at: datetime | None = None, provider: str = ""
) -> Feed:
    """A feed about the event of that name, which the hub gets to know."""
    event = world.fixture(name, starts_at)
    if provider:
        event = replace(event, provider=provider)
    async with world.worker.transaction(None) as conn:
        await world.hub.know(conn, [event], world.at)
    return Feed(world, event)
