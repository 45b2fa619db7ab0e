"""Whoever changes the books by hand is found: by the checks in SQL and by the one outside of it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Final

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from overround.betting import bets
from overround.db.logins import Role
from overround.money import ledger
from overround.roles.attach import Endpoints
from tests.stories.world import Pick, World, opened

Urls = Mapping[Role, str]

_CASH: Final = "(SELECT id FROM account WHERE kind = 'cash')"
_TOP: Final = f"(SELECT max(version) FROM entry WHERE account_id = {_CASH})"
_LAST: Final = f"account_id = {_CASH} AND version = {_TOP}"
_FIRST: Final = f"account_id = {_CASH} AND version = 1"

# What is done, what `check` says of it, what `check_deep` says of it. A tamperer may drop
# constraints first: the checks must not lean on them.
TAMPERING: Final[dict[str, tuple[str, set[str], set[str]]]] = {
    "a balance": (
        "UPDATE account SET balance_minor = balance_minor + 1 WHERE kind = 'cash'",
        {"roll-up + later entries = entries", "balance and version = entries"},
        {"balance = entries"},
    ),
    "a version": (
        "UPDATE account SET version = version + 1 WHERE kind = 'cash'",
        {"balance and version = entries"},
        set(),
    ),
    "one side of a transfer": (
        f"UPDATE entry SET amount_minor = amount_minor + 1 WHERE {_LAST}",
        {
            "roll-up + later entries = entries",
            "a transfer is two entries of its amount",
            "balance and version = entries",
            "everything sums to zero",
            "the running balance follows its entries",
        },
        {"balance = entries", "the running balance is right", "two entries that sum to zero"},
    ),
    "both sides of a transfer": (
        (
            "UPDATE entry SET amount_minor = 2 * amount_minor WHERE reference ="
            f" (SELECT reference FROM entry WHERE {_FIRST})"
        ),
        {
            "roll-up + later entries = entries",
            "a transfer is two entries of its amount",
            "balance and version = entries",
            "the running balance follows its entries",
        },
        {"balance = entries", "the running balance is right"},
    ),
    "the amount of a transfer": (
        "UPDATE transfer SET amount_minor = amount_minor + 1 WHERE code = 'deposit'",
        {"a transfer is two entries of its amount"},
        set(),
    ),
    "a missing entry": (
        f"DELETE FROM entry WHERE {_FIRST}",
        {
            "roll-up + later entries = entries",
            "a transfer is two entries of its amount",
            "balance and version = entries",
            "entries = 2 x transfers",
            "everything sums to zero",
            "the running balance follows its entries",
        },
        {
            "balance = entries",
            "never below zero",
            "the running balance is right",
            "two entries that sum to zero",
            "versions have no gap",
        },
    ),
    "a transfer that vanished with its entries": (
        (
            "WITH gone AS (DELETE FROM entry WHERE reference ="
            f" (SELECT reference FROM entry WHERE {_FIRST}) RETURNING reference)"
            " DELETE FROM transfer WHERE reference IN (SELECT reference FROM gone)"
        ),
        {
            "roll-up + later entries = entries",
            "balance and version = entries",
            "the running balance follows its entries",
        },
        {
            "balance = entries",
            "never below zero",
            "the running balance is right",
            "versions have no gap",
        },
    ),
    "a transfer without entries": (
        "DELETE FROM entry WHERE code = 'payout'",
        {
            "roll-up + later entries = entries",
            "a transfer is two entries of its amount",
            "balance and version = entries",
            "entries = 2 x transfers",
        },
        {"balance = entries"},
    ),
    "a doubled entry of the house": (
        "INSERT INTO entry SELECT * FROM entry WHERE version IS NULL AND code = 'payout'",
        {
            "a transfer is two entries of its amount",
            "entries = 2 x transfers",
            "everything sums to zero",
            "roll-up + later entries = entries",
        },
        {"balance = entries", "two entries that sum to zero"},
    ),
    "an entry without its transfer": (
        "DELETE FROM transfer WHERE code = 'payout'",
        {"entries = 2 x transfers"},
        set(),
    ),
    "a version gap": (
        f"UPDATE entry SET version = version + 1 WHERE {_LAST}",
        {"balance and version = entries", "the running balance follows its entries"},
        {"versions have no gap"},
    ),
    "a running balance": (
        f"UPDATE entry SET balance_after_minor = balance_after_minor + 1 WHERE {_FIRST}",
        {"the running balance follows its entries"},
        {"the running balance is right"},
    ),
    "a balance below zero in history": (
        f"UPDATE entry SET balance_after_minor = balance_after_minor - 100000 WHERE {_FIRST}",
        {"the running balance follows its entries"},
        {"the running balance is right"},
    ),
    "a roll-up": (
        (
            "UPDATE account_rollup SET balance_minor = balance_minor + 1 WHERE account_id ="
            " (SELECT id FROM account WHERE kind = 'house')"
        ),
        {"roll-up + later entries = entries"},
        {"balance = entries"},
    ),
    "an account that is gone": (
        "DELETE FROM account_rollup; DELETE FROM account WHERE kind = 'bank'",
        {"both accounts exist, in one currency"},
        {"an entry has its account"},
    ),
    "a currency": (
        "UPDATE account SET currency = 'USD' WHERE kind = 'house'",
        {"both accounts exist, in one currency"},
        set(),
    ),
}

# What is done to the bets, and what the check between bets and ledger says.
BETS: Final[dict[str, tuple[str, set[str]]]] = {
    "a stake": (
        "UPDATE bet SET stake_minor = stake_minor + 1 WHERE status = 'open'",
        {
            "a stake lies where its bet says",
            "held = stakes of open bets",
        },
    ),
    "a payout": (
        "UPDATE bet SET payout_minor = payout_minor + 1 WHERE status = 'settled'",
        {"a bet is paid what it says"},
    ),
    "a bet opened again": (
        "UPDATE bet SET status = 'open', outcome = NULL, payout_minor = NULL, settled_at = NULL",
        {
            "a stake lies where its bet says",
            "a bet is paid what it says",
            "held = stakes of open bets",
        },
    ),
    "an answer that is gone": (
        "DELETE FROM bet_request WHERE bet_id = (SELECT id FROM bet WHERE status = 'open')",
        {"accepted answers = bets"},
    ),
    "an orphan is found: a bet of nobody": (
        "UPDATE bet SET user_id = uuidv7() WHERE status = 'open'",
        {
            "a bet is of a player",
            "a stake or payout has its bet",
            "accepted answers = bets",
            "held = stakes of open bets",
        },
    ),
    "an orphan is found: a leg of no bet": (
        "UPDATE leg SET bet_id = uuidv7() WHERE grade IS NULL",
        {"a bet has its legs, each on its own event"},
    ),
    "a leg that is gone": (
        "DELETE FROM leg WHERE bet_id = (SELECT id FROM bet WHERE status = 'open')",
        {"a bet has its legs, each on its own event"},
    ),
}


async def kept(world: World) -> None:
    """Books with a deposit, a bet that won and was paid, one that is open, and a folded house."""
    await world.tenant("acme")
    await world.player("ann", cash_minor=10_000)
    for event in ("E1", "E2"):
        home = await world.lay(Pick(event, "1x2", "home"), 20_000)
        await world.place([world.slip("ann", 1_000, [(home, 20_000)])])
    await world.result("E1", {"ft": (1, 0)})
    await world.settle()
    await world.close_days()


async def found(world: World) -> tuple[set[str], set[str], set[str]]:
    """What the checks complain of: of the ledger in SQL, outside of it, and of the bets."""
    tenant_id = world.tenants["acme"].id
    async with world.worker.reading(tenant_id) as conn:
        shallow = {violation.invariant for violation in await ledger.check(conn, tenant_id)}
        deep = {violation.invariant for violation in await ledger.check_deep(conn, tenant_id)}
        book = {violation.invariant for violation in await bets.check(conn, tenant_id)}
    return shallow, deep, book


def tamper(url: str, statement: str) -> None:
    """As the superuser, with triggers, keys and checks out of the way."""
    with psycopg.connect(url, autocommit=True) as conn:
        conn.execute("SET session_replication_role = replica")
        for check in (
            "DOMAIN entry_balance_minor DROP CONSTRAINT entry_floor",
            "DOMAIN account_balance_minor DROP CONSTRAINT account_floor",
            "TABLE bet DROP CONSTRAINT bet_paid_within_potential",
        ):
            conn.execute(f"ALTER {check}".encode())
        for part in statement.split("; "):
            assert conn.execute(part.encode()).rowcount >= 1, part


def superuser(endpoints: Endpoints, urls: Urls) -> str:
    return endpoints.superuser_url(str(conninfo_to_dict(urls["owner"])["dbname"]))


@pytest.mark.parametrize("what", TAMPERING)
def test_tampering_with_the_ledger_is_found(
    endpoints: Endpoints, database_urls: Urls, what: str
) -> None:
    statement, shallow, deep = TAMPERING[what]

    async def story() -> None:
        async with opened(database_urls, connections=2) as world:
            await kept(world)
            assert await found(world) == (set(), set(), set())
            tamper(superuser(endpoints, database_urls), statement)
            complaints = await found(world)
            assert complaints[0] == shallow
            assert complaints[1] == deep

    asyncio.run(story())


@pytest.mark.parametrize("what", BETS)
def test_tampering_with_bets_is_found(endpoints: Endpoints, database_urls: Urls, what: str) -> None:
    statement, complaints = BETS[what]

    async def story() -> None:
        async with opened(database_urls, connections=2) as world:
            await kept(world)
            tamper(superuser(endpoints, database_urls), statement)
            assert (await found(world))[2] == complaints

    asyncio.run(story())
