"""Settlers beside settlers and beside placers: paid once, paid at all, and never in a circle."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import psycopg
import pytest

from overround.betting import bets, settlement
from overround.betting.bets import Slip
from overround.betting.settlement import jobs as settling
from overround.betting.settlement import service, store
from overround.core import ids
from overround.db import Connection, work
from overround.db.logins import Role
from tests.stories.world import AT, Pick, World, opened
from tests.support.interleave import connected, pid_of, until_waiting

Urls = dict[Role, str]

OPEN = "SELECT count(*) FROM bet WHERE status = 'open'"

PAID_TWICE = """
SELECT count(*) FROM (SELECT reference FROM transfer WHERE code IN ('payout', 'stake_return')
                      GROUP BY reference HAVING count(*) > 1) twice"""


async def filled(world: World, events: int, count: int, players: int = 4) -> None:
    """Acme with players, events and that many bets, every third of them a double."""
    await world.tenant("acme")
    names = [f"player{n}" for n in range(players)]
    for name in names:
        await world.player(name, cash_minor=10_000_000)
    homes = [await world.lay(Pick(f"E{n}", "1x2", "home"), 20_000) for n in range(events)]
    slips = [
        world.slip(
            names[n % players],
            100,
            [(homes[n % events], 20_000)]
            + ([(homes[(n + 1) % events], 20_000)] if n % 3 == 0 and events > 1 else []),
        )
        for n in range(count)
    ]
    for first in range(0, count, 64):
        answers = await world.place(slips[first : first + 64])
        assert {answer.kind for answer in answers} == {"accepted"}


async def settle_together(world: World, settlers: int) -> int:
    """That many settlers at once, until nothing is due; returns the bets settled."""
    gate = asyncio.Barrier(settlers)

    async def settler() -> int:
        await gate.wait()
        return await world.settle()

    return sum(await asyncio.gather(*(settler() for _ in range(settlers))))


@pytest.mark.parametrize("settlers", [2, 6])
def test_two_settlers_pay_once(database_urls: Urls, settlers: int) -> None:
    async def story() -> None:
        async with opened(database_urls, live=True) as world:
            await filled(world, events=8, count=200)
            for n in range(8):
                await world.result(f"E{n}", {"ft": (n % 3, 1)})
            settled = await settle_together(world, settlers)
            # One that found every row claimed has left; what it passed over, another has done.
            assert settled + await world.settle() == 200
            assert (
                await world.count("SELECT count(*) FROM bet WHERE status = 'open'", tenant="acme")
                == 0
            )
            assert await world.count(PAID_TWICE, tenant="acme") == 0
            assert await world.due() == 0
            assert not await world.violations()

    asyncio.run(story())


def test_settling_again_pays_nothing_again(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls, live=True) as world:
            await filled(world, events=2, count=20)
            for n in range(2):
                await world.result(f"E{n}", {"ft": (1, 0)})
            assert await world.settle() == 20
            before = await world.count("SELECT count(*) FROM entry", tenant="acme")
            tenant_id = world.tenants["acme"].id
            events = [found.event_id for found in world.events.values()]
            async with world.worker.transaction(tenant_id) as conn:
                await work.put(conn, "settle", [tenant_id], dict.fromkeys(events, (1, world.at)))
            assert await settle_together(world, 2) == 0
            assert await world.count("SELECT count(*) FROM entry", tenant="acme") == before

    asyncio.run(story())


def test_two_results_of_one_combo_settled_at_once_pay_it(database_urls: Urls) -> None:
    """Each settler holds one of its two events; the second must see the grade of the first."""

    async def story() -> None:
        async with (
            opened(database_urls, live=True) as world,
            connected(database_urls["worker"]) as (monitor,),
        ):
            tenant_id = (await world.tenant("acme")).id
            await world.player("ann", cash_minor=1_000)
            legs = [
                (await world.lay(Pick(name, "1x2", "home"), 20_000), 20_000)
                for name in ("E1", "E2")
            ]
            await world.place([world.slip("ann", 1_000, legs)])
            await world.result("E1", {"ft": (1, 0)})

            async def second() -> int:
                async with world.worker.transaction(tenant_id) as conn:
                    pids.put_nowait(await pid_of(conn))
                    return await settlement.settle_due(conn, tenant_id, world.at, 1)

            pids: asyncio.Queue[int] = asyncio.Queue()
            async with world.worker.transaction(tenant_id) as conn:
                assert await settlement.settle_due(conn, tenant_id, world.at, 1) == 0
                # The first settler has read its results and not committed when the second comes.
                await world.result("E2", {"ft": (1, 0)})
                other = asyncio.create_task(second())
                await until_waiting(monitor, await pids.get())
            assert await other == 1
            assert (await world.balance("ann")).cash_minor == 4_000
            assert not await world.violations()

    asyncio.run(story())


def test_a_killed_settler_gives_its_claim_back(database_urls: Urls) -> None:
    async def story() -> None:
        async with (
            opened(database_urls, live=True) as world,
            connected(database_urls["worker"], database_urls["worker"]) as (dying, killer),
        ):
            await filled(world, events=2, count=20)
            tenant_id = world.tenants["acme"].id
            for n in range(2):
                await world.result(f"E{n}", {"ft": (1, 0)})
            await dying.execute("BEGIN")
            await dying.execute(
                "SELECT set_config('overround.tenant_id', %s, true)", [str(tenant_id)]
            )
            assert await settlement.settle_due(dying, tenant_id, world.at, 20) == 20
            # While it lives, nobody else finds anything to do.
            assert await settling.run_once(world.worker, world.at) is None
            await killer.execute("SELECT pg_terminate_backend(%s, 5000)", [dying.info.backend_pid])
            with pytest.raises(psycopg.OperationalError):
                await dying.execute("COMMIT")
            assert (
                await world.count("SELECT count(*) FROM bet WHERE status = 'open'", tenant="acme")
                == 20
            )
            assert await world.settle() == 20
            assert await world.count(PAID_TWICE, tenant="acme") == 0
            assert not await world.violations()

    asyncio.run(story())


def test_a_batch_boundary_never_deadlocks_with_a_slip(
    database_urls: Urls, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bets of two players in one settlement, in two batches, beside a call of both players.

    The first batch must not hold one player's money while the second asks for the other's: the
    call has taken them in the order of their accounts.
    """
    monkeypatch.setattr(service, "PORTION", 1)

    async def story() -> None:
        async with (
            opened(database_urls, live=True) as world,
            connected(database_urls["worker"]) as (monitor,),
        ):
            tenant_id = (await world.tenant("acme")).id
            home = await world.lay(Pick("E1", "1x2", "home"), 20_000)
            other = await world.lay(Pick("E2", "1x2", "home"), 20_000)
            for name in ("ann", "bob"):
                await world.player(name, cash_minor=10_000)
            # Bob's bet sorts first, ann's account does.
            placed = [
                replace(world.slip(name, 100, [(home, 20_000)]), bet_id=ids.derived(AT, name))
                for name in ("bob", "ann")
            ]
            ordered = sorted(slip.bet_id for slip in placed)
            await world.place(
                [replace(slip, bet_id=bet) for slip, bet in zip(placed, ordered, strict=True)]
            )
            await world.result("E1", {"ft": (1, 0)})
            pair = [world.slip(name, 100, [(other, 20_000)]) for name in ("ann", "bob")]
            pids: asyncio.Queue[int] = asyncio.Queue()

            async def place() -> Sequence[str]:
                async with world.app.transaction(tenant_id) as conn:
                    pids.put_nowait(await pid_of(conn))
                    return [d.kind for d in await bets.place(conn, tenant_id, pair)]

            payer = store.settle

            async def pay_and_meet(conn: Connection, *words: Any) -> int:
                settled = await payer(conn, *words)
                if not placing:
                    placing.append(asyncio.create_task(place()))
                    await until_waiting(monitor, await pids.get())
                return settled

            placing: list[asyncio.Task[Sequence[str]]] = []
            monkeypatch.setattr(store, "settle", pay_and_meet)
            async with world.worker.transaction(tenant_id) as conn:
                assert await settlement.settle_due(conn, tenant_id, world.at, 1) == 2
            assert await placing[0] == ["accepted", "accepted"]
            assert not await world.violations()

    asyncio.run(story())


def test_a_large_event_is_shared_by_settlers(
    database_urls: Urls, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In portions that skip what the other has, and each bet is paid once all the same."""
    monkeypatch.setattr(service, "PORTION", 5)

    async def story() -> None:
        async with opened(database_urls) as world:
            await filled(world, 2, 60)
            for event in ("E0", "E1"):
                await world.result(event, {"ft": (1, 0)})
            assert await settle_together(world, 3) == 60
            assert await world.count(OPEN, tenant="acme") == 0
            assert await world.count(PAID_TWICE, tenant="acme") == 0
            assert await world.due() == 0
            assert not await world.violations()

    asyncio.run(story())


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_settling_while_placing_never_deadlocks(
    database_urls: Urls, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    """Two settlers and four placers over shared players and events, many rounds.

    Small batches make the settlers cross many batch boundaries. A deadlock is an exception of
    psycopg and fails the test, as does a slip that an infrastructure error refused.
    """
    monkeypatch.setattr(service, "PORTION", 3)
    rounds, events_per_round, names = 5, 4, [f"player{n}" for n in range(5)]

    async def story() -> None:
        async with opened(database_urls, live=True, connections=12) as world:
            await world.tenant("acme")
            for name in names:
                await world.player(name, cash_minor=10_000_000)
            homes = [
                [
                    await world.lay(Pick(f"R{turn}E{n}", "1x2", "home"), 20_000)
                    for n in range(events_per_round)
                ]
                for turn in range(rounds)
            ]
            accepted = 0

            async def placer(number: int) -> None:
                nonlocal accepted
                rng = random.Random(f"{seed}:{number}")
                for turn in range(rounds):
                    for _ in range(3):
                        slips: list[Slip] = []
                        for _ in range(6):
                            near = homes[turn] + homes[min(turn + 1, rounds - 1)]
                            picked = rng.sample(sorted(set(near)), rng.choice([1, 1, 2, 3]))
                            slip = world.slip(rng.choice(names), 100, [(p, 20_000) for p in picked])
                            slips.append(slip)
                        answers = await world.place(slips)
                        accepted += sum(a.kind == "accepted" for a in answers)
                        refusals = {a.refusal for a in answers} - {None}
                        assert refusals <= {"event_started"}
                    for n in range(events_per_round):
                        if n % 4 == number:
                            await world.result(f"R{turn}E{n}", {"ft": (rng.randrange(2), 0)})

            async def settler() -> None:
                while not finished.is_set():
                    await settling.run_once(world.worker, world.at)
                    await asyncio.sleep(0)

            finished = asyncio.Event()
            settlers = [asyncio.create_task(settler()) for _ in range(2)]
            try:
                await asyncio.gather(*(placer(number) for number in range(4)))
            finally:
                finished.set()
                await asyncio.gather(*settlers)
            await world.settle()
            assert accepted == await world.count("SELECT count(*) FROM bet", tenant="acme")
            assert accepted > rounds * 20
            assert await world.count(PAID_TWICE, tenant="acme") == 0
            assert not await world.violations()

    asyncio.run(story())


def test_work_of_one_tenant_is_not_another_tenants(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls, live=True) as world:
            await world.tenant("acme")
            await world.tenant("sakura", "JPY", "Asia/Tokyo")
            for tenant in ("acme", "sakura"):
                await world.player("ann", tenant, 10_000)
                home = await world.lay(Pick("E1", "1x2", "home"), 20_000, tenant)
                await world.place(
                    [world.slip("ann", 1_000, [(home, 20_000)], tenant=tenant)], tenant
                )
            await world.result("E1", {"ft": (1, 0)})
            assert await settling.run_once(world.worker, world.at) == 1
            assert await world.due() == 1
            assert await settling.run_once(world.worker, world.at) == 1
            assert await settling.run_once(world.worker, world.at) is None

    asyncio.run(story())
