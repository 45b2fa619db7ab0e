"""Settlement as a function of (bet, results): what was paid follows the newest result, and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from overround.betting.bets.recompute import GradedLeg, payout_due
from overround.betting.settlement import rules
from overround.betting.settlement.model import (
    Basis,
    Graded,
    Ruled,
    Ruling,
    StoredLeg,
    Verdict,
)
from overround.core import bets, payoff
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
def open_bets(draw: st.DrawFn) -> list[StoredLeg]:
    """A single or a combo on as many events, as it stands before any result."""
    stake_minor, rounding = (
        draw(st.integers(1, 10**9)),
        draw(st.sampled_from(ROUNDINGS)),
    )
    chosen = draw(st.lists(st.sampled_from(SELECTIONS), min_size=1, max_size=4))
    prices = st.integers(10_001, 200_000)
    return [
        StoredLeg(
            BET, UUID(int=2), n, UUID(int=100 + n), UUID(int=200 + n), UUID(int=300 + n),
            "football", market_type, period, line_q4, side, draw(prices), None, None, 0, None,
            None, stake_minor, rounding, AT,
        )
        for n, (market_type, period, line_q4, side) in enumerate(chosen, start=1)
    ]  # fmt: skip


@st.composite
def stories(draw: st.DrawFn) -> tuple[list[StoredLeg], list[Known]]:
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


def due(legs: Sequence[StoredLeg], results: Mapping[UUID, Result]) -> int | None:
    """What a bet that nothing has graded yet is paid by these results; None while it is open."""
    _, verdict = rules.settle(legs, Basis(results, {}))
    return None if verdict is None else verdict.payout_minor


def stored(
    legs: Sequence[StoredLeg], graded: Sequence[Graded], verdict: Verdict | None
) -> list[StoredLeg]:
    """The legs as the database has them once the grades and the verdict are written."""
    by_n = {each.n: each for each in graded}
    written: list[StoredLeg] = []
    for leg in legs:
        new = by_n.get(leg.n, leg)
        written.append(
            replace(
                leg,
                grade=new.grade,
                result_version=new.result_version,
                ruling_version=new.ruling_version,
                outcome=leg.outcome if verdict is None else verdict.outcome,
                payout_minor=leg.payout_minor if verdict is None else verdict.payout_minor,
            )
        )
    return written


def settled(
    legs: Sequence[StoredLeg], known: Known, ruled: Mapping[UUID, Ruled] = {}
) -> list[StoredLeg]:
    """The bet brought to what is known: as the database has it then."""
    return stored(legs, *rules.settle(legs, Basis(known, ruled)))


@given(stories())
def test_settling_and_rolling_back_is_the_identity(
    story: tuple[list[StoredLeg], list[Known]],
) -> None:
    """Forward through every version and back through them, each paying the difference."""
    fresh, steps = story
    legs, forward = fresh, [fresh]
    for known in steps:
        legs = settled(legs, known)
        forward.append(legs)
    back = [legs]
    now = steps[-1]
    for n, before in enumerate([*reversed(steps[:-1]), {}]):
        now = taken_back(now, before, version=100 + n)
        legs = settled(legs, now)
        back.append(legs)
    assert [stands(one) for one in back] == [stands(one) for one in forward[::-1]]
    assert [replace(leg, result_version=None) for leg in legs] == fresh


def stands(legs: Sequence[StoredLeg]) -> tuple[object, ...]:
    """Everything of a bet that money follows from."""
    return (legs[0].outcome, legs[0].payout_minor, *[leg.grade for leg in legs])


@given(stories())
def test_grades_that_were_stored_pay_what_the_results_pay(
    story: tuple[list[StoredLeg], list[Known]],
) -> None:
    """Step by step is as if only the newest result had ever come, settled in between or not."""
    legs, steps = story
    now = legs
    for known in steps:
        now = settled(now, known)
        assert stands(now) == stands(settled(legs, known))
        assert now[0].payout_minor == due(legs, known)
        assert rules.settle(now, Basis(known, {})) == ([], None)
        # `overround verify --deep` computes the same from what is stored.
        prices = [GradedLeg(leg.grade, leg.price_e4) for leg in now]
        found = payout_due(now[0].stake_minor, prices, now[0].payout_rounding)
        assert found == due(legs, known)


@given(stories(), st.data())
def test_a_ruling_that_is_lifted_was_never_made(
    story: tuple[list[StoredLeg], list[Known]], data: st.DataObject
) -> None:
    legs, steps = story
    plain = settled(legs, steps[-1])
    event_id = data.draw(st.sampled_from(legs)).event_id
    ruling = data.draw(st.sampled_from([Ruling("hold"), Ruling("void")]))
    ruled = settled(plain, steps[-1], {event_id: Ruled(1, [ruling])})
    of_event = [leg.grade for leg in ruled if leg.event_id == event_id]
    assert of_event == [None if ruling.kind == "hold" else "void"]
    again = settled(ruled, steps[-1], {event_id: Ruled(2, ())})
    assert stands(again) == stands(plain)


def test_a_void_reaches_the_bets_of_its_scope_and_window() -> None:
    leg = StoredLeg(
        BET, UUID(int=2), 1, UUID(int=3), UUID(int=4), UUID(int=5), "football", "1x2", "ft", None,
        "home", 20_000, None, None, 0, None, None, 100, "down", AT,
    )  # fmt: skip
    minute = timedelta(minutes=1)
    for ruling, is_covered in (
        (Ruling("void"), True),
        (Ruling("void", market_id=leg.market_id), True),
        (Ruling("void", market_id=UUID(int=9)), False),
        (Ruling("void", selection_id=leg.selection_id), True),
        (Ruling("void", selection_id=UUID(int=9)), False),
        (Ruling("void", placed_from=AT, placed_to=AT + minute), True),
        (Ruling("void", placed_from=AT - minute, placed_to=AT), False),
        (Ruling("void", placed_from=AT + minute), False),
    ):
        [graded], verdict = rules.settle([leg], Basis({}, {leg.event_id: Ruled(1, [ruling])}))
        assert (graded.grade == "void") is is_covered
        assert (verdict is not None and verdict.outcome == "void") is is_covered


@given(open_bets(), st.data())
def test_a_system_is_paid_by_its_lines(legs: list[StoredLeg], data: st.DataObject) -> None:
    """As `core.bets` pays its grades; lost as soon as nothing more can be paid, and not before."""
    sizes = sorted(data.draw(st.sets(st.integers(1, len(legs)), min_size=1)))
    legs = [replace(leg, sizes=sizes) for leg in legs]
    known: Known = {}
    for leg in legs:
        h1, a1, h2, a2, _ = data.draw(SCORES)
        scores = {"ft": [h1 + h2, a1 + a2], "ht": [h1, a1]}
        known |= {leg.event_id: Result(leg.event_id, 1, "finished", scores, "feed", False, AT)}
        graded, verdict = rules.settle(legs, Basis(known, {}))
        by_n = {one.n: one.grade for one in graded}
        grades = [payoff.by_name(by_n.get(leg.n) or "won") for leg in legs]
        pairs = [(grade, leg.price_e4) for grade, leg in zip(grades, legs, strict=True)]
        best = bets.of_stored(legs[0].stake_minor, pairs, sizes)
        if bets.settle(best).payout == 0:
            assert verdict is not None
            assert (verdict.outcome, verdict.payout_minor) == ("lost", 0)
        elif None in [by_n.get(leg.n) for leg in legs]:
            assert verdict is None
        else:
            assert verdict is not None
            assert verdict.payout_minor == bets.payout_minor(best, legs[0].payout_rounding)
            is_void = all(grade == payoff.VOID for grade in grades)
            assert (verdict.outcome == "void") == is_void


@given(open_bets(), st.data())
def test_what_is_left_of_a_bet_is_a_bet_on_the_rest(
    legs: list[StoredLeg], data: st.DataObject
) -> None:
    """Cashed out in part, it is settled as a smaller bet, and its payout says both."""
    known = {
        leg.event_id: Result(leg.event_id, 1, "finished", {"ft": [1, 0], "ht": [0, 0]}, "feed",
                             False, AT)
        for leg in legs
    }  # fmt: skip
    cashed_minor = data.draw(st.integers(1, 10**6))
    plain, rest = due(legs, known), [replace(leg, cashed_minor=cashed_minor) for leg in legs]
    paid = due(rest, known)
    assert paid == (None if plain is None else plain + cashed_minor)
    ended = [replace(leg, outcome="cashed_out", payout_minor=cashed_minor) for leg in rest]
    graded, verdict = rules.settle(ended, Basis(known, {}))
    assert verdict is None
    assert {one.n for one in graded} <= {leg.n for leg in legs}
