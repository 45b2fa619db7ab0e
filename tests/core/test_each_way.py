"""Positions of a contest, and what each-way bets on them pay; figures of published examples."""

from __future__ import annotations

from fractions import Fraction

import pytest

from overround.core import bets, each_way, endings, grading, place_terms, positions
from overround.core.each_way import EachWayLeg
from overround.core.errors import Invalid
from overround.core.facts import Facts
from overround.core.payoff import LOST, VOID, WON, Grade
from overround.core.place_terms import PlaceTerms
from overround.core.positions import UNPLACED, WITHDRAWN

HALF = Grade(1, dead_heat_factor=Fraction(1, 2))
FIFTH = PlaceTerms(3, 5)


@pytest.mark.parametrize(
    ("told", "runner", "places", "came_to"),
    [
        ({"a": 1, "b": 2, "c": 3}, "a", 1, WON),
        ({"a": 1, "b": 2, "c": 3}, "b", 1, LOST),
        ({"a": 1, "b": 2, "c": 3}, "b", 3, WON),
        ({"a": 1, "b": 2, "c": 3}, "d", 3, LOST),
        ({"a": 1, "b": 2}, "d", 3, None),
        ({"a": 1}, "d", 1, LOST),
        ({"a": 1, "d": UNPLACED}, "d", 3, LOST),
        ({"a": 1, "d": WITHDRAWN}, "d", 3, VOID),
        ({"a": 1, "b": 1}, "b", 1, HALF),
        ({"a": 1, "b": 1}, "b", 2, WON),
        ({"a": 1, "b": 2, "c": 3, "d": 3}, "d", 3, HALF),
        # Six tie for three places.
        (
            {"a": 1, **dict.fromkeys("bcdefg", 2)},
            "g",
            4,
            Grade(1, dead_heat_factor=Fraction(1, 2)),
        ),
        ({"a": 1, "b": 2, "c": 2, "d": 2}, "e", 3, LOST),
    ],
)
def test_a_runner_nobody_names_is_beaten_only_when_the_places_are_full(
    told: dict[str, int], runner: str, places: int, came_to: Grade | None
) -> None:
    assert positions.finish(told, runner, places) == came_to


@pytest.mark.parametrize(
    ("told", "can_be"),
    [
        ({"a": 1, "b": 2, "c": 2, "d": 4}, True),
        ({"a": 1, "b": 2, "c": 2, "d": 3}, False),
        ({"a": 2}, False),
        ({"a": 1, "b": 3}, False),
        ({"a": WITHDRAWN, "b": UNPLACED}, True),
        ({"a": 1, "b": -1}, False),
        ({"a": 1, "b": 1000}, False),
        ({"": 1}, False),
        ({"<b>": 1}, False),
        ({}, False),
        ({f"r{n}": UNPLACED for n in range(201)}, False),
    ],
)
def test_positions_leave_no_room_and_take_none(told: dict[str, int], can_be: bool) -> None:
    assert (positions.contradiction(told) is None) == can_be


@pytest.mark.parametrize(
    ("stake_minor", "price_e4", "divisor", "win", "place", "paid_minor"),
    [
        # 5 each way at 20/1 and 10/1, a fifth; 50 at 9/2, a third; 5 at 18/1, a quarter.
        (1_000, 210_000, 5, WON, WON, 13_000),
        (1_000, 210_000, 5, LOST, WON, 2_500),
        (1_000, 110_000, 5, WON, WON, 7_000),
        (1_000, 110_000, 5, LOST, WON, 1_500),
        (10_000, 55_000, 3, WON, WON, 40_000),
        (10_000, 55_000, 3, LOST, WON, 12_500),
        (1_000, 190_000, 4, WON, WON, 12_250),
        # 20 each way at 16/1, a quarter, two tie for the last place.
        (4_000, 170_000, 4, LOST, HALF, 5_000),
        (1_000, 210_000, 5, LOST, LOST, 0),
        (1_000, 210_000, 5, VOID, VOID, 1_000),
    ],
)
def test_an_each_way_single_is_half_to_win_and_half_to_be_placed(
    stake_minor: int, price_e4: int, divisor: int, win: Grade, place: Grade, paid_minor: int
) -> None:
    leg = EachWayLeg(price_e4, PlaceTerms(3, divisor), win, place)
    exact = each_way.paid_ratio(stake_minor, [leg])
    assert exact is not None
    assert bets.rounded(exact, "down") == paid_minor


def test_an_each_way_bet_of_stored_legs_pays_what_one_of_objects_pays() -> None:
    prices, ends = (60_000, 45_000, 110_000), [(WON, WON), (LOST, HALF), (VOID, VOID)]
    for sizes in (None, (2,), (1, 2, 3)):
        stored = [
            EachWayLeg(price_e4, FIFTH, win, place)
            for price_e4, (win, place) in zip(prices, ends, strict=True)
        ]
        exact = each_way.paid_ratio(9_999, stored, sizes)
        picks = tuple(
            bets.Leg((bets.Pick(Fraction(leg.price_e4, 10_000), win, place),))
            for leg, (win, place) in zip(stored, ends, strict=True)
        )
        bet = bets.Bet(picks, Fraction(9_999), sizes, place_fraction=Fraction(1, 5))
        assert exact is not None
        assert Fraction(*exact) == bets.settle(bet).payout


def test_an_each_way_combo_is_lost_when_a_leg_is_not_placed_and_open_before() -> None:
    open_leg = EachWayLeg(60_000, FIFTH, None, None)
    placed, beaten = EachWayLeg(60_000, FIFTH, LOST, WON), EachWayLeg(60_000, FIFTH, LOST, LOST)
    assert each_way.paid_ratio(1_000, [placed, open_leg]) is None
    assert each_way.paid_ratio(1_000, [beaten, open_leg]) == (0, 1)
    assert each_way.paid_ratio(1_000, [beaten, open_leg], (1, 2)) is None
    won = [EachWayLeg(60_000, FIFTH, WON, WON)] * 2
    potential = each_way.potential_ratio(1_000, [60_000] * 2, [FIFTH] * 2)
    assert each_way.paid_ratio(1_000, won) == potential


@pytest.mark.parametrize(
    "text", ["", "1/4", "1/0 1-3", "1/4 1-1", "1/21 1-3", "2/4 1-3", "1/4 1-99"]
)
def test_place_terms_that_nobody_writes_are_refused(text: str) -> None:
    with pytest.raises(Invalid, match="1/4 1-3"):
        place_terms.parse(text)


def test_place_terms_are_read_as_they_are_written() -> None:
    assert str(place_terms.parse("1/4 1-3")) == "1/4 1-3"
    assert Fraction(*place_terms.parse("1/4 1-3").price_ratio(190_000)) == Fraction(11, 2)


@pytest.mark.parametrize(
    ("status", "win", "place"),
    [("finished", LOST, WON), ("abandoned", VOID, VOID), ("postponed", None, None)],
)
def test_a_contest_that_did_not_end_has_no_places(
    status: endings.ResultStatus, win: Grade | None, place: Grade | None
) -> None:
    facts = Facts({}, positions={"a": 1, "b": 2} if status == "finished" else None)
    ended = endings.ending("golf", status)
    assert endings.grade_ended(ended, "winner", "final", None, "b", facts) == win
    assert endings.place_ended(ended, "b", 2, facts) == place
    assert not grading.sides("winner")
