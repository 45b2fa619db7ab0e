"""A slip that waits while a match is played, and whatever else happens at the end of its delay."""

from __future__ import annotations

from collections.abc import Generator
from datetime import timedelta
from typing import Final
from uuid import UUID

import pytest

from overround.betting import bets, offers, waiting
from overround.betting.bets import Asked, Decision
from overround.betting.offers import Setting
from overround.betting.offers import store as offers_store
from overround.betting.waiting.model import Given
from overround.core import principal
from overround.db import Connection
from overround.odds import catalogue
from overround.odds.catalogue import LiveScore
from overround.roles.attach import Endpoints
from tests.proofs.ground import PRICE_E4, Case, Ground, ground
from tests.proofs.test_unsafe_variants import EVENT_LOCKS
from tests.support.interleave import Body, Run

DELAY: Final = timedelta(seconds=5)
APPROVAL: Final = timedelta(minutes=5)
# What the two look at of each other: the slip's row, and by the gates of the function that decides
# the event's lock and what stands behind it.
STOPS: Final = r"bets_place_waited|FROM slip.*FOR UPDATE|INTO event_score|advisory|offers_switch"


@pytest.fixture(scope="module")
def on(endpoints: Endpoints) -> Generator[Ground]:
    with ground(endpoints, "bets_decide_v1") as found:
        found.runner.run(_offered(found))
        yield found


async def _offered(on: Ground) -> None:
    async with on.world.app.transaction(on.tenant_id) as conn:
        terms = offers.usual_in_play("football")
        await offers.set_in_play(conn, on.tenant_id, "football", terms, on.world.at)


def scored(on: Ground, of: Case, home: int) -> LiveScore:
    return LiveScore(of.event_id, "12'", {"ft": (home, 0)}, on.world.at)


async def sent(on: Ground, of: Case, said: Decision | None = None) -> None:
    """The match is being played at none to none, and the player's slip waits."""
    asked = Asked(on.tenant_id, on.world.slip(of.name, 600, [(of.home, PRICE_E4)]))
    async with on.world.worker.transaction(None) as conn:
        await catalogue.start_events(conn, [of.event_id])
        await catalogue.record_scores(conn, [scored(on, of, 0)])
    async with on.world.app.transaction(on.tenant_id) as conn:
        (decision,) = await bets.place(conn, on.tenant_id, [asked.slip])
        assert decision.answer["scores"] == [[[0, 0]] * 4]
        assert await waiting.enter(conn, asked, said or decision, on.world.at) is not None
    SLIPS[of.name] = asked.slip.bet_id


SLIPS: Final[dict[str, UUID]] = {}


def placing(on: Ground, of: Case, after: timedelta = 2 * DELAY) -> Body:
    """What a settle process does; the answer is how many slips it took."""

    async def body(conn: Connection) -> int:
        at = on.world.at + after
        return len(await waiting.place_due(conn, on.tenant_id, at, SLIPS[of.name]))

    return body


def suspending(on: Ground, of: Case) -> Body:
    setting = Setting("event", str(of.event_id), False, None, 10_000)

    async def body(conn: Connection) -> int:
        return await offers_store.switch(conn, on.tenant_id, setting, on.world.at)

    return body


def scoring(on: Ground, of: Case) -> Body:
    async def body(conn: Connection) -> None:
        await catalogue.record_scores(conn, [scored(on, of, 1)])

    return body


def approving(on: Ground, of: Case) -> Body:
    given = Given("approve", "fine", None, None, None)

    async def body(conn: Connection) -> str:
        who = principal.system(on.tenant_id)
        at = on.world.at + APPROVAL - timedelta(seconds=1)
        await waiting.answer(conn, who, SLIPS[of.name], given, at)
        return "approved"

    return body


async def became(on: Ground, of: Case) -> str:
    """What the slip became, with its money where it has to be."""
    async with on.world.worker.reading(on.tenant_id) as conn:
        one = (await waiting.my_slip(conn, on.tenant_id, of.user_id, SLIPS[of.name])).slip
        assert await waiting.check(conn, on.tenant_id) == []
    is_bet = one.state == "decided" and one.refusal is None
    assert await on.cash_minor(of) == (400 if is_bet else 1_000)
    return "accepted" if is_bet else one.refusal or one.state


@pytest.mark.parametrize(
    ("what", "refusal"),
    [(suspending, "market_suspended"), (scoring, "score_changed")],
    ids=["suspension", "goal"],
)
def test_no_order_of_a_goal_and_a_bet_in_play_takes_the_bet_after_the_goal(
    on: Ground, what: object, refusal: str
) -> None:
    """Nor one of a suspension: the bet committed first, or it is refused."""
    other = suspending if what is suspending else scoring

    async def check(of: Case, run: Run) -> str:
        assert run.errors == (None, None)
        found = await became(on, of)
        assert (found == "accepted") == run.was_first(0)
        return found

    outcomes = on.every_order(
        ("worker", "app" if what is suspending else "worker"),
        lambda of: (placing(on, of), other(on, of)),
        check,
        names=("placing", "shut"),
        tenants=(True, what is suspending),
        prepare=lambda of: sent(on, of),
        stops=STOPS,
    )
    assert set(outcomes) == {"accepted", refusal}


def test_a_bet_in_play_without_the_event_locks_is_taken_after_the_goal(on: Ground) -> None:
    """The twin: without the lock some order does what is forbidden."""
    late: list[str] = []

    async def check(of: Case, run: Run) -> str:
        found = await became(on, of)
        if found == "accepted" and not run.was_first(0):
            late.append(of.name)
        return found

    with on.functions.broken("bets_decide_v1", *EVENT_LOCKS):
        on.every_order(
            ("worker", "worker"),
            lambda of: (placing(on, of), scoring(on, of)),
            check,
            names=("placing", "goal"),
            tenants=(True, False),
            prepare=lambda of: sent(on, of),
            stops=STOPS,
        )
    assert late


def test_two_placers_and_one_slip(on: Ground) -> None:
    async def check(of: Case, run: Run) -> str:
        assert run.errors == (None, None)
        assert run.answers[0] + run.answers[1] == 1
        return await became(on, of)

    outcomes = on.every_order(
        ("worker", "worker"),
        lambda of: (placing(on, of), placing(on, of)),
        check,
        prepare=lambda of: sent(on, of),
        stops=STOPS,
    )
    assert set(outcomes) == {"accepted"}


def test_an_approval_and_the_end_of_its_time(on: Ground) -> None:
    """A slip that has expired is not approved, and one that is approved does not expire."""
    asks = Decision("waits", {"waits": "approval", "delay_ms": 0, "scores": [[[0, 0]] * 4]})

    async def check(of: Case, run: Run) -> str:
        found = await became(on, of)
        if run.errors[0] is None:
            assert run.said(0) == "approved"
            assert found in ("waiting", "accepted")
        else:
            assert (run.said(0), found) == ("Conflict", "slip_expired")
        return found

    outcomes = on.every_order(
        ("app", "worker"),
        lambda of: (approving(on, of), placing(on, of, APPROVAL)),
        check,
        prepare=lambda of: sent(on, of, asks),
        stops=STOPS,
    )
    assert {"accepted", "slip_expired"} <= set(outcomes) <= {"waiting", "accepted", "slip_expired"}
