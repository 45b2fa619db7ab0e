"""A cash-out and what else may happen to its bet, in every order: each part of it is paid once."""

from __future__ import annotations

import hashlib
from collections.abc import Generator
from dataclasses import dataclass, field
from uuid import UUID

import pytest

from overround.betting import cashouts
from overround.betting.cashouts import Asked, Quote, Terms, read, written
from overround.betting.offers import Setting
from overround.betting.offers import store as offers_store
from overround.core.errors import NotFound
from overround.db import Connection, work
from overround.odds import catalogue
from overround.odds.catalogue import Happened
from overround.roles.attach import Endpoints
from tests.proofs.ground import PRICE_E4, Case, Ground, ground
from tests.stories.world import Pick
from tests.support.interleave import Body, Run

STOPS = r"bets_lock|bets_settle|bets_cash|lock|work_due|pg_advisory|offers_switch|COMMIT"
# At even prices of two sides a bet of 6.00 at 2.00 is worth what was staked.
WORTH_MINOR = 600


@dataclass(slots=True)
class Cashing:
    """The ground, and what each case's player was quoted."""

    on: Ground
    quotes: dict[UUID, Quote] = field(default_factory=dict[UUID, Quote])

    async def prepare(self, of: Case) -> None:
        """A bet of 6.00 whose market is whole, and a quote for all of it."""
        on, world = self.on, self.on.world
        home = (await world.lay(Pick(of.event, "moneyline", "home"), PRICE_E4),)
        await world.lay(Pick(of.event, "moneyline", "away"), PRICE_E4)
        slip = world.slip(of.name, 600, [(home[0], PRICE_E4)])
        (told,) = await world.place([slip])
        assert told.kind == "accepted", told
        async with world.app.reading(on.tenant_id) as conn:
            found = await cashouts.value(
                conn, on.tenant_id, of.user_id, slip.bet_id, 10_000, world.at
            )
        assert found.refusal is None, found.refusal
        self.quotes[of.user_id] = found.quotes[0]

    def cashing_out(self, of: Case, key: str = "one") -> Body:
        """Take the quote; the answer is the refusal or "paid"."""
        on, text = self.on, written(self.quotes[of.user_id])
        sha256 = hashlib.sha256(text.encode()).digest()
        asked = Asked(self.quotes[of.user_id].bet_id, read(text), "higher", key, sha256)

        async def body(conn: Connection) -> str:
            told = await cashouts.cash_out(conn, on.tenant_id, of.user_id, asked, on.world.at)
            return told.answer.get("refusal", "paid")

        return body

    async def has(self, of: Case) -> tuple[int, int]:
        """(free, staked) money."""
        balance = await self.on.world.balance(of.name)
        return balance.cash_minor, balance.held_minor


@pytest.fixture(scope="module")
def cashing(endpoints: Endpoints) -> Generator[Cashing]:
    with ground(endpoints, "bets_lock_v1") as on:
        found = Cashing(on)

        async def free_of_margin() -> None:
            async with on.world.app.transaction(on.tenant_id) as conn:
                caller = on.world.system(on.tenant_id)
                await cashouts.set_terms(conn, caller, Terms(margin_bps=0), on.world.at)

        on.runner.run(free_of_margin())
        yield found


def test_two_cash_outs_of_one_bet(cashing: Cashing) -> None:
    async def check(of: Case, run: Run) -> str:
        assert await cashing.has(of) == (1_000, 0)
        return " ".join(sorted((run.said(0), run.said(1))))

    outcomes = cashing.on.every_order(
        ("app", "app"),
        lambda of: (cashing.cashing_out(of), cashing.cashing_out(of, "other")),
        check,
        prepare=cashing.prepare,
        stops=STOPS,
    )
    assert all(said.count("paid") == 1 for said in outcomes)
    assert outcomes.total() > 2


def suspending(on: Ground, of: Case) -> Body:
    setting = Setting("event", str(of.event_id), False, None, 10_000)

    async def body(conn: Connection) -> None:
        await offers_store.switch(conn, on.tenant_id, setting, on.world.at)

    return body


def resulting(on: Ground, of: Case) -> Body:
    scores = {"final": (1, 0), "ft": (1, 0)}

    async def body(conn: Connection) -> None:
        said = Happened(of.event_id, "finished", scores, "a person", on.world.at)
        new = await catalogue.record_results(conn, [said])
        due = {key: (version, on.world.at) for key, version in new.items()}
        await work.put(conn, "settle", [on.tenant_id], due)

    return body


@pytest.mark.parametrize("what", ["suspension", "result"])
def test_no_bet_is_cashed_out_after_its_event_was_shut(cashing: Cashing, what: str) -> None:
    on = cashing.on
    shut = suspending if what == "suspension" else resulting

    async def check(of: Case, run: Run) -> str:
        assert run.errors == (None, None)
        is_paid = run.said(0) == "paid"
        assert is_paid == run.was_first(0)
        assert await cashing.has(of) == ((1_000, 0) if is_paid else (400, 600))
        return "paid" if is_paid else "refused"

    outcomes = on.every_order(
        ("app", "app" if what == "suspension" else "worker"),
        lambda of: (cashing.cashing_out(of), shut(on, of)),
        check,
        tenants=(True, what == "suspension"),
        prepare=cashing.prepare,
        stops=STOPS,
    )
    assert set(outcomes) == {"paid", "refused"}


def test_a_cash_out_and_the_settlement_of_its_bet(cashing: Cashing) -> None:
    on = cashing.on

    async def prepare(of: Case) -> None:
        await cashing.prepare(of)
        await on.alone(resulting(on, of), None)

    async def check(of: Case, run: Run) -> str:
        # Its event has ended, so whoever is first, the bet is settled and nothing else.
        assert run.said(0) != "paid"
        await on.world.settle()
        assert await cashing.has(of) == (1_600, 0)
        return run.said(0)

    outcomes = on.every_order(
        ("app", "worker"),
        lambda of: (cashing.cashing_out(of), on.settling()),
        check,
        prepare=prepare,
        stops=STOPS,
    )
    assert outcomes.total() > 2
    assert NotFound.__name__ not in outcomes
