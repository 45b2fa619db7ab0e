"""Rule 4: what a runner withdrawn after bets were taken takes off the others' winnings.

A short runner that goes away makes every other price too good. The Tattersalls table says by how
much, as a share of the winnings (not of the stake); several withdrawals add up to a cap. Tables
differ between houses, so a table is data: a column for the win part of a bet, one for the place
part where the house has its own, the cap, and whether a sole small deduction is waived. Source:
Tattersalls' Rules on Betting, rule 4(c).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from overround.core.errors import Invalid

# No race starts with more; who sends a longer list has made a mistake.
RUNNERS_MAX: Final = 100
# (longest odds as a profit per unit, percent taken off), shortest first.
Column = tuple[tuple[Fraction, int], ...]


@dataclass(frozen=True, slots=True)
class Rule4Table:
    """Columns (`place` None: as `win`), the percent at most, the sole percent that is waived."""

    win: Column
    place: Column | None = None
    cap_pct: int = 90
    waived_alone_pct: int = 0


TATTERSALLS: Final = Rule4Table(
    win=(
        (Fraction(1, 9), 90),
        (Fraction(2, 11), 85),
        (Fraction(1, 4), 80),
        (Fraction(3, 10), 75),
        (Fraction(2, 5), 70),
        (Fraction(8, 15), 65),
        (Fraction(8, 13), 60),
        (Fraction(4, 5), 55),
        (Fraction(20, 21), 50),
        (Fraction(6, 5), 45),
        (Fraction(6, 4), 40),
        (Fraction(7, 4), 35),
        (Fraction(9, 4), 30),
        (Fraction(3), 25),
        (Fraction(4), 20),
        (Fraction(11, 2), 15),
        (Fraction(9), 10),
        (Fraction(14), 5),
    )
)


def deduction(
    withdrawn: Sequence[Fraction], table: Rule4Table = TATTERSALLS, *, place: bool = False
) -> Fraction:
    """The share of winnings that withdrawals at these decimal prices take off: 0 to 0.9.

    A price between two rows of the table falls into the longer one, which takes off less: the doubt
    is the player's. Raises Invalid `price_out_of_range` for a price that is not above 1,
    `too_many_legs` above 100 of them.
    """
    if len(withdrawn) > RUNNERS_MAX:
        raise Invalid(f"at most {RUNNERS_MAX} are withdrawn", code="too_many_legs")
    if any(price <= 1 for price in withdrawn):
        raise Invalid("a price is above 1", code="price_out_of_range")
    column = table.place if place and table.place is not None else table.win
    found = [pct for pct in (_percent(price - 1, column) for price in withdrawn) if pct]
    if len(found) == 1 and found[0] <= table.waived_alone_pct:
        return Fraction(0)
    return Fraction(min(sum(found), table.cap_pct), 100)


def _percent(profit: Fraction, column: Column) -> int:
    return next((pct for longest, pct in column if profit <= longest), 0)
