"""What is true of an edge: by the scores it can end in, by the result, by the chances of a
simulated match, and by where the market closed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Final

import numpy as np

from benchmarks.edges_board import PPM
from overround.core import grading, payoff
from overround.core.facts import Facts
from overround.odds import edges, pricing
from overround.odds.edges import Leg, StoredEdge, lifecycle
from overround.odds.feeds import FeedResult
from overround.odds.feeds.simulator import Simulator
from overround.odds.pricing import surebet

# What is placed in whole units: enough for their coarseness to be a cost, and not all of the gain.
TOTAL: Final = Fraction(1_000)
WHOLE_BPS: Final = 10_000


@dataclass(frozen=True, slots=True)
class Judged:
    """An edge of value beside its truth, all shares: what was claimed, how sure it was, what it is
    worth, whether something spoke against it and whether the match was on."""

    claimed: float
    sure: float
    true: float
    suspect: bool
    live: bool


def legs_of(edge: StoredEdge) -> list[Leg]:
    """The legs of an edge."""
    return [lifecycle.leg_of(leg) for leg in edge.legs]


def worst_net_ppm(edge: StoredEdge) -> int:
    """The net of the worst score at the edge's own shares, in millionths, rounded down."""
    return _ppm(_worst(edge, [Fraction(leg.stake_ppm, PPM) for leg in legs_of(edge)]))


def whole_net_ppm(edge: StoredEdge) -> int | None:
    """The net of the worst score at stakes in whole units, of their sum; None for no stakes."""
    coarse = replace(edge, legs=[{**leg, "step": "1"} for leg in edge.legs])
    found = edges.placeable(coarse, TOTAL)
    if not found.total:
        return None
    return _ppm(_worst(edge, found.stakes) / found.total)


def _worst(edge: StoredEdge, stakes: list[Fraction] | tuple[Fraction, ...]) -> Fraction:
    legs = legs_of(edge)
    level = all(grading.may_end_level(edge.sport, leg.market_type, leg.period) for leg in legs)
    asked = [
        pricing.Leg(
            leg.market_type,
            leg.side,
            Fraction(leg.price_e4, 10_000),
            leg.line_q4,
            leg.period,
            commission=Fraction(leg.commission_bps, WHOLE_BPS),
        )
        for leg in legs
    ]
    worst, _ = surebet.exact_nets(asked, stakes, level=level)
    return worst


def settled(edge: StoredEdge, result: FeedResult) -> Fraction | None:
    """The net that the result pays at the edge's shares, after commission; None where it is
    silent."""
    total = Fraction(0)
    for leg in legs_of(edge):
        facts = Facts(dict(result.scores))
        grade = grading.grade(leg.market_type, leg.period, leg.line_q4, leg.side, facts)
        if grade is None:
            return None
        net = payoff.multiplier(grade, leg.price_e4) - 1
        if net > 0:
            net *= 1 - Fraction(leg.commission_bps, WHOLE_BPS)
        total += Fraction(leg.stake_ppm, PPM) * net
    return total


def simulated_net(feed: Simulator, number: int, minute: float, leg: Leg) -> float | None:
    """What a price is worth by the chances that fixture `number` is played with at a minute; None
    where its market is decided."""
    match = feed._matches[number]  # noqa: SLF001  (the truth is nobody's to see but ours)
    quotes, start = match.quotes, match.fixture.start_min
    if minute < start:
        chances = quotes.true(minute)
    else:
        played = np.array([minute - start])
        theta = np.asarray(match.fixture.theta)[None]
        step = int(match.play.steps(played)[0])
        chances = quotes.board.fair(match.play.chances(theta, played, step))[0]
    asked = (leg.market_type, leg.period, leg.line_q4, leg.side)
    for place, (market, side) in enumerate(quotes.board.cells):
        if (market.market_type, market.period, market.line_q4, side) == asked:
            net = float(chances[place]) * leg.price_e4 / 10_000 - 1
            return None if np.isnan(net) else net
    return None


def closing_net(leg: Leg, close: Mapping[str, int], sides: tuple[str, ...]) -> float | None:
    """What a price was worth at a closing book's prices without their overround."""
    if any(close.get(side, 0) <= 10_000 for side in sides):
        return None
    prices = np.array([[close[side] / 10_000 for side in sides]])
    fair = pricing.fair.devig(prices, "probit").probabilities[0]
    net = float(fair[sides.index(leg.side)]) * leg.price_e4 / 10_000 - 1
    return None if np.isnan(net) else net


def _ppm(net: Fraction) -> int:
    return net.numerator * PPM // net.denominator
