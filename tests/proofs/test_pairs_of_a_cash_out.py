"""A cash-out and what else may happen to its bet, in every order: each part of it is paid once."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

import pytest

from overround.betting import cashouts, offers
from overround.betting.cashouts import Asked, Quote, Terms, written
from overround.betting.offers import Setting
from overround.betting.offers import store as offers_store
from overround.core.errors import NotFound
from overround.db import Connection, work
from overround.odds import catalogue
from overround.odds.catalogue import Happened, LiveScore
from overround.roles.attach import Endpoints
from tests.proofs.ground import PRICE_E4, Case, Ground, ground
from tests.proofs.test_unsafe_variants import EVENT_LOCKS
from tests.stories.world import Pick
from tests.support.interleave import Body, Run

STOPS = r"bets_lock|bets_settle|bets_cash|lock|work_due|pg_advisory|offers_switch|COMMIT"
# Of what waits: the request's row, the event's lock and what is paid behind it.
STOPS_IN_PLAY = r"FOR UPDATE SKIP|bets_cash|INTO event_score|advisory|offers_switch|bets_settle"
AFTER = timedelta(seconds=6)
# At even prices of two sides a bet of 6.00 at 2.00 is worth what was staked.
WORTH_MINOR = 600


@dataclass(slots=True)
class Cashing:
    """The ground, and what each case's player was quoted."""

    on: Ground
    quotes: dict[UUID, Quote] = field(default_factory=dict[UUID, Quote])
    waiting: dict[UUID, UUID] = field(default_factory=dict[UUID, UUID])

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
        asked = Asked(self.quotes[of.user_id].bet_id, text, "higher", key, sha256)

        async def body(conn: Connection) -> str:
            told = await cashouts.cash_out(conn, on.tenant_id, of.user_id, asked, on.world.at)
            return "waits" if told.request.is_waiting else told.refusal or "paid"

        return body

    async def send(self, of: Case) -> None:
        """The same bet, whose match is being played at none to none, and a cash-out that waits."""
        await self.prepare(of)
        on = self.on
        async with on.world.worker.transaction(None) as conn:
            await catalogue.start_events(conn, [of.event_id])
            await catalogue.record_scores(conn, [scored(on, of, 0)])
        async with on.world.app.transaction(on.tenant_id) as conn:
            assert await self.cashing_out(of)(conn) == "waits"
            found = await cashouts.values(
                conn, on.tenant_id, of.user_id, [self.quotes[of.user_id].bet_id], on.world.at
            )
        assert found[0].waiting is not None
        self.waiting[of.user_id] = found[0].waiting.id

    def paying(self, of: Case) -> Body:
        """What a settler does at the end of the delay: "paid", the refusal, or "another's"."""
        on, asked_id = self.on, self.waiting[of.user_id]

        async def body(conn: Connection) -> str:
            at = on.world.at + AFTER
            told = await cashouts.pay_due(conn, on.tenant_id, asked_id, at)
            return "another's" if told is None else told.refusal or "paid"

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
                terms = Terms(margin_bps=0, delay_s=0)
                await cashouts.set_terms(conn, caller, terms, on.world.at)
                in_play = offers.usual_in_play("football")
                await offers.set_in_play(conn, on.tenant_id, "football", in_play, on.world.at)

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


def scored(on: Ground, of: Case, home: int) -> LiveScore:
    return LiveScore(of.event_id, "12'", {"ft": (home, 0)}, on.world.at)


def scoring(on: Ground, of: Case) -> Body:
    async def body(conn: Connection) -> None:
        await catalogue.record_scores(conn, [scored(on, of, 1)])

    return body


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


@pytest.mark.parametrize(
    ("shut", "refusal"),
    [(suspending, "market_suspended"), (scoring, "score_changed"), (resulting, "market_closed")],
    ids=["suspension", "goal", "result"],
)
def test_no_cash_out_in_play_is_paid_after_what_happened_in_its_delay(
    cashing: Cashing, shut: Callable[[Ground, Case], Body], refusal: str
) -> None:
    on, is_app = cashing.on, shut is suspending

    async def check(of: Case, run: Run) -> str:
        assert run.errors == (None, None)
        is_paid = run.said(0) == "paid"
        assert is_paid == run.was_first(0)
        assert await cashing.has(of) == ((1_000, 0) if is_paid else (400, 600))
        return run.said(0)

    outcomes = on.every_order(
        ("worker", "app" if is_app else "worker"),
        lambda of: (cashing.paying(of), shut(on, of)),
        check,
        tenants=(True, is_app),
        prepare=cashing.send,
        stops=STOPS_IN_PLAY,
    )
    assert set(outcomes) == {"paid", refusal}


def test_a_cash_out_in_play_without_the_event_locks_is_paid_after_the_goal(
    cashing: Cashing,
) -> None:
    """The twin: without the lock some order does what is forbidden."""
    late: list[str] = []

    async def check(of: Case, run: Run) -> str:
        if run.said(0) == "paid" and not run.was_first(0):
            late.append(of.name)
        return run.said(0)

    with cashing.on.functions.broken("bets_cash_out_lock_v1", *EVENT_LOCKS):
        cashing.on.every_order(
            ("worker", "worker"),
            lambda of: (cashing.paying(of), scoring(cashing.on, of)),
            check,
            tenants=(True, False),
            prepare=cashing.send,
            stops=STOPS_IN_PLAY,
        )
    assert late


def test_two_settlers_and_one_cash_out_in_play(cashing: Cashing) -> None:
    async def check(of: Case, run: Run) -> str:
        assert run.errors == (None, None)
        assert await cashing.has(of) == (1_000, 0)
        return " ".join(sorted((run.said(0), run.said(1))))

    outcomes = cashing.on.every_order(
        ("worker", "worker"),
        lambda of: (cashing.paying(of), cashing.paying(of)),
        check,
        prepare=cashing.send,
        stops=STOPS_IN_PLAY,
    )
    assert set(outcomes) == {"another's paid"}


def test_a_cash_out_that_waits_and_a_second_one(cashing: Cashing) -> None:
    """The second finds one that is on its way, or that the bet has ended."""

    async def check(of: Case, run: Run) -> str:
        assert run.errors == (None, None)
        assert run.said(0) == "paid"
        assert await cashing.has(of) == (1_000, 0)
        return run.said(1)

    outcomes = cashing.on.every_order(
        ("worker", "app"),
        lambda of: (cashing.paying(of), cashing.cashing_out(of, "other")),
        check,
        prepare=cashing.send,
        stops=STOPS_IN_PLAY,
    )
    assert set(outcomes) == {"cash_out_waiting", "bet_ended"}


def test_a_cash_out_that_waits_and_the_settlement_of_its_bet(cashing: Cashing) -> None:
    on = cashing.on

    async def prepare(of: Case) -> None:
        await cashing.send(of)
        await on.alone(resulting(on, of), None)

    async def check(of: Case, run: Run) -> str:
        assert run.said(0) in ("market_closed", "bet_ended")
        await on.world.settle()
        assert await cashing.has(of) == (1_600, 0)
        return run.said(0)

    outcomes = on.every_order(
        ("worker", "worker"),
        lambda of: (cashing.paying(of), on.settling()),
        check,
        prepare=prepare,
        stops=STOPS_IN_PLAY,
    )
    assert set(outcomes) == {"market_closed", "bet_ended"}
