"""The accumulator bonus: a combo of enough winners is paid a share of its winnings on top."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

from overround.core.errors import Invalid


@dataclass(frozen=True, slots=True)
class BonusLadder:
    """`steps` are (from so many counted legs on, share of the winnings), rising in both.

    A leg counts if it was won in full at `price_min` or longer; void and half results do not. `cap`
    is the largest bonus, in the unit of the stake. Raises Invalid `bonus_out_of_range`.
    """

    steps: tuple[tuple[int, Fraction], ...]
    price_min: Fraction = Fraction(1)
    cap: Fraction | None = None

    def __post_init__(self) -> None:
        rising = all(a[0] < b[0] and a[1] <= b[1] for a, b in pairwise(self.steps))
        inside = all(legs >= 2 and 0 <= share <= 10 for legs, share in self.steps)
        if not (self.steps and rising and inside) or (self.cap is not None and self.cap < 0):
            raise Invalid(
                "a ladder rises, from two legs on, to at most ten times the winnings",
                code="bonus_out_of_range",
            )


def bonus(ladder: BonusLadder, prices_won: Sequence[Fraction], winnings: Fraction) -> Fraction:
    """What is paid on top of `winnings`, payout less stake, for legs won at these prices."""
    counted = sum(price >= ladder.price_min for price in prices_won)
    share = max((share for legs, share in ladder.steps if counted >= legs), default=Fraction(0))
    due = share * max(Fraction(0), winnings)
    return due if ladder.cap is None else min(due, ladder.cap)
