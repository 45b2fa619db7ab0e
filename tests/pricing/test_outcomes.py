"""How legs can end together: no state is missed, and none is there that cannot be."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from overround.core import grading, payoff
from overround.core.errors import Invalid
from overround.odds.pricing.outcomes import (
    Grid,
    Outcomes,
    Selection,
    grid_for,
    may_end_level,
    outcomes,
)

ANY_SCORE = (
    *(("1x2", side) for side in ("home", "draw", "away")),
    ("draw_no_bet", "away"),
    ("both_teams_to_score", "yes"),
    ("odd_even", "odd"),
)
BY_LINE = (
    ("asian_handicap", "home"),
    ("asian_handicap", "away"),
    ("total", "over"),
    ("total", "under"),
    ("home_total", "over"),
    ("away_total", "under"),
)


def selections(
    period: st.SearchStrategy[str], line_q4: st.SearchStrategy[int]
) -> st.SearchStrategy[Selection]:
    """A leg of any market that a score grades."""
    without = st.tuples(st.sampled_from(ANY_SCORE), period).map(
        lambda drawn: (drawn[0][0], drawn[1], None, drawn[0][1])
    )
    with_line = st.tuples(st.sampled_from(BY_LINE), period, line_q4).map(
        lambda drawn: (drawn[0][0], drawn[1], _line(drawn[0][0], drawn[2]), drawn[0][1])
    )
    return st.one_of(without, with_line)


def _line(market_type: str, line_q4: int) -> int:
    """A handicap of either sign about a quarter as wide as the total."""
    return line_q4 // 4 - line_q4 % 7 if market_type == "asian_handicap" else line_q4


def rows(found: Outcomes) -> set[bytes]:
    return {row.tobytes() for row in np.hstack([found.fixed, found.slope])}


FULL_TIME = st.just("ft")
HALVES = st.sampled_from(["ht", "2h", "ft"])


@given(st.lists(selections(FULL_TIME, st.integers(0, 24)), min_size=1, max_size=5))
def test_no_state_is_missed(legs: list[Selection]) -> None:
    grid = grid_for(legs, level=True)
    wider = Grid(grid.key, grid.extent + 6)
    assert rows(outcomes(tuple(legs), grid)) == rows(outcomes(tuple(legs), wider))


@given(st.lists(selections(FULL_TIME, st.integers(90, 130)), min_size=1, max_size=3))
def test_no_state_is_missed_near_long_lines(legs: list[Selection]) -> None:
    """Where not every score is looked at, those that are show what all of them show."""
    asked = (("total", "ft", 110, "over"), *legs)
    grid = grid_for(asked, level=False)
    assert grid.points
    everything = Grid(grid.key, 80, level=False)
    assert rows(outcomes(asked, grid)) == rows(outcomes(asked, everything))


@given(st.lists(selections(HALVES, st.integers(0, 8)), min_size=1, max_size=2))
def test_no_state_is_missed_between_halves(legs: list[Selection]) -> None:
    asked = (("1x2", "ht", None, "draw"), ("total", "ft", 10, "over"), *legs)
    try:
        grid = grid_for(asked, level=True)
    except Invalid:
        # Too many goals for both halves at once, which is named (test: what one score does not
        # grade is named).
        return
    assert grid.second is not None
    wider = Grid(grid.key, grid.extent + 1, grid.second + 1)
    assert rows(outcomes(asked, grid)) == rows(outcomes(asked, wider))


# A selection of every market that scores decide, by one number of them, by both or by two halves.
DECIDED = [
    *(("1x2", period, None, "draw") for period in ("ft", "ht", "2h")),
    *(("asian_handicap", period, -3, "away") for period in ("ft", "ht")),
    *(("total", period, line_q4, "over") for period in ("ft", "2h") for line_q4 in (5, 6, 7, 8)),
    ("moneyline", "ht", None, "away"), ("double_chance", "ft", None, "X2"),
    ("draw_no_bet", "ft", None, "home"), ("handicap_1x2", "ft", 4, "draw"),
    ("home_total", "ft", 5, "under"), ("away_total", "ft", 6, "over"),
    ("both_teams_to_score", "ft", None, "yes"), ("odd_even", "2h", None, "odd"),
    ("correct_score", "ft", None, "2:1"), ("winning_margin", "ft", None, "home/1"),
    ("home_win_to_nil", "ft", None, "yes"), ("half_time_full_time", "ft", None, "draw/home"),
    ("highest_scoring_half", "ft", None, "draw"),
]  # fmt: skip


@pytest.mark.parametrize("asked", DECIDED, ids=lambda asked: "-".join(map(str, asked)))
def test_what_decides_alike_is_graded_alike(asked: Selection) -> None:
    """Every score of two halves by itself, as settlement grades it, in the order of the grid."""
    reach = range(4)
    halves = list(product(product(reach, reach), product(reach, reach)))
    found = outcomes((asked,), Grid("ft", 3, second=3))
    assert len(found.row_of) == len(halves)
    for row, ((h1, a1), (h2, a2)) in zip(found.row_of.tolist(), halves, strict=True):
        facts = grading.Facts({"ht": (h1, a1), "ft": (h1 + h2, a1 + a2)})
        grade = grading.grade(*asked, facts)
        assert grade is not None
        returned = found.fixed[row, 0] + 3 * found.slope[row, 0]
        assert returned == payoff.multiplier(grade, 30_000)


def test_long_correct_scores_are_found_and_no_more_than_needed() -> None:
    """A point changes its grade at itself alone; two dozen of them are answered at once."""
    legs = [("correct_score", "ft", None, f"{n}:{97 - n}") for n in range(40, 60)]
    grid = grid_for([*legs, ("total", "ft", 390, "over")], level=True)
    assert {(n, 97 - n) for n in range(40, 60)} <= set(grid.points)
    assert len(grid.points) < 3_000


def test_an_event_ends_level_unless_only_a_moneyline_is_asked() -> None:
    moneyline = ("moneyline", "ft", None, "home")
    assert not may_end_level([moneyline, ("total", "ft", 10, "over")])
    assert may_end_level([moneyline, ("1x2", "ft", None, "draw")])
    assert may_end_level([("moneyline", "ht", None, "home")])
    assert may_end_level([("total", "ft", 10, "over")])


def test_sets_are_their_own_score() -> None:
    legs = (
        ("moneyline", "final", None, "home"),
        ("set_handicap", "final", -6, "home"),
        ("total_sets", "final", 14, "over"),
    )
    grid = grid_for(legs, level=False)
    assert grid.key == "sets"
    found = outcomes(legs, grid)
    assert not found.fixed.any()
    # Two to nil: the first two win; two to one: the match only; three to one: all of them.
    won = {tuple(row) for row in found.slope.tolist()}
    assert {(1.0, 1.0, 0.0), (1.0, 0.0, 0.0), (1.0, 1.0, 1.0), (0.0, 0.0, 0.0)} <= won


@pytest.mark.parametrize(
    ("code", "legs"),
    [
        ("unknown_market", [("total", "q1", 160, "over"), ("total", "ft", 800, "over")]),
        ("unknown_market", [("total", "q1", 160, "over"), ("total", "ht", 8, "over")]),
        ("line_out_of_range", [("total", "ht", 60, "over"), ("total", "ft", 60, "over")]),
        ("unknown_market", [("correct_score", "ft", None, "other")]),
        ("unknown_market", [("anytime_scorer", "ft", None, "ann")]),
    ],
)
def test_what_one_score_does_not_grade_is_named(code: str, legs: list[Selection]) -> None:
    with pytest.raises(Invalid) as refused:
        outcomes(tuple(legs), grid_for(legs, level=True))
    assert refused.value.code == code
