"""Bets that end early by themselves, and the books of what ended early."""

from __future__ import annotations

import asyncio
from uuid import UUID

import psycopg
import pytest

from overround.betting import cashouts
from overround.betting.cashouts import jobs
from overround.core.errors import Conflict, Invalid, NotFound
from overround.db.logins import Role
from tests.betting.test_cashout import ask, bet, cash, house, lay, quoted, valued
from tests.stories.world import World, opened

Urls = dict[Role, str]


async def order(world: World, bet_id: UUID, at_least_minor: int) -> None:
    tenant_id, ann = world.tenants["acme"].id, world.players["acme", "ann"]
    async with world.app.transaction(tenant_id) as conn:
        await cashouts.order(conn, tenant_id, ann, bet_id, at_least_minor, world.at)


def test_an_order_is_done_once_by_two_settlers(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as world:
            await house(world)
            home = (await lay(world, "E1", 30_000, 30_000, 30_000))["home"]
            first, second = [await bet(world, 1_000, (home, 30_000)) for _ in range(2)]
            await order(world, first, 2_000)
            await order(world, second, 2_900)
            assert await jobs.run_once(world.worker, world.at) is None
            await lay(world, "E1", 15_000, 60_000, 60_000)
            done = await asyncio.gather(*(jobs.run_once(world.worker, world.at) for _ in range(4)))
            assert sum(one or 0 for one in done) == 1
            assert await cash(world) == (98_000 + 2_000, 1_000)
            assert (await valued(world, second)).order_minor == 2_900
            assert (await valued(world, first)).order_minor is None
            assert not await world.violations()

    asyncio.run(story())


async def drop(world: World, bet_id: UUID) -> None:
    tenant_id, ann = world.tenants["acme"].id, world.players["acme", "ann"]
    async with world.app.transaction(tenant_id) as conn:
        await cashouts.drop_order(conn, tenant_id, ann, bet_id, world.at)


async def states(world: World) -> dict[UUID, str]:
    """bet id -> how its order stands, whatever a player is shown."""
    async with world.worker.reading(world.tenants["acme"].id) as conn:
        cursor = await conn.execute("SELECT bet_id, state FROM cash_out_order")
        return {row[0]: row[1] for row in await cursor.fetchall()}


def test_an_order_ends_with_its_bet(database_urls: Urls) -> None:
    """Settled or cashed out by its player: at once it does nothing and is said no more, and whoever
    looks at orders next takes it away."""

    async def story() -> None:
        async with opened(database_urls) as world:
            await house(world)
            won = (await lay(world, "E1", 30_000, 30_000, 30_000))["home"]
            later = (await lay(world, "E2", 30_000, 30_000, 30_000))["home"]
            settled = await bet(world, 1_000, (won, 30_000))
            ended, stands = [await bet(world, 1_000, (later, 30_000)) for _ in range(2)]
            for bet_id in (settled, ended, stands):
                await order(world, bet_id, 2_000)
            await ask(world, await quoted(world, ended, 5_000), "half")
            assert (await valued(world, ended)).order_minor == 2_000
            await ask(world, await quoted(world, ended), "rest")
            await world.result("E1", {"ft": (1, 0)})
            assert await world.settle() == 1
            assert await states(world) == {
                settled: "waiting", ended: "ended", stands: "waiting",
            }  # fmt: skip
            for bet_id in (settled, ended):
                found = await valued(world, bet_id)
                assert (found.order_minor, found.open_stake_minor) == (None, 0)
                with pytest.raises(Conflict) as refused:
                    await drop(world, bet_id)
                assert refused.value.code == "bet_ended"
            done = await asyncio.gather(*(jobs.run_once(world.worker, world.at) for _ in range(2)))
            assert done == [None, None]
            assert (await states(world))[settled] == "ended"
            assert (await valued(world, stands)).order_minor == 2_000
            # What a correction opens again has no order, and may be given one.
            await world.result("E1", {}, "postponed")
            assert await world.settle() == 1
            assert (await valued(world, settled)).open_stake_minor == 1_000
            with pytest.raises(NotFound):
                await drop(world, settled)
            await order(world, settled, 2_500)
            assert await jobs.run_once(world.worker, world.at) is None
            assert (await valued(world, settled)).order_minor == 2_500
            assert not await world.violations()

    asyncio.run(story())


def test_orders_are_dropped_and_bounded(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as world:
            await house(world)
            home = (await lay(world, "E1", 20_000, 40_000, 40_000))["home"]
            bet_id = await bet(world, 1_000, (home, 20_000))
            for amount_minor in (0, 2_001):
                with pytest.raises(Invalid, match=r"more than nothing.* at most 20\.00") as refused:
                    await order(world, bet_id, amount_minor)
                assert refused.value.field == "amount"
            await order(world, bet_id, 1_001)
            await drop(world, bet_id)
            assert await jobs.run_once(world.worker, world.at) is None
            with pytest.raises(NotFound):
                await drop(world, bet_id)
            await ask(world, await quoted(world, bet_id))
            with pytest.raises(Conflict):
                await order(world, bet_id, 1_001)

    asyncio.run(story())


def test_an_order_below_the_value_of_now_is_refused(database_urls: Urls) -> None:
    """It would end the bet in the moment it is set; the refusal has the quote that does so."""

    async def story() -> None:
        async with opened(database_urls) as world:
            await house(world)
            home = (await lay(world, "E1", 20_000, 40_000, 40_000))["home"]
            bet_id = await bet(world, 1_000, (home, 20_000))
            for amount_minor in (1, 1_000):
                with pytest.raises(Conflict) as refused:
                    await order(world, bet_id, amount_minor)
                assert (refused.value.code, refused.value.field) == ("order_reached", "amount")
            assert refused.value.facts["amount"] == "10.00"
            assert (await valued(world, bet_id)).order_minor is None
            # While nobody can say what it is worth, it is an order like any other.
            await lay(world, "E1", 20_000, 40_000, 40_000, state="suspended")
            await order(world, bet_id, 1_000)
            assert await jobs.run_once(world.worker, world.at) is None
            await lay(world, "E1", 20_000, 40_000, 40_000)
            assert await jobs.run_once(world.worker, world.at) == 1
            assert await cash(world) == (100_000, 0)

    asyncio.run(story())


TAMPERED = [
    "UPDATE cash_out SET paid_minor = paid_minor + 1, fair_minor = fair_minor + 1",
    "UPDATE cash_out SET stake_minor = stake_minor + 1",
    "UPDATE bet SET cashed_minor = cashed_minor - 1 WHERE cashed_minor IS NOT NULL",
    "UPDATE bet SET cashed_stake_minor = NULL, cashed_minor = NULL",
    "UPDATE cash_out_order SET state = 'done'",
]


def test_a_cash_out_that_the_bet_does_not_know_is_found(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as world:
            await house(world)
            home = (await lay(world, "E1", 20_000, 40_000, 40_000))["home"]
            bet_id = await bet(world, 1_000, (home, 20_000))
            await ask(world, await quoted(world, bet_id, 5_000))
            await order(world, bet_id, 1_500)
            assert not await world.violations()
            tenant_id = world.tenants["acme"].id
            for statement in TAMPERED:
                async with await psycopg.AsyncConnection.connect(database_urls["owner"]) as conn:
                    await conn.execute(
                        "SELECT set_config('overround.tenant_id', %s, true)", [str(tenant_id)]
                    )
                    await conn.execute(statement.encode())
                    assert await cashouts.check(conn, tenant_id), statement
                    await conn.rollback()

    asyncio.run(story())
