"""The one-parameter families of de-vigging, solved for many markets at once by Newton's method.

Every function takes blocks [n, m] of m markets with their n answers *first*, because a sum over
the first axis of such a block is three times as fast as one over a short last axis. `target` [m] is
what each market's probabilities sum to. A market with a NaN stays NaN.

power, odds_ratio and probit work both ways: towards a smaller sum they take an overround away,
towards a larger one they put it on. Shin's model is solved one way by `shin` and the other by
`shin_booked`. Sources: S. Clarke, S. Kovalchik, M. Ingram, "Adjusting bookmaker's odds to allow for
overround" (2017) for power; K. Cheung, "Fixed-odds betting and traditional odds" (2015) for the
odds ratio, of which probit is the same shift on the scale of the normal distribution; H. S. Shin,
"Measuring the incidence of insider trading" (1993), in B. Jullien and B. Salanie's closed form
(1994), for Shin.
"""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import Final

import numpy as np

from overround.odds.pricing.model import Floats

Solved = tuple[Floats, Floats]

# Newton doubles its correct digits each round and real markets need about five; the bound is for
# markets of absurd prices (test: every method converges at 1.0001).
_ROUNDS_MAX: Final = 100
_TOLERANCE: Final = 1e-14

# The C library is right to the last digit in the tails, which no short rational formula is.
_erfc = np.frompyfunc(math.erfc, 1, 1)
_inv_cdf = np.frompyfunc(NormalDist().inv_cdf, 1, 1)
_ROOT_2: Final = math.sqrt(2.0)
_ROOT_2_PI: Final = math.sqrt(2.0 * math.pi)


def power(shares: Floats, target: Floats) -> Solved:
    """shares ** k with sum `target`, and k.

    Newton on log(sum(shares ** k)) - log(target), which is convex and falling in k: from any start
    the first step lands at or below the root and the others climb to it, so none overshoots.
    """
    logs = np.log(shares)
    log_target = np.log(target)
    exponent = np.where(np.isnan(logs).any(axis=0), np.nan, 1.0)
    powers = shares
    for _ in range(_ROUNDS_MAX):
        total = powers.sum(axis=0)
        slope = (powers * logs).sum(axis=0) / total
        step = (np.log(total) - log_target) / slope
        exponent = exponent - step
        powers = np.exp(exponent * logs)
        if _settled(step, exponent):
            break
    return powers, exponent


def odds_ratio(shares: Floats, target: Floats) -> Solved:
    """s / (c + s - c s) with sum `target`, and c: every odds s / (1 - s) is divided by c.

    The sum is convex and falling in c, so Newton from c = 1 does not overshoot downwards; a step
    that would leave the positive numbers is cut to an eighth of where it began.
    """
    rest = 1.0 - shares
    ratio = np.where(np.isnan(shares).any(axis=0), np.nan, 1.0)
    fair = shares
    for _ in range(_ROUNDS_MAX):
        slope = (fair * (1.0 - fair)).sum(axis=0) / ratio
        step = (target - fair.sum(axis=0)) / slope
        step = np.minimum(step, 0.875 * ratio)
        ratio = ratio - step
        fair = shares / (shares + ratio * rest)
        if _settled(step, ratio):
            break
    return fair, ratio


def probit(shares: Floats, target: Floats) -> Solved:
    """Phi(Phi^-1(s) - c) with sum `target`, and c: every answer moves as far on the normal scale.

    With t = Phi^-1(target / n) the root lies between min(x) - t and max(x) - t, where all answers
    are above or all below the mean; a Newton step that leaves the bracket is replaced by its half.
    """
    gone = np.isnan(shares).any(axis=0) | np.isnan(target)
    x = _quantile(np.where(gone, 0.5, shares))
    wanted = np.where(gone, 1.0, target)
    middle = _quantile(wanted / len(shares))
    low: Floats = x.min(axis=0) - middle
    high: Floats = x.max(axis=0) - middle
    shift = np.clip(np.zeros_like(low), low, high)
    fair = _normal(x - shift)
    for _ in range(_ROUNDS_MAX):
        excess: Floats = fair.sum(axis=0) - wanted
        low, high = np.where(excess >= 0, shift, low), np.where(excess <= 0, shift, high)
        slope: Floats = np.exp(-0.5 * (x - shift) ** 2).sum(axis=0) / _ROOT_2_PI
        newton = shift + excess / np.maximum(slope, 1e-300)
        moved = np.where((newton >= low) & (newton <= high), newton, (low + high) / 2)
        step, shift = shift - moved, moved
        fair = _normal(x - shift)
        if _settled(step, shift):
            break
    return np.where(gone, np.nan, fair), np.where(gone, np.nan, shift)


def shin(face: Floats, target: Floats) -> Solved:
    """Shin's probabilities and z, the share of bets by those who know: [n, m] of 1/price.

    With a = q^2 / B and s = sqrt(z^2 + 4 (1 - z) a) they are (s - z) / (2 (1 - z)), written here as
    2 a / (s + z), which does not cancel. Their sum falls in z with the slope -sum(p (1 - p) / s),
    from sqrt(B) at z = 0 to below one at z = 1. A target other than one is that many winners: the
    model is asked of q / target, and its answer multiplied; NaN where no z gives the target. For
    two answers this is `additive`.
    """
    shares = face / target
    squares = shares * shares / shares.sum(axis=0)
    # With z towards one the sum falls towards that of the squares: above one it has no root.
    explained = squares.sum(axis=0) < 1.0
    quadruple = np.where(explained, 4.0 * squares, np.nan)
    insiders = np.where(explained, 0.0, np.nan)
    root = np.sqrt(quadruple)
    fair = 0.5 * root
    for _ in range(_ROUNDS_MAX):
        step = (fair.sum(axis=0) - 1.0) / ((fair - fair * fair) / root).sum(axis=0)
        # z = 1 is where all bets are by those who know; a step goes at most halfway there.
        step = np.minimum(step, 0.5 * (1.0 - insiders))
        insiders = insiders + step
        root = np.sqrt(insiders * insiders + (1.0 - insiders) * quadruple)
        fair = 0.5 * quadruple / (root + insiders)
        if _settled(step, insiders):
            break
    return fair * target, insiders


def shin_booked(fair: Floats, target: Floats) -> Solved:
    """The shares 1/price of a book with sum `target` whose Shin probabilities are `fair`, and z.

    Shares are sqrt(B p (z + (1 - z) p)) with the z for which the roots sum to sqrt(B). The sum is
    concave and rising in z, so Newton from z = 0 climbs to the root. NaN where the book's sum is
    more than the model can explain (B above the square of the sum of sqrt(p)).
    """
    squares = fair * fair
    wanted = np.sqrt(target)
    reachable = wanted <= np.sqrt(fair).sum(axis=0)
    insiders = np.where(reachable, 0.0, np.nan)
    roots = np.where(reachable, fair, np.nan)
    for _ in range(_ROUNDS_MAX):
        slope = ((fair - squares) / (2.0 * roots)).sum(axis=0)
        step = (wanted - roots.sum(axis=0)) / slope
        insiders = insiders + step
        roots = np.sqrt(squares + insiders * (fair - squares))
        if _settled(step, insiders):
            break
    return wanted * roots, insiders


def _settled(step: Floats, value: Floats) -> bool:
    return not np.any(np.abs(step) > _TOLERANCE * np.maximum(1.0, np.abs(value)))


def _normal(x: Floats) -> Floats:
    """The normal distribution function, any shape."""
    return 0.5 * np.asarray(_erfc(x / -_ROOT_2), dtype=np.float64)


def _quantile(p: Floats) -> Floats:
    """Its inverse, of probabilities inside (0, 1), any shape."""
    return np.asarray(_inv_cdf(p), dtype=np.float64)
