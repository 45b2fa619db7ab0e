"""What was decided when an event was broken off: scores only grow, whatever would have followed.

Each function here is the grade of a side of a period that had not ended: won or lost where no
continuation could change it ("unconditionally determined"), void where one could, None where the
facts do not say what was reached (test: what is decided early no later goal can change).
"""

from __future__ import annotations

from collections.abc import Callable, Collection

from overround.core import graders
from overround.core.facts import Facts, Score
from overround.core.graders import Grader
from overround.core.payoff import LOST, VOID, Grade


def kept(grader: Grader, wins: Collection[str], losses: Collection[str]) -> Grader:
    """A side of `wins` keeps a win once it has it, a side of `losses` its loss.

    Half results are kept too: the half of the stake that stands on the nearer line is decided, the
    other half is open and goes back, which is the half result.
    """

    def early(facts: Facts, period: str, line_q4: int, side: str) -> Grade | None:
        now = grader(facts, period, line_q4, side)
        if now is None:
            return None
        return now if side in (wins if now.result else losses) else VOID

    return early


def exceeded(grader: Grader, points: Callable[[Score], int]) -> Grader:
    """An exact count is lost once there are more; "6+" is won once there are six."""

    def early(facts: Facts, period: str, line_q4: int, side: str) -> Grade | None:
        score, now = facts.score(period), grader(facts, period, line_q4, side)
        if score is None or now is None:
            return None
        if side.endswith("+"):
            return now if now.result else VOID
        return LOST if points(score) > int(side) else VOID

    return early


def correct_score(facts: Facts, period: str, _line_q4: int, side: str) -> Grade | None:
    """Lost once either side has more than it was given; what is "other" is the book's list."""
    score = facts.score(period)
    if score is None or side == "other":
        return None
    home, away = (int(points) for points in side.split(":"))
    return LOST if score[0] > home or score[1] > away else VOID


def result_and_both_score(facts: Facts, period: str, _line_q4: int, side: str) -> Grade | None:
    """A "no" is lost once its result needs a goal of both."""
    score = facts.score(period)
    if score is None:
        return None
    result, _, both = side.partition("/")
    return LOST if both == "no" and min(_nearest(score, result)) > 0 else VOID


def result_and_total(facts: Facts, period: str, line_q4: int, side: str) -> Grade | None:
    """An "under" is lost, or half lost, once its result needs more goals than it allows."""
    score = facts.score(period)
    if score is None:
        return None
    result, _, direction = side.partition("/")
    at_best = graders.total(_nearest(score, result), line_q4, direction)
    return VOID if direction == "over" or at_best.result else at_best


def _nearest(score: Score, result: str) -> Score:
    """The lowest score from here on that has the result."""
    home, away = score
    if result == "draw":
        return max(score), max(score)
    return (max(home, away + 1), away) if result == "home" else (home, max(away, home + 1))


def to_nil(conceded: Callable[[Score], int]) -> Grader:
    """A win to nil is a "no" once the side has conceded."""

    def early(facts: Facts, period: str, _line_q4: int, side: str) -> Grade | None:
        score = facts.score(period)
        if score is None:
            return None
        return graders.won_if(side == "no") if conceded(score) else VOID

    return early


def half_time_full_time(facts: Facts, period: str, _line_q4: int, side: str) -> Grade | None:
    """Lost once half-time was another."""
    half = facts.score("ht")
    if half is None:
        return None if facts.score(period) is None else VOID
    return VOID if graders.winner(half) == side.partition("/")[0] else LOST


def highest_scoring_half(facts: Facts, period: str, line_q4: int, side: str) -> Grade | None:
    """Decided once the second half has more than the first had; as many have beaten the first."""
    first, second = facts.score("ht"), facts.score("2h")
    if first is None or second is None:
        return None if facts.score("ft") is None else VOID
    ahead = sum(second) - sum(first)
    if ahead < 0 or (ahead == 0 and side != "1h"):
        return VOID
    return graders.highest_scoring_half(facts, period, line_q4, side)


def once_scored(grader: Grader) -> Grader:
    """Decided once the goal that is asked for was scored."""

    def early(facts: Facts, period: str, line_q4: int, side: str) -> Grade | None:
        none = grader(facts, period, line_q4, "none")
        if none is None:
            return None
        return VOID if none.result else grader(facts, period, line_q4, side)

    return early


def once_anytime(facts: Facts, period: str, line_q4: int, side: str) -> Grade | None:
    """Won once the player has scored."""
    now = graders.anytime_scorer(facts, period, line_q4, side)
    return VOID if now == LOST else now
