"""Two transactions in every order of their steps: no order breaks a promise."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import psycopg
import pytest

from overround.betting import bets
from overround.betting.settlement import settle_due, settle_events
from overround.core import ids
from overround.core.principal import Principal
from overround.db import Connection, work
from overround.db.logins import Role
from overround.money import wallets
from overround.odds import catalogue
from overround.odds.catalogue import Happened
from overround.people import cashier
from tests.betting.interleave import Step, begin, commit, connected, orders, play
from tests.stories.world import Pick, World, opened

Urls = dict[Role, str]


@dataclass(frozen=True, slots=True)
class Case:
    """A fresh player and event for one order, so that orders do not meet each other."""

    name: str
    user_id: UUID
    home: UUID
    event_id: UUID


async def case(world: World, number: int, cash_minor: int) -> Case:
    name, event = f"player{number}", f"E{number}"
    user_id = await world.player(name, cash_minor=cash_minor)
    home = await world.lay(Pick(event, "1x2", "home"), 20_000)
    return Case(name, user_id, home, world.events[event].event_id)


def placing(world: World, of: Case, stake_minor: int) -> Step:
    slip = world.slip(of.name, stake_minor, [(of.home, 20_000)])
    tenant_id = world.tenants["acme"].id

    async def step(conn: Connection) -> str:
        (decision,) = await bets.place(conn, tenant_id, [slip])
        return decision.refusal or decision.kind

    return step


def looking(world: World, of: Case) -> Step:
    """Read the balance, as a page would in the same transaction; it must not disturb."""
    tenant_id = world.tenants["acme"].id

    async def step(conn: Connection) -> int:
        return (await wallets.balance(conn, tenant_id, of.user_id)).cash_minor

    return step


def resulting(world: World, of: Case) -> Step:
    async def step(conn: Connection) -> int | None:
        said = Happened(of.event_id, "finished", {"ft": (1, 0)}, "a person", world.at)
        return (await catalogue.record_results(conn, [said])).get(of.event_id)

    return step


def due(world: World, of: Case) -> Step:
    async def step(conn: Connection) -> None:
        await work.put(conn, "settle", [world.tenants["acme"].id], {of.event_id: (1, world.at)})

    return step


def claiming(world: World) -> Step:
    async def step(conn: Connection) -> int:
        return len(await work.claim(conn, "settle", world.tenants["acme"].id, world.at, 20))

    return step


def settling(world: World, of: Case) -> Step:
    """Settle whether or not the row was claimed: the bets' own locks must be enough."""

    async def step(conn: Connection) -> int:
        return await settle_events(conn, world.tenants["acme"].id, [of.event_id], world.at)

    return step


def due_settled(world: World) -> Step:
    """What a settler does in its transaction."""

    async def step(conn: Connection) -> int:
        return await settle_due(conn, world.tenants["acme"].id, world.at, 20)

    return step


Check = Callable[[World, Case, tuple[Any, Any]], Awaitable[str]]
Steps = Callable[[World, Case], Awaitable[tuple[list[Step], list[Step]]]]


async def every_order(
    urls: Urls, logins: tuple[Role, Role], cash_minor: int, steps: Steps, check: Check
) -> Counter[str]:
    """Play all orders; what each came to, counted. The ledger is sound at the end of them."""
    outcomes: Counter[str] = Counter()
    async with (
        opened(urls, live=True) as world,
        connected(urls[logins[0]], urls[logins[1]], urls["worker"]) as (first, second, monitor),
    ):
        await world.tenant("acme")
        number, planned = 0, [(0,)]
        while number < len(planned):
            of = await case(world, number, cash_minor)
            sides = await steps(world, of)
            if number == 0:
                planned = list(orders(len(sides[0]), len(sides[1])))
            answers = await play(monitor, (first, second), sides, planned[number])
            outcomes[await check(world, of, answers)] += 1
            number += 1
        assert not await world.violations()
    return outcomes


def test_two_bets_on_one_balance_in_every_order(database_urls: Urls) -> None:
    async def steps(world: World, of: Case) -> tuple[list[Step], list[Step]]:
        tenant = world.tenants["acme"].id
        one, other = (
            [begin(tenant), looking(world, of), placing(world, of, 600), commit] for _ in "ab"
        )
        return one, other

    async def check(world: World, of: Case, answers: tuple[Any, Any]) -> str:
        assert (await world.balance(of.name)).cash_minor == 400
        return " ".join(sorted((answers[0][2], answers[1][2])))

    outcomes = asyncio.run(every_order(database_urls, ("app", "app"), 1_000, steps, check))
    assert outcomes == {"accepted insufficient_funds": 70}


def test_a_bet_and_a_withdrawal_in_every_order(database_urls: Urls) -> None:
    async def steps(world: World, of: Case) -> tuple[list[Step], list[Step]]:
        tenant = world.tenants["acme"].id
        player = Principal(tenant, of.user_id, "player")

        async def withdraw(conn: Connection) -> str:
            asked = await cashier.withdraw(conn, player, "6.00", "w", bytes(32), world.at)
            return asked.payment.status

        return (
            [begin(tenant), placing(world, of, 600), commit],
            [begin(tenant), looking(world, of), withdraw, commit],
        )

    async def check(world: World, of: Case, answers: tuple[Any, Any]) -> str:
        assert (await world.balance(of.name)).cash_minor == 400
        return f"{answers[0][1]} {answers[1][2]}"

    outcomes = asyncio.run(every_order(database_urls, ("app", "app"), 1_000, steps, check))
    assert set(outcomes) == {"accepted refused", "insufficient_funds requested"}
    assert sum(outcomes.values()) == 35


def test_a_bet_and_a_result_in_every_order(database_urls: Urls) -> None:
    """A bet is before the result and is settled by it, or after it and refused; never between."""

    async def steps(world: World, of: Case) -> tuple[list[Step], list[Step]]:
        tenant = world.tenants["acme"].id
        return (
            [begin(tenant), placing(world, of, 600), commit],
            [begin(None), resulting(world, of), due(world, of), commit],
        )

    async def check(world: World, of: Case, answers: tuple[Any, Any]) -> str:
        await world.settle()
        cash_minor = (await world.balance(of.name)).cash_minor
        assert cash_minor == {"accepted": 1_600, "event_started": 1_000}[answers[0][1]]
        return answers[0][1]

    outcomes = asyncio.run(every_order(database_urls, ("app", "worker"), 1_000, steps, check))
    assert set(outcomes) == {"accepted", "event_started"}
    assert sum(outcomes.values()) == 35


async def placed_and_resulted(world: World, of: Case) -> UUID:
    """A bet of 600 that has won and is due; the tenant's id."""
    await world.place([world.slip(of.name, 600, [(of.home, 20_000)])])
    await world.result(f"E{of.name.removeprefix('player')}", {"ft": (1, 0)})
    return world.tenants["acme"].id


async def paid_once(world: World, of: Case, answers: tuple[Any, Any]) -> str:
    """Exactly one of the two third steps settled the bet; how the two shared the work."""
    assert (await world.balance(of.name)).cash_minor == 1_600
    settled = (answers[0][-2], answers[1][-2])
    assert sorted(settled) == [0, 1]
    return "paid once"


def test_two_settlers_in_every_order(database_urls: Urls) -> None:
    async def steps(world: World, of: Case) -> tuple[list[Step], list[Step]]:
        tenant = await placed_and_resulted(world, of)
        one, other = ([begin(tenant), due_settled(world), commit] for _ in "ab")
        return one, other

    logins: tuple[Role, Role] = ("worker", "worker")
    outcomes = asyncio.run(every_order(database_urls, logins, 1_000, steps, paid_once))
    assert outcomes == {"paid once": 20}


def test_two_settlements_without_a_claim_in_every_order(database_urls: Urls) -> None:
    """Even of two that both go for the bet, whoever claimed it, one pays: its lock is enough."""

    async def steps(world: World, of: Case) -> tuple[list[Step], list[Step]]:
        tenant = await placed_and_resulted(world, of)
        one, other = ([begin(tenant), claiming(world), settling(world, of), commit] for _ in "ab")
        return one, other

    logins: tuple[Role, Role] = ("worker", "worker")
    outcomes = asyncio.run(every_order(database_urls, logins, 1_000, steps, paid_once))
    assert outcomes == {"paid once": 70}


def test_a_slip_and_a_settlement_of_the_same_money_in_every_order(database_urls: Urls) -> None:
    async def steps(world: World, of: Case) -> tuple[list[Step], list[Step]]:
        tenant = await placed_and_resulted(world, of)
        other = await world.lay(Pick(f"L{of.name}", "1x2", "home"), 20_000)
        later = Case(of.name, of.user_id, other, world.events[f"L{of.name}"].event_id)
        return (
            [begin(tenant), looking(world, of), placing(world, later, 1_000), commit],
            [begin(tenant), claiming(world), settling(world, of), commit],
        )

    async def check(world: World, of: Case, answers: tuple[Any, Any]) -> str:
        cash_minor = (await world.balance(of.name)).cash_minor
        # 400 are left beside the stake; with the 1,200 of the win the second bet fits.
        assert cash_minor == {"accepted": 600, "insufficient_funds": 1_600}[answers[0][2]]
        return answers[0][2]

    outcomes = asyncio.run(every_order(database_urls, ("app", "worker"), 1_000, steps, check))
    assert set(outcomes) == {"accepted", "insufficient_funds"}
    assert sum(outcomes.values()) == 70


def test_the_scheduler_finds_a_race(database_urls: Urls) -> None:
    """The must-fail twin: a till that reads, decides and then writes overspends in most orders."""

    async def steps(world: World, of: Case) -> tuple[list[Step], list[Step]]:
        tenant = world.tenants["acme"].id

        def naive(reference: UUID) -> list[Step]:
            seen: list[int] = []

            async def read(conn: Connection) -> None:
                seen.append((await wallets.balance(conn, tenant, of.user_id)).cash_minor)

            async def write(conn: Connection) -> None:
                if seen[0] >= 600:
                    await conn.execute(
                        "INSERT INTO audit (tenant_id, at, actor_id, actor_kind, action, subject)"
                        " VALUES (%s, %s, %s, 'system', 'spent', %s)",
                        [tenant, world.at, reference, of.name],
                    )

            return [begin(tenant), read, write, commit]

        return naive(ids.derived(world.at, of.name, "a")), naive(
            ids.derived(world.at, of.name, "b")
        )

    async def check(world: World, of: Case, _answers: tuple[Any, Any]) -> str:
        query = "SELECT count(*) FROM audit WHERE action = 'spent' AND subject = %s"
        return f"{await world.count(query, of.name, tenant='acme')} spent"

    outcomes = asyncio.run(every_order(database_urls, ("app", "app"), 1_000, steps, check))
    assert outcomes == {"2 spent": 70}


def test_orders_are_all_merges() -> None:
    assert set(orders(2, 1)) == {(0, 0, 1), (0, 1, 0), (1, 0, 0)}
    assert len(list(orders(5, 5))) == 252


def test_a_deadlock_is_not_swallowed(database_urls: Urls) -> None:
    async def story() -> None:
        async with connected(*[database_urls["worker"]] * 3) as (one, other, monitor):

            def take(key: int) -> Step:
                async def step(conn: Connection) -> None:
                    await conn.execute("SELECT pg_advisory_xact_lock(%s)", [key])

                return step

            both = (
                [begin(None), take(1), take(2), commit],
                [begin(None), take(2), take(1), commit],
            )
            await play(monitor, (one, other), both, (0, 1, 0, 1, 0, 1, 0, 1))

    with pytest.raises(psycopg.errors.DeadlockDetected):
        asyncio.run(story())
