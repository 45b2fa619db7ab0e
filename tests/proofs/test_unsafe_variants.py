"""What would look like an improvement and is not: the scheduler finds the order that breaks it.

Each is the schema's own function with one thing taken out of it, in this test's database. A proof
whose fault is not found proves nothing, so these are the twins of the pairs.
"""

from __future__ import annotations

from collections.abc import Generator

import psycopg
import pytest

from overround.betting.offers import Setting
from overround.betting.offers import store as offers_store
from overround.betting.settlement import settle_events
from overround.db import Connection
from overround.money import wallets
from overround.roles.attach import Endpoints
from tests.proofs.ground import PRICE_E4, Case, Ground, ground
from tests.support.gates import statements
from tests.support.interleave import Body, Run, Transaction, every_order, following, scheduling

EVENT_LOCKS = r"pg_advisory_xact_lock_shared\(k.key\)", "1"
ISOLATION = r"IF current_setting\('transaction_isolation'\).*?END IF;"
ACCOUNT_LOCKS = r"FOR NO KEY UPDATE OF a"
BET_LOCKS = r"ORDER BY id FOR UPDATE(?! SKIP)"

# The lock and the check in one statement: its snapshot is older than its lock.
IN_ONE = """
WITH held AS MATERIALIZED (SELECT pg_advisory_xact_lock_shared(event_key(%s)) AS lock)
SELECT o.state FROM held CROSS JOIN offer o WHERE o.selection_id = %s AND held.lock IS NOT NULL"""


@pytest.fixture(scope="module")
def on(endpoints: Endpoints) -> Generator[Ground]:
    with ground(endpoints, "bets_decide_v1") as found:
        yield found


def suspending(on: Ground, of: Case) -> Body:
    setting = Setting("event", str(of.event_id), False, None, 10_000)

    async def body(conn: Connection) -> int:
        return await offers_store.switch(conn, on.tenant_id, setting, on.world.at)

    return body


async def late(of: Case, run: Run) -> str:
    """Whether a bet was taken after the suspension was committed."""
    assert run.said(0) in {"accepted", "market_suspended"}, run.errors
    is_late = run.said(0) == "accepted" and not run.was_first(0)
    return "taken too late" if is_late else "fair"


def test_without_the_event_lock_bets_are_taken_after_the_suspension(on: Ground) -> None:
    with on.functions.broken("bets_decide_v1", *EVENT_LOCKS):
        outcomes = on.every_order(("app", "app"), lambda of: (on.bet(of), suspending(on, of)), late)
    assert outcomes["taken too late"] > 0


def test_at_repeatable_read_the_lock_proves_nothing(on: Ground) -> None:
    with on.functions.broken("bets_decide_v1", ISOLATION):
        outcomes = on.every_order(
            ("app", "app"), lambda of: (on.bet(of), suspending(on, of)), late,
            isolation="REPEATABLE READ",
        )  # fmt: skip
    assert outcomes["taken too late"] > 0


def test_a_lock_inside_the_statement_that_checks_is_no_lock(on: Ground) -> None:
    def pair(of: Case) -> tuple[Body, Body]:
        async def check_and_take(conn: Connection) -> str:
            row = await (await conn.execute(IN_ONE, [of.event_id, of.home])).fetchone()
            assert row is not None
            return "accepted" if row[0] == "open" else "market_suspended"

        return check_and_take, suspending(on, of)

    outcomes = on.every_order(("app", "app"), pair, late)
    assert outcomes["taken too late"] > 0


SPENT = """
INSERT INTO audit (tenant_id, at, actor_id, actor_kind, action, subject)
VALUES (%s, %s, %s, 'system', 'did', %s)"""


async def both(of: Case, run: Run) -> str:
    return f"{run.said(0)} {run.said(1)}"


def test_who_reads_and_then_writes_overspends(on: Ground) -> None:
    def pair(of: Case) -> tuple[Body, Body]:
        async def naive(conn: Connection) -> str:
            cash = (await wallets.balance(conn, on.tenant_id, of.user_id)).cash_minor
            if cash < 600:
                return "insufficient_funds"
            await conn.execute(SPENT, [on.tenant_id, on.world.at, of.user_id, of.name])
            return "accepted"

        return naive, naive

    assert set(on.every_order(("app", "app"), pair, both)) == {"accepted accepted"}


def test_who_reads_and_then_writes_pays_twice(on: Ground) -> None:
    is_paid = "SELECT count(*) FROM audit WHERE actor_id = %s"

    def pair(of: Case) -> tuple[Body, Body]:
        async def naive(conn: Connection) -> str:
            row = await (await conn.execute(is_paid, [of.user_id])).fetchone()
            assert row is not None
            if row[0]:
                return "was paid"
            await conn.execute(SPENT, [on.tenant_id, on.world.at, of.user_id, of.name])
            return "paid"

        return naive, naive

    assert on.every_order(("worker", "worker"), pair, both)["paid paid"] > 0


def test_without_the_account_locks_the_floor_alone_holds(on: Ground) -> None:
    """No balance goes below zero even so, but a player gets an error in place of an answer."""

    async def check(of: Case, run: Run) -> str:
        assert await on.cash_minor(of) == 400
        assert sorted((run.said(0), run.said(1))) == ["accepted", "insufficient_funds"]
        return ""

    with (
        on.functions.broken("bets_decide_v1", ACCOUNT_LOCKS),
        pytest.raises(AssertionError, match=r"(?s)CheckViolation.*in this order"),
    ):
        on.every_order(("app", "app"), lambda of: (on.bet(of), on.bet(of)), check)


def test_without_the_bet_locks_the_second_settler_still_looks_anew(on: Ground) -> None:
    """It waits at the leg that the first one grades, and what it reads after that is of then."""

    async def prepare(of: Case) -> None:
        await on.world.place([on.world.slip(of.name, 600, [(of.home, PRICE_E4)])])
        await on.world.result(of.event, {"ft": (1, 0)})

    def pair(of: Case) -> tuple[Body, Body]:
        async def body(conn: Connection) -> int:
            return await settle_events(conn, on.tenant_id, [of.event_id], on.world.at)

        return body, body

    async def check(of: Case, run: Run) -> str:
        assert await on.cash_minor(of) == 1_600
        return " ".join(sorted((run.said(0), run.said(1))))

    with (
        on.functions.broken("bets_lock_v1", BET_LOCKS, "ORDER BY id"),
        on.functions.broken("bets_lock_v1", r"PERFORM 1 FROM account.*?;"),
        on.functions.broken("bets_settle_v1", BET_LOCKS, "ORDER BY id"),
    ):
        outcomes = on.every_order(
            ("worker", "worker"), pair, check, prepare=prepare, stops="bets_lock|bets_settle|COMMIT"
        )
    assert set(outcomes) == {"0 1"}


# -- the scheduler itself ----------------------------------------------------------------------


def test_orders_are_all_merges(on: Ground) -> None:
    """Two transactions that do not meet: every merge of their steps, each once."""
    seen: list[tuple[int, ...]] = []

    async def step(conn: Connection) -> None:
        await conn.execute("SELECT 1")
        await conn.execute("SELECT 2")

    async def story() -> None:
        async with scheduling(on.superuser, on.urls["app"], on.urls["app"]) as scheduler:

            async def make(_: int) -> tuple[Transaction, Transaction]:
                return Transaction("one", step), Transaction("other", step)

            async def check(_: int, run: Run) -> str:
                seen.append(tuple(run.turns))
                return "ended"

            assert (await every_order(scheduler, make, check)) == {"ended": 20}

    on.runner.run(story())
    assert len(set(seen)) == len(seen) == 20


def test_a_deadlock_is_an_outcome(on: Ground) -> None:
    def pair(of: Case) -> tuple[Body, Body]:
        def taking(*keys: int) -> Body:
            async def body(conn: Connection) -> None:
                for key in keys:
                    await conn.execute("SELECT pg_advisory_xact_lock(%s)", [key])

            return body

        return taking(1, 2), taking(2, 1)

    async def check(of: Case, run: Run) -> str:
        return "deadlock" if any(run.errors) else "fine"

    outcomes = on.every_order(("app", "app"), pair, check)
    assert set(outcomes) == {"deadlock", "fine"}


def test_a_time_out_is_an_outcome(on: Ground) -> None:
    def pair(of: Case) -> tuple[Body, Body]:
        async def patient(conn: Connection) -> None:
            await conn.execute("SELECT pg_advisory_xact_lock(1)")
            await conn.execute("SELECT pg_advisory_xact_lock(2)")

        async def hasty(conn: Connection) -> None:
            await conn.execute("SET LOCAL lock_timeout = 1")
            await conn.execute("SELECT pg_advisory_xact_lock(1)")

        return patient, hasty

    async def check(of: Case, run: Run) -> str:
        return run.said(1)

    outcomes = on.every_order(("app", "app"), pair, check)
    assert set(outcomes) == {"None", psycopg.errors.LockNotAvailable.__name__}


def test_a_broken_promise_is_told_with_its_order(on: Ground) -> None:
    async def check(of: Case, run: Run) -> str:
        assert run.said(0) == "accepted"
        return ""

    with pytest.raises(AssertionError, match=r"(?s)in this order:.*one:.*COMMIT.*side 1 ended"):
        on.every_order(("app", "app"), lambda of: (on.bet(of), on.bet(of)), check)


def test_choices_go_through_the_tree_depth_first() -> None:
    assert following([0, 0]) == [0, 1]
    assert following([0, 1, 1]) == [1]
    assert following([1, 1]) is None


def test_statements_end_outside_of_strings_and_brackets() -> None:
    body = "a := ';'; -- not; here\nPERFORM f(g(1), '()'); RETURN;\nEND"
    found = statements(body)
    assert "".join(found) == body
    assert len(found) == 4


def test_a_fault_that_is_not_there_is_told(on: Ground) -> None:
    with (
        pytest.raises(AssertionError, match="look what protects it now"),
        on.functions.broken("bets_decide_v1", "no such words"),
    ):
        pass
