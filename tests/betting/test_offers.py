"""Markets and selections switched and priced apart, by the office and under the event's lock."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID

import pytest

from overround.betting import offers
from overround.betting.offers import Offers, Setting
from overround.core import price
from overround.core.errors import Invalid, NotFound
from overround.db.logins import Role
from overround.odds import catalogue
from overround.odds.feeds import FeedBatch, FeedMarket, FeedPrice
from tests.stories.world import World, opened

Urls = dict[Role, str]

QUOTED = {
    ("1x2", None): {"home": "2.00", "draw": "3.40", "away": "4.20"},
    ("total", 10): {"over": "1.90", "under": "1.95"},
}


class Shop:
    """A tenant's book over a board on which one source quotes two markets."""

    def __init__(self, world: World, event_id: UUID, book: Offers) -> None:
        self.world = world
        self.event_id = event_id
        self.book = book
        self.ids = {
            (market_type, side): one.id
            for market_type, line_q4 in QUOTED
            for side, one in catalogue.market_and_selections(event_id, market_type, "ft", line_q4)[
                1
            ].items()
        }

    @classmethod
    async def opened(cls, world: World) -> Shop:
        tenant = await world.tenant("acme")
        event = world.fixture("E1")
        quoted = tuple(
            FeedPrice("pinnacle", FeedMarket(market_type, line_q4=line_q4), side,
                      price.parse_decimal(text), text)
            for (market_type, line_q4), texts in QUOTED.items()
            for side, text in texts.items()
        )  # fmt: skip
        async with world.worker.reading(tenant.id) as conn:
            book = Offers(await offers.book_of(conn, tenant))
        world.hub.books = [book]
        async with world.worker.transaction(None) as conn:
            await world.hub.prices(conn, [FeedBatch(event, world.at, quoted)], {}, world.at)
        found = world.hub.events[event.key]
        return cls(world, found.event_id, book)

    async def switch(self, setting: Setting) -> int:
        tenant = self.world.tenants["acme"]
        async with self.world.app.transaction(tenant.id) as conn:
            return await offers.switch(conn, tenant.id, setting, self.world.at)

    async def refresh(self) -> None:
        """As the hub does when the book's revision has changed."""
        tenant = self.world.tenants["acme"]
        async with self.world.worker.transaction(tenant.id) as conn:
            self.book.book = await offers.book_of(conn, tenant)
            await self.book.load(conn, [self.event_id])
            events = await catalogue.events_by_id(conn, [self.event_id])
            event = events[self.event_id]
            scopes = {self.event_id: (event.sport, str(event.competition_id))}
            await self.book.refresh(conn, self.world.hub.board, scopes, self.world.at)

    async def laid(self) -> dict[str, tuple[int, str]]:
        async with self.world.worker.reading(None) as conn:
            found = await offers.offers_of(conn, self.book.book.book_id, [self.event_id])
        return {
            f"{market_type} {side}": (found[key].price_e4, found[key].state)
            for (market_type, side), key in self.ids.items()
        }

    def market(self, market_type: str) -> str:
        line_q4 = dict(QUOTED.keys())[market_type]
        market, _ = catalogue.market_and_selections(self.event_id, market_type, "ft", line_q4)
        return str(market.id)


def test_a_market_and_a_selection_are_switched_and_priced_apart(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as world:
            shop = await Shop.opened(world)
            before = await shop.laid()
            assert {state for _, state in before.values()} == {"open"}

            # The market is off at once, its neighbour stays, and so it is after the hub's prices.
            off = Setting("market", shop.market("total"), enabled=False)
            assert await shop.switch(off) == 2
            for _ in range(2):
                laid = await shop.laid()
                assert laid["1x2 home"] == before["1x2 home"]
                assert laid["total over"] == (before["total over"][0], "suspended")
                await shop.refresh()
            assert await shop.switch(Setting("market", shop.market("total"), margin_bps=0)) == 0
            await shop.refresh()
            assert (await shop.laid())["total over"][0] > before["total over"][0]

            # A person's price: the old one is gone at once, and the hub lays his.
            home = str(shop.ids["1x2", "home"])
            assert await shop.switch(Setting("selection", home, price_e4=25_300)) == 1
            assert (await shop.laid())["1x2 home"] == (before["1x2 home"][0], "suspended")
            await shop.refresh()
            assert (await shop.laid())["1x2 home"] == (25_300, "open")
            assert (await shop.laid())["1x2 draw"] == before["1x2 draw"]
            assert await shop.switch(Setting("selection", home, enabled=False)) == 1
            await shop.refresh()
            assert (await shop.laid())["1x2 home"] == (25_300, "suspended")
            # A factor of its own keeps to the ladder.
            assert await shop.switch(Setting("selection", home, multiplier_e4=9_500)) == 0
            await shop.refresh()
            price_e4, state = (await shop.laid())["1x2 home"]
            assert (state, price_e4 % 100) == ("open", 0)
            assert price_e4 <= before["1x2 home"][0] * 95 // 100

            # The method moves the margin between the answers.
            await shop.switch(Setting("selection", home))
            await shop.switch(Setting("event", str(shop.event_id), margin_method="power"))
            await shop.refresh()
            laid = await shop.laid()
            assert laid["1x2 home"][0] >= before["1x2 home"][0]
            assert laid["1x2 away"][0] <= before["1x2 away"][0]
            assert laid["1x2 home"] != before["1x2 home"] or laid["1x2 away"] != before["1x2 away"]

    asyncio.run(story())


WRONG: tuple[tuple[dict[str, Any], str], ...] = (
    ({"scope": "selection", "margin_bps": 100}, "setting_misplaced"),
    ({"scope": "selection", "margin_method": "power"}, "setting_misplaced"),
    ({"scope": "market", "price_e4": 20_000}, "setting_misplaced"),
    ({"scope": "selection", "price_e4": 10_000}, "price_out_of_range"),
    ({"scope": "selection", "price_e4": 10_010_001}, "price_out_of_range"),
    ({"scope": "market", "margin_bps": 5_001}, "margin_out_of_range"),
    ({"scope": "market"}, "not_found"),
    ({"scope": "selection"}, "not_found"),
)


def test_what_a_narrow_setting_may_not_be(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as world:
            tenant = await world.tenant("acme")
            async with world.app.transaction(tenant.id) as conn:
                for wrong, error in WRONG:
                    setting = Setting(scope_key=str(UUID(int=1)), **wrong)
                    with pytest.raises((Invalid, NotFound)) as refused:
                        await offers.switch(conn, tenant.id, setting, world.at)
                    assert refused.value.code == error, wrong

    asyncio.run(story())
