"""Arbitrage inside one market, from what its sides pay in every state it can end in.

The prices of a side are compared over its sources; the states and what they pay come from
`core.grading` and `core.payoff`, the same functions that settle bets. So a whole-line handicap pair
that only pushes guarantees nothing, and a quarter line guarantees its true figure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Final, cast

import numpy as np

from overround.core import grading
from overround.core.payoff import LOST, WON, Grade, multiplier
from overround.core.price import SCALE_E4
from overround.odds.edges.model import Arbitrage, ArbitrageLeg, Split
from overround.odds.pricing import cover

# source -> side -> price_e4, all of one market.
Quotes = Mapping[str, Mapping[str, int]]
# The same, of the sources that quote every side: (source, prices in board order of the sides).
_Complete = Sequence[tuple[str, tuple[int, ...]]]

# A float sum of at most nine reciprocals is off by far less; what passes is decided exactly.
_PREFILTER: Final = 1.0 + 1e-9

# A price is out of line above 1.6 times the median of the other sources' (as a ratio of integers).
_OUTLIER_RATIO: Final = (8, 5)


def best_prices(market_type: str, quotes: Quotes) -> tuple[ArbitrageLeg, ...] | None:
    """The highest price of each side over the sources that quote all sides above 1.

    In board order; of equal prices the alphabetically first source's. None where fewer than two
    sources take part or the market's sides are not a fixed set. Raises Invalid `unknown_market`.
    """
    sides = grading.sides(market_type)
    complete = _complete(sides, quotes)
    return _best(sides, complete) if len(complete) > 1 else None


def arbitrage(
    market_type: str, line_q4: int | None, quotes: Quotes, *, level: bool = True
) -> Arbitrage | None:
    """The arbitrage among the best prices of one market, or None.

    There is one where the reciprocals of the best prices sum to less than one and the prices are of
    at least two sources. Who takes part (no averages, no exchanges) is the caller's choice; sources
    that do not quote every side above 1 are passed over. Without `level` the event cannot end level
    (`grading.may_end_level`), so a moneyline cannot push. Markets whose sides overlap (double
    chance) or are not a fixed set are never reported: no closed form is exact for them.
    Raises Invalid `unknown_market`, `line_missing`.
    """
    sides = grading.sides(market_type)
    complete = _complete(sides, quotes)
    if len(complete) < 2:
        return None
    highest = [max(prices) for prices in zip(*(row for _, row in complete), strict=True)]
    if sum(SCALE_E4 / price_e4 for price_e4 in highest) > _PREFILTER:
        return None
    legs = _best(sides, complete)
    booksum = sum((Fraction(SCALE_E4, leg.price_e4) for leg in legs), Fraction(0))
    if booksum >= 1 or len({leg.source for leg in legs}) < 2:
        return None
    states = grading.states(market_type, line_q4, level=level)
    split = guarantee(states, [leg.price_e4 for leg in legs])
    if split is None:
        return None
    return Arbitrage(
        market_type=market_type,
        line_q4=line_q4,
        legs=legs,
        naive_margin=1 / booksum - 1,
        split=split,
        kind="sure" if split.guaranteed > 0 else "free_roll",
        suspect=_is_suspect(legs, complete),
    )


def guarantee(states: Sequence[tuple[Grade, ...]], prices_e4: Sequence[int]) -> Split | None:
    """The division of a stake whose worst state is the highest; None where no closed form is exact.

    `states` are rows of one grade per leg. Exact for exactly-one-wins markets of any size and for
    any two legs, pushes and half results included.
    """
    if _is_partition(states):
        return _cover(prices_e4)
    if len(prices_e4) == 2:
        return _two_way(states, prices_e4)
    return None


def _complete(sides: Sequence[str], quotes: Quotes) -> _Complete:
    found: list[tuple[str, tuple[int, ...]]] = []
    for source, by_side in quotes.items():
        prices = tuple(by_side.get(side, 0) for side in sides)
        if prices and min(prices) > SCALE_E4:
            found.append((source, prices))
    return found


def _best(sides: Sequence[str], complete: _Complete) -> tuple[ArbitrageLeg, ...]:
    legs: list[ArbitrageLeg] = []
    for place, side in enumerate(sides):
        lowered, source = min((-prices[place], source) for source, prices in complete)
        legs.append(ArbitrageLeg(side, source, -lowered))
    return tuple(legs)


def _is_partition(states: Sequence[tuple[Grade, ...]]) -> bool:
    """Whether in every state exactly one leg wins and the others lose, and each leg can win."""
    winners: set[int] = set()
    for row in states:
        if row.count(WON) != 1 or row.count(LOST) != len(row) - 1:
            return False
        winners.add(row.index(WON))
    return bool(states) and len(winners) == len(states[0])


def _cover(prices_e4: Sequence[int]) -> Split:
    prices = [Fraction(price_e4, SCALE_E4) for price_e4 in prices_e4]
    return _split(cover.proportional(np.array(prices, dtype=object)))


def _two_way(states: Sequence[tuple[Grade, ...]], prices_e4: Sequence[int]) -> Split:
    returns = [
        [multiplier(grade, price_e4) for grade, price_e4 in zip(row, prices_e4, strict=True)]
        for row in states
    ]
    return _split(cover.divide(cover.exact(returns)))


def _split(found: cover.Division) -> Split:
    """The exact division of one market; its fractions lie in arrays of objects."""
    return Split(tuple(found.shares.tolist()), _only(found.guaranteed), _only(found.best))


def _only(value: object) -> Fraction:
    """The one Fraction of an array without axes, or the Fraction itself."""
    return cast("Fraction", np.asarray(value, dtype=object)[()])


def _is_suspect(legs: Sequence[ArbitrageLeg], complete: _Complete) -> bool:
    """Whether a used price is far above its neighbours', or a source can be arbitraged by itself.

    The bound is 1.6 times the median of the other sources' prices for that side.
    """
    for _, prices in complete:
        if sum(Fraction(SCALE_E4, price_e4) for price_e4 in prices) < 1:
            return True
    above, below = _OUTLIER_RATIO
    for place, leg in enumerate(legs):
        others = sorted(prices[place] for source, prices in complete if source != leg.source)
        # The two middle values are the same one where the count is odd; twice the median is exact.
        twice_median = others[(len(others) - 1) // 2] + others[len(others) // 2]
        if 2 * below * leg.price_e4 > above * twice_median:
            return True
    return False
