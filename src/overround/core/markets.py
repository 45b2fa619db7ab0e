"""The catalogue of markets: one row says what a market's answers are, how each is graded, what is
certain before the end, and what an answer is called when home and away change places.

`docs/reference/markets.md` is this table for people.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from overround.core import early, graders, positions, witnesses
from overround.core.facts import (
    COUNTS,
    FIRST_INNINGS,
    FIVE_SETS,
    FOUR_QUARTERS,
    NINE_INNINGS,
    THREE_THIRDS,
    Score,
)
from overround.core.graders import Grader, by_line, by_score
from overround.core.line import MAX_LINE_Q4, QUARTERS
from overround.core.witnesses import Witnesses

# 'ft' is regulation time (football's ninety minutes), 'final' everything included, '2h' regulation
# less the first half, 'i1_5' the first five innings.
PERIODS: Final = (
    "ft", "final", "ht", "2h", *FOUR_QUARTERS, *THREE_THIRDS, *NINE_INNINGS, *FIRST_INNINGS,
    *FIVE_SETS, *COUNTS,
)  # fmt: skip
_ALL: Final = frozenset(PERIODS)
_FT: Final = frozenset({"ft"})
_FINAL: Final = frozenset({"final"})
_WHOLE: Final = _FT | _FINAL

_SWAPPED: Final = {"home": "away", "away": "home", "1X": "X2", "X2": "1X"}


def _swap_words(side: str) -> str:
    return "/".join(_SWAPPED.get(word, word) for word in side.split("/"))


def _swap_points(side: str) -> str:
    return ":".join(reversed(side.split(":")))


def _same(side: str) -> str:
    return side


@dataclass(frozen=True, slots=True)
class Market:
    """One row of the catalogue.

    `sides` are all the answers in board order, empty where they are not a fixed set: then `pattern`
    says which are answers. `witnesses` yields, for a line, facts that between them show every
    combination of grades the sides can have. `early` grades a side of a period that was broken off;
    where there is none, nothing is decided before the end. `mirror` names a side from the other
    team's view, in the market `mirror_type` where that is another one; the line of a handicap then
    changes its sign. `needs_goals`: scores alone never grade it (`can_be_laid`).
    """

    sides: tuple[str, ...]
    grader: Grader
    witnesses: Witnesses = witnesses.NONE
    early: Grader | None = None
    pattern: re.Pattern[str] | None = None
    periods: frozenset[str] = _ALL
    needs_line: bool = False
    whole_line: bool = False
    line_min_q4: int = -MAX_LINE_Q4
    is_handicap: bool = False
    is_winner: bool = False
    needs_goals: bool = False
    mirror: Callable[[str], str] = _swap_words
    mirror_type: str | None = None

    def has(self, side: str) -> bool:
        """Whether `side` is one of the answers."""
        if self.pattern is not None:
            return self.pattern.fullmatch(side) is not None
        return side in self.sides


_HOME_AWAY: Final = ("home", "away")
_RESULTS: Final = ("home", "draw", "away")
_YES_NO: Final = ("yes", "no")
_N = r"(?:0|[1-9][0-9]?)"
_EXACT: Final = re.compile(rf"{_N}\+?")
_PLAYER = r"[A-Za-z0-9_.-]{1,40}"


def _over_under(
    grader: Grader,
    seen: Witnesses,
    periods: frozenset[str] = _ALL,
    mirror_type: str | None = None,
) -> Market:
    return Market(
        ("over", "under"),
        grader,
        seen,
        early.kept(grader, {"over"}, {"under"}),
        periods=periods,
        needs_line=True,
        mirror_type=mirror_type,
    )


def _yes_no(grader: Grader, seen: Witnesses, rises: bool, mirror_type: str | None = None) -> Market:
    """A question that goals answer for good: with yes if it `rises`, else with no."""
    for_good, against = ("yes", "no") if rises else ("no", "yes")
    return Market(
        _YES_NO, grader, seen, early.kept(grader, {for_good}, {against}), mirror_type=mirror_type
    )


def _exact(
    grader: Grader, points: Callable[[Score], int], mirror_type: str | None = None
) -> Market:
    return Market(
        (), grader, early=early.exceeded(grader, points), pattern=_EXACT, mirror_type=mirror_type
    )


def _scorer(grader: Grader, seen_early: Grader | None, with_none: bool) -> Market:
    words = rf"none|{_PLAYER}" if with_none else _PLAYER
    return Market(
        (),
        grader,
        early=seen_early,
        pattern=re.compile(words),
        periods=_FT,
        needs_goals=True,
        mirror=_same,
    )


MARKETS: Final[Mapping[str, Market]] = {
    "1x2": Market(_RESULTS, by_score(graders.one_x_two), witnesses.EACH_WINNER),
    "moneyline": Market(_HOME_AWAY, graders.moneyline, witnesses.EACH_WINNER, is_winner=True),
    "draw_no_bet": Market(_HOME_AWAY, by_score(graders.draw_no_bet), witnesses.EACH_WINNER),
    "double_chance": Market(
        ("1X", "X2", "12"), by_score(graders.double_chance), witnesses.EACH_WINNER
    ),
    # Who wins a contest: each runner is an answer, by its name.
    "winner": Market((), positions.winner, pattern=positions.RUNNER, periods=_FINAL, mirror=_same),
    "to_qualify": Market(_HOME_AWAY, graders.to_qualify, witnesses.EACH_QUALIFIER, periods=_FINAL),
    "asian_handicap": Market(
        _HOME_AWAY,
        by_line(graders.asian_handicap),
        witnesses.margins,
        needs_line=True,
        is_handicap=True,
    ),
    "set_handicap": Market(
        _HOME_AWAY,
        by_line(graders.asian_handicap, "sets"),
        witnesses.by_sets(witnesses.margins),
        periods=_FINAL,
        needs_line=True,
        is_handicap=True,
    ),
    "handicap_1x2": Market(
        _RESULTS,
        by_line(graders.handicap_1x2),
        witnesses.margins,
        needs_line=True,
        whole_line=True,
        is_handicap=True,
    ),
    "total": _over_under(by_line(graders.total), witnesses.totals),
    "home_total": _over_under(
        by_line(graders.home_total), witnesses.home_totals, mirror_type="away_total"
    ),
    "away_total": _over_under(
        by_line(graders.away_total), witnesses.away_totals, mirror_type="home_total"
    ),
    "total_sets": _over_under(
        by_line(graders.total, "sets"), witnesses.by_sets(witnesses.totals), _FINAL
    ),
    "both_teams_to_score": _yes_no(
        by_score(graders.both_teams_to_score), witnesses.scores((2, 1), (1, 0)), rises=True
    ),
    "odd_even": Market(
        ("odd", "even"), by_score(graders.odd_even), witnesses.scores((1, 0), (2, 0))
    ),
    "home_odd_even": Market(
        ("odd", "even"),
        by_score(graders.home_odd_even),
        witnesses.scores((1, 0), (2, 0)),
        mirror_type="away_odd_even",
    ),
    "away_odd_even": Market(
        ("odd", "even"),
        by_score(graders.away_odd_even),
        witnesses.scores((0, 1), (0, 2)),
        mirror_type="home_odd_even",
    ),
    "home_clean_sheet": _yes_no(
        by_score(graders.home_clean_sheet),
        witnesses.scores((1, 0), (2, 1)),
        rises=False,
        mirror_type="away_clean_sheet",
    ),
    "away_clean_sheet": _yes_no(
        by_score(graders.away_clean_sheet),
        witnesses.scores((0, 1), (1, 2)),
        rises=False,
        mirror_type="home_clean_sheet",
    ),
    "home_win_to_nil": Market(
        _YES_NO,
        by_score(graders.home_win_to_nil),
        witnesses.scores((1, 0), (0, 1)),
        early.to_nil(lambda score: score[1]),
        mirror_type="away_win_to_nil",
    ),
    "away_win_to_nil": Market(
        _YES_NO,
        by_score(graders.away_win_to_nil),
        witnesses.scores((0, 1), (1, 0)),
        early.to_nil(lambda score: score[0]),
        mirror_type="home_win_to_nil",
    ),
    "result_and_both_score": Market(
        tuple(f"{result}/{both}" for result in _RESULTS for both in _YES_NO),
        by_score(graders.result_and_both_score),
        witnesses.scores((2, 1), (1, 1), (1, 2), (1, 0), (0, 0), (0, 1)),
        early.result_and_both_score,
    ),
    "result_and_total": Market(
        tuple(f"{result}/{over}" for result in _RESULTS for over in ("over", "under")),
        by_line(graders.result_and_total),
        witnesses.results_and_totals,
        early.result_and_total,
        needs_line=True,
    ),
    "exact_goals": _exact(by_score(graders.exact_goals), sum),
    "home_exact_goals": _exact(
        by_score(graders.home_exact_goals), lambda score: score[0], "away_exact_goals"
    ),
    "away_exact_goals": _exact(
        by_score(graders.away_exact_goals), lambda score: score[1], "home_exact_goals"
    ),
    "winning_margin": Market(
        (),
        by_score(graders.winning_margin),
        pattern=re.compile(r"draw|(?:home|away)/[1-9][0-9]?\+?"),
    ),
    # Set betting is the correct score in sets.
    "correct_score": Market(
        (),
        by_score(graders.correct_score),
        early=early.correct_score,
        pattern=re.compile(rf"{_N}:{_N}|other"),
        periods=_ALL | {"sets"},
        mirror=_swap_points,
    ),
    "half_time_full_time": Market(
        tuple(f"{half}/{full}" for half in _RESULTS for full in _RESULTS),
        graders.half_time_full_time,
        witnesses.EACH_TURN,
        early.half_time_full_time,
        periods=_WHOLE,
    ),
    "highest_scoring_half": Market(
        ("1h", "draw", "2h"),
        graders.highest_scoring_half,
        witnesses.EACH_HALF,
        early.highest_scoring_half,
        periods=_FT,
    ),
    "nth_goal": Market(
        ("home", "none", "away"),
        graders.nth_goal,
        witnesses.goal_number,
        early.once_scored(graders.nth_goal),
        periods=_FT,
        needs_line=True,
        whole_line=True,
        line_min_q4=QUARTERS,
        needs_goals=True,
    ),
    "last_goal": Market(
        ("home", "none", "away"),
        graders.last_goal,
        witnesses.EACH_GOAL,
        periods=_FT,
        needs_goals=True,
    ),
    "first_scorer": _scorer(
        graders.first_scorer, early.once_scored(graders.first_scorer), with_none=True
    ),
    "last_scorer": _scorer(graders.last_scorer, None, with_none=True),
    "anytime_scorer": _scorer(graders.anytime_scorer, early.once_anytime, with_none=False),
}
