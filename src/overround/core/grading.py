"""The catalogue of markets, and what happened to each of their answers.

A market is a type, a period ('ft' full time, 'ht' first half, '2h' second half) and, for some
types, a line. Football is graded on ninety minutes: 'ft' is the score without extra time.

`grade` answers None where a fact is missing. An unknown leg stays open; it is never lost
(test: a missing fact is not a lost leg).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from overround.core.errors import Invalid
from overround.core.line import MAX_LINE_Q4, QUARTERS
from overround.core.payoff import HALF_LOST, HALF_WON, LOST, VOID, WON, Grade

PERIODS: Final = ("ft", "ht", "2h")

Score = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of an event: goals (home, away) at the end of 'ht' and of 'ft'."""

    scores: Mapping[str, Score]

    def score(self, period: str) -> Score | None:
        """Goals in a period; None where a part is missing or the parts contradict each other."""
        if period != "2h":
            return self.scores.get(period)
        half, full = self.scores.get("ht"), self.scores.get("ft")
        if half is None or full is None or half[0] > full[0] or half[1] > full[1]:
            return None
        return full[0] - half[0], full[1] - half[1]


Grader = Callable[[Facts, str, int, str], Grade | None]
Witnesses = Callable[[int], Iterable[Facts]]


@dataclass(frozen=True, slots=True)
class Market:
    """One row of the catalogue.

    `sides` are all the answers in board order, empty where they are not a fixed set: then `pattern`
    says which are answers. `witnesses` yields, for a line, facts that between them show every
    combination of grades the sides can have.
    """

    sides: tuple[str, ...]
    grader: Grader
    witnesses: Witnesses
    needs_line: bool = False
    pattern: re.Pattern[str] | None = None
    periods: tuple[str, ...] = PERIODS

    def has(self, side: str) -> bool:
        """Whether `side` is one of the answers."""
        if self.pattern is not None:
            return self.pattern.fullmatch(side) is not None
        return side in self.sides


def _by_score(grader: Callable[[Score, str], Grade | None]) -> Grader:
    """A grader that needs the goals of its period and nothing else."""

    def on_facts(facts: Facts, period: str, _line_q4: int, side: str) -> Grade | None:
        score = facts.score(period)
        return None if score is None else grader(score, side)

    return on_facts


def _by_line(grader: Callable[[Score, int, str], Grade]) -> Grader:
    """A grader that needs the goals of its period and the market's line."""

    def on_facts(facts: Facts, period: str, line_q4: int, side: str) -> Grade | None:
        score = facts.score(period)
        return None if score is None else grader(score, line_q4, side)

    return on_facts


def _won_if(won: bool) -> Grade:
    return WON if won else LOST


def _by_distance(distance_q4: int) -> Grade:
    """The Asian table: how many quarters of a goal the side ended above its line."""
    if distance_q4 >= 2:
        return WON
    if distance_q4 <= -2:
        return LOST
    return (HALF_LOST, VOID, HALF_WON)[distance_q4 + 1]


def _winner(score: Score) -> str:
    home, away = score
    if home == away:
        return "draw"
    return "home" if home > away else "away"


def _one_x_two(score: Score, side: str) -> Grade:
    return _won_if(side == _winner(score))


def _draw_no_bet(score: Score, side: str) -> Grade:
    winner = _winner(score)
    return VOID if winner == "draw" else _won_if(side == winner)


_DOUBLE_CHANCE: Final = {
    "1X": ("home", "draw"),
    "X2": ("draw", "away"),
    "12": ("home", "away"),
}


def _double_chance(score: Score, side: str) -> Grade:
    return _won_if(_winner(score) in _DOUBLE_CHANCE[side])


def _asian_handicap(score: Score, line_q4: int, side: str) -> Grade:
    # The line is the home side's; the away side stands on its negative, so it ends as far below.
    distance_q4 = QUARTERS * (score[0] - score[1]) + line_q4
    return _by_distance(distance_q4 if side == "home" else -distance_q4)


def _total(score: Score, line_q4: int, side: str) -> Grade:
    distance_q4 = QUARTERS * (score[0] + score[1]) - line_q4
    return _by_distance(distance_q4 if side == "over" else -distance_q4)


def _both_teams_to_score(score: Score, side: str) -> Grade:
    return _won_if((side == "yes") == (min(score) > 0))


def _odd_even(score: Score, side: str) -> Grade:
    return _won_if((side == "odd") == bool((score[0] + score[1]) % 2))


def _correct_score(score: Score, side: str) -> Grade | None:
    if side == "other":
        # Which scores are "other" is the offering book's list, which a market does not carry yet.
        return None
    return _won_if(side == f"{score[0]}:{score[1]}")


def _half_time_full_time(facts: Facts, _period: str, _line_q4: int, side: str) -> Grade | None:
    half, full, between = facts.score("ht"), facts.score("ft"), facts.score("2h")
    if half is None or full is None or between is None:
        return None
    return _won_if(side == f"{_winner(half)}/{_winner(full)}")


def _ended(home: int, away: int, half: Score | None = None) -> Facts:
    return Facts({"ft": (home, away)} if half is None else {"ht": half, "ft": (home, away)})


def _always(*facts: Facts) -> Witnesses:
    """Witnesses that are the same whatever the line."""
    return lambda _line_q4: facts


def _margins_about(line_q4: int) -> Iterable[Facts]:
    # Two goals either side of the line reach past the quarters in which a grade can still change.
    middle = -line_q4 // QUARTERS
    for margin in range(middle - 2, middle + 4):
        yield _ended(max(margin, 0), max(-margin, 0))


def _totals_about(line_q4: int) -> Iterable[Facts]:
    middle = line_q4 // QUARTERS
    for goals in range(max(middle - 2, 0), max(middle + 4, 2)):
        yield _ended(goals, 0)


_EACH_WINNER: Final = _always(_ended(1, 0), _ended(0, 0), _ended(0, 1))
_WINNERS: Final = ("home", "draw", "away")
# Three goals later any lead of one can have been kept, lost or turned.
_EACH_TURN: Final = _always(
    *(_ended(*full, half) for half in ((1, 0), (0, 0), (0, 1)) for full in ((3, 1), (1, 1), (1, 3)))
)
_GOALS = r"(?:0|[1-9][0-9]?)"

MARKETS: Final[Mapping[str, Market]] = {
    "1x2": Market(("home", "draw", "away"), _by_score(_one_x_two), _EACH_WINNER),
    "total": Market(("over", "under"), _by_line(_total), _totals_about, needs_line=True),
    "asian_handicap": Market(
        ("home", "away"), _by_line(_asian_handicap), _margins_about, needs_line=True
    ),
    "both_teams_to_score": Market(
        ("yes", "no"), _by_score(_both_teams_to_score), _always(_ended(1, 1), _ended(0, 0))
    ),
    "draw_no_bet": Market(("home", "away"), _by_score(_draw_no_bet), _EACH_WINNER),
    "double_chance": Market(("1X", "X2", "12"), _by_score(_double_chance), _EACH_WINNER),
    "correct_score": Market(
        (),
        _by_score(_correct_score),
        _always(),
        pattern=re.compile(rf"{_GOALS}:{_GOALS}|other"),
    ),
    "half_time_full_time": Market(
        tuple(f"{half}/{full}" for half in _WINNERS for full in _WINNERS),
        _half_time_full_time,
        _EACH_TURN,
        periods=("ft",),
    ),
    "odd_even": Market(("odd", "even"), _by_score(_odd_even), _always(_ended(1, 0), _ended(0, 0))),
}


def market(market_type: str) -> Market:
    """The catalogue's row. Raises Invalid `unknown_market`."""
    row = MARKETS.get(market_type)
    if row is None:
        raise Invalid("this market is not in the catalogue", code="unknown_market")
    return row


def sides(market_type: str) -> tuple[str, ...]:
    """The complete set of answers in board order; empty where the answers are not a fixed set.

    Raises Invalid `unknown_market`.
    """
    return market(market_type).sides


def check(market_type: str, period: str, line_q4: int | None, side: str) -> None:
    """Say no to a selection that cannot exist; the entrance for prices, offers and slips.

    Raises Invalid `unknown_market` (type, or a period it is not asked for), `line_missing`,
    `line_unexpected`, `line_out_of_range`, `unknown_side`.
    """
    row = _row(market_type, period, line_q4)
    if line_q4 is not None and not row.needs_line:
        raise Invalid("this market has no line", code="line_unexpected")
    if line_q4 is not None and abs(line_q4) > MAX_LINE_Q4:
        raise Invalid("a line is at most 1000", code="line_out_of_range")
    if not row.has(side):
        raise Invalid("this market has no such side", code="unknown_side")


def grade(
    market_type: str, period: str, line_q4: int | None, side: str, facts: Facts
) -> Grade | None:
    """What `facts` make of a leg on `side`; None where they do not say.

    For `asian_handicap` the line is the home side's, whichever side is graded. The side "other" of
    `correct_score` is never known from the score alone and stays None.
    Raises Invalid `unknown_market`, `line_missing`, `unknown_side`.
    """
    row = _row(market_type, period, line_q4)
    if not row.has(side):
        raise Invalid("this market has no such side", code="unknown_side")
    return row.grader(facts, period, line_q4 or 0, side)


@lru_cache(maxsize=4096)
def states(market_type: str, line_q4: int | None) -> tuple[tuple[Grade, ...], ...]:
    """Every distinct way the market can end: one row per way, one grade per side in board order.

    Rows come from `grade` itself, so that whoever reasons over outcomes and whoever pays them use
    one table. Empty for a market whose answers are not a fixed set.
    Raises Invalid `unknown_market`, `line_missing`.
    """
    row = _row(market_type, "ft", line_q4)
    found: dict[tuple[Grade, ...], None] = {}
    for facts in row.witnesses(line_q4 or 0):
        grades = [row.grader(facts, "ft", line_q4 or 0, side) for side in row.sides]
        found[tuple(known for known in grades if known is not None)] = None
    return tuple(found)


def _row(market_type: str, period: str, line_q4: int | None) -> Market:
    row = market(market_type)
    if period not in row.periods:
        raise Invalid("this market is not asked for that period", code="unknown_market")
    if row.needs_line and line_q4 is None:
        raise Invalid("this market needs a line", code="line_missing")
    return row
