"""The highest expected log of wealth under linear limits: the program behind `kelly`.

    maximise sum_k p_k ln(w_k + (R f)_k)   so that   G f <= h

with the wealth w_k that is there in state k whatever is bet, net returns R [K, n] and stakes f as
shares of the bankroll. It is concave. A primal-dual interior-point method finds which limits hold
the stakes (S. Boyd, L. Vandenberghe, "Convex Optimization" (2004), 11.7); Newton's method on those
then gives the last digits. The multipliers it ends with are a certificate: `residual` bounds what
any other stakes could add, per unit of stake, whatever the way they were found.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from overround.odds.pricing.model import Floats, Mask

_ROUNDS_MAX: Final = 200
_POLISH_MAX: Final = 8
_ACCURATE: Final = 1e-12
# How much closer to complementary each round aims, and how near to a limit it may go.
_SHARPER: Final = 10.0
_INSIDE: Final = 0.99
_HALVINGS_MAX: Final = 60


@dataclass(frozen=True, slots=True)
class Wager:
    """States with probabilities [K] and wealth [K], returns [K, n], limits [c, n] and [c]."""

    probabilities: Floats
    wealth: Floats
    returns: Floats
    limits: Floats
    room: Floats

    def growth(self, stakes: Floats) -> float:
        """Expected log of wealth in nats; minus infinity where a state is ruin."""
        wealth = self.wealth + self.returns @ stakes
        if wealth.min() <= 0.0:
            return -float("inf")
        return float(self.probabilities @ np.log(wealth))

    def slope(self, stakes: Floats) -> Floats:
        """What a further unit on each bet adds to the growth [n]."""
        wealth = self.wealth + self.returns @ stakes
        return np.asarray((self.probabilities / wealth) @ self.returns, dtype=np.float64)

    def curvature(self, stakes: Floats) -> Floats:
        """Minus the growth's second derivative [n, n], not negative."""
        scaled = self.returns / (self.wealth + self.returns @ stakes)[:, None]
        return np.asarray((scaled.T * self.probabilities) @ scaled, dtype=np.float64)

    def residual(self, stakes: Floats, prices: Floats) -> float:
        """How far stakes and the prices of the limits are from optimal.

        The largest of: a slope that no price explains, a price of a limit that is not reached, a
        price below zero, a limit that is passed.
        """
        slack = self.room - self.limits @ stakes
        unexplained = np.abs(self.slope(stakes) - self.limits.T @ prices).max()
        idle = float(np.abs(prices * slack).sum())
        return max(float(unexplained), idle, float(-prices.min()), float(-slack.min()), 0.0)


def most(wager: Wager, start: Floats) -> tuple[Floats, float]:
    """Stakes [n] of the highest growth and the residual that certifies them.

    `start` is strictly inside all limits and away from ruin.
    """
    stakes, prices = _inside(wager, start)
    best, residual = stakes, wager.residual(stakes, prices)
    for _ in range(_POLISH_MAX):
        slack = wager.room - wager.limits @ stakes
        stakes, prices = _polished(wager, stakes, prices > slack)
        if (wager.wealth + wager.returns @ stakes).min() <= 0.0:
            break
        found = wager.residual(stakes, prices)
        if not found < residual:
            break
        best, residual = stakes, found
    return best, residual


def _inside(wager: Wager, start: Floats) -> tuple[Floats, Floats]:
    """Stakes and prices of the limits, nearly complementary, from strictly inside."""
    stakes = start
    slack = wager.room - wager.limits @ stakes
    prices = 1.0 / (slack * len(slack))
    for _ in range(_ROUNDS_MAX):
        gap = float(prices @ slack)
        if gap < _ACCURATE and wager.residual(stakes, prices) < _ACCURATE:
            break
        aim = gap / (_SHARPER * len(slack))
        uphill = wager.slope(stakes) - wager.limits.T @ prices
        weight = prices / slack
        matrix = wager.curvature(stakes) + (wager.limits.T * weight) @ wager.limits
        push = uphill - wager.limits.T @ ((aim - prices * slack) / slack)
        step = _solved(matrix, push)
        eased = -(wager.limits @ step)
        dearer = (aim - prices * slack - prices * eased) / slack
        length = _length(wager, (stakes, step), (slack, eased), (prices, dearer), aim)
        if length == 0.0:
            break
        stakes = stakes + length * step
        prices = prices + length * dearer
        slack = wager.room - wager.limits @ stakes
        if slack.min() <= 0.0:
            break
    return stakes, prices


def _length(
    wager: Wager,
    stakes: tuple[Floats, Floats],
    slack: tuple[Floats, Floats],
    prices: tuple[Floats, Floats],
    aim: float,
) -> float:
    """How far along a direction everything stays positive and the conditions come nearer."""
    wealth = wager.wealth + wager.returns @ stakes[0]
    length = min(
        1.0,
        _reach(slack[0], slack[1]),
        _reach(prices[0], prices[1]),
        _reach(wealth, wager.returns @ stakes[1]),
    )

    def distance(along: float) -> float:
        priced = prices[0] + along * prices[1]
        unexplained = wager.slope(stakes[0] + along * stakes[1]) - wager.limits.T @ priced
        uneven = priced * (slack[0] + along * slack[1]) - aim
        return float(np.sqrt(unexplained @ unexplained + uneven @ uneven))

    now = distance(0.0)
    for _ in range(_HALVINGS_MAX):
        if distance(length) <= (1.0 - 0.01 * length) * now:
            return length
        length /= 2.0
    return 0.0


def _reach(value: Floats, change: Floats) -> float:
    """The longest step that leaves a positive value a hundredth of itself."""
    falling = change < 0.0
    return float((_INSIDE * value[falling] / -change[falling]).min()) if falling.any() else 1.0


def _polished(wager: Wager, stakes: Floats, reached: Mask) -> tuple[Floats, Floats]:
    """One round of Newton's method with the reached limits as equations: stakes and prices."""
    held = wager.limits[reached]
    n, count = len(stakes), len(held)
    matrix = np.zeros((n + count, n + count))
    matrix[:n, :n] = wager.curvature(stakes)
    matrix[:n, n:] = held.T
    matrix[n:, :n] = held
    missing = wager.room[reached] - held @ stakes
    answer = _solved(matrix, np.concatenate([wager.slope(stakes), missing]))
    prices = np.zeros(len(wager.room))
    prices[reached] = answer[n:]
    moved = stakes + answer[:n]
    # A stake that is held at zero is zero, not what rounding leaves of it.
    at_zero = reached[:n] & (wager.room[:n] == 0.0)
    return np.where(at_zero, 0.0, moved), prices


def _solved(matrix: NDArray[Any], right: NDArray[Any]) -> Floats:
    """The solution of least length: bets that make each other up leave a choice."""
    return np.asarray(np.linalg.lstsq(matrix, right, rcond=1e-14)[0], dtype=np.float64)
