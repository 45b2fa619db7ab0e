"""What a bet above or below a line returns at every count, and its fair price under a distribution.

A count is a total, or a margin (home less away, negative too). A home handicap of -1.5 is a bet on
a margin above 1.5, the away side's +1.5 one below it. Grades are `core.grading`'s and returns
`core.payoff`'s, so pushes and halves are those of settlement.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Final

import numpy as np

from overround.core import grading, payoff
from overround.core.errors import Invalid
from overround.core.facts import Facts
from overround.core.line import MAX_LINE_Q4
from overround.core.price import SCALE_E4
from overround.odds.pricing.model import Floats
from overround.odds.pricing.scores import Counts

# Halving an interval this often is exact to the last digit of a float.
_HALVINGS: Final = 100

Family = Callable[[float], Counts]


def returned(counts: Counts, line_q4: int, *, above: bool) -> tuple[Floats, Floats]:
    """What one unit returns at each count [K]: `fixed + slope * price`.

    Raises Invalid `line_out_of_range`.
    """
    if abs(line_q4) > MAX_LINE_Q4:
        raise Invalid("a line is at most 1000", code="line_out_of_range")
    last = counts.lowest + len(counts.probabilities)
    both = np.array([_line(count, line_q4, above) for count in range(counts.lowest, last)])
    return both[:, 0], both[:, 1]


def fair_price(counts: Counts, line_q4: int, *, above: bool) -> float:
    """The price at which a bet is worth its stake; infinity where it cannot win.

    Raises Invalid `line_out_of_range`.
    """
    fixed, slope = returned(counts, line_q4, above=above)
    wins = float(counts.probabilities @ slope)
    return (1.0 - float(counts.probabilities @ fixed)) / wins if wins > 0.0 else float("inf")


def worth(counts: Counts, line_q4: int, price: float, *, above: bool) -> float:
    """The expected net of one unit at `price`. Raises Invalid `line_out_of_range`."""
    fixed, slope = returned(counts, line_q4, above=above)
    return float(counts.probabilities @ (fixed + slope * price)) - 1.0


def fitted(family: Family, low: float, high: float, line_q4: int, probability: float) -> Counts:
    """The member of a family whose fair price above a line is 1 / `probability`.

    `family` makes counts of a mean, more of them above any line the higher the mean is; `low` and
    `high` are the means looked at. Raises Invalid `probability_out_of_range` where none of them
    fits, `line_out_of_range`, and what `family` raises.
    """
    if not 0.0 < probability < 1.0:
        raise Invalid("a probability is inside (0, 1)", code="probability_out_of_range")
    wanted = 1.0 / probability

    def too_low(mean: float) -> bool:
        return fair_price(family(mean), line_q4, above=True) > wanted

    if not too_low(low) or too_low(high):
        raise Invalid("no mean fits this price", code="probability_out_of_range")
    for _ in range(_HALVINGS):
        middle = (low + high) / 2.0
        if middle in (low, high):
            break
        low, high = (middle, high) if too_low(middle) else (low, middle)
    return family(high)


@lru_cache(maxsize=65_536)
def _line(count: int, line_q4: int, above: bool) -> tuple[float, float]:
    """The payoff at one count as a line in the price: read at the prices one and two."""
    score = (count, 0) if count >= 0 else (0, -count)
    side = "home" if above else "away"
    grade = grading.grade("asian_handicap", "ft", -line_q4, side, Facts({"ft": score}))
    assert grade is not None
    at_one = payoff.multiplier(grade, SCALE_E4)
    slope = payoff.multiplier(grade, 2 * SCALE_E4) - at_one
    return float(at_one - slope), float(slope)
