"""A bet and whatever else may happen at that moment, in every order: no order breaks a promise.

The pairs are those of the table in docs/proofs.md. What is asserted is what must hold and not which
of the two has to win; that both ways were seen is asserted of all orders together.
"""

from __future__ import annotations

import hashlib
from collections.abc import Generator
from dataclasses import replace

import pytest

from overround.betting.bets import rules, words
from overround.betting.bets import store as bets_store
from overround.betting.bets.model import Asked
from overround.betting.offers import Setting
from overround.betting.offers import store as offers_store
from overround.core import ids
from overround.core.principal import Principal
from overround.db import Connection, work
from overround.odds import catalogue
from overround.odds.catalogue import Happened
from overround.people import cashier
from overround.people.sessions import store as sessions_store
from overround.people.sessions.model import Session
from overround.people.tenants import store as tenants_store
from overround.people.users import store as users_store
from overround.roles.attach import Endpoints
from tests.proofs.ground import PRICE_E4, Case, Ground, ground
from tests.support.interleave import Body, Run

GATED = ("bets_decide_v1", "offers_switch_v1")


@pytest.fixture(scope="module")
def on(endpoints: Endpoints) -> Generator[Ground]:
    with ground(endpoints, *GATED) as found:
        yield found


def suspending(on: Ground, of: Case) -> Body:
    """The office switches the event off; the answer is how many offers that suspended."""
    setting = Setting("event", str(of.event_id), False, None, 10_000)

    async def body(conn: Connection) -> int:
        return await offers_store.switch(conn, on.tenant_id, setting, on.world.at)

    return body


def stopping(on: Ground, of: Case) -> Body:
    """The office stops all betting."""
    setting = Setting("house", "house", enabled=False)

    async def body(conn: Connection) -> int:
        return await offers_store.switch(conn, on.tenant_id, setting, on.world.at)

    return body


def repricing(on: Ground, of: Case) -> Body:
    """The hub writes another price; it holds no lock of the event's."""
    book_id = on.world.tenants["acme"].book_id

    async def body(conn: Connection) -> int:
        return await offers_store.write(conn, book_id, [(of.home, 18_000, "open")], on.world.at)

    return body


def moving(on: Ground, of: Case) -> Body:
    """The event has begun already, as somebody says now."""

    async def body(conn: Connection) -> int:
        moves = [(of.event_id, on.world.at.replace(hour=1), "a person")]
        return len(await catalogue.reschedule(conn, moves, on.world.at))

    return body


def resulting(on: Ground, of: Case) -> Body:
    """The event has ended, and its bets are due."""

    async def body(conn: Connection) -> None:
        said = Happened(of.event_id, "finished", {"ft": (1, 0)}, "a person", on.world.at)
        new = await catalogue.record_results(conn, [said])
        due = {of.event_id: (new[of.event_id], on.world.at)}
        await work.put(conn, "settle", [on.tenant_id], due)

    return body


async def fair(of: Case, run: Run, refusal: str) -> str:
    """Taken before the other committed, or refused by this name."""
    assert run.errors == (None, None)
    assert run.said(0) in {"accepted", refusal}
    assert (run.said(0) == "accepted") == run.was_first(0)
    return run.said(0)


def test_two_bets_on_one_balance(on: Ground) -> None:
    async def check(of: Case, run: Run) -> str:
        assert await on.cash_minor(of) == 400
        return " ".join(sorted((run.said(0), run.said(1))))

    outcomes = on.every_order(("app", "app"), lambda of: (on.bet(of), on.bet(of)), check)
    assert set(outcomes) == {"accepted insufficient_funds"}
    assert outcomes.total() > 10


@pytest.mark.parametrize(
    ("what", "refusal"),
    [(suspending, "market_suspended"), (moving, "event_started")],
    ids=["suspension", "start"],
)
def test_no_bet_is_taken_after_the_event_was_shut(on: Ground, what: object, refusal: str) -> None:
    shut = suspending if what is suspending else moving
    is_office = what is suspending

    async def check(of: Case, run: Run) -> str:
        return await fair(of, run, refusal)

    outcomes = on.every_order(
        ("app", "app" if is_office else "worker"),
        lambda of: (on.bet(of), shut(on, of)),
        check,
        names=("bet", "shut"),
        tenants=(True, is_office),
    )
    assert set(outcomes) == {"accepted", refusal}


def test_a_bet_and_a_result(on: Ground) -> None:
    async def check(of: Case, run: Run) -> str:
        said = await fair(of, run, "event_started")
        # What was taken before the result is settled by it: no stake stays behind.
        await on.world.settle()
        assert await on.cash_minor(of) == {"accepted": 1_600, "event_started": 1_000}[said]
        return said

    outcomes = on.every_order(
        ("app", "worker"), lambda of: (on.bet(of), resulting(on, of)), check, tenants=(True, False)
    )
    assert set(outcomes) == {"accepted", "event_started"}


def test_a_bet_and_another_price(on: Ground) -> None:
    """The journal takes no lock: a bet is at the price that stood when it was decided."""
    query = (
        "SELECT count(*) FROM leg l JOIN offer o ON o.selection_id = l.selection_id"
        " WHERE l.selection_id = %s AND l.price_e4 = 20000 AND l.offer_version < o.version"
    )

    async def check(of: Case, run: Run) -> str:
        assert run.errors == (None, None)
        taken = await on.world.count(query, of.home, tenant="acme")
        assert taken == (run.said(0) == "accepted")
        if run.began_after(0, 1):
            assert run.said(0) == "price_changed"
        return run.said(0)

    outcomes = on.every_order(
        ("app", "worker"), lambda of: (on.bet(of), repricing(on, of)), check, tenants=(True, False)
    )
    assert set(outcomes) == {"accepted", "price_changed"}


def test_one_key_twice(on: Ground) -> None:
    async def check(of: Case, run: Run) -> str:
        assert await on.cash_minor(of) == 400
        return " ".join(sorted((run.said(0), run.said(1))))

    def pair(of: Case) -> tuple[Body, Body]:
        return on.bet(of, key="the-one"), on.bet(of, key="the-one")

    assert set(on.every_order(("app", "app"), pair, check)) == {"accepted replayed"}


def test_one_key_for_two_bodies(on: Ground) -> None:
    async def check(of: Case, run: Run) -> str:
        assert await on.cash_minor(of) in {400, 401}
        return " ".join(sorted((run.said(0), run.said(1))))

    def pair(of: Case) -> tuple[Body, Body]:
        return on.bet(of, key="the-one"), on.bet(of, 599, key="the-one")

    assert set(on.every_order(("app", "app"), pair, check)) == {"accepted key_reused"}


def test_a_bet_and_a_withdrawal(on: Ground) -> None:
    def pair(of: Case) -> tuple[Body, Body]:
        who = Principal(on.tenant_id, of.user_id, "player")

        async def withdraw(conn: Connection) -> str:
            asked = await cashier.withdraw(conn, who, "6.00", "w", bytes(32), on.world.at)
            return asked.payment.status

        return on.bet(of), withdraw

    async def check(of: Case, run: Run) -> str:
        assert await on.cash_minor(of) == 400
        return f"{run.said(0)} {run.said(1)}"

    outcomes = on.every_order(("app", "app"), pair, check)
    assert set(outcomes) == {"accepted refused", "insufficient_funds requested"}


def test_a_bet_and_a_deposit(on: Ground) -> None:
    def pair(of: Case) -> tuple[Body, Body]:
        payment_id = ids.derived(on.world.at, "late", of.name)

        async def deposit(conn: Connection) -> None:
            await cashier.simulate_deposit(
                conn, on.tenant_id, of.user_id, 500, payment_id, on.world.at
            )

        return on.bet(of, 1_200), deposit

    async def check(of: Case, run: Run) -> str:
        assert (
            await on.cash_minor(of) == {"accepted": 300, "insufficient_funds": 1_500}[run.said(0)]
        )
        return run.said(0)

    outcomes = on.every_order(("app", "worker"), pair, check)
    assert set(outcomes) == {"accepted", "insufficient_funds"}


def test_a_bet_and_the_payout_that_pays_for_it(on: Ground) -> None:
    async def prepare(of: Case) -> None:
        await on.world.place([on.world.slip(of.name, 600, [(of.home, PRICE_E4)])])
        await on.world.result(of.event, {"ft": (1, 0)})
        later.append(await on.case())

    later: list[Case] = []

    def pair(of: Case) -> tuple[Body, Body]:
        other = replace(of, home=later[-1].home)
        return on.bet(other, 1_000), on.settling()

    async def check(of: Case, run: Run) -> str:
        # 4.00 are left beside the stake; with the 12.00 of the win the second bet fits.
        assert (
            await on.cash_minor(of) == {"accepted": 600, "insufficient_funds": 1_600}[run.said(0)]
        )
        return run.said(0)

    outcomes = on.every_order(
        ("app", "worker"),
        pair,
        check,
        prepare=prepare,
        stops="bets_place|bets_lock|bets_settle|COMMIT",
    )
    assert set(outcomes) == {"accepted", "insufficient_funds"}


# -- who may bet: a bet that begins when he may no more is refused -----------------------------


def test_a_bet_and_the_block_of_its_player(on: Ground) -> None:
    def pair(of: Case) -> tuple[Body, Body]:
        async def block(conn: Connection) -> None:
            await users_store.set_status(conn, on.tenant_id, of.user_id, "disabled")

        return on.bet(of), block

    async def check(of: Case, run: Run) -> str:
        return barred(run, "account_blocked")

    outcomes = on.every_order(("app", "app"), pair, check)
    assert set(outcomes) == {"accepted", "account_blocked"}


def test_a_bet_and_the_end_of_its_session(on: Ground) -> None:
    def token_of(of: Case) -> bytes:
        return hashlib.sha256(of.name.encode()).digest()

    async def prepare(of: Case) -> None:
        at = on.world.at
        session = Session(ids.derived(at, "session", of.name), of.user_id, "test", at, at, False)
        async with on.world.app.transaction(on.tenant_id) as conn:
            await sessions_store.insert(conn, on.tenant_id, session, token_of(of))

    def pair(of: Case) -> tuple[Body, Body]:
        slip = on.world.slip(of.name, 600, [(of.home, PRICE_E4)])

        async def bet(conn: Connection) -> str:
            # As the acceptor calls it.
            said = words.of(Asked(on.tenant_id, slip, token_of(of)), rules.as_shown(slip))
            row = await (await conn.execute(*bets_store.call_of_all([said]))).fetchone()
            assert row is not None
            (kind,) = row[0]
            return kind

        async def log_out(conn: Connection) -> None:
            await sessions_store.end_by_token(conn, on.tenant_id, token_of(of), on.world.at)

        return bet, log_out

    async def check(of: Case, run: Run) -> str:
        return barred(run, "nobody")

    outcomes = on.every_order(("app", "app"), pair, check, prepare=prepare)
    assert set(outcomes) == {"accepted", "nobody"}


def test_a_bet_and_the_suspension_of_its_tenant(on: Ground) -> None:
    async def prepare(of: Case) -> None:
        async with on.world.worker.transaction(on.tenant_id) as conn:
            await tenants_store.set_status(conn, on.tenant_id, "active")

    def pair(of: Case) -> tuple[Body, Body]:
        async def suspend(conn: Connection) -> None:
            await tenants_store.set_status(conn, on.tenant_id, "suspended")

        return on.bet(of), suspend

    async def check(of: Case, run: Run) -> str:
        return barred(run, "tenant_suspended")

    try:
        outcomes = on.every_order(("app", "worker"), pair, check, prepare=prepare)
    finally:
        on.runner.run(prepare(on.runner.run(on.case())))
    assert set(outcomes) == {"accepted", "tenant_suspended"}


def barred(run: Run, refusal: str) -> str:
    """Refused where the bet began after the other's commit; nothing but the two answers."""
    assert run.errors == (None, None)
    assert run.said(0) in {"accepted", refusal}
    if run.began_after(0, 1):
        assert run.said(0) == refusal
    return run.said(0)


def test_no_bet_is_taken_after_all_betting_was_stopped(on: Ground) -> None:
    """The last of this file: it stops the other cases too."""
    book_id = on.world.tenants["acme"].book_id

    async def laid_again(of: Case) -> None:
        async with on.world.worker.transaction(None) as conn:
            await offers_store.write(conn, book_id, [(of.home, PRICE_E4, "open")], on.world.at)

    async def check(of: Case, run: Run) -> str:
        return await fair(of, run, "market_suspended")

    outcomes = on.every_order(
        ("app", "app"),
        lambda of: (on.bet(of), stopping(on, of)),
        check,
        names=("bet", "stop"),
        prepare=laid_again,
    )
    assert set(outcomes) == {"accepted", "market_suspended"}
