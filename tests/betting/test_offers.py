"""Markets and selections switched and priced apart, by the office and under the event's lock."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from overround.betting import offers
from overround.betting.offers import Offers, PriceArbitraged, Setting, Watched
from overround.betting.offers import store as offers_store
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

    async def quote(self, source: str, **changed: str) -> None:
        """Another source quotes the match result, at the usual prices but for some."""
        quoted = tuple(
            FeedPrice(source, FeedMarket("1x2"), side, price.parse_decimal(text), text)
            for side, text in {**QUOTED["1x2", None], **changed}.items()
        )
        self.world.at += timedelta(minutes=1)
        event = self.world.fixture("E1")
        async with self.world.worker.transaction(None) as conn:
            batch = FeedBatch(event, self.world.at, quoted)
            await self.world.hub.prices(conn, [batch], {}, self.world.at)

    async def watched(self) -> dict[str, int]:
        """What the watch has done, with how many selections."""
        async with self.world.app.reading(self.world.tenants["acme"].id) as conn:
            found = await offers.watched(conn, self.book.book.book_id)
        assert all(one.events == 1 for one in found)
        return {one.watched: one.selections for one in found}

    async def why(self) -> dict[str, str | None]:
        """Why each selection is not laid as it was reckoned."""
        tenant = self.world.tenants["acme"]
        async with self.world.app.reading(tenant.id) as conn:
            book = await offers.book_of(conn, tenant)
            events = await catalogue.events_by_id(conn, [self.event_id])
            found = await offers.seen(conn, book, events[self.event_id])
        return {
            f"{market.market_type} {one.side}": one.why
            for market in found
            for one in market.selections
        }

    async def version(self, side: str) -> int:
        """How often the price or the state of an answer of the match result has changed."""
        async with self.world.worker.reading(None) as conn:
            found = await offers.offers_of(conn, self.book.book.book_id, [self.event_id])
        return found[self.ids["1x2", side]].version

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
            assert await shop.switch(Setting("selection", home, price_e4=21_200)) == 1
            assert (await shop.laid())["1x2 home"] == (before["1x2 home"][0], "suspended")
            await shop.refresh()
            assert (await shop.laid())["1x2 home"] == (21_200, "open")
            assert (await shop.laid())["1x2 draw"] == before["1x2 draw"]
            assert await shop.switch(Setting("selection", home, enabled=False)) == 1
            await shop.refresh()
            assert (await shop.laid())["1x2 home"] == (21_200, "suspended")
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


def said(text: str) -> int:
    return price.parse_decimal(text)


def test_a_price_by_hand_is_watched_as_the_board_moves(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as world:
            shop = await Shop.opened(world)
            home = str(shop.ids["1x2", "home"])
            # At 500 somebody backs the others at 3.40 and 4.20 and is rich whatever happens.
            with pytest.raises(PriceArbitraged) as refused:
                await shop.switch(Setting("selection", home, price_e4=said("500")))
            assert refused.value.facts == {"sure_profit_bps": 8_720, "best": "2.00"}
            assert "pays at best 2.00" in refused.value.detail
            assert "87.20 % for certain" in refused.value.detail
            assert {state for _, state in (await shop.laid()).values()} == {"open"}

            # Not said, not laid: 2.20 gives 1.3 % away, which a person bears, and no more.
            with pytest.raises(PriceArbitraged) as refused:
                await shop.switch(Setting("selection", home, price_e4=said("2.2")))
            bears = refused.value.facts["sure_profit_bps"]
            assert isinstance(bears, int)
            own = Setting("selection", home, price_e4=said("2.2"), sure_profit_max_bps=bears)
            assert await shop.switch(own) == 1
            await shop.refresh()
            assert (await shop.laid())["1x2 home"] == (said("2.2"), "open")
            assert await shop.watched() == {}
            await shop.quote("bet365", draw="3.60")
            assert (await shop.laid())["1x2 home"] == (said("2.2"), "suspended")
            assert await shop.watched() == {"own_price": 1}
            assert (await shop.why())["1x2 home"] == "own_price"
            await shop.quote("bet365", draw="3.40")
            assert (await shop.laid())["1x2 home"] == (said("2.2"), "open")
            # What is switched off asks nobody.
            off = Setting("selection", home, enabled=False, price_e4=said("500"))
            assert await shop.switch(off) == 1

    asyncio.run(story())


def test_a_factor_is_shaded_and_the_office_is_told_why(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as world:
            shop = await Shop.opened(world)
            assert set((await shop.why()).values()) == {None}
            home = str(shop.ids["1x2", "home"])
            await shop.switch(Setting("selection", home, multiplier_e4=15_000))
            await shop.refresh()
            # 1/3.40 + 1/4.20 leaves 2.137 on the home side.
            laid = await shop.laid()
            assert laid["1x2 home"] == (said("2.12"), "open")
            assert await shop.watched() == {"shaded": 1}
            why = await shop.why()
            assert {key for key, one in why.items() if one} == {"1x2 home"}
            assert why["1x2 home"] == "shaded"
            version = await shop.version("home")
            await shop.switch(Setting("market", shop.market("total"), enabled=False))
            await shop.switch(Setting("selection", home))
            await shop.refresh()
            assert await shop.watched() == {}
            assert await shop.version("home") == version + 1
            why = await shop.why()
            assert (why["total over"], why["1x2 home"]) == ("off", None)

    asyncio.run(story())


def test_another_word_of_the_watch_is_no_other_offer(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as world:
            shop = await Shop.opened(world)
            home, book_id = shop.ids["1x2", "home"], shop.book.book.book_id
            price_e4, _ = (await shop.laid())["1x2 home"]
            version = await shop.version("home")
            later = world.at + timedelta(minutes=1)
            words: tuple[Watched | None, ...] = ("shaded", None, None)
            written: list[int] = []
            async with world.worker.transaction(None) as conn:
                before = await offers.newest(conn, [book_id])
                for word in words:
                    row = (book_id, home, price_e4, "open", word)
                    written.append(await offers_store.write_all(conn, [row], later))
                assert await offers.newest(conn, [book_id]) == before
            assert written == [1, 1, 0]
            assert await shop.version("home") == version

    asyncio.run(story())


def test_the_whole_house_is_stopped_and_begins_again(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as world:
            shop = await Shop.opened(world)
            before = await shop.laid()
            assert await shop.switch(Setting("house", "house", enabled=False)) == len(before)
            for _ in range(2):
                laid = await shop.laid()
                assert {state for _, state in laid.values()} == {"suspended"}
                await shop.refresh()
            assert set((await shop.why()).values()) == {"off"}
            assert await shop.switch(Setting("house", "house")) == 0
            assert set((await shop.why()).values()) == {"awaited"}
            await shop.refresh()
            assert await shop.laid() == before
            # Its own margin, where no narrower scope says one.
            await shop.switch(Setting("house", "house", margin_bps=0))
            await shop.refresh()
            assert (await shop.laid())["total over"][0] > before["total over"][0]

    asyncio.run(story())


WRONG: tuple[tuple[dict[str, Any], str], ...] = (
    ({"scope": "selection", "margin_bps": 100}, "setting_misplaced"),
    ({"scope": "selection", "margin_method": "power"}, "setting_misplaced"),
    ({"scope": "market", "price_e4": 20_000}, "setting_misplaced"),
    ({"scope": "selection", "price_e4": 10_000}, "price_out_of_range"),
    ({"scope": "selection", "price_e4": 10_010_001}, "price_out_of_range"),
    ({"scope": "market", "margin_bps": 5_001}, "margin_out_of_range"),
    ({"scope": "selection", "sure_profit_max_bps": 1}, "setting_misplaced"),
    (
        {"scope": "selection", "price_e4": 20_000, "sure_profit_max_bps": 10_000_001},
        "sure_profit_out_of_range",
    ),
    ({"scope": "house"}, "not_found"),
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
