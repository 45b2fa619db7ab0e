"""Many at once on one database: one bet per slip, no balance below zero, and fair refusals."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import replace

import psycopg
import pytest

from overround.betting import bets
from overround.betting.bets import Decision, Slip
from overround.betting.offers import OfferState
from overround.db import Connection
from overround.db.logins import Role
from overround.odds import catalogue
from overround.odds.catalogue import Happened
from overround.odds.catalogue import store as catalogue_store
from tests.stories.world import Pick, World, opened, write_offer
from tests.support.interleave import connected, until_waiting

Urls = dict[Role, str]

AT_ONCE = 64
HOME = Pick("E1", "1x2", "home")
SECOND = Pick("E2", "1x2", "home")


async def together(world: World, slips: list[Slip]) -> list[Decision]:
    """Each slip in a transaction of its own; all transactions are open before the first asks."""
    gate = asyncio.Barrier(len(slips))
    tenant_id = world.tenants["acme"].id

    async def ask(slip: Slip) -> Decision:
        async with world.app.transaction(tenant_id) as conn:
            await gate.wait()
            (decision,) = await bets.place(conn, tenant_id, [slip])
        return decision

    return await asyncio.gather(*(ask(slip) for slip in slips))


def test_one_slip_sent_64_times_at_once_is_one_bet(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls, live=True, connections=AT_ONCE) as world:
            await world.tenant("acme")
            await world.player("ann", cash_minor=10_000)
            home = await world.lay(HOME, 21_000)
            slip = world.slip("ann", 1_000, [(home, 21_000)], key="the-one")
            # Each sender gives it an id of its own, as 64 api processes would.
            sent = [
                replace(world.slip("ann", 1_000, [(home, 21_000)]), key=slip.key)
                for _ in range(AT_ONCE)
            ]
            answers = await together(world, sent)
            kinds = Counter(answer.kind for answer in answers)
            assert kinds == {"accepted": 1, "replayed": AT_ONCE - 1}
            assert len({json.dumps(answer.answer) for answer in answers}) == 1
            assert await world.count("SELECT count(*) FROM bet", tenant="acme") == 1
            assert (await world.balance("ann")).cash_minor == 9_000
            assert not await world.violations()

    asyncio.run(story())


def test_a_refusal_sent_64_times_at_once_is_one_answer(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls, live=True, connections=AT_ONCE) as world:
            await world.tenant("acme")
            await world.player("ann", cash_minor=999)
            home = await world.lay(HOME, 21_000)
            slip = world.slip("ann", 1_000, [(home, 21_000)], key="the-one")
            answers = await together(world, [slip] * AT_ONCE)
            kinds = Counter(answer.kind for answer in answers)
            assert kinds == {"refused": 1, "replayed": AT_ONCE - 1}
            assert {answer.refusal for answer in answers} == {"insufficient_funds"}
            # Money that comes later does not change what was answered.
            await world.deposit("ann", 10_000)
            (again,) = await world.place([slip])
            assert (again.kind, again.refusal) == ("replayed", "insufficient_funds")

    asyncio.run(story())


def test_one_key_with_two_bodies_is_refused(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls, live=True, connections=AT_ONCE) as world:
            await world.tenant("acme")
            await world.player("ann", cash_minor=100_000)
            home = await world.lay(HOME, 21_000)
            slips = [
                world.slip("ann", 1_000 + n % 2, [(home, 21_000)], key="the-one")
                for n in range(AT_ONCE)
            ]
            answers = await together(world, slips)
            kinds = Counter(answer.kind for answer in answers)
            half = AT_ONCE // 2
            assert kinds == {"accepted": 1, "replayed": half - 1, "key_reused": half}
            assert await world.count("SELECT count(*) FROM bet", tenant="acme") == 1
            # In one call too: the second of two bodies under one key.
            pair = [world.slip("ann", stake, [(home, 21_000)], key="pair") for stake in (500, 501)]
            assert [d.kind for d in await world.place(pair)] == ["accepted", "key_reused"]
            # And one that was answered before says nothing of its neighbour.
            mixed = [pair[0], world.slip("ann", 502, [(home, 21_000)])]
            assert [d.kind for d in await world.place(mixed)] == ["replayed", "accepted"]

    asyncio.run(story())


def test_64_slips_on_one_balance_never_overspend_it(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls, live=True, connections=AT_ONCE) as world:
            await world.tenant("acme")
            await world.player("ann", cash_minor=1_000)
            home = await world.lay(HOME, 21_000)
            slips = [world.slip("ann", 100, [(home, 21_000)]) for _ in range(AT_ONCE)]
            answers = await together(world, slips)
            kinds = Counter(answer.refusal or answer.kind for answer in answers)
            assert kinds == {"accepted": 10, "insufficient_funds": AT_ONCE - 10}
            balance = await world.balance("ann")
            assert (balance.cash_minor, balance.held_minor) == (0, 1_000)
            lowest = "SELECT min(balance_after_minor) FROM entry WHERE version IS NOT NULL"
            assert await world.count(lowest, tenant="acme") == 0
            assert not await world.violations()

    asyncio.run(story())


def test_a_batch_takes_stakes_in_arrival_order_while_they_fit(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls, live=True) as world:
            await world.tenant("acme")
            await world.player("ann", cash_minor=1_000)
            await world.player("bob", cash_minor=300)
            home = await world.lay(HOME, 21_000)
            asked = [
                ("ann", 600),
                ("bob", 400),
                ("ann", 500),
                ("bob", 200),
                ("ann", 400),
                ("bob", 101),
                ("bob", 100),
                ("ann", 10),
            ]
            slips = [world.slip(name, stake, [(home, 21_000)]) for name, stake in asked]
            answers = await world.place(slips)
            fits = [True, False, False, True, True, False, True, False]
            assert [answer.kind == "accepted" for answer in answers] == fits
            # The same call again is the same answers, whatever the balances are now.
            await world.deposit("ann", 10_000)
            again = await world.place(slips)
            assert [a.answer for a in again] == [a.answer for a in answers]
            assert {a.kind for a in again} == {"replayed"}
            assert not await world.violations()

    asyncio.run(story())


def test_one_bad_slip_does_not_fail_its_neighbours(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls, live=True) as world:
            await world.tenant("acme")
            await world.tenant("sakura", "JPY", "Asia/Tokyo")
            await world.player("ann", cash_minor=10_000)
            await world.player("aki", "sakura", 10_000)
            home = await world.lay(HOME, 21_000)
            stranger = world.slip("aki", 100, [(home, 21_000)], tenant="sakura")
            nothing = world.slip("ann", 100, [(stranger.bet_id, 21_000)])
            good = [world.slip("ann", 100, [(home, 21_000)]) for _ in range(2)]
            answers = await world.place([good[0], stranger, nothing, good[1]])
            assert [a.refusal or a.kind for a in answers] == [
                "accepted",
                "account_blocked",
                "unknown_selection",
                "accepted",
            ]

    asyncio.run(story())


def test_placing_needs_read_committed(database_urls: Urls) -> None:
    async def story() -> None:
        async with (
            opened(database_urls, live=True) as world,
            connected(database_urls["app"]) as (conn,),
        ):
            tenant_id = (await world.tenant("acme")).id
            await world.player("ann", cash_minor=10_000)
            slip = world.slip("ann", 100, [(await world.lay(HOME, 21_000), 21_000)])
            for level in (b"REPEATABLE READ", b"SERIALIZABLE"):
                await conn.execute(b"BEGIN ISOLATION LEVEL " + level)
                with pytest.raises(psycopg.errors.InvalidTransactionState, match="READ COMMITTED"):
                    await bets.place(conn, tenant_id, [slip])
                await conn.execute("ROLLBACK")
            assert (await world.place([slip]))[0].kind == "accepted"

    asyncio.run(story())


Change = Callable[[World, Connection], Awaitable[None]]


async def refusal_after_waiting(urls: Urls, change: Change) -> list[str | None]:
    """Bets that ask while another transaction holds the event; it makes `change` and commits.

    Answers of a single on the held event, a combo that has a leg on it, and a single elsewhere that
    need not wait.
    """
    async with (
        opened(urls, live=True) as world,
        connected(urls["worker"], urls["app"]) as (holder, monitor),
    ):
        tenant_id = (await world.tenant("acme")).id
        await world.player("ann", cash_minor=10_000)
        await world.player("bob", cash_minor=10_000)
        home, second = await world.lay(HOME, 21_000), await world.lay(SECOND, 30_000)
        single = world.slip("ann", 100, [(home, 21_000)])
        combo = world.slip("bob", 100, [(second, 30_000), (home, 21_000)])
        elsewhere = world.slip("ann", 100, [(second, 30_000)])

        await holder.execute("BEGIN")
        await catalogue_store.lock_events(holder, [world.events["E1"].event_id])
        pids: asyncio.Queue[int] = asyncio.Queue()

        async def ask(slip: Slip) -> Decision:
            async with world.app.transaction(tenant_id) as conn:
                pids.put_nowait(conn.info.backend_pid)
                (decision,) = await bets.place(conn, tenant_id, [slip])
            return decision

        asked = [asyncio.create_task(ask(slip)) for slip in (single, combo)]
        for _ in asked:
            await until_waiting(monitor, await pids.get())
        free = (await world.place([elsewhere]))[0].refusal
        assert not any(task.done() for task in asked)
        await change(world, holder)
        await holder.execute("COMMIT")
        answers = await asyncio.gather(*asked)
        assert not await world.violations()
        return [*(answer.refusal for answer in answers), free]


async def suspend(world: World, conn: Connection) -> None:
    await lay_as(world, conn, "suspended")


async def move(world: World, conn: Connection) -> None:
    home = await world.selection(HOME)
    await write_offer(conn, world.tenants["acme"], home, 20_000, "open", world.at)


async def lay_as(world: World, conn: Connection, state: OfferState) -> None:
    home = await world.selection(HOME)
    await write_offer(conn, world.tenants["acme"], home, 21_000, state, world.at)


async def end(world: World, conn: Connection) -> None:
    event_id = world.events["E1"].event_id
    said = Happened(event_id, "finished", {"ft": (1, 0)}, "a person", world.at)
    await catalogue.record_results(conn, [said])


async def nothing(world: World, conn: Connection) -> None:
    """Let go of the lock without a change."""


def test_a_bet_that_waited_for_a_suspension_is_refused(database_urls: Urls) -> None:
    answers = asyncio.run(refusal_after_waiting(database_urls, suspend))
    assert answers == ["market_suspended", "market_suspended", None]


def test_a_bet_that_waited_for_a_result_is_refused(database_urls: Urls) -> None:
    answers = asyncio.run(refusal_after_waiting(database_urls, end))
    assert answers == ["event_started", "event_started", None]


def test_a_bet_that_waited_for_another_price_is_refused(database_urls: Urls) -> None:
    answers = asyncio.run(refusal_after_waiting(database_urls, move))
    assert answers == ["price_changed", "price_changed", None]


def test_a_bet_that_waited_for_nothing_is_taken(database_urls: Urls) -> None:
    assert asyncio.run(refusal_after_waiting(database_urls, nothing)) == [None, None, None]


def test_a_bet_after_the_result_is_refused(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls, live=True) as world:
            await world.tenant("acme")
            await world.player("ann", cash_minor=10_000)
            home = await world.lay(HOME, 21_000)
            await world.result("E1", {"ft": (1, 0)})
            (answer,) = await world.place([world.slip("ann", 100, [(home, 21_000)])])
            assert answer.refusal == "event_started"

    asyncio.run(story())


def test_a_bet_at_the_start_is_refused(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls, live=True) as world:
            await world.tenant("acme")
            await world.player("ann", cash_minor=10_000)
            home = await world.lay(HOME, 21_000)
            starts_at = world.events["E1"].starts_at
            before = world.slip("ann", 100, [(home, 21_000)])
            early = replace(before, at=starts_at.replace(microsecond=0) - (starts_at.resolution))
            late = replace(world.slip("ann", 100, [(home, 21_000)]), at=starts_at)
            answers = await world.place([early, late])
            assert [answer.refusal for answer in answers] == [None, "event_started"]

    asyncio.run(story())
