"""The acceptor: what waits is placed together, each slip has its own answer, in order."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any
from uuid import UUID

import psycopg
import pytest

from overround.betting.bets import Asked, Decision
from overround.betting.bets.jobs import Acceptor, InFlight, Overloaded
from overround.betting.bets.room import STANDING_MAX
from overround.core.errors import Unavailable
from overround.db.logins import Role
from tests.stories.world import Pick, World, opened

Urls = dict[Role, str]

HOME = Pick("E1", "1x2", "home")
# An advisory lock of the event, as a suspension takes it: who bets waits.
HOLD = "SELECT pg_advisory_xact_lock(event_key(event_id)) FROM selection WHERE id = %s"
WAITING = """
SELECT l.pid FROM pg_locks l JOIN pg_database d ON d.oid = l.database
WHERE d.datname = current_database() AND l.locktype = 'advisory' AND NOT l.granted"""


@asynccontextmanager
async def house(urls: Urls, **terms: Any) -> AsyncGenerator[tuple[World, Acceptor, UUID]]:
    """A world with ann (10.00) and bob (10.00), an acceptor that runs, and what is laid."""
    async with opened(urls, live=True) as world:
        await world.tenant("acme")
        for name in ("ann", "bob"):
            await world.player(name, cash_minor=1_000)
        home = await world.lay(HOME, 20_000)
        acceptor = Acceptor(urls["app"], **terms)
        async with acceptor.running():
            yield world, acceptor, home
        assert not await world.violations()


@asynccontextmanager
async def held(urls: Urls, selection_id: UUID) -> AsyncGenerator[psycopg.AsyncConnection[Any]]:
    """The event is held for the length of the block, so that what is placed on it waits."""
    async with await psycopg.AsyncConnection.connect(urls["worker"]) as conn:
        await conn.execute(HOLD, [selection_id])
        yield conn
        await conn.rollback()


def asked(world: World, name: str, stake_minor: int, home: UUID, **words: Any) -> Asked:
    """A single on the home side."""
    tenant = words.get("tenant", "acme")
    slip = world.slip(name, stake_minor, [(home, 20_000)], **words)
    return Asked(world.tenants[tenant].id, slip)


async def caught(conn: psycopg.AsyncConnection[Any]) -> None:
    """Return when somebody waits for the event that `conn` holds."""
    async with asyncio.timeout(30):
        while await (await conn.execute(WAITING)).fetchone() is None:
            pass


def ask_all(acceptor: Acceptor, slips: list[Asked]) -> list[asyncio.Task[Decision]]:
    return [asyncio.create_task(acceptor.ask(one)) for one in slips]


async def started() -> None:
    """Let tasks that were just made reach their first wait."""
    await asyncio.sleep(0)
    await asyncio.sleep(0)


def test_slips_of_one_player_keep_their_order(database_urls: Urls) -> None:
    """Ten slips of 3.00 on 10.00, while another's is held up: the first three are taken."""

    async def story() -> None:
        async with house(database_urls) as (world, acceptor, home):
            async with held(database_urls, home) as conn:
                first = ask_all(acceptor, [asked(world, "ann", 300, home)])
                await caught(conn)
                rest = ask_all(acceptor, [asked(world, "ann", 300, home) for _ in range(9)])
                others = ask_all(acceptor, [asked(world, "bob", 300, home)])
                await started()
            kinds = [(await task).kind for task in first + rest]
            assert kinds == ["accepted"] * 3 + ["refused"] * 7
            assert (await others[0]).kind == "accepted"
            assert rest[-1].result().refusal == "insufficient_funds"

    asyncio.run(story())


def test_who_is_asked_again_keeps_his_place(database_urls: Urls) -> None:
    """Ann's price rose: her bet is asked again, and before the one that came behind it."""

    async def story() -> None:
        async with house(database_urls) as (world, acceptor, home):
            await world.lay(HOME, 21_000)
            slips = [asked(world, "ann", stake_minor, home) for stake_minor in (900, 500)]
            slips.append(asked(world, "bob", 1_000, home))
            tasks = ask_all(acceptor, slips)
            told = [(await task).kind for task in tasks]
            assert told == ["accepted", "refused", "accepted"]
            assert tasks[0].result().answer["prices_e4"] == [21_000]
            assert tasks[1].result().refusal == "insufficient_funds"

    asyncio.run(story())


def test_slips_of_two_tenants_are_placed_by_one_call(database_urls: Urls) -> None:
    async def story() -> None:
        async with house(database_urls) as (world, acceptor, home):
            await world.tenant("sakura", "JPY", "Asia/Tokyo")
            await world.player("ken", "sakura", cash_minor=1_000)
            await world.lay(HOME, 21_000, "sakura")
            async with held(database_urls, home) as conn:
                # Two connections wait with a slip each; what comes then is one batch of both.
                first = ask_all(acceptor, [asked(world, "ann", 100, home)])
                await caught(conn)
                slips = [
                    asked(world, "bob", 100, home),
                    asked(world, "ken", 100, home, tenant="sakura"),
                ]
                both = ask_all(acceptor, slips)
                await started()
            for task in first + both:
                assert (await task).kind == "accepted"
            prices = [task.result().answer["prices_e4"] for task in both]
            assert prices == [[20_000], [21_000]]
            assert both[1].result().answer["currency"] == "JPY"

    asyncio.run(story())


def test_a_key_in_flight_is_refused_and_answered_afterwards(database_urls: Urls) -> None:
    async def story() -> None:
        async with house(database_urls) as (world, acceptor, home):
            slip = asked(world, "ann", 300, home, key="one")
            other = Asked(slip.tenant_id, replace(slip.slip, stake_minor=301))
            async with held(database_urls, home) as conn:
                (first,) = ask_all(acceptor, [slip])
                await caught(conn)
                with pytest.raises(InFlight):
                    await acceptor.ask(slip)
            taken = await first
            again = await acceptor.ask(slip)
            assert (again.kind, again.answer) == ("replayed", taken.answer)
            assert (await acceptor.ask(other)).kind == "key_reused"

    asyncio.run(story())


def test_a_bad_slip_fails_alone(database_urls: Urls) -> None:
    """A stake that no bigint holds fails the statement; the other slips of its batch are placed."""

    async def story() -> None:
        async with house(database_urls) as (world, acceptor, home):
            async with held(database_urls, home) as conn:
                first = ask_all(acceptor, [asked(world, "ann", 100, home)])
                await caught(conn)
                bad = asked(world, "bob", 10**30, home)
                rest = ask_all(acceptor, [asked(world, "bob", 100, home), bad])
                rest += ask_all(acceptor, [asked(world, "bob", 200, home)])
                await started()
            answers = await asyncio.gather(*first, *rest, return_exceptions=True)
            kinds = [one.kind for one in answers if isinstance(one, Decision)]
            assert kinds == ["accepted"] * 3
            assert not isinstance(answers[2], Decision)

    asyncio.run(story())


def test_a_queue_that_is_too_old_sheds(database_urls: Urls) -> None:
    async def story() -> None:
        async with house(database_urls, age_max_s=0.0) as (world, acceptor, home):
            async with held(database_urls, home) as conn:
                first = ask_all(acceptor, [asked(world, "ann", 100, home)])
                await caught(conn)
                # Of the same player, so that the other connection leaves it in the queue.
                waits = ask_all(acceptor, [asked(world, "ann", 100, home)])
                await started()
                with pytest.raises(Overloaded):
                    await acceptor.ask(asked(world, "bob", 100, home))
            for task in first + waits:
                assert (await task).kind == "accepted"
            assert (await acceptor.ask(asked(world, "bob", 100, home))).kind == "accepted"

    asyncio.run(story())


def test_a_call_that_is_never_answered_is_given_up(database_urls: Urls) -> None:
    """As by a server whose machine is gone. Its players are served again, and its key tells."""

    async def story() -> None:
        async with house(database_urls, answer_s_max=0.1) as (world, acceptor, home):
            slip = asked(world, "ann", 300, home)
            async with held(database_urls, home) as conn:
                (first,) = ask_all(acceptor, [slip])
                await caught(conn)
                with pytest.raises(Unavailable):
                    await first
                # Not because the server has ended it.
                assert await (await conn.execute(WAITING)).fetchone() is not None
            assert (await acceptor.ask(asked(world, "ann", 300, home))).kind == "accepted"
            assert (await acceptor.ask(slip)).answer["bet_id"] == str(slip.slip.bet_id)

    asyncio.run(story())


def test_a_queue_that_stands_is_short(database_urls: Urls) -> None:
    """So many are under way, those that are being placed among them; the next one is refused."""

    async def story() -> None:
        async with house(database_urls, stands_s=0.0) as (world, acceptor, home):
            async with held(database_urls, home) as conn:
                first = ask_all(acceptor, [asked(world, "ann", 1, home)])
                await caught(conn)
                waits = ask_all(
                    acceptor, [asked(world, "ann", 1, home) for _ in range(STANDING_MAX - 1)]
                )
                await started()
                with pytest.raises(Overloaded):
                    await acceptor.ask(asked(world, "bob", 100, home))
            for task in first + waits:
                await task
            assert (await acceptor.ask(asked(world, "bob", 100, home))).kind == "accepted"

    asyncio.run(story())


def test_a_call_that_waits_holds_up_nobody_else(database_urls: Urls) -> None:
    """Ann's event is held; bob's bet on another one is placed meanwhile."""

    async def story() -> None:
        async with house(database_urls) as (world, acceptor, home):
            other = await world.lay(Pick("E2", "1x2", "home"), 20_000)
            async with held(database_urls, home) as conn:
                first = ask_all(acceptor, [asked(world, "ann", 100, home)])
                await caught(conn)
                assert (await acceptor.ask(asked(world, "bob", 100, other))).kind == "accepted"
            assert (await first[0]).kind == "accepted"

    asyncio.run(story())


def test_what_waits_is_placed_before_the_end(database_urls: Urls) -> None:
    async def story() -> None:
        async with (
            house(database_urls) as (world, acceptor, home),
            held(database_urls, home) as conn,
        ):
            tasks = ask_all(acceptor, [asked(world, "ann", 100, home) for _ in range(5)])
            await caught(conn)
        assert [(await task).kind for task in tasks] == ["accepted"] * 5

    asyncio.run(story())


def test_a_connection_that_is_lost_is_made_again(database_urls: Urls) -> None:
    """Who waited is told to ask by his key, and whoever asks next is answered."""

    async def story() -> None:
        async with house(database_urls) as (world, acceptor, home):
            slip = asked(world, "ann", 100, home)
            async with held(database_urls, home) as conn:
                (lost,) = ask_all(acceptor, [slip])
                await caught(conn)
                row = await (await conn.execute(WAITING)).fetchone()
                assert row is not None
                async with await psycopg.AsyncConnection.connect(database_urls["app"]) as app:
                    await app.execute("SELECT pg_terminate_backend(%s)", [row[0]])
                with pytest.raises(Exception, match="ask again by the same key"):
                    await lost
            assert (await acceptor.ask(slip)).kind == "accepted"

    asyncio.run(story())
