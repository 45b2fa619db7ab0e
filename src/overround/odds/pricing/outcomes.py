"""How bets of one event can end together: every score is graded, equal rows are one state.

What a leg returns per unit is a straight line in its price, v + (1 - v) r o, so a state is a pair
of numbers for each leg: what comes back whatever the price, and how often the price. Both are read
from `core.payoff`, the function that pays bets, and the grades are `core.grading`'s; so what is
guaranteed here is what settlement pays (test: lp equals brute force over scores).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations, product
from typing import Final

import numpy as np

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
# Up to this many points a side every score is looked at; above it those near a line are.
_EXTENT_MAX: Final = 20
_HALVES_EXTENT_MAX: Final = 8
_NUMBER: Final = re.compile("[0-9]+")
_HALVES: Final = frozenset({"ht", "2h"})
_BY_SETS: Final = frozenset({"set_handicap", "total_sets"})
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
    """Which scores are looked at: `points`, or all up to `extent` a side (`halves`: with those at
    half-time); under which key of the facts, and whether level ones are among them."""

    key: str
    extent: int
    halves: bool = False
    level: bool = True
    points: tuple[Score, ...] = ()


def selection(leg: Leg) -> Selection:
    """The leg's selection. Raises Invalid as `core.grading.check`."""
    grading.check(leg.market_type, leg.period, leg.line_q4, leg.side)
    return leg.market_type, leg.period, leg.line_q4, leg.side


def may_end_level(selections: Sequence[Selection]) -> bool:
    """Whether the event can end level, as far as the markets say.

    A moneyline is asked of events that are played to a decision, unless a market beside it prices
    the draw.
    """
    types = {market_type for market_type, *_ in selections}
    return "moneyline" not in types or bool(types & _KNOW_A_DRAW)


def grid_for(selections: Sequence[Selection], *, level: bool) -> Grid:
    """Scores that show every state the selections can be in together.

    Raises Invalid `unknown_market` where their periods are not of one score, `line_out_of_range`
    for halves beyond eight goals.
    """
    periods = {period for _, period, *_ in selections}
    by_sets = {market_type for market_type, *_ in selections} & _BY_SETS
    halves = bool(periods & _HALVES) or any(s[0] in _HALF_TIME for s in selections)
    if halves:
        if not periods <= _HALVES | {"ft"}:
            raise Invalid("these periods are not of one score", code="unknown_market")
        extent = min(_extent(selections), _HALVES_EXTENT_MAX)
        if max(map(_points_needed, selections)) > _HALVES_EXTENT_MAX - 2:
            raise Invalid("halves are graded up to six goals", code="line_out_of_range")
        return Grid("ft", extent, halves=True, level=level)
    if len(periods) > 1:
        raise Invalid("these periods are not of one score", code="unknown_market")
    key = "sets" if by_sets else periods.pop()
    extent = _extent(selections)
    if extent <= _EXTENT_MAX:
        return Grid(key, extent, level=level)
    return Grid(key, extent, level=level, points=tuple(sorted(_near_lines(selections))))


@lru_cache(maxsize=2_048)
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


@lru_cache(maxsize=8_192)
def _column(each: Selection, grid: Grid) -> Integers:
    """The place in `_GRADES` of a selection's grade at every score of the grid."""
    market_type, period, line_q4, side = each
    found: list[int] = []
    for facts in _facts(grid):
        grade = grading.grade(market_type, period, line_q4, side, facts)
        if grade not in _PLACES:
            raise Invalid("a score alone does not grade this market", code="unknown_market")
        found.append(_PLACES[grade])
    return np.array(found, dtype=np.int64)


@lru_cache(maxsize=64)
def _facts(grid: Grid) -> tuple[Facts, ...]:
    return tuple(_each(grid))


def _each(grid: Grid) -> Iterator[Facts]:
    reach = range(grid.extent + 1)
    for home, away in grid.points or product(reach, reach):
        if home == away and not grid.level:
            continue
        if grid.halves:
            for half in product(range(home + 1), range(away + 1)):
                yield Facts({"ht": half, grid.key: (home, away)})
        else:
            yield Facts({grid.key: (home, away)})


_GRADES: Final = (payoff.LOST, payoff.WON, payoff.VOID, payoff.HALF_WON, payoff.HALF_LOST)
_PLACES: Final[dict[payoff.Grade | None, int]] = {grade: at for at, grade in enumerate(_GRADES)}
_HALF_TIME: Final = frozenset({"half_time_full_time", "highest_scoring_half"})


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
    """Points a side within which every state shows itself.

    A state may need as many points as a total's line and beside them as wide a margin as a
    handicap's, and two more to pass both.
    """
    margins = [_points_needed(s) for s in selections if grading.market(s[0]).is_handicap]
    points = [_points_needed(s) for s in selections if not grading.market(s[0]).is_handicap]
    return max(margins, default=0) + max(points, default=0) + 2


def _near_lines(selections: Sequence[Selection]) -> set[Score]:
    """Scores about every crossing of two lines at which a grade changes.

    In the plane of scores the grades change along straight lines: a margin, a total, one side's
    points. Every region they cut out has a corner, and since they meet at right angles or halves of
    them, it has a score within three points of that corner.
    """
    lines = {(1, 0, 0), (0, 1, 0), (1, -1, 0)}
    for each in selections:
        market_type, _, line_q4, _ = each
        at = (line_q4 or 0) // QUARTERS
        if grading.market(market_type).is_handicap:
            lines.add((1, -1, -at))
        elif line_q4 is not None and market_type.startswith(("home_", "away_")):
            lines.add((1, 0, at) if market_type.startswith("home_") else (0, 1, at))
        elif line_q4 is not None:
            lines.add((1, 1, at))
        for number in set(_numbers(each)):
            lines |= {(1, 0, number), (0, 1, number), (1, 1, number), (1, -1, number)}
            lines.add((1, -1, -number))
    found: set[Score] = set()
    for (a, b, c), (d, e, f) in combinations(sorted(lines), 2):
        if (turn := a * e - b * d) != 0:
            home, away = (c * e - b * f) // turn, (a * f - c * d) // turn
            found |= set(product(_about(home), _about(away)))
    return found


def _about(point: int) -> range:
    return range(max(point - 3, 0), max(point + 5, 0))
