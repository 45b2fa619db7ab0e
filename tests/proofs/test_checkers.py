"""Every check of `overround verify` finds what it is for: none is there that cannot fail.

The names of the checks are read from the code, so a new one without a fault that it finds fails
here. Most faults are in tests/money; those of bets that are settled and cashed out are here.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from psycopg.conninfo import conninfo_to_dict

from overround.cli import books
from overround.db import work
from overround.db.logins import Role
from overround.roles.attach import Endpoints
from tests.stories.world import Pick, World, opened
from tests.support.interleave import connected

Urls = Mapping[Role, str]
ROOT: Final = Path(__file__).parents[2]

_NAMES: Final = (
    re.compile(r"^SELECT '([a-z][^']+)',", re.MULTILINE),
    re.compile(r'Violation\(\s*"([^"]+)"'),
)
STUCK: Final = "no settlement is stuck"

# What is done by hand, and what has to be said of it, whatever else is.
FAULTS: Final[Mapping[str, str]] = {
    "a debt is its loans less what was repaid": "UPDATE debt SET owed_minor = owed_minor - 1",
    "a withdrawal repays of what it brings back": (
        "UPDATE transfer SET code = 'debt_repay', reference = (SELECT id FROM payment)"
        " WHERE code = 'debt_lend'"
    ),
    "a grade follows from the result": (
        "UPDATE leg SET grade = 'lost' WHERE grade = 'won';"
        " UPDATE bet SET outcome = 'lost', payout_minor = 0 WHERE outcome = 'won'"
    ),
    "a bet stands as its results say": (
        "UPDATE bet SET outcome = 'lost', payout_minor = 0 WHERE outcome = 'won'"
    ),
    "what was cashed out of a bet is its slices": (
        "UPDATE bet SET cashed_stake_minor = 1, cashed_minor = 1 WHERE status = 'open'"
    ),
    "an order that is done has cashed its bet out": (
        "INSERT INTO cash_out_order (tenant_id, bet_id, user_id, at_least_minor, state, changed_at)"
        " SELECT tenant_id, id, user_id, 1, 'done', placed_at FROM bet WHERE status = 'open'"
    ),
    "a request that was paid is its slice": (
        "INSERT INTO cash_out_request (tenant_id, id, user_id, bet_id, share_bps, amount_minor,"
        " digest, policy, tolerance_bps, at, answer) SELECT tenant_id, id, user_id, id, 1, 1, '',"
        """ 'any', 0, placed_at, '{"cash_out_id": "x", "amount_minor": 1}' FROM bet"""
        " WHERE status = 'open'"
    ),
}


def checks(source: str) -> set[str]:
    """The names of the checks that a file of the product makes."""
    if "Violation" not in source:
        return set()
    return {name for pattern in _NAMES for name in pattern.findall(source)}


async def kept(world: World) -> None:
    """A bet that won and is paid, one that is open, and a debt: a payout that was spent is gone."""
    await world.tenant("acme")
    await world.player("ann", cash_minor=2_000)
    for event in ("E1", "E2", "E3"):
        home = await world.lay(Pick(event, "1x2", "home"), 20_000)
        await world.place([world.slip("ann", 500, [(home, 20_000)])])
    await world.result("E1", {"ft": (1, 0)})
    await world.result("E2", {"ft": (1, 0)})
    await world.settle()
    spent = await world.lay(Pick("E4", "1x2", "home"), 20_000)
    await world.place([world.slip("ann", 2_500, [(spent, 20_000)])])
    await world.result("E2", {"ft": (0, 1)}, "finished")
    await world.settle()
    assert await world.count("SELECT count(*) FROM debt", tenant="acme") == 1
    assert await world.violations() == []


def test_each_fault_is_found_by_its_check(endpoints: Endpoints, database_urls: Urls) -> None:
    """Each in a transaction that is rolled back, by the checks on the same connection."""

    async def story() -> None:
        async with opened(database_urls, connections=2) as world:
            await kept(world)
            database = str(conninfo_to_dict(database_urls["owner"])["dbname"])
            async with connected(endpoints.superuser_url(database)) as (conn,):
                for name, fault in FAULTS.items():
                    await conn.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
                    await conn.execute("SET LOCAL session_replication_role = replica")
                    for statement in fault.split(";"):
                        assert (await conn.execute(statement.encode())).rowcount >= 1, statement
                    tenant_id = world.tenants["acme"].id
                    found = await books.violations(conn, tenant_id, deep=True)
                    assert name in {violation.invariant for violation in found}
                    await conn.execute("ROLLBACK")

    asyncio.run(story())


def test_a_settlement_that_is_stuck_is_found(database_urls: Urls) -> None:
    """`verify` says "no settlement is stuck" of what nobody tries any more."""

    async def story() -> None:
        async with opened(database_urls, connections=2) as world:
            tenant_id = (await world.tenant("acme")).id
            event_id = await world.event("E1")
            async with world.worker.transaction(None) as conn:
                await work.put(conn, "settle", [tenant_id], {event_id: (1, world.at)})
                for _ in range(work.ATTEMPTS_MAX):
                    assert await work.stuck(conn, "settle") == []
                    await work.failed(conn, "settle", tenant_id, event_id, world.at, "because")
                (found,) = await work.stuck(conn, "settle")
            assert (found.tenant_id, found.subject_id) == (tenant_id, event_id)

    asyncio.run(story())


def test_every_check_has_a_fault_that_it_finds() -> None:
    files = sorted((ROOT / "src").rglob("*.py"))
    made = {name for file in files for name in checks(file.read_text("utf-8"))}
    assert len(made) > 20
    tests = "".join(file.read_text("utf-8") for file in sorted((ROOT / "tests").rglob("*.py")))
    never = {name for name in made if f'"{name}"' not in tests}
    assert not never, f"no test makes these checks of `verify` fail; add one to FAULTS: {never}"


def test_the_names_of_checks_are_read_from_the_code() -> None:
    source = "Violation\nX = '''\nSELECT 'a thing is so', b FROM c'''\nViolation(\n 'x')"
    assert checks(source + '\nViolation("it is", 1)') == {"a thing is so", "it is"}
    assert checks("SELECT 'a thing is so', b") == set()
