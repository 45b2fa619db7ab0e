"""Money that moved for no reason is found: each transfer has the payment, bet or day it names."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from typing import Final

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from overround.betting.bets.recompute import GradedLeg, payout_due
from overround.cli import books
from overround.core.principal import Principal
from overround.db.logins import Role
from overround.people import cashier
from overround.roles.attach import Endpoints
from tests.stories.world import Pick, World, opened

Urls = Mapping[Role, str]

PAYMENT: Final = "a payment and its movements agree"
WITHDRAWING: Final = "withdrawing = withdrawals under way"
DAY: Final = "a day moved what it says"
BET: Final = "a stake or payout has its bet"
DEEP: Final = "a payout follows from its grades"
GRADE: Final = "a grade follows from the result"
STANDS: Final = "a bet stands as its results say"

CODES: Final = {
    "deposit": PAYMENT,
    "withdrawal_reserve": PAYMENT,
    "withdrawal_pay": PAYMENT,
    "withdrawal_refuse": PAYMENT,
    "adjustment": PAYMENT,
    "stake_hold": BET,
    "stake_take": BET,
    "stake_return": BET,
    "payout": BET,
    "revenue_day": DAY,
    "fee_day": DAY,
}

# A movement between two of the tenant's own accounts, as sound as any but for its cause.
_ORPHAN: Final = """
WITH side AS (
    SELECT b.tenant_id, b.id AS from_id, a.id AS to_id, uuidv7() AS reference
    FROM account b JOIN account a ON a.tenant_id = b.tenant_id
    WHERE b.kind = 'bank' AND a.kind = 'adjustment'
), moved AS (
    INSERT INTO transfer (tenant_id, reference, code, from_id, to_id, amount_minor, currency, at)
    SELECT tenant_id, reference, %s, from_id, to_id, 5, 'EUR', now() FROM side
    RETURNING tenant_id, reference, code, version, from_id, to_id)
INSERT INTO entry (tenant_id, reference, code, transfer_version, account_id, amount_minor, at)
SELECT tenant_id, reference, code, version, from_id, -5, now() FROM moved
UNION ALL SELECT tenant_id, reference, code, version, to_id, 5, now() FROM moved"""

# What is done by hand, and what is said of it.
TAMPERING: Final[dict[str, tuple[str, set[str]]]] = {
    "a deposit that is gone": ("DELETE FROM payment WHERE kind = 'deposit'", {PAYMENT}),
    "a larger payment": (
        "UPDATE payment SET amount_minor = amount_minor + 1 WHERE kind = 'deposit'",
        {PAYMENT},
    ),
    "another's payment": (
        "UPDATE payment SET user_id = uuidv7() WHERE kind = 'deposit'",
        {PAYMENT},
    ),
    "a withdrawal that is said to be paid": (
        "UPDATE payment SET status = 'paid', decided_at = now() WHERE kind = 'withdrawal'",
        {PAYMENT, WITHDRAWING},
    ),
    "a withdrawal that is gone": (
        "DELETE FROM payment WHERE kind = 'withdrawal'",
        {PAYMENT, WITHDRAWING},
    ),
    "an adjustment turned round": (
        "UPDATE payment SET amount_minor = -amount_minor WHERE kind = 'adjustment'",
        {PAYMENT},
    ),
    "a day that is gone": ("DELETE FROM revenue_day", {DAY}),
    "a day that says it moved more": (
        "UPDATE revenue_day SET posted_net_minor = posted_net_minor + 1",
        {DAY},
    ),
    "another version of a payout": (
        (
            "WITH moved AS (UPDATE transfer SET version = 7 WHERE code = 'payout')"
            " UPDATE entry SET transfer_version = 7 WHERE code = 'payout'"
        ),
        {BET},
    ),
    "a grade": ("UPDATE leg SET grade = 'half_won' WHERE grade = 'won'", {DEEP, GRADE}),
    "a price": ("UPDATE leg SET price_e4 = price_e4 + 100 WHERE grade = 'won'", {DEEP, STANDS}),
    # Grades and payouts fit each other; only what happened says otherwise.
    "a result": ("""UPDATE result SET scores = '{"ft": [0, 1]}'""", {GRADE, STANDS}),
    "a result that is gone": ("DELETE FROM result", {GRADE}),
}


async def kept(world: World) -> None:
    """A deposit, an adjustment, a withdrawal under way, a bet won, one lost, and their day."""
    tenant = await world.tenant("acme")
    ann = await world.player("ann", cash_minor=10_000)
    clerk = await world.clerk()
    who = Principal(tenant.id, ann, "player")
    async with world.app.transaction(tenant.id) as conn:
        await cashier.withdraw(conn, who, "10.00", "w-1", bytes(32), world.at)
        await cashier.adjust(conn, clerk, ann, "5.00", "because", "a-1", bytes(32), world.at)
    for side, stake_minor in (("home", 1_000), ("away", 3_000)):
        laid = await world.lay(Pick("E1", "1x2", side), 20_000)
        await world.place([world.slip("ann", stake_minor, [(laid, 20_000)])])
    await world.result("E1", {"ft": (1, 0)})
    await world.settle()
    world.at += timedelta(days=2)
    await world.close_days()
    assert await found(world) == set()


async def found(world: World) -> set[str]:
    return {violation.invariant for violation in await world.violations()}


def by_hand(endpoints: Endpoints, urls: Urls, query: str, *values: object) -> None:
    """As the superuser, with triggers, keys and the checks of what is paid out of the way."""
    name = str(conninfo_to_dict(urls["owner"])["dbname"])
    with psycopg.connect(endpoints.superuser_url(name), autocommit=True) as conn:
        conn.execute("SET session_replication_role = replica")
        assert conn.execute(query.encode(), values or None).rowcount >= 1, query


@pytest.mark.parametrize("code", CODES)
def test_a_movement_without_its_cause_is_found(
    endpoints: Endpoints, database_urls: Urls, code: str
) -> None:
    async def story() -> None:
        async with opened(database_urls, connections=2) as world:
            await kept(world)
            by_hand(endpoints, database_urls, _ORPHAN, code)
            assert await found(world) == {CODES[code]}

    asyncio.run(story())


@pytest.mark.parametrize("what", TAMPERING)
def test_a_cause_that_does_not_fit_is_found(
    endpoints: Endpoints, database_urls: Urls, what: str
) -> None:
    statement, complaints = TAMPERING[what]

    async def story() -> None:
        async with opened(database_urls, connections=2) as world:
            await kept(world)
            by_hand(endpoints, database_urls, statement)
            assert await found(world) == complaints

    asyncio.run(story())


def test_verify_while_betting_raises_no_false_alarm(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls, connections=6) as world:
            tenant_id = (await world.tenant("acme")).id
            await world.player("ann", cash_minor=100_000)
            laid = [await world.lay(Pick(f"E{n}", "1x2", "home"), 20_000) for n in range(12)]
            betting = True

            async def bet() -> None:
                nonlocal betting
                for number, selection_id in enumerate(laid):
                    await world.place([world.slip("ann", 100, [(selection_id, 20_000)])] * 2)
                    await world.deposit("ann", 100)
                    await world.result(f"E{number}", {"ft": (1, 0)})
                    await world.settle()
                betting = False

            async def verify() -> int:
                looks = 0
                while betting or not looks:
                    async with world.worker.snapshot(tenant_id) as conn:
                        assert await books.violations(conn, tenant_id, deep=True) == []
                    looks += 1
                return looks

            looks, _ = await asyncio.gather(verify(), bet())
            assert looks > 1
            assert await found(world) == set()

    asyncio.run(story())


def test_a_payout_is_recomputed_from_every_grade() -> None:
    paid = {"won": 202, "lost": 0, "void": 101, "half_won": 151, "half_lost": 50}
    for grade, due in paid.items():
        assert payout_due(101, [GradedLeg(grade, 20_000)], "down") == due
    assert payout_due(101, [GradedLeg("won", 20_000), GradedLeg(None, 20_000)], "down") is None
    assert payout_due(101, [GradedLeg("lost", 20_000), GradedLeg(None, 20_000)], "down") == 0
    assert payout_due(3, [GradedLeg("won", 15_000)], "half_even") == 4
