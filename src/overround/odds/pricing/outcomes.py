"""How bets of one event can end together: every score is graded, equal rows are one state.

What a leg returns per unit is a straight line in its price, v + (1 - v) r o, so a state is a pair
of numbers for each leg: what comes back whatever the price, and how often the price. Both are read
from `core.payoff`, the function that pays bets, and the grades are `core.grading`'s; so what is
guaranteed here is what settlement pays (test: lp equals brute force over scores).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations, product
from typing import Final

import numpy as np
from numpy.typing import NDArray

from overround.core import grading, payoff
from overround.core.errors import Invalid
from overround.core.facts import Facts, Score
from overround.core.line import QUARTERS
from overround.core.price import SCALE_E4
from overround.odds.pricing.model import Floats, Integers, Leg

# Legs of a market, period and line, and the side of it.
Selection = tuple[str, str, int | None, str]

LEGS_MAX: Final = 24
# A grade's line has one of five shapes, and the rows of this many legs fit one integer.
_SHAPES: Final = 5
# Up to this many points a side every score is looked at; above it those near a line are. Two
# halves are looked at together up to so many scores.
_EXTENT_MAX: Final = 20
_HALVES_SCORES_MAX: Final = 25_000
_NUMBER: Final = re.compile("[0-9]+")
_HALVES: Final = frozenset({"ht", "2h"})
_WHOLE: Final = frozenset({"ft", "final"})
_BY_SETS: Final = frozenset({"set_handicap", "total_sets"})
# Which halves a market of the whole speaks of.
_OF_HALVES: Final = {
    "half_time_full_time": ("ht", "ft"),
    "highest_scoring_half": ("ht", "2h"),
}


def _margin(score: Score) -> int:
    return score[0] - score[1]


# Markets that one number of a score decides: their grades change along lines in the plane of
# scores, and nowhere else.
_BY_LINES: Final[Mapping[str, Callable[[Score], int]]] = {
    **dict.fromkeys(("1x2", "moneyline", "draw_no_bet", "double_chance"), _margin),
    **dict.fromkeys(("asian_handicap", "set_handicap", "handicap_1x2"), _margin),
    **dict.fromkeys(("total", "total_sets"), sum),
    "home_total": lambda score: score[0],
    "away_total": lambda score: score[1],
}
# Markets that a level score decides; beside a moneyline they say that the event can end level.
_KNOW_A_DRAW: Final = frozenset({"1x2", "double_chance", "draw_no_bet", "handicap_1x2"})


@dataclass(frozen=True, slots=True)
class Outcomes:
    """The distinct states of n legs: leg j of state k returns `fixed[k, j] + slope[k, j] * price`.

    `row_of` [scores] is the state of each score that was looked at.
    """

    fixed: Floats
    slope: Floats
    row_of: Integers


@dataclass(frozen=True, slots=True)
class Grid:
    """Which scores are looked at: `points`, or all up to `extent` a side.

    They are told under `key`. With `second` the extent is that of the first half, and every score
    of the second half up to `second` follows each. `level` says whether the event may end level.
    """

    key: str
    extent: int
    second: int | None = None
    level: bool = True
    points: tuple[Score, ...] = ()


def selection(leg: Leg) -> Selection:
    """The leg's selection. Raises Invalid as `core.grading.check`."""
    grading.check(leg.market_type, leg.period, leg.line_q4, leg.side)
    return leg.market_type, leg.period, leg.line_q4, leg.side


def may_end_level(selections: Sequence[Selection]) -> bool:
    """Whether the event can end level, as far as the markets say.

    A moneyline on the whole is asked of events that are played to a decision, unless a market
    beside it prices the draw; a half or a quarter can always end level.
    """
    types = {market_type for market_type, period, *_ in selections if period in _WHOLE}
    return "moneyline" not in types or bool(types & _KNOW_A_DRAW)


def grid_for(selections: Sequence[Selection], *, level: bool) -> Grid:
    """Scores that show every state the selections can be in together.

    (test: no state is missed). Raises Invalid `unknown_market` where their periods are not of one
    score, `line_out_of_range` for halves whose lines need too many goals.
    """
    periods = {period for _, period, *_ in selections}
    by_sets = {market_type for market_type, *_ in selections} & _BY_SETS
    several = len(periods) > 1 and periods & _HALVES
    if several or any(each[0] in _OF_HALVES for each in selections):
        return _halves(selections, level=level)
    if len(periods) > 1:
        raise Invalid("these periods are not of one score", code="unknown_market")
    key = "sets" if by_sets else periods.pop()
    extent = _extent(selections)
    if extent <= _EXTENT_MAX:
        return Grid(key, extent, level=level)
    return Grid(key, extent, level=level, points=tuple(sorted(_near_lines(selections))))


@lru_cache(maxsize=512)
def outcomes(selections: tuple[Selection, ...], grid: Grid) -> Outcomes:
    """The states of the selections on a grid.

    Raises Invalid `no_legs`, `too_many_legs` (above 24), `unknown_market` for a selection that a
    score alone does not grade.
    """
    if not selections:
        raise Invalid("there is at least one leg", code="no_legs")
    if len(selections) > LEGS_MAX:
        raise Invalid(f"there are at most {LEGS_MAX} legs", code="too_many_legs")
    columns = [_column(each, grid) for each in selections]
    key = np.zeros(len(columns[0]), dtype=np.int64)
    for column in columns:
        key = key * _SHAPES + column
    _, first, row_of = np.unique(key, return_index=True, return_inverse=True)
    shapes = np.stack([column[first] for column in columns], axis=-1)
    lines = np.array([_line(grade) for grade in _GRADES])
    return Outcomes(lines[shapes, 0], lines[shapes, 1], row_of)


@lru_cache(maxsize=4_096)
def _column(each: Selection, grid: Grid) -> NDArray[np.int8]:
    """The place in `_GRADES` of a selection's grade at every score of the grid."""
    market_type, period, line_q4, side = each
    graded: dict[object, int] = {}
    found: list[int] = []
    for facts in _facts(grid):
        what = _deciding(each, grid, facts)
        if what not in graded:
            grade = grading.grade(market_type, period, line_q4, side, facts)
            if grade not in _PLACES:
                raise Invalid("a score alone does not grade this market", code="unknown_market")
            graded[what] = _PLACES[grade]
        found.append(graded[what])
    return np.array(found, dtype=np.int8)


def _deciding(each: Selection, grid: Grid, facts: Facts) -> object:
    """What of the facts decides the selection: facts that have it in common are graded once.

    Grading is what takes the time where lines are long or halves have many goals
    (test: what decides alike is graded alike).
    """
    market_type, period, *_ = each
    if market_type in _OF_HALVES:
        return tuple(facts.scores.values())
    score = facts.scores[grid.key] if grid.second is None else facts.score(period)
    of_score = _BY_LINES.get(market_type)
    return score if of_score is None or score is None else of_score(score)


@lru_cache(maxsize=8)
def _facts(grid: Grid) -> tuple[Facts, ...]:
    return tuple(_each(grid))


def _each(grid: Grid) -> Iterator[Facts]:
    for score in grid.points or _up_to(grid.extent):
        for half, whole in _wholes(score, grid.second):
            if whole[0] != whole[1] or grid.level:
                yield Facts({grid.key: whole} if half is None else {"ht": half, grid.key: whole})


def _up_to(extent: int) -> Iterator[Score]:
    reach = range(extent + 1)
    return product(reach, reach)


def _wholes(score: Score, second: int | None) -> Iterator[tuple[Score | None, Score]]:
    """A score as it is, or as the half-time score of all that the second half can make of it."""
    if second is None:
        yield None, score
        return
    for home, away in _up_to(second):
        yield score, (score[0] + home, score[1] + away)


_GRADES: Final = (payoff.LOST, payoff.WON, payoff.VOID, payoff.HALF_WON, payoff.HALF_LOST)
_PLACES: Final[dict[payoff.Grade | None, int]] = {grade: at for at, grade in enumerate(_GRADES)}


def _line(grade: payoff.Grade) -> tuple[float, float]:
    """The payoff of a grade as a line in the price: read at the prices one and two."""
    at_one = payoff.multiplier(grade, SCALE_E4)
    slope = payoff.multiplier(grade, 2 * SCALE_E4) - at_one
    return float(at_one - slope), float(slope)


def _points_needed(each: Selection) -> int:
    """The largest number that a selection speaks of: its line, or one in its side."""
    _, _, line_q4, _ = each
    return max([-(-abs(line_q4 or 0) // QUARTERS), *_numbers(each)])


def _numbers(each: Selection) -> list[int]:
    """The numbers in a side such as "2:1" or "home/3+"; those of a fixed set ("1X") are words."""
    market_type, _, _, side = each
    fixed = grading.market(market_type).sides
    return [] if fixed else [int(text) for text in _NUMBER.findall(side)]


def _extent(selections: Sequence[Selection]) -> int:
    """Points a side within which every state shows itself; none where nothing is asked.

    A state may need as many points as a total's line and beside them as wide a margin as a
    handicap's, and some more to pass both, to be odd or even and to have a goal of either side.
    """
    if not selections:
        return 0
    margins = [_points_needed(s) for s in selections if grading.market(s[0]).is_handicap]
    points = [_points_needed(s) for s in selections if not grading.market(s[0]).is_handicap]
    beyond = 2 if all(s[0] in _BY_LINES for s in selections) else 4
    return max(margins, default=0) + max(points, default=0) + beyond


def _halves(selections: Sequence[Selection], *, level: bool) -> Grid:
    """Scores of both halves. Where the whole is asked too, one half may have to make up for what
    was asked of the other."""
    asked: dict[str, list[Selection]] = {"ht": [], "2h": [], "ft": []}
    for each in selections:
        for period in _OF_HALVES.get(each[0], (each[1],)):
            if period not in asked:
                raise Invalid("these periods are not of one score", code="unknown_market")
            asked[period].append(each)
    one, two, whole = (_extent(asked[period]) for period in ("ht", "2h", "ft"))
    if whole:
        more = max(one, two) + whole
        one, two = more if two else one, more if one else two
    if (one + 1) ** 2 * (two + 1) ** 2 > _HALVES_SCORES_MAX:
        raise Invalid("these halves have too many goals", code="line_out_of_range")
    return Grid("ft", one, second=two, level=level)


def _near_lines(selections: Sequence[Selection]) -> set[Score]:
    """Scores about every crossing of two lines at which a grade changes.

    In the plane of scores the grades change along straight lines: a margin, a total, one side's
    points. Every region they cut out has a corner, and since they meet at right angles or halves of
    them, it has a score near that corner (test: no state is missed near long lines).
    """
    lines = {(1, 0, 0), (0, 1, 0), (1, -1, 0)}.union(*(_changes(each) for each in selections))
    found: set[Score] = set()
    for (a, b, c), (d, e, f) in combinations(sorted(lines), 2):
        if (turn := a * e - b * d) != 0:
            home, away = (c * e - b * f) // turn, (a * f - c * d) // turn
            found |= set(product(_about(home), _about(away)))
    return found


def _changes(each: Selection) -> set[tuple[int, int, int]]:
    """The lines (a, b, c), all points with a * home + b * away = c, where its grade may change."""
    market_type, _, line_q4, _ = each
    numbers, at = _numbers(each), (line_q4 or 0) // QUARTERS
    if market_type == "correct_score" and numbers:
        return {(1, 0, numbers[0]), (0, 1, numbers[1])}
    lines: set[tuple[int, int, int]] = set()
    if grading.market(market_type).is_handicap:
        lines.add((1, -1, -at))
    elif line_q4 is not None and market_type.startswith(("home_", "away_")):
        lines.add((1, 0, at) if market_type.startswith("home_") else (0, 1, at))
    elif line_q4 is not None:
        lines.add((1, 1, at))
    for number in numbers:
        lines |= {(1, 0, number), (0, 1, number), (1, 1, number)}
        lines |= {(1, -1, number), (1, -1, -number)}
    return lines


def _about(point: int) -> range:
    """Past a corner, past the halves of a quarter line on both sides of it, to either parity."""
    return range(max(point - 5, 0), max(point + 8, 0))
