"""Bets each way, on the real services: placed at the market's terms, paid by the positions."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from uuid import UUID

import pytest

from overround.betting import cashouts, offers, quotes, risk, settlement
from overround.betting.bets import Decision, Slip, my_bet
from overround.betting.quotes import Ask, AskedLeg
from overround.betting.settlement import Asked, Ruling
from overround.core import ids
from overround.core.errors import Conflict, Invalid
from overround.core.positions import UNPLACED, WITHDRAWN
from overround.db.logins import Role
from overround.odds import catalogue
from overround.odds.catalogue import NewContest, ResultStatus
from overround.roles.archive.importer import enter_result
from tests.stories.world import AT, World, opened, write_offer

Urls = dict[Role, str]

RUNNERS = {"Ada Ashe": 60_000, "Bo Birk": 45_000, "Cy Cole": 90_000, "Di Dahl": 170_000}


@dataclass(slots=True)
class Course:
    """A world with two contests of the same runners, and ann with 1,000.00."""

    world: World
    picks: dict[tuple[str, str], UUID]

    def slip(
        self, *legs: tuple[str, str, int], stake_minor: int = 1_000, terms: str | None = None
    ) -> Slip:
        """Ann's slip each way on (contest, runner, price) legs; the stake is of both parts."""
        shown = [(self.picks[contest, runner], price_e4) for contest, runner, price_e4 in legs]
        plain = self.world.slip("ann", stake_minor, shown)
        seen = tuple(replace(leg, place_terms=terms) for leg in plain.legs)
        return replace(plain, legs=seen, each_way=True)

    async def place(self, *slips: Slip) -> list[Decision]:
        """The answers, committed."""
        return await self.world.place(slips)

    async def end(
        self, contest: str, positions: Mapping[str, int] | None, status: ResultStatus = "finished"
    ) -> int:
        """How a contest ended, by a person of the platform; returns the bets settled by it."""
        self.world.at += timedelta(minutes=1)
        await enter_result(
            self.world.worker,
            contest_id(contest),
            status=status,
            scores={},
            positions=positions,
            entered_by="test",
            at=self.world.at,
        )
        return await self.world.settle()

    async def cash(self) -> int:
        """What ann has to bet with."""
        return (await self.world.balance("ann")).cash_minor

    async def bet(self, decision: Decision) -> tuple[str | None, int | None]:
        """The outcome and payout of the bet that was placed."""
        tenant_id = self.world.tenants["acme"].id
        user_id = self.world.players["acme", "ann"]
        async with self.world.app.reading(tenant_id) as conn:
            found = await my_bet(conn, tenant_id, user_id, UUID(decision.answer["bet_id"]))
        return found.outcome, found.payout_minor


def contest_id(name: str) -> UUID:
    """The id of a contest of these stories."""
    return ids.derived(AT, "contest", name)


@asynccontextmanager
async def course(urls: Urls, *, live: bool = False) -> AsyncGenerator[Course]:
    """Two contests at "1/4 1-3" and "1/5 1-2", and a third without terms."""
    async with opened(urls, live=live) as world:
        tenant = await world.tenant("acme")
        await world.player("ann", cash_minor=100_000)
        picks: dict[tuple[str, str], UUID] = {}
        for name, terms in (("C1", "1/4 1-3"), ("C2", "1/5 1-2"), ("C3", None)):
            contest = NewContest(
                contest_id(name), "golf", "", "Open", f"Open {name}",
                world.at + timedelta(days=1), "test", list(RUNNERS), terms,
            )  # fmt: skip
            async with world.worker.transaction(None) as conn:
                selections = await catalogue.add_contest(conn, contest)
                for runner, price_e4 in RUNNERS.items():
                    picks[name, runner] = selections[runner].id
                    await write_offer(
                        conn, tenant, selections[runner].id, price_e4, "open", world.at
                    )
        yield Course(world, picks)


async def refusals(course: Course, slips: Sequence[Slip]) -> list[str | None]:
    return [decision.refusal for decision in await course.place(*slips)]


async def worst_minor(course: Course, contest: str) -> int:
    """What the contest's open bets could cost at worst, as the office is told."""
    tenant_id = course.world.tenants["acme"].id
    async with course.world.app.reading(tenant_id) as conn:
        found = await risk.liabilities(conn, tenant_id, [contest_id(contest)])
    return found[contest_id(contest)].exposure_minor


async def room_minor(course: Course, contest: str, runner: str) -> int:
    """What a quote says may be staked on each part of a bet on the runner."""
    tenant_id = course.world.tenants["acme"].id
    ask = Ask(
        course.world.players["acme", "ann"],
        (AskedLeg(course.picks[contest, runner]),),
        each_way=True,
    )
    async with course.world.app.reading(tenant_id) as conn:
        known = await quotes.known(conn, tenant_id, ask, course.world.at)
    found = quotes.quote(ask, known, course.world.at)
    assert found.stake_max_minor is not None
    return found.stake_max_minor


def test_an_each_way_bet_is_placed_and_paid(database_urls: Urls) -> None:
    async def story() -> None:
        async with course(database_urls, live=True) as found:
            # 5.00 a part at 6.0: 30.00 to win, and 5.00 at 1 + 5/4 to be placed.
            said = found.slip(("C1", "Ada Ashe", 60_000), terms="1/4 1-3")
            unsaid = found.slip(("C1", "Di Dahl", 170_000))
            first, second = await found.place(said, unsaid)
            assert first.answer["potential_payout_minor"] == 3_000 + 1_125
            assert second.answer["potential_payout_minor"] == 8_500 + 2_500
            assert await found.cash() == 98_000
            (again,) = await found.place(said)
            assert (again.kind, again.answer) == ("replayed", first.answer)
            # Di wins and Ada is placed; both stakes are the house's.
            assert await worst_minor(found, "C1") == 11_000 + 1_125 - 2_000
            assert await room_minor(found, "C1", "Ada Ashe") == 98_000
            assert not await found.world.violations()
            # Ada wins; Cy and Di tie for the last place and share it.
            placed = {"Ada Ashe": 1, "Bo Birk": 2, "Cy Cole": 3, "Di Dahl": 3}
            assert await found.end("C1", placed) == 2
            assert await found.bet(first) == ("won", 4_125)
            assert await found.bet(second) == ("won", 1_250)
            assert await found.cash() == 98_000 + 4_125 + 1_250
            assert not await found.world.violations()

    asyncio.run(story())


def test_place_terms_that_changed_are_not_what_was_shown(database_urls: Urls) -> None:
    async def story() -> None:
        async with course(database_urls) as found:
            ada = ("C1", "Ada Ashe", 60_000)
            (other,) = await found.place(found.slip(ada, terms="1/5 1-3"))
            assert other.refusal == "place_terms_changed"
            assert other.answer["place_terms"] == ["1/4 1-3"]
            assert await refusals(
                found,
                [
                    found.slip(("C3", "Ada Ashe", 60_000)),
                    found.slip(ada, ("C3", "Bo Birk", 45_000)),
                    replace(found.slip(ada), each_way=False),
                    found.slip(ada, stake_minor=200_000),
                    found.slip(ada, stake_minor=100_000),
                ],
            ) == [
                "no_place_terms",
                "no_place_terms",
                None,
                "insufficient_funds",
                "insufficient_funds",
            ]
            for slip, code in (
                (found.slip(ada, stake_minor=1), "stake_out_of_range"),
                (replace(found.slip(ada, terms="1/4 1-3"), each_way=False), "place_terms"),
                (found.slip(ada, terms="a quarter"), "place_terms"),
                (replace(found.slip(ada), free_bet_id=ids.new(AT)), "free_bet_each_way"),
            ):
                with pytest.raises(Invalid) as refused:
                    await found.place(slip)
                assert refused.value.code == code
            for positions in (
                {"Ada Ashe": 2},
                {"Ada Ashe": 1, "Bo Birk": 3},
                {"": 1},
                {},
                {"Ada Ash": 1},
            ):
                with pytest.raises(Invalid) as refused:
                    await found.end("C1", positions)
                assert refused.value.code == "result_impossible"
            for runners, terms, code in (
                (["Ada"], None, "contest_runners"),
                (["Ada", "Ada"], None, "contest_runners"),
                (["Ada", "<b>"], None, "unknown_side"),
                (["Ada", "Bo"], "1/4", "place_terms"),
            ):
                contest = NewContest(
                    contest_id("C9"), "golf", "", "Open", "Open", AT, "test", runners, terms
                )
                async with found.world.worker.transaction(None) as conn:
                    with pytest.raises(Invalid) as refused:
                        await catalogue.add_contest(conn, contest)
                assert refused.value.code == code
            assert not await found.world.violations()

    asyncio.run(story())


def test_a_corrected_position_moves_the_difference(database_urls: Urls) -> None:
    async def story() -> None:
        async with course(database_urls) as found:
            ada, bo = ("C1", "Ada Ashe", 60_000), ("C2", "Bo Birk", 45_000)
            bet, double, beaten = await found.place(
                found.slip(ada), found.slip(ada, bo), found.slip(("C1", "Di Dahl", 170_000), bo)
            )
            # 5.00 x 6 x 4.5 and 5.00 x 2.25 x 1.7.
            assert double.answer["potential_payout_minor"] == 13_500 + 1_912
            with pytest.raises(Conflict, match="each way"):
                await order(found, bet)
            steps = [
                ({"Ada Ashe": 1, "Bo Birk": 2, "Cy Cole": 3}, ("won", 4_125)),
                ({"Ada Ashe": 1, "Bo Birk": 1, "Cy Cole": 3}, ("won", 1_500 + 1_125)),
                ({"Bo Birk": 1, "Cy Cole": 2, "Ada Ashe": 3, "Di Dahl": 3}, ("won", 562)),
                ({"Bo Birk": 1, "Cy Cole": 2, "Di Dahl": 3}, ("lost", 0)),
                ({"Bo Birk": 1, "Cy Cole": 2}, (None, None)),
                ({"Bo Birk": 1, "Ada Ashe": UNPLACED}, ("lost", 0)),
                ({"Bo Birk": 1, "Ada Ashe": WITHDRAWN}, ("void", 1_000)),
                ({"Bo Birk": 1, "Ada Ashe": 2, "Cy Cole": 3}, ("won", 1_125)),
            ]
            for positions, stands in steps:
                await found.end("C1", positions)
                assert await found.bet(bet) == stands
                assert not await found.world.violations()
            # Di is not among the three: nothing of that double can be paid any more.
            assert await found.bet(beaten) == ("lost", 0)
            assert await found.bet(double) == (None, None)
            assert await found.end("C2", {"Bo Birk": 1, "Di Dahl": 2}) == 1
            assert await found.bet(double) == ("won", 1_912)
            assert await found.cash() == 97_000 + 1_125 + 1_912
            clerk = await found.world.clerk()
            ruling = Ruling("void", selection_id=found.picks["C1", "Ada Ashe"])
            async with found.world.worker.transaction(clerk.tenant_id) as conn:
                asked = Asked("k1", bytes(32))
                await settlement.propose(
                    conn, clerk, contest_id("C1"), ruling, "ran for nobody", asked, found.world.at
                )
            await found.world.settle()
            assert await found.bet(bet) == ("void", 1_000)
            # A single on Bo is left of it: 5.00 x 4.5 and 5.00 x 1.7.
            assert await found.bet(double) == ("won", 2_250 + 850)
            assert not await found.world.violations()
            await found.end("C2", None, "cancelled")
            assert await found.bet(double) == ("void", 1_000)
            assert not await found.world.violations()

    asyncio.run(story())


async def order(course: Course, decision: Decision) -> None:
    """Ask for the bet to be cashed out by itself."""
    tenant_id = course.world.tenants["acme"].id
    user_id = course.world.players["acme", "ann"]
    bet_id = UUID(decision.answer["bet_id"])
    async with course.world.app.transaction(tenant_id) as conn:
        await cashouts.order(conn, tenant_id, user_id, bet_id, 1_000, course.world.at)


def test_a_race_has_no_score_and_is_not_laid_while_it_runs(database_urls: Urls) -> None:
    async def story() -> None:
        async with course(database_urls) as at:
            with pytest.raises(Invalid, match="a contest has no score") as scored:
                await enter_result(
                    at.world.worker,
                    contest_id("C1"),
                    status="finished",
                    scores={"ft": (1, 0)},
                    entered_by="test",
                    at=at.world.at,
                )
            assert scored.value.code == "result_impossible"
            tenant_id = at.world.tenants["acme"].id
            sport = "golf"
            usual = offers.usual_in_play(sport)
            async with at.world.worker.transaction(tenant_id) as conn:
                with pytest.raises(Invalid, match="is raced and not played") as raced:
                    await offers.set_in_play(conn, tenant_id, sport, usual, at.world.at)
                # Who has it on from before may take it off.
                await offers.set_in_play(conn, tenant_id, sport, None, at.world.at)
            assert (raced.value.code, raced.value.field) == ("not_played", "sport")

    asyncio.run(story())
