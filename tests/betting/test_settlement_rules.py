"""Settlement as a function of (bet, results): what was paid follows the newest result, and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from overround.betting.bets.recompute import payout_due
from overround.betting.settlement import rules
from overround.betting.settlement.model import Graded, OpenLeg
from overround.core.bets import Rounding
from overround.core.endings import ResultStatus
from overround.odds.catalogue.model import Result

Known = dict[UUID, Result]

AT = datetime(2026, 8, 1, tzinfo=UTC)
BET = UUID(int=1)
SELECTIONS = [
    *(("1x2", "ft", None, side) for side in ("home", "draw", "away")),
    *(("asian_handicap", "ft", line_q4, "away") for line_q4 in range(-6, 7)),
    *(("total", "ft", line_q4, "over") for line_q4 in range(4, 13)),
    *(("total", "ht", line_q4, "under") for line_q4 in (2, 3, 5)),
    ("draw_no_bet", "ft", None, "home"),
]
GOALS = st.integers(0, 3)
# Half-time scores come from a provider or do not; without one a leg on it waits.
SCORES = st.tuples(GOALS, GOALS, GOALS, GOALS, st.booleans())
ROUNDINGS: list[Rounding] = ["down", "half_even"]
ENDED: list[ResultStatus] = ["finished", "finished", "abandoned", "cancelled", "postponed"]
STATUSES = st.sampled_from(ENDED)


@st.composite
def open_bets(draw: st.DrawFn) -> list[OpenLeg]:
    """A single or a combo on as many events, as it stands before any result."""
    stake_minor, rounding = (
        draw(st.integers(1, 10**9)),
        draw(st.sampled_from(ROUNDINGS)),
    )
    chosen = draw(st.lists(st.sampled_from(SELECTIONS), min_size=1, max_size=4))
    prices = st.integers(10_001, 200_000)
    return [
        OpenLeg(
            BET, UUID(int=2), n, UUID(int=100 + n), "football", market_type, period, line_q4, side,
            draw(prices), None, None, True, stake_minor, rounding,
        )
        for n, (market_type, period, line_q4, side) in enumerate(chosen, start=1)
    ]  # fmt: skip


@st.composite
def stories(draw: st.DrawFn) -> tuple[list[OpenLeg], list[Known]]:
    """A bet and what was known of its events, step by step: each step is one more version."""
    legs = draw(open_bets())
    known: Known = {}
    steps: list[Known] = []
    for version in range(1, draw(st.integers(2, 6))):
        event_id = draw(st.sampled_from(legs)).event_id
        h1, a1, h2, a2, with_half = draw(SCORES)
        scores = {"ft": [h1 + h2, a1 + a2]} | ({"ht": [h1, a1]} if with_half else {})
        status = draw(STATUSES)
        known = known | {event_id: Result(event_id, version, status, scores, "feed", False, AT)}
        steps.append(known)
    return legs, steps


def taken_back(now: Known, before: Known, version: int) -> Known:
    """What was known before, said anew: a result is never unsaid, a newer version corrects it.

    An event that had no result waits for one, as a postponed one does.
    """
    return {
        event_id: replace(before.get(event_id) or replace(result, status="postponed"),
                          version=version)
        for event_id, result in now.items()
    }  # fmt: skip


def due(legs: Sequence[OpenLeg], results: Mapping[UUID, Result]) -> int | None:
    """What a bet that nothing has graded yet is paid by these results; None while it is open."""
    _, payout = rules.settle(legs, results)
    return None if payout is None else payout.payout_minor


def stored(legs: Sequence[OpenLeg], graded: Sequence[Graded]) -> list[OpenLeg]:
    """The legs as the database has them once the grades are written."""
    by_n = {each.n: each for each in graded}
    return [
        replace(leg, grade=by_n[leg.n].grade, result_version=by_n[leg.n].result_version)
        if leg.n in by_n else leg
        for leg in legs
    ]  # fmt: skip


def settled(legs: Sequence[OpenLeg], known: Known) -> tuple[list[OpenLeg], int]:
    """The open bet settled by what is known: its legs then, and what it has been paid in all."""
    graded, payout = rules.settle(legs, known)
    return stored(legs, graded), 0 if payout is None else payout.payout_minor


@given(stories())
def test_settling_and_rolling_back_is_the_identity(
    story: tuple[list[OpenLeg], list[Known]],
) -> None:
    """Forward through every version and back through them, each paying the difference."""
    fresh, steps = story
    legs, paid = fresh, [0]
    for known in steps:
        legs, payout = settled(legs, known)
        paid.append(payout)
    returned = paid[-1:]
    now = steps[-1]
    for n, before in enumerate([*reversed(steps[:-1]), {}]):
        now = taken_back(now, before, version=100 + n)
        legs, payout = settled(legs, now)
        returned.append(payout)
    assert returned == paid[::-1]
    assert [leg.grade for leg in legs] == [None] * len(legs)
    assert [replace(leg, result_version=None) for leg in legs] == fresh


@given(stories())
def test_grades_that_were_stored_pay_what_the_results_pay(
    story: tuple[list[OpenLeg], list[Known]],
) -> None:
    """Step by step, while the bet is open, is as if only the newest result had ever come."""
    legs, steps = story
    at_once, now = legs, legs
    for known in steps:
        graded, payout = rules.settle(now, known)
        now = stored(now, graded)
        at_once = stored(legs, rules.settle(legs, known)[0])
        assert [leg.grade for leg in now] == [leg.grade for leg in at_once]
        assert (None if payout is None else payout.payout_minor) == due(legs, known)
        again, paid_again = rules.settle(now, known)
        assert again == []
        assert paid_again == payout
        # `overround verify --deep` computes the same from what is stored.
        prices = [(leg.grade, leg.price_e4) for leg in now]
        found = payout_due(now[0].stake_minor, prices, now[0].payout_rounding)
        assert found == due(legs, known)
    closed = [replace(leg, bet_open=False) for leg in now]
    assert rules.settle(closed, steps[-1]) == ([], None)
