"""Settling, correcting, ruling, paying out: any two of them at once, in every order.

Whatever the order is, the bet ends where the newest result and the tenant's rulings say, it is paid
once, and money that was gone is a debt on the record.
"""

from __future__ import annotations

from collections.abc import Generator
from uuid import UUID

import pytest

from overround.betting import settlement
from overround.betting.settlement import Asked, Ruling, settle_events
from overround.core.principal import Principal
from overround.db import Connection, work
from overround.odds import catalogue
from overround.odds.catalogue import Happened
from overround.people import cashier
from overround.roles.attach import Endpoints
from tests.proofs.ground import PRICE_E4, Case, Ground, ground
from tests.support.interleave import Body, Run

# Where a settler and the others meet; what else they read concerns their own bets alone.
STOPS = (
    r"bets_touched|bets_lock|bets_settle|(INTO|FROM) work_due|pg_advisory|payment_request|COMMIT"
)


@pytest.fixture(scope="module")
def on(endpoints: Endpoints) -> Generator[Ground]:
    with ground(endpoints, "bets_lock_v1") as found:
        yield found


async def won(on: Ground, of: Case) -> None:
    """A bet of 6.00 that has won 12.00 and is due."""
    await on.world.place([on.world.slip(of.name, 600, [(of.home, PRICE_E4)])])
    await on.world.result(of.event, {"ft": (1, 0)})


async def paid(on: Ground, of: Case) -> None:
    """The same, settled: 16.00 in cash."""
    await won(on, of)
    await on.world.settle()


async def reclaimed(on: Ground, of: Case) -> None:
    """The same, paid, and due anew because it has lost after all."""
    await paid(on, of)
    await on.alone(correcting(on, of), None)


def settling_unclaimed(on: Ground, of: Case) -> Body:
    """Settle whoever claimed it: the bets' own locks have to be enough."""

    async def body(conn: Connection) -> int:
        return await settle_events(conn, on.tenant_id, [of.event_id], on.world.at)

    return body


def correcting(on: Ground, of: Case) -> Body:
    """A person says that it ended 0-1, and the bets are due anew."""

    async def body(conn: Connection) -> None:
        said = Happened(
            of.event_id, "finished", {"ft": (0, 1)}, "a person", on.world.at, by_person=True
        )
        new = await catalogue.record_results(conn, [said])
        due = {of.event_id: (new[of.event_id], on.world.at)}
        await work.put(conn, "settle", [on.tenant_id], due)

    return body


def ruling(on: Ground, of: Case, rule: Ruling) -> Body:
    clerk = Principal(on.tenant_id, UUID(int=7), "staff", frozenset({"*"}))

    async def body(conn: Connection) -> str:
        asked = Asked(f"{of.event_id}", bytes(32))
        made = await settlement.propose(
            conn, clerk, of.event_id, rule, "because", asked, on.world.at
        )
        return made.ruling.state

    return body


def withdrawing(on: Ground, of: Case, amount: str) -> Body:
    who = Principal(on.tenant_id, of.user_id, "player")

    async def body(conn: Connection) -> str:
        asked = await cashier.withdraw(conn, who, amount, "w", bytes(32), on.world.at)
        return asked.payment.status

    return body


async def ends_with(on: Ground, of: Case, cash_minor: int) -> None:
    """After whatever is still due, this is what the player has, and nothing is held."""
    await on.world.settle()
    balance = await on.world.balance(of.name)
    assert (balance.cash_minor, balance.held_minor) == (cash_minor, 0)


def test_two_settlers(on: Ground) -> None:
    async def check(of: Case, run: Run) -> str:
        assert sorted((run.said(0), run.said(1))) == ["0", "1"]
        await ends_with(on, of, 1_600)
        return "paid once"

    outcomes = on.every_order(
        ("worker", "worker"), lambda of: (on.settling(), on.settling()), check,
        prepare=lambda of: won(on, of), stops=STOPS,
    )  # fmt: skip
    assert set(outcomes) == {"paid once"}


def test_two_settlements_of_one_event_without_a_claim(on: Ground) -> None:
    async def check(of: Case, run: Run) -> str:
        assert sorted((run.said(0), run.said(1))) == ["0", "1"]
        await ends_with(on, of, 1_600)
        return "paid once"

    outcomes = on.every_order(
        ("worker", "worker"),
        lambda of: (settling_unclaimed(on, of), settling_unclaimed(on, of)),
        check,
        prepare=lambda of: won(on, of),
        stops="bets_touched|bets_lock|bets_settle|COMMIT",
    )
    assert set(outcomes) == {"paid once"}
    assert outcomes.total() > 10


def test_a_settlement_and_the_correction_of_its_result(on: Ground) -> None:
    async def check(of: Case, run: Run) -> str:
        assert run.errors == (None, None)
        await ends_with(on, of, 400)
        return run.said(0)

    outcomes = on.every_order(
        ("worker", "worker"), lambda of: (on.settling(), correcting(on, of)), check,
        tenants=(True, False), prepare=lambda of: won(on, of), stops=STOPS,
    )  # fmt: skip
    assert outcomes.total() > 10


@pytest.mark.parametrize(("kind", "cash_minor"), [("void", 1_000), ("hold", 400)])
def test_a_settlement_and_a_ruling(on: Ground, kind: str, cash_minor: int) -> None:
    rule = Ruling("void") if kind == "void" else Ruling("hold")

    async def check(of: Case, run: Run) -> str:
        assert run.errors == (None, None)
        await on.world.settle()
        balance = await on.world.balance(of.name)
        assert balance.cash_minor == cash_minor
        assert balance.held_minor == (600 if kind == "hold" else 0)
        return run.said(0)

    outcomes = on.every_order(
        ("worker", "app"), lambda of: (on.settling(), ruling(on, of, rule)), check,
        prepare=lambda of: won(on, of), stops=STOPS,
    )  # fmt: skip
    assert outcomes.total() > 10


def test_a_payout_taken_back_and_a_withdrawal_of_it(on: Ground) -> None:
    """Whoever is first, nothing is below zero: what is gone is lent, and the loan is on record."""
    query = "SELECT owed_minor FROM debt WHERE user_id = %s UNION ALL SELECT 0 LIMIT 1"

    async def check(of: Case, run: Run) -> str:
        assert run.errors == (None, None)
        await on.world.settle()
        balance = await on.world.balance(of.name)
        owed = await on.world.count(query, of.user_id, tenant="acme")
        kept = {"requested": (0, 1_600, 1_200), "refused": (400, 0, 0)}[run.said(1)]
        assert (balance.cash_minor, balance.withdrawing_minor, owed) == kept
        return run.said(1)

    outcomes = on.every_order(
        ("worker", "app"), lambda of: (on.settling(), withdrawing(on, of, "16.00")), check,
        prepare=lambda of: reclaimed(on, of), stops=STOPS,
    )  # fmt: skip
    assert set(outcomes) == {"requested", "refused"}


def test_a_payout_taken_back_and_the_refusal_of_its_withdrawal(on: Ground) -> None:
    """Whoever is first, the house has its money again: it lay in the withdrawal."""
    clerk = on.runner.run(on.world.clerk())
    asked: dict[UUID, UUID] = {}

    async def prepare(of: Case) -> None:
        await reclaimed(on, of)
        who = Principal(on.tenant_id, of.user_id, "player")
        async with on.world.app.transaction(on.tenant_id) as conn:
            told = await cashier.withdraw(conn, who, "16.00", "w", bytes(32), on.world.at)
        asked[of.user_id] = told.payment.id

    def pair(of: Case) -> tuple[Body, Body]:
        async def refuse(conn: Connection) -> str:
            payment_id = asked[of.user_id]
            return (await cashier.refuse(conn, clerk, payment_id, "because", on.world.at)).status

        return on.settling(), refuse

    async def check(of: Case, run: Run) -> str:
        assert run.errors == (None, None)
        await on.world.settle()
        balance = await on.world.balance(of.name)
        assert (balance.cash_minor, balance.withdrawing_minor, balance.owed_minor) == (400, 0, 0)
        return run.said(1)

    outcomes = on.every_order(
        ("worker", "app"), pair, check, prepare=prepare, stops=f"{STOPS}|payment_"
    )
    assert set(outcomes) == {"refused"}
    assert outcomes.total() > 5


def test_two_withdrawals(on: Ground) -> None:
    def pair(of: Case) -> tuple[Body, Body]:
        who = Principal(on.tenant_id, of.user_id, "player")

        def asking(key: str) -> Body:
            async def body(conn: Connection) -> str:
                asked = await cashier.withdraw(conn, who, "6.00", key, bytes(32), on.world.at)
                return asked.payment.status

            return body

        return asking("one"), asking("other")

    async def check(of: Case, run: Run) -> str:
        assert await on.cash_minor(of) == 400
        return " ".join(sorted((run.said(0), run.said(1))))

    assert set(on.every_order(("app", "app"), pair, check)) == {"refused requested"}


def test_a_withdrawal_that_one_refuses_and_another_approves(on: Ground) -> None:
    clerk = on.runner.run(on.world.clerk())
    asked: dict[UUID, UUID] = {}

    async def prepare(of: Case) -> None:
        who = Principal(on.tenant_id, of.user_id, "player")
        async with on.world.app.transaction(on.tenant_id) as conn:
            told = await cashier.withdraw(conn, who, "6.00", "w", bytes(32), on.world.at)
        asked[of.user_id] = told.payment.id

    def pair(of: Case) -> tuple[Body, Body]:
        payment_id = asked[of.user_id]

        async def approve(conn: Connection) -> str:
            return (await cashier.approve(conn, clerk, payment_id, on.world.at)).status

        async def refuse(conn: Connection) -> str:
            return (await cashier.refuse(conn, clerk, payment_id, "because", on.world.at)).status

        return approve, refuse

    async def check(of: Case, run: Run) -> str:
        # An approved withdrawal may still be refused; a refused one is over.
        assert run.said(1) == "refused"
        assert await on.cash_minor(of) == 1_000
        return run.said(0)

    outcomes = on.every_order(("app", "app"), pair, check, prepare=prepare, stops="payment_|COMMIT")
    assert set(outcomes) == {"approved", "Conflict"}
