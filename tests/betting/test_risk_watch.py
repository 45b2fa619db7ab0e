"""Markets that stop themselves: too many bets, a price that leaps, a liability near its cap."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

from overround.betting import offers, risk
from overround.betting.exposure import jobs as exposure_jobs
from overround.betting.offers import Setting
from overround.betting.risk import Policy
from overround.core.clock import SetClock
from overround.db.logins import Role
from overround.odds import catalogue
from overround.people.tenants import Tenant
from overround.roles import jobs
from tests.betting.test_risk import AWAY, DRAW, HOME, OVER, cap, house
from tests.stories.world import Pick, World, opened, write_offer

Urls = dict[Role, str]


@dataclass(slots=True)
class Watched:
    """A house with a watch on its book."""

    world: World
    laid: dict[Pick, UUID]
    watch: exposure_jobs.Watch = field(default_factory=exposure_jobs.Watch)

    @property
    def tenant(self) -> Tenant:
        return self.world.tenants["acme"]

    async def look(self) -> int:
        """As the jobs role does it every second."""
        return await jobs.risk_once(self.world.worker, SetClock(self.world.at), self.watch)

    async def policy(self, **said: Any) -> None:
        async with self.world.app.transaction(self.tenant.id) as conn:
            await risk.set_policy(conn, self.tenant.id, Policy(**said))

    async def reasons(self) -> list[tuple[str, int, bool]]:
        found = await suspended(self.world)
        return [(one.reason, one.measured, one.lifted_at is None) for one in found]

    async def price(self, price_e4: int, later_s: int = 0) -> None:
        """The hub moves the price of home."""
        at = self.world.at + timedelta(seconds=later_s)
        async with self.world.worker.transaction(None) as conn:
            await write_offer(conn, self.tenant, self.laid[HOME], price_e4, "open", at)

    async def states(self) -> dict[str, str]:
        event_id = await self.world.event("E1")
        async with self.world.worker.reading(None) as conn:
            found = await offers.offers_of(conn, self.tenant.book_id, [event_id])
        return {pick.side: found[self.laid[pick]].state for pick in (HOME, DRAW, AWAY, OVER)}

    async def switch(self, *, enabled: bool = True) -> None:
        """The office switches the match result of E1."""
        async with self.world.app.transaction(self.tenant.id) as conn:
            setting = Setting("market", str(await self.market()), enabled)
            await offers.switch(conn, self.tenant.id, setting, self.world.at)

    async def market(self) -> UUID:
        return catalogue.market_and_selections(await self.world.event("E1"), "1x2", "ft", None)[
            0
        ].id

    async def is_on(self) -> bool:
        async with self.world.app.reading(self.tenant.id) as conn:
            book = await offers.book_of(conn, self.tenant)
        return book.settings["market", str(await self.market())].enabled


def test_a_market_with_too_many_bets_stops_and_goes_on(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as world:
            it = Watched(world, await house(world, "ann"))
            assert await it.look() == 0
            home = [(it.laid[HOME], 21_000)]
            await world.place([world.slip("ann", 100, home) for _ in range(6)])
            assert await it.look() == 0, "nothing is watched"
            await it.policy(velocity_max=5, hold_s=30)
            assert await it.look() == 1
            off = "suspended"
            assert await it.states() == {"home": off, "draw": off, "away": off, "over": "open"}
            assert await it.reasons() == [("velocity", 6, True)]
            (refused,) = await world.place([world.slip("ann", 100, [(it.laid[AWAY], 36_000)])])
            assert refused.refusal == "market_suspended"
            assert await it.look() == 0
            world.at += timedelta(seconds=60)
            assert await it.look() == 1
            assert await it.reasons() == [("velocity", 6, False)]
            assert await it.is_on()

    asyncio.run(story())


def test_a_price_that_leaps_is_suspended(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as world:
            it = Watched(world, await house(world, "ann"))
            await it.policy(move_max_bps=1_000, hold_s=30)
            assert await it.look() == 0
            await it.price(25_000)
            await it.price(25_200, later_s=1)
            assert await it.look() == 1, "though a smaller step has followed"
            assert await it.reasons() == [("price_move", 1_904, True)]
            # A person who switches it off himself is not overruled when its time is over.
            await it.switch(enabled=False)
            world.at += timedelta(seconds=40)
            assert await it.look() == 1
            assert not await it.is_on()
            await it.switch()
            assert await it.is_on()

    asyncio.run(story())


def test_a_liability_near_its_cap_waits_for_a_person(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as world:
            it = Watched(world, await house(world, "ann"))
            await cap(world, "house", "house", None, 800, None)
            await it.policy(suspend_at_bps=8_000)
            await world.place([world.slip("ann", 580, [(it.laid[HOME], 21_000)])])
            assert await it.look() == 0
            await world.place([world.slip("ann", 10, [(it.laid[HOME], 21_000)])])
            assert await it.look() == 1
            assert await it.reasons() == [("liability", 649, True)]
            world.at += timedelta(hours=1)
            assert await it.look() == 0
            (holds,) = await suspended(world)
            async with world.app.transaction(it.tenant.id) as conn:
                await risk.lift(conn, it.tenant.id, holds.id, world.at)
            assert await it.reasons() == [("liability", 649, False)]
            assert await it.is_on()

    asyncio.run(story())


async def suspended(world: World) -> list[risk.Suspension]:
    tenant_id = world.tenants["acme"].id
    async with world.app.reading(tenant_id) as conn:
        return await risk.suspensions(conn, tenant_id, 10)
