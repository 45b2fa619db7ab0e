"""What share of a stake wins, by how a match ends: prices are made from what settlement pays.

For every way a view can end, the share of a stake on a side that wins: 1, 1/2 (a quarter line next
to its whole one) or 0. What neither side wins is returned, so a fair price is one over a side's
share of what all sides win together (test: shares are what settlement pays).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np

from overround.core.line import QUARTERS, split
from overround.odds.feeds.model import FeedMarket
from overround.odds.feeds.simulator.model import Bools, Floats, Support

SIDES: Final[dict[str, tuple[str, ...]]] = {
    "1x2": ("home", "draw", "away"),
    "moneyline": ("home", "away"),
    "draw_no_bet": ("home", "away"),
    "double_chance": ("1X", "X2", "12"),
    "asian_handicap": ("home", "away"),
    "total": ("over", "under"),
    "both_teams_to_score": ("yes", "no"),
    "odd_even": ("odd", "even"),
}

# How many sides of a market win: its fair probabilities sum to this.
WINNERS: Final[dict[str, int]] = {"double_chance": 2}


def shares(market: FeedMarket, support: Support) -> Floats:
    """Shape (cells of the support, sides of the market), sides in the order of `SIDES`."""
    return np.stack(_SHARES[market.market_type](support, market.line_q4 or 0), axis=1)


def _where(happened: Bools) -> Floats:
    return happened.astype(np.float64)


def _three_way(support: Support, _line_q4: int) -> list[Floats]:
    home, away = support
    return [_where(home > away), _where(home == away), _where(home < away)]


def _two_way(support: Support, line_q4: int) -> list[Floats]:
    home, draw, away = _three_way(support, line_q4)
    del draw
    return [home, away]


def _double_chance(support: Support, line_q4: int) -> list[Floats]:
    home, draw, away = _three_way(support, line_q4)
    return [home + draw, draw + away, home + away]


def _handicap(support: Support, line_q4: int) -> list[Floats]:
    home, away = support
    return _beyond(QUARTERS * (home - away), -line_q4)


def _total(support: Support, line_q4: int) -> list[Floats]:
    home, away = support
    return _beyond(QUARTERS * (home + away), line_q4)


def _beyond(value_q4: Floats, line_q4: int) -> list[Floats]:
    low, high = split(line_q4)
    over = (_where(value_q4 > low) + _where(value_q4 > high)) / 2
    under = (_where(value_q4 < low) + _where(value_q4 < high)) / 2
    return [over, under]


def _both_score(support: Support, _line_q4: int) -> list[Floats]:
    yes = _where(np.minimum(*support) > 0)
    return [yes, 1.0 - yes]


def _odd_even(support: Support, _line_q4: int) -> list[Floats]:
    odd = _where((support[0] + support[1]) % 2 == 1)
    return [odd, 1.0 - odd]


_SHARES: Final[dict[str, Callable[[Support, int], list[Floats]]]] = {
    "1x2": _three_way,
    "moneyline": _two_way,
    "draw_no_bet": _two_way,
    "double_chance": _double_chance,
    "asian_handicap": _handicap,
    "total": _total,
    "both_teams_to_score": _both_score,
    "odd_even": _odd_even,
}


def balanced_line(
    market_type: str, support: Support, chances: Floats, around_q4: int, step_q4: int
) -> int:
    """Of the lines within 16 steps of `around_q4`, the one whose sides are closest to even.

    A higher line is better for the home side of a handicap and worse for the over, so the place
    where the sides cross is found by halving.
    """

    def lead(step: int) -> float:
        market = FeedMarket(market_type, line_q4=around_q4 + step_q4 * step)
        first, second = (chances @ shares(market, support))[0]
        return float(first - second) / float(first + second) * rising

    rising = 1 if market_type == "asian_handicap" else -1
    low, high = -16, 16
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if lead(middle) > 0 else (middle, high)
    return around_q4 + step_q4 * min((low, high), key=lambda step: abs(lead(step)))
