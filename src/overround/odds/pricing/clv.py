"""Closing-line value: how much better the price taken was than the last one before the start.

With o taken, c the closing price of the same side and p its fair probability at the close:

    price_ratio  o / c - 1            log     ln(o p)
    no_vig       o p - 1              points  1/c - 1/o
    cents        American prices with the hundred taken off, taken less closing

`no_vig` is what the bet was worth at the close and the one to believe; a good price ratio can be
the closing book's overround. `log` is the one that adds up over bets. Where the line has moved,
`moved` prices the bet's own line by a distribution fitted to the closing one: o P(won) + P(void)
less one, halves included.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from overround.core import odds_format
from overround.core.errors import Invalid
from overround.odds.pricing import fair, lines
from overround.odds.pricing.scores import MEAN_MAX, Counts, normal_points, poisson_total, skellam

_HUNDRED: Final = 100
# The least mean of a side's goals that is looked at; a closing price needs none below it.
_MEAN_MIN: Final = 1e-3
_POINTS_MAX: Final = 1_000.0


@dataclass(frozen=True, slots=True)
class Clv:
    """The value of one taken price by every measure; `points` are probability, 0.01 is one."""

    price_ratio: float
    no_vig: float
    log: float
    cents: float
    points: float


@dataclass(frozen=True, slots=True)
class TrackedBet:
    """A bet whose price is followed: `value` where its close was seen, `net` per unit once settled.

    A bet that is void has ended but has no net: it is not a bet that returned nothing.
    """

    value: Clv | None
    net: float | None = None


@dataclass(frozen=True, slots=True)
class Record:
    """What tracked bets show, each figure over its own denominator; NaN where that is zero.

    Of `tracked` bets `graded` have a close and `settled` a net. `no_vig`, `log` and `beaten` (the
    share that was better than the fair close) are means over the graded ones, `net` over the
    settled ones.
    """

    tracked: int
    graded: int
    settled: int
    no_vig: float
    log: float
    beaten: float
    net: float


def clv(taken: Fraction, close: Sequence[Fraction], selection: int, method: str) -> Clv:
    """The value of a price against the closing prices of its market, `selection` a place in them.

    Raises Invalid `price_out_of_range`, `unknown_side` for a place that is none, and as
    `fair.devig_one`.
    """
    odds_format.check(taken)
    if not 0 <= selection < len(close):
        raise Invalid("the selection is a place among the closing prices", code="unknown_side")
    closing = odds_format.check(close[selection])
    probability = fair.devig_one(close, method).probabilities[selection]
    worth = float(taken) * probability
    return Clv(
        price_ratio=float(taken / closing - 1),
        no_vig=worth - 1.0,
        log=math.log(worth),
        cents=float(_cents(taken) - _cents(closing)),
        points=float(1 / closing - 1 / taken),
    )


def moved(taken: Fraction, line_q4: int, close: Counts, *, above: bool) -> float:
    """What the bet was worth at a close of another line: expected net per unit at its own line.

    `close` is fitted to the closing line (`goals_at`, `margin_at`, `points_at`). Raises Invalid
    `price_out_of_range`, `line_out_of_range`.
    """
    return lines.worth(close, line_q4, float(odds_format.check(taken)), above=above)


def goals_at(line_q4: int, over: float) -> Counts:
    """Poisson goals whose fair price over a line is 1 / `over`; raises as `lines.fitted`."""
    return lines.fitted(poisson_total, _MEAN_MIN, MEAN_MAX, line_q4, over)


def margin_at(line_q4: int, home: float, goals: float) -> Counts:
    """The Skellam margin of `goals` in all whose fair price of the home side is 1 / `home`.

    `line_q4` is the home side's handicap. Raises Invalid as `lines.fitted`.
    """
    if not 2.0 * _MEAN_MIN < goals <= MEAN_MAX:
        raise Invalid("a mean of goals is above 0 and at most 40", code="probability_out_of_range")
    reach = goals - 2.0 * _MEAN_MIN

    def family(margin: float) -> Counts:
        return skellam((goals + margin) / 2.0, (goals - margin) / 2.0)

    return lines.fitted(family, -reach, reach, -line_q4, home)


def points_at(line_q4: int, above: float, deviation: float) -> Counts:
    """Normal points whose fair price above a line is 1 / `above`; a margin is above minus its line.

    Raises Invalid as `lines.fitted` and `scores.normal_points`.
    """
    return lines.fitted(
        lambda mean: normal_points(mean, deviation), -_POINTS_MAX, _POINTS_MAX, line_q4, above
    )


def record(bets: Iterable[TrackedBet]) -> Record:
    """What bets show together, each figure over its own bets
    (test: each figure has a denominator of its own)."""
    tracked = tuple(bets)
    values = [bet.value for bet in tracked if bet.value is not None]
    nets = [bet.net for bet in tracked if bet.net is not None]
    return Record(
        tracked=len(tracked),
        graded=len(values),
        settled=len(nets),
        no_vig=_mean([value.no_vig for value in values]),
        log=_mean([value.log for value in values]),
        beaten=_mean([float(value.no_vig > 0.0) for value in values]),
        net=_mean(nets),
    )


def _cents(price: Fraction) -> Fraction:
    """An American price without the hundred that lies between +100 and -100."""
    american = odds_format.to_value(price, "american")
    return american - _HUNDRED if american > 0 else american + _HUNDRED


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values) if values else math.nan
