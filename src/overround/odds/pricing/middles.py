"""Two bets on a count, one above a line and one below another: how likely both win, or both lose.

With the lower line below the higher there is a gap in which both win, a middle; the other way round
both lose in it, a Polish middle. How likely the gap is comes from a distribution of the count
(`scores`), not from a figure per number, because the numbers in it are not alike. With net w in the
worst case and b in the best, a middle is worth its stake where the best has the probability
-w / (b - w).
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from overround.core.odds_format import check as check_price
from overround.odds.pricing import cover
from overround.odds.pricing.lines import returned
from overround.odds.pricing.model import Floats
from overround.odds.pricing.scores import Counts


@dataclass(frozen=True, slots=True)
class LineBet:
    """A bet that a count ends above a line or below it, at a decimal price."""

    line_q4: int
    price: Fraction
    above: bool


@dataclass(frozen=True, slots=True)
class Middle:
    """A pair with its stakes as shares of the total, and what the shares return, net.

    `both_win` and `both_lose` are the probabilities of the two bets ending so entirely. At a
    probability of `break_even` for the best outcome, and the worst one otherwise, the pair is worth
    its stake; it is NaN where every outcome is the same.
    """

    shares: tuple[float, float]
    worst: float
    best: float
    expected: float
    both_win: float
    both_lose: float
    break_even: float


def middle(first: LineBet, second: LineBet, counts: Counts) -> Middle:
    """The pair with the stakes whose worst outcome is the best (`cover.divide`).

    Raises Invalid `price_out_of_range`, `line_out_of_range`.
    """
    returns = np.stack([_returns(bet, counts) for bet in (first, second)], axis=-1)
    rows, row_of = np.unique(returns, axis=0, return_inverse=True)
    shares = cover.divide(rows).shares
    nets = rows @ shares - 1.0
    chances = np.bincount(row_of.reshape(-1), weights=counts.probabilities, minlength=len(rows))
    prices = np.array([float(first.price), float(second.price)])
    worst, best = float(nets.min()), float(nets.max())
    return Middle(
        shares=(float(shares[0]), float(shares[1])),
        worst=worst,
        best=best,
        expected=float(chances @ nets),
        both_win=float(chances[(rows == prices).all(axis=1)].sum()),
        both_lose=float(chances[(rows == 0.0).all(axis=1)].sum()),
        break_even=break_even(worst, best),
    )


def break_even(worst: float, best: float) -> float:
    """The probability of the best net at which it makes up for the worst; NaN for one net."""
    return -worst / (best - worst) if best > worst else float("nan")


def _returns(bet: LineBet, counts: Counts) -> Floats:
    fixed, slope = returned(counts, bet.line_q4, above=bet.above)
    return fixed + slope * float(check_price(bet.price))
