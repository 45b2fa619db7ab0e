"""Players against the close: the figures of the one formula, reckoned where the prices are."""

from __future__ import annotations

import asyncio
import math
import random
import statistics
from datetime import timedelta
from uuid import UUID

from overround.betting import exposure
from overround.betting.risk import Sharpness
from overround.core.price import to_fraction
from overround.db.logins import Role
from overround.odds.pricing.clv import clv
from tests.stories.world import Pick, World, opened

Urls = dict[Role, str]

SIDES = ("home", "draw", "away")

CLOSE = """
INSERT INTO closing_price (source_id, selection_id, event_id, price_e4, observed_at, lag_ms)
SELECT s.id, %s, %s, %s, %s, %s FROM source s WHERE s.key = %s"""

SOURCES = """
INSERT INTO source (provider, key, kind)
VALUES ('feed', 'late', 'bookmaker'), ('feed', 'early', 'bookmaker'),
       ('feed', 'market', 'exchange')"""


async def laid(world: World, event: str) -> list[UUID]:
    """The three selections of an event, at 3.00 each."""
    return [await world.lay(Pick(event, "1x2", side), 30_000) for side in SIDES]


async def closes(world: World, event: str, source: str, lag_ms: int, prices_e4: list[int]) -> None:
    """The event closes at one source, in the order of its sides; nothing of those beyond."""
    event_id = await world.event(event)
    for side, price_e4 in zip(SIDES, prices_e4, strict=False):
        selection_id = await world.selection(Pick(event, "1x2", side))
        async with world.worker.transaction(None) as conn:
            values = [selection_id, event_id, price_e4, world.at, lag_ms, source]
            await conn.execute(CLOSE, values)


async def sharpest(world: World) -> dict[str, Sharpness]:
    tenant_id = world.tenants["acme"].id
    async with world.app.reading(tenant_id) as conn:
        found = await exposure.sharpest(conn, tenant_id, world.at)
    return {one.name: one for one in found}


async def house(world: World, *players: str) -> None:
    await world.tenant("acme")
    for name in players:
        await world.player(name, cash_minor=10_000_000)
    async with world.worker.transaction(None) as conn:
        await conn.execute(SOURCES)


def test_the_desk_reckons_by_the_one_formula_of_the_close(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as world:
            await house(world, "ann", "bob", "cat")
            rng = random.Random(5)
            due: dict[str, list[float]] = {"ann": [], "bob": [], "cat": []}
            for n in range(16):
                selections = await laid(world, f"E{n}")
                prices_e4 = [rng.randrange(20_000, 60_000) for _ in SIDES]
                close = [to_fraction(price_e4) for price_e4 in prices_e4]
                slips = [("ann", rng.randrange(3)) for _ in range(2)] + [("bob", rng.randrange(3))]
                if n == 7:
                    slips.append(("cat", 1))
                for name, place in slips:
                    slip = world.slip(name, 100, [(selections[place], 30_000)])
                    assert [one.kind for one in await world.place([slip])] == ["accepted"]
                    taken = clv(to_fraction(30_000), close, place, "multiplicative")
                    due[name].append(taken.no_vig)
                # The bookmaker who was seen last is the close, whoever else was seen.
                await closes(world, f"E{n}", "early", 9_000, [90_000, 90_000, 90_000])
                await closes(world, f"E{n}", "late", 1_000, prices_e4)
                await closes(world, f"E{n}", "market", 0, [15_000, 90_000, 90_000])
            assert await sharpest(world) == {}
            world.at += timedelta(days=1, hours=1)
            found = await sharpest(world)
            assert found.keys() == due.keys()
            for name, values in due.items():
                one, mean = found[name], statistics.fmean(values)
                assert (one.bets, one.mean_ppm) == (len(values), round(mean * 1e6))
                if name == "cat":
                    assert one.error_ppm == abs(one.mean_ppm)
                else:
                    error = statistics.stdev(values) / math.sqrt(len(values))
                    assert one.error_ppm == round(error * 1e6)
            means = [one.mean_ppm for one in found.values() if one.suggested_e4 == 10_000]
            assert means == sorted(means, reverse=True)

    asyncio.run(story())


def test_who_beats_the_close_stands_above_who_was_lucky_once(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as world:
            await house(world, "sharp", "lucky", "soft")
            for n in range(30):
                selections = await laid(world, f"E{n}")
                # Fair at the close: home 2.50, the others 3.333.
                await closes(world, f"E{n}", "late", 0, [25_000, 33_333, 33_333])
                slips = [
                    world.slip("sharp", 100, [(selections[0], 30_000)]),
                    world.slip("soft", 100, [(selections[1], 30_000)]),
                ]
                if n == 0:
                    slips.append(world.slip("lucky", 100, [(selections[0], 30_000)]))
                await world.place(slips)
            world.at += timedelta(days=1)
            found = await sharpest(world)
            assert list(found) == ["sharp", "lucky", "soft"]
            assert found["sharp"].bets == 30
            assert found["sharp"].mean_ppm > 190_000
            assert found["sharp"].suggested_e4 == 1_000
            assert found["lucky"].suggested_e4 == found["soft"].suggested_e4 == 10_000

            # Over ninety days; what is older says nothing.
            world.at += timedelta(days=90)
            assert await sharpest(world) == {}

    asyncio.run(story())


def test_what_has_no_whole_close_says_nothing(database_urls: Urls) -> None:
    """A market that closed in part, at an exchange alone or not at all, and a bet in play."""

    async def story() -> None:
        async with opened(database_urls) as world:
            await house(world, "ann")
            for event in ("E1", "E2", "E3", "E4"):
                selections = await laid(world, event)
                await world.place([world.slip("ann", 100, [(selections[0], 30_000)])])
            await closes(world, "E1", "late", 0, [25_000, 33_333])
            await closes(world, "E2", "market", 0, [25_000, 33_333, 33_333])
            await closes(world, "E4", "late", 0, [25_000, 33_333, 33_333])
            world.at += timedelta(days=1)
            assert (await sharpest(world))["ann"].bets == 1
            async with world.worker.transaction(None) as conn:
                moved = "UPDATE event SET starts_at = %s, changed_by = 'us', changed_at = %s"
                values = [world.at - timedelta(days=2), world.at, await world.event("E4")]
                await conn.execute(moved + " WHERE id = %s", values)
            assert await sharpest(world) == {}

    asyncio.run(story())
