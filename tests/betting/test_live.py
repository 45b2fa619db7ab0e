"""What is placed now and what at its own time; the bounds of a call."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from overround.betting import bets
from overround.betting.bets import Decision, Slip, store
from overround.betting.bets.model import Priced
from overround.db.logins import Role
from overround.roles.attach import Endpoints
from tests.stories.world import AT, LIVE_AT, Pick, World, opened
from tests.support.interleave import connected, pid_of, until_waiting

Urls = dict[Role, str]

# Before any database's clock.
LONG_AGO = datetime(2020, 5, 4, 12, 0, tzinfo=UTC)
HOME = Pick("E1", "1x2", "home")


async def live(world: World, slip: Slip) -> Decision:
    """The answer that the api would get."""
    tenant_id = world.tenants["acme"].id
    async with world.app.transaction(tenant_id) as conn:
        (decision,) = await bets.place(conn, tenant_id, [slip])
    return decision


async def long_ago(world: World, starts_at: datetime) -> Slip:
    """Ann's slip on E1, asked before the event started and while it was open."""
    world.at = LONG_AGO
    await world.tenant("acme")
    await world.player("ann", cash_minor=1_000)
    await world.event("E1", starts_at)
    return world.slip("ann", 600, [(await world.lay(HOME, 20_000), 20_000)])


def test_a_slip_older_than_the_close_is_refused_live(database_urls: Urls) -> None:
    """Asked at T, cancelled at T + 1 s and settled, then placed: nobody would settle it again."""

    async def story() -> None:
        async with opened(database_urls) as world:
            slip = await long_ago(world, LIVE_AT)
            world.at += timedelta(seconds=1)
            await world.result("E1", {}, "cancelled")
            await world.settle()
            # Laid again, as a replay that comes by does: the close alone must refuse.
            await world.lay(HOME, 20_000)
            assert (await live(world, slip)).refusal == "event_started"
            assert (await world.balance("ann")).held_minor == 0
            # At its own time the event was open: a replay takes it, and settles it in its turn.
            (taken,) = await world.place([replace(slip, key="replayed")])
            assert taken.kind == "accepted"
            await world.result("E1", {}, "cancelled")
            assert await world.settle() == 1
            assert (await world.balance("ann")).cash_minor == 1_000

    asyncio.run(story())


def test_a_slip_older_than_a_close_that_is_dated_ahead_is_refused_live(database_urls: Urls) -> None:
    """The clock that dated the close runs before the database's."""

    async def story() -> None:
        async with opened(database_urls) as world:
            slip = await long_ago(world, LIVE_AT)
            world.at = LIVE_AT - timedelta(days=1)
            await world.result("E1", {}, "cancelled")
            await world.lay(HOME, 20_000)
            assert (await live(world, slip)).refusal == "event_started"

    asyncio.run(story())


def test_a_slip_older_than_the_start_is_refused_live(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as world:
            slip = await long_ago(world, LONG_AGO + timedelta(hours=1))
            assert (await live(world, slip)).refusal == "event_started"
            (taken,) = await world.place([replace(slip, key="replayed")])
            assert taken.kind == "accepted"
            assert datetime.fromisoformat(taken.answer["placed_at"]) == LONG_AGO

    asyncio.run(story())


def test_a_live_bet_is_placed_no_earlier_than_it_is_recorded(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as world:
            old = await long_ago(world, LIVE_AT + timedelta(days=1))
            ahead = replace(old, key="ahead", bet_id=world.slip("ann", 1, []).bet_id, at=LIVE_AT)
            tenant_id = world.tenants["acme"].id
            async with world.app.transaction(tenant_id) as conn:
                row = await (await conn.execute("SELECT clock_timestamp()")).fetchone()
                slips = [replace(slip, stake_minor=100) for slip in (old, ahead)]
                answers = await bets.place(conn, tenant_id, slips)
            assert row is not None
            placed = [datetime.fromisoformat(answer.answer["placed_at"]) for answer in answers]
            assert row[0] < placed[0] < LIVE_AT == placed[1]
            late = "SELECT count(*) FROM bet b JOIN bet_request r ON r.bet_id = b.id AND r.at >= %s"
            assert await world.count(late, row[0], tenant="acme") == 2
            posted = "SELECT count(*) FROM bet b JOIN transfer t ON t.reference = b.id"
            same = posted + " AND t.at = b.placed_at"
            assert await world.count(same, tenant="acme") == 2

    asyncio.run(story())


def test_the_app_may_not_place_a_bet_in_the_past(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as world:
            slip = await long_ago(world, LONG_AGO + timedelta(hours=1))
            tenant_id = world.tenants["acme"].id
            with pytest.raises(psycopg.errors.InsufficientPrivilege, match="bets_replay_v1"):
                async with world.app.transaction(tenant_id) as conn:
                    await bets.place_at(conn, tenant_id, [slip])

    asyncio.run(story())
    granted = (
        "SELECT has_function_privilege(oid, 'EXECUTE') FROM pg_proc"
        " WHERE proname = 'bets_decide_v1'"
    )
    for role in ("app", "worker"):
        with psycopg.connect(database_urls[role]) as conn:
            assert conn.execute(granted.encode()).fetchall() == [(False,)]


def test_the_database_takes_64_slips_and_not_one_more(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls, live=True) as world:
            tenant_id = (await world.tenant("acme")).id
            await world.player("ann", cash_minor=100_000)
            home = await world.lay(HOME, 20_000)
            slips = [world.slip("ann", 100, [(home, 20_000)]) for _ in range(bets.BATCH_MAX + 1)]
            priced = [Priced(slip, slip.stake_minor, [20_000], 200, False) for slip in slips]
            with pytest.raises(psycopg.errors.ProgramLimitExceeded, match="65 slips"):
                async with world.app.transaction(tenant_id) as conn:
                    await store.place(conn, tenant_id, priced)
            answers = await world.place(slips[: bets.BATCH_MAX])
            assert {answer.kind for answer in answers} == {"accepted"}

    asyncio.run(story())


def test_one_key_of_a_player_without_accounts_fails_nobody(
    endpoints: Endpoints, database_urls: Urls
) -> None:
    """Two calls at once refuse the same key; no account keeps them apart."""
    name = str(conninfo_to_dict(database_urls["owner"])["dbname"])

    async def story() -> None:
        async with (
            opened(database_urls, live=True) as world,
            connected(database_urls["app"], endpoints.superuser_url(name)) as (monitor, superuser),
        ):
            tenant_id = (await world.tenant("acme")).id
            for player in ("ann", "bob", "ghost"):
                await world.player(player)
            for player in ("ann", "bob"):
                await world.deposit(player, 1_000)
            await superuser.execute(
                "DELETE FROM account WHERE owner_id = %s", [world.players["acme", "ghost"]]
            )
            home = await world.lay(HOME, 20_000)
            legs = [(home, 20_000)]
            keys = [world.slip("ghost", 100, legs, key=key) for key in ("b", "a", "c")]
            first = [world.slip("ann", 100, legs), *keys]
            other = replace(keys[2], stake_minor=200)
            second = [keys[1], keys[0], other, keys[0], world.slip("bob", 100, legs)]
            pids: asyncio.Queue[int] = asyncio.Queue()

            async def later() -> list[Decision]:
                async with world.app.transaction(tenant_id) as conn:
                    pids.put_nowait(await pid_of(conn))
                    return await bets.place(conn, tenant_id, second)

            async with world.app.transaction(tenant_id) as conn:
                answers = await bets.place(conn, tenant_id, first)
                task = asyncio.create_task(later())
                await until_waiting(monitor, await pids.get())
            assert [a.refusal for a in answers] == [None, *["account_blocked"] * 3]
            told = await task
            kinds = ["replayed", "replayed", "key_reused", "replayed", "accepted"]
            assert [a.kind for a in told] == kinds
            assert [told[0].answer, told[1].answer] == [answers[2].answer, answers[1].answer]
            assert told[2].answer == {"refusal": "key_reused"}
            assert not await world.violations()

    asyncio.run(story())


def test_a_half_is_rounded_as_the_tenant_rounds(database_urls: Urls) -> None:
    """15 at 1.50 is 22.5; what a slip is told is what its bet is paid, and what its limit is."""

    async def story() -> None:
        async with opened(database_urls) as world:
            for name, rounding in (("acme", "down"), ("even", "half_even")):
                await world.tenant(
                    name, payout_rounding=rounding, payout_max_minor=22, stake_min_minor=1
                )
                await world.player("ann", name, 1_000)
                home = await world.lay(HOME, 15_000, name)
                slips = [
                    world.slip("ann", stake, [(home, 15_000)], tenant=name) for stake in (15, 16)
                ]
                taken, above = await world.place(slips, name)
                assert taken.answer["potential_payout_minor"] == 22
                assert above.refusal == "payout_above_max"
            await world.result("E1", {"ft": (1, 0)})
            assert await world.settle() == 2
            for name in ("acme", "even"):
                assert (await world.balance("ann", name)).cash_minor == 1_007

    asyncio.run(story())


def test_a_bet_is_never_paid_more_than_it_could_win(
    endpoints: Endpoints, database_urls: Urls
) -> None:
    name = str(conninfo_to_dict(database_urls["owner"])["dbname"])

    async def story() -> None:
        async with opened(database_urls) as world:
            slip = await long_ago(world, AT)
            await world.place([slip])

    asyncio.run(story())
    with (
        psycopg.connect(endpoints.superuser_url(name)) as conn,
        pytest.raises(psycopg.errors.CheckViolation, match="bet_paid_within_potential"),
    ):
        conn.execute(
            "UPDATE bet SET status = 'settled', outcome = 'won', settled_at = placed_at,"
            " payout_minor = potential_payout_minor + 1"
        )
