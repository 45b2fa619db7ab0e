"""Arbitrage and middles across the markets of one event: candidates in closed form, then exactly.

Every answer that asks for a margin or a total above or below some number is a leg on one axis: home
at -0.5, and the home win, are a margin above 0.5. Two legs that meet or overlap are a candidate
where 1/a + 1/b < 1, because either loses all in some state; the draw between two legs that it does
not push is one where what is left after 1/h and 1/a pays in it. Candidates are solved over every
score by the linear program of `pricing.surebet`, so what is reported is what settlement pays.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import lru_cache
from heapq import nsmallest
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from overround.core import grading
from overround.core.errors import Invalid
from overround.core.price import SCALE_E4
from overround.odds.edges.gates import Spot
from overround.odds.edges.view import View
from overround.odds.pricing import Leg, surebet

Floats = NDArray[np.float64]
Place = Literal["above", "below", "level"]
# What a leg asks: type, period, line, side, price.
Asked = tuple[str, str, int | None, str, int]

# On which axis a market lies, and which number its sides are about where it has no line.
_MARGINS: Final[Mapping[str, Mapping[str, tuple[int, Place]]]] = {
    "1x2": {"home": (2, "above"), "draw": (0, "level"), "away": (-2, "below")},
    "moneyline": {"home": (0, "above"), "away": (0, "below")},
    "draw_no_bet": {"home": (0, "above"), "away": (0, "below")},
    "double_chance": {"1X": (-2, "above"), "X2": (2, "below")},
}
_TOTALS: Final = frozenset({"total", "home_total", "away_total"})
# Pairs that overlap by more than this many quarters lose both in the gap, whatever they pay.
_GAP_MAX_Q4: Final = 1
# Beside the draw a leg is pushed, halved or lost within so many quarters of level.
_NEAR_Q4: Final = 2
# So many candidates of an axis are solved, the most promising first.
_SOLVED_MAX: Final = 2
# How many legs one program takes: more take longer than they are worth.
_PROGRAM_MAX: Final = 12
_HALF_Q4: Final = 2
_QUARTERS: Final = 4
# What of a stake of 1/price comes back where a leg is two quarters or more beyond level, one, level
# with it, one or two short: won, half won, pushed, half lost, lost.
_OF_STAKE: Final = (1.0, 0.5, 0.0, 0.0, 0.0)
_OF_PRICE: Final = (0.0, 0.5, 1.0, 0.5, 0.0)
# A figure nearer to zero than this is the solver's own inaccuracy.
_ZERO: Final = 1e-7


@dataclass(slots=True)
class Axis:
    """The legs of one event and period about one number: spots with their quarters and prices."""

    above: list[tuple[int, Spot, int]] = field(default_factory=list[tuple[int, Spot, int]])
    below: list[tuple[int, Spot, int]] = field(default_factory=list[tuple[int, Spot, int]])
    draw: list[tuple[int, Spot, int]] = field(default_factory=list[tuple[int, Spot, int]])


@dataclass(frozen=True, slots=True)
class Solved:
    """Legs of several markets with their shares; `guaranteed` and `best` are net, per unit."""

    axis: str
    spots: tuple[Spot, ...]
    shares: tuple[Fraction, ...]
    guaranteed: Fraction
    best: Fraction
    naive: float


@dataclass(frozen=True, slots=True)
class Middle:
    """A pair that wins both between its lines; `chance` is how likely that is believed to be."""

    solved: Solved
    chance: float

    @property
    def expected(self) -> float:
        """The mean net per unit of the total stake."""
        return float(self.solved.guaranteed) * (1 - self.chance) + (
            float(self.solved.best) * self.chance
        )


def axes(view: View, best_e4: NDArray[np.int64], rows: NDArray[np.int64]) -> dict[str, Axis]:
    """The best leg of every answer, by event, axis and period; `best_e4` and `rows` [columns]."""
    found: defaultdict[str, Axis] = defaultdict(Axis)
    prices, whose = best_e4.tolist(), rows.tolist()
    starts = view.starts.tolist()
    for place, cells in enumerate(view.markets):
        about = _about(cells.market_type, cells.line_q4)
        if about is None:
            continue
        name, by_side = about
        axis = found[f"{cells.event_id}|{name}|{cells.period}"]
        for n, side in enumerate(cells.sides):
            column = starts[place] + n
            if prices[column] and side in by_side:
                quarters, where = by_side[side]
                spot = Spot(place, column, whose[column])
                leg = (quarters, spot, prices[column])
                legs = {"above": axis.above, "below": axis.below, "level": axis.draw}[where]
                legs.append(leg)
    return dict(found)


def arbitrage(view: View, name: str, axis: Axis) -> Solved | None:
    """The best arbitrage of an axis over more than one market, if there is one."""
    best: Solved | None = None
    for spots in _candidates(axis):
        if len({spot.place for spot in spots}) < 2:
            continue
        solved = _solved(view, name, spots)
        if solved is not None and solved.guaranteed > 0:
            best = solved if best is None or solved.guaranteed > best.guaranteed else best
    if best is None or not axis.draw:
        return best
    # The linear program over the best legs of the axis may find more than the pair or the three.
    more = _solved(view, name, _likely(axis, best.spots))
    return more if more is not None and more.guaranteed > best.guaranteed else best


def middle(view: View, name: str, axis: Axis, together: Floats, cost: float) -> Middle | None:
    """The cheapest pair of half lines with a number between them, if it costs at most `cost`.

    `together` [columns] is what the sources believe; half lines cannot push, so the chance of the
    gap is the difference of two of their probabilities, and no model of scores is needed.
    """
    pairs: list[tuple[float, Spot, Spot]] = []
    for low, above, over_e4 in axis.above:
        for high, below, under_e4 in axis.below:
            halves = low % _QUARTERS == _HALF_Q4 == high % _QUARTERS
            if halves and low < high and not np.isnan(together[[above.column, below.column]]).any():
                inverse = SCALE_E4 / over_e4 + SCALE_E4 / under_e4
                if 1.0 <= inverse <= 1.0 + cost:
                    pairs.append((inverse, above, below))
    if not pairs:
        return None
    _, above, below = min(pairs, key=lambda pair: (pair[0], pair[1].column, pair[2].column))
    chance = float(together[above.column] + together[below.column]) - 1.0
    solved = _solved(view, name, (above, below))
    return None if solved is None or chance <= 0.0 else Middle(solved, chance)


def _about(
    market_type: str, line_q4: int | None
) -> tuple[str, dict[str, tuple[int, Place]]] | None:
    """The axis of a market, and for each side the quarters that it is above or below."""
    if market_type in _MARGINS:
        return "margin", dict(_MARGINS[market_type])
    if line_q4 is None:
        return None
    if market_type == "asian_handicap":
        return "margin", {"home": (-line_q4, "above"), "away": (-line_q4, "below")}
    if market_type in _TOTALS:
        return market_type, {"over": (line_q4, "above"), "under": (line_q4, "below")}
    return None


def _candidates(axis: Axis) -> Iterator[tuple[Spot, ...]]:
    """Legs that may be an arbitrage, the most promising of the pairs and of those with a draw.

    Number by number: an axis has a few legs, and arrays of so few cost ten times as much.
    """
    if not axis.above or not axis.below:
        return
    above = [(low, SCALE_E4 / price_e4, spot) for low, spot, price_e4 in axis.above]
    below = [(high, SCALE_E4 / price_e4, spot) for high, spot, price_e4 in axis.below]
    least = min(under for _, under, _ in below)
    # Whatever lies between them, who pays for both has to have something left.
    cheap = [
        (low, high, over, under, one, two)
        for one, (low, over, _) in enumerate(above)
        if over + least < 1.0
        for two, (high, under, _) in enumerate(below)
        if over + under < 1.0
    ]
    pairs = [
        (over + under, one, two)
        for low, high, over, under, one, two in cheap
        if low - high <= _GAP_MAX_Q4 and above[one][2].place != below[two][2].place
    ]
    for _, one, two in nsmallest(_SOLVED_MAX, pairs):
        yield above[one][2], below[two][2]
    if not axis.draw:
        return
    quarters, draw, draw_e4 = max(axis.draw, key=lambda leg: (leg[2], -leg[1].column))
    threes = list[tuple[float, int, int]]()
    for low, high, over, under, one, two in cheap:
        if abs(low) <= _NEAR_Q4 and abs(high) <= _NEAR_Q4 and low >= high:
            at_draw = _at_level(low - quarters, over) + _at_level(quarters - high, under)
            paid = (1.0 - over - under) * (draw_e4 / SCALE_E4) + at_draw
            # Turned round so that the lowest is the most promising, and below one a candidate.
            if 2.0 - paid < 1.0:
                threes.append((2.0 - paid, one, two))
    for _, one, two in nsmallest(_SOLVED_MAX, threes):
        yield above[one][2], draw, below[two][2]


def _at_level(beyond: int, inverse: float) -> float:
    """What 1/price on a leg brings back at a level score, `beyond` quarters short of winning."""
    how = min(max(beyond, -2), 2) + 2
    return _OF_STAKE[how] + _OF_PRICE[how] * inverse


def _likely(axis: Axis, spots: Sequence[Spot]) -> tuple[Spot, ...]:
    """The legs of the best candidate with those near them, for the linear program."""
    near = [leg for leg in (*axis.above, *axis.below) if abs(leg[0]) <= _NEAR_Q4]
    listed = dict.fromkeys([*spots, *(leg[1] for leg in near), *(leg[1] for leg in axis.draw)])
    return tuple(list(listed)[:_PROGRAM_MAX])


def _solved(view: View, name: str, spots: Sequence[Spot]) -> Solved | None:
    asked: list[Asked] = []
    for spot in spots:
        cells = view.markets[spot.place]
        side = cells.sides[spot.column - int(view.starts[spot.place])]
        net_e4 = int(view.net_e4[spot.row, spot.column])
        asked.append((cells.market_type, cells.period, cells.line_q4, side, net_e4))
    cells = view.markets[spots[0].place]
    sport = view.scopes[cells.event_id].sport
    level = all(grading.may_end_level(sport, one[0], one[1]) for one in asked)
    found = _divided(tuple(asked), level)
    if found is None:
        return None
    stakes, guaranteed, best, naive = found
    used = [n for n, stake in enumerate(stakes) if stake > 0]
    return Solved(
        name.partition("|")[2].replace("|", ":"),
        tuple(spots[n] for n in used),
        tuple(stakes[n] for n in used),
        guaranteed,
        best,
        naive,
    )


@lru_cache(maxsize=16_384)
def _divided(
    asked: tuple[Asked, ...], level: bool
) -> tuple[tuple[Fraction, ...], Fraction, Fraction, float] | None:
    """Shares in whole millionths, and what exactly they bring back in the worst and best state.

    None where the legs are not of one score.
    """
    legs = [
        Leg(market_type, side, Fraction(net_e4, SCALE_E4), line_q4, period)
        for market_type, period, line_q4, side, net_e4 in asked
    ]
    try:
        found = surebet.solve(legs, level=level)
    except Invalid:
        return None
    shares = [round(share * 1_000_000) if share > _ZERO else 0 for share in found.stakes]
    total = sum(shares)
    stakes = tuple(Fraction(share, total) for share in shares)
    worst, best = surebet.exact_nets(legs, stakes, level=level)
    return stakes, worst, best, found.naive
