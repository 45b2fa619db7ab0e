"""Settlement when something is wrong: one bad event stops nobody, and nobody is paid by half."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import timedelta

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from overround.betting.settlement import jobs as settling
from overround.betting.settlement import service, settle_events
from overround.core.errors import Invalid, Unavailable
from overround.db import Connection, work
from overround.db.logins import Role
from overround.kit import loop
from overround.odds.feeds import FeedResult
from overround.roles.attach import Endpoints
from tests.stories.world import AT, PROVIDER, Pick, World, opened

Urls = Mapping[Role, str]

HOUR = timedelta(hours=1)


def superuser(endpoints: Endpoints, urls: Urls) -> psycopg.Connection[tuple[object, ...]]:
    name = str(conninfo_to_dict(urls["owner"])["dbname"])
    return psycopg.connect(endpoints.superuser_url(name), autocommit=True)


async def bet_on(world: World, event: str, tenant: str = "acme") -> None:
    """Ann has 1.00 at 2.00 on the home side."""
    home = await world.lay(Pick(event, "1x2", "home"), 20_000, tenant)
    (taken,) = await world.place([world.slip("ann", 100, [(home, 20_000)], tenant=tenant)], tenant)
    assert taken.kind == "accepted"


async def two_tenants(world: World) -> None:
    """Ann has a bet on E1 and one on E2 with acme, and one on E2 with sakura; E1 and E2 are won."""
    for tenant in ("acme", "sakura"):
        await world.tenant(tenant)
        await world.player("ann", tenant, 1_000)
        await bet_on(world, "E2", tenant)
    await bet_on(world, "E1")
    for event in ("E1", "E2"):
        await world.result(event, {"ft": (1, 0)})


def test_a_poisoned_event_stops_nobody_else(endpoints: Endpoints, database_urls: Urls) -> None:
    """A leg of E1 stands on a market of a type that nobody can grade."""

    async def story() -> None:
        async with opened(database_urls) as world:
            await two_tenants(world)
            event_id = world.events["E1"].event_id
            with superuser(endpoints, database_urls) as conn:
                conn.execute(
                    "UPDATE market SET market_type = 'coin_toss' WHERE event_id = %s", [event_id]
                )
            assert await world.settle() == 2
            assert (await world.balance("ann")).cash_minor == 1_000
            assert (await world.balance("ann", "sakura")).cash_minor == 1_100
            assert await world.due() == 1
            # It waits, ever longer, and is found by whoever looks.
            waits = 0
            while True:
                async with world.worker.reading(None) as conn:
                    stuck = await work.stuck(conn, "settle")
                if stuck:
                    break
                world.at += timedelta(minutes=1 << waits)
                waits += 1
                assert await world.settle() == 0
            assert waits == work.ATTEMPTS_MAX - 1
            (found,) = stuck
            assert (found.tenant_id, found.subject_id) == (world.tenants["acme"].id, event_id)
            assert "Invalid: this market is not in the catalogue" in found.problem
            # Mended and made due again, it is settled.
            with superuser(endpoints, database_urls) as mending:
                mending.execute(
                    "UPDATE market SET market_type = '1x2' WHERE event_id = %s", [event_id]
                )
            await world.result("E1", {"ft": (1, 0)})
            assert await world.settle() == 1
            assert (await world.balance("ann")).cash_minor == 1_200
            assert not await world.violations()

    asyncio.run(story())


def test_a_bet_without_a_purse_is_not_marked_as_paid(
    endpoints: Endpoints, database_urls: Urls
) -> None:
    async def story() -> None:
        async with opened(database_urls) as world:
            await two_tenants(world)
            tenant_id = world.tenants["acme"].id
            with superuser(endpoints, database_urls) as conn:
                conn.execute(
                    "DELETE FROM account WHERE tenant_id = %s AND kind = 'cash'", [tenant_id]
                )
            with pytest.raises(psycopg.errors.CheckViolation, match="1 of 1 bets have no purse"):
                async with world.worker.transaction(tenant_id) as conn:
                    await settle_events(conn, tenant_id, [world.events["E1"].event_id], world.at)
            opens = "SELECT count(*) FROM bet WHERE status = 'open'"
            assert await world.count(opens, tenant="acme") == 2
            # Of the settler's work it is a failure like another.
            assert await world.settle() == 1
            assert await world.count(opens, tenant="acme") == 2
            assert await world.count("SELECT sum(attempts)::integer FROM work_due") == 2

    asyncio.run(story())


def test_only_a_lost_connection_ends_the_settlers_turn() -> None:
    lost = (
        psycopg.errors.AdminShutdown("terminated"),
        psycopg.errors.ConnectionFailure("gone"),
        psycopg.OperationalError("the connection is closed"),
        psycopg.InterfaceError("the connection is closed"),
        Unavailable("no connection is free"),
    )
    ours = (
        psycopg.errors.QueryCanceled("took too long"),
        psycopg.errors.DeadlockDetected("a circle"),
        psycopg.errors.LockNotAvailable("locked"),
        psycopg.errors.CheckViolation("no purse"),
        Invalid("this market is not in the catalogue"),
        ZeroDivisionError(),
    )
    assert [settling._is_lost(error) for error in lost] == [True] * len(lost)
    assert [settling._is_lost(error) for error in ours] == [False] * len(ours)


def test_a_settler_whose_connection_is_lost_blames_no_event(
    database_urls: Urls, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story() -> None:
        async with opened(database_urls) as world:
            await two_tenants(world)

            async def cut(conn: Connection, *_words: object) -> int:
                await conn.execute("SELECT pg_terminate_backend(pg_backend_pid())")
                raise AssertionError("the connection is gone")

            with monkeypatch.context() as patched:
                patched.setattr(service, "settle_bets", cut)
                with pytest.raises(psycopg.OperationalError):
                    await settling.run_once(world.worker, world.at)
            assert await world.count("SELECT max(attempts) FROM work_due") == 0
            assert await world.settle() == 3

    asyncio.run(story())


def test_a_loop_outlives_whatever_its_work_raises() -> None:
    async def story() -> list[str]:
        stop, done = asyncio.Event(), list[str]()
        raised = iter([ValueError("a bug"), Invalid("a refusal"), OSError("a cable")])

        async def work_once() -> int:
            if (error := next(raised, None)) is not None:
                done.append(type(error).__name__)
                raise error
            done.append("done")
            stop.set()
            return 1

        await loop.repeat("work", work_once, stop, interval_s=0.001, transient=(OSError,))
        return done

    assert asyncio.run(story()) == ["ValueError", "Invalid", "OSError", "done"]


def test_each_result_is_due_at_its_own_time(database_urls: Urls) -> None:
    """Two results of one call, one of them dated ahead: the other does not wait for it."""

    async def story() -> None:
        async with opened(database_urls) as world:
            await world.tenant("acme")
            await world.player("ann", cash_minor=1_000)
            for event in ("E1", "E2"):
                await bet_on(world, event)
            said = [
                FeedResult(PROVIDER, f"fixture {event}", "finished", {"ft": (1, 0)}, seen_at)
                for event, seen_at in (("E1", AT + HOUR), ("E2", AT))
            ]
            async with world.worker.transaction(None) as conn:
                await world.hub.results(conn, said, [world.tenants["acme"].id], AT)
            assert await world.settle() == 1
            world.at = AT + HOUR
            assert await world.settle() == 1
            assert (await world.balance("ann")).cash_minor == 1_200

    asyncio.run(story())


def test_work_that_is_due_twice_is_done_when_both_can_be_seen(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as world:
            tenant_id = (await world.tenant("acme")).id
            subject = (await world.event("E1"),)

            async def put(version: int, hours: int) -> None:
                async with world.worker.transaction(None) as conn:
                    due = {subject[0]: (version, AT + hours * HOUR)}
                    await work.put(conn, "settle", [tenant_id], due)

            async def due_at(hours: int) -> bool:
                async with world.worker.transaction(None) as conn:
                    found = await work.claim(conn, "settle", tenant_id, AT + hours * HOUR, 9)
                return found == list(subject)

            await put(2, 2)
            await put(1, 0)
            assert [await due_at(hours) for hours in (0, 1, 2)] == [False, False, True]
            versions = "SELECT version FROM work_due"
            assert await world.count(versions) == 2
            # One that failed waits for its next attempt alone: put anew, it is tried at its time.
            async with world.worker.transaction(None) as conn:
                await work.failed(conn, "settle", tenant_id, subject[0], AT + 8 * HOUR, "why\0not")
            assert [await due_at(hours) for hours in (8, 9)] == [False, True]
            await put(3, 8)
            assert await due_at(8)

    asyncio.run(story())


def test_an_open_combo_is_paid_by_the_newest_result(database_urls: Urls) -> None:
    """Version 1 graded a leg, version 2 came before the other leg: version 2 decides."""

    async def story() -> None:
        async with opened(database_urls) as world:
            await world.tenant("acme")
            await world.player("ann", cash_minor=1_000)
            picks = [Pick("E1", "asian_handicap", "home", line_q4=-3), Pick("E2", "1x2", "home")]
            legs = [(await world.lay(pick, 20_000), 20_000) for pick in picks]
            await world.place([world.slip("ann", 100, legs)])
            grades = "SELECT grade, result_version FROM leg ORDER BY n"

            async def graded() -> list[tuple[object, ...]]:
                async with world.worker.reading(world.tenants["acme"].id) as conn:
                    return await (await conn.execute(grades)).fetchall()

            await world.result("E1", {"ft": (2, 0)})
            assert await world.settle() == 0
            assert await graded() == [("won", 1), (None, None)]
            await world.result("E1", {"ft": (1, 0)})
            # Nobody settles E1 again before E2 is known: the newest result holds all the same.
            async with world.worker.transaction(None) as conn:
                await conn.execute("DELETE FROM work_due")
            await world.result("E2", {"ft": (1, 0)})
            assert await world.settle() == 1
            assert await graded() == [("half_won", 2), ("won", 1)]
            assert (await world.balance("ann")).cash_minor == 900 + 300
            # What is settled is settled anew by a corrected result, and the difference is paid.
            await world.result("E1", {"ft": (3, 0)})
            assert await world.settle() == 1
            assert await graded() == [("won", 3), ("won", 1)]
            assert (await world.balance("ann")).cash_minor == 900 + 400
            assert not await world.violations()

    asyncio.run(story())
