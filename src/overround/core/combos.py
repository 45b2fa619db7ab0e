"""What a bet pays: a single is one leg, a combo multiplies the legs it has.

A bet is rounded once, at its end, and never a leg or a price: rounding the legs of a ten-fold moves
its payout by many minor units. A void leg multiplies by one, so a double with a void leg is paid as
a single at the same stake.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Final, Literal

from overround.core import systems
from overround.core.errors import Invalid
from overround.core.payoff import WON, Grade, multiplier_ratio

Rounding = Literal["down", "half_even"]

# A bet longer than this is refused everywhere; tenants set lower limits for their slips.
MAX_LEGS: Final = 63


def payout(stake_minor: int, legs: Sequence[tuple[Grade, int]], rounding: Rounding = "down") -> int:
    """Minor units paid out, stake included, for (grade, price_e4) legs that must all win.

    Raises Invalid `no_legs`, `too_many_legs`, `stake_out_of_range` (below one minor unit).
    """
    if stake_minor < 1:
        raise Invalid("a stake is at least one minor unit", code="stake_out_of_range")
    numerator, denominator = _product(legs)
    return rounded(stake_minor * numerator, denominator, rounding)


def potential(stake_minor: int, prices_e4: Sequence[int], rounding: Rounding = "down") -> int:
    """Minor units paid out if every leg wins; raises as `payout` does."""
    return payout(stake_minor, [(WON, price_e4) for price_e4 in prices_e4], rounding)


def exact(stake: Fraction, legs: Sequence[tuple[Grade, int]]) -> Fraction:
    """The payout before it is rounded to a currency, in the unit of `stake`.

    Raises Invalid `no_legs`, `too_many_legs`.
    """
    return stake * Fraction(*_product(legs))


def check_count(legs: int) -> None:
    """Raises Invalid `no_legs`, or `too_many_legs` above `MAX_LEGS`."""
    if legs < 1:
        raise Invalid("a bet has at least one leg", code="no_legs")
    if legs > MAX_LEGS:
        raise Invalid(f"a bet has at most {MAX_LEGS} legs", code="too_many_legs")


def rounded(numerator: int, denominator: int, rounding: Rounding) -> int:
    """The one rounding of a bet: numerator/denominator, not negative, as a whole number."""
    whole, rest = divmod(numerator, denominator)
    if rounding == "half_even" and (2 * rest, whole % 2) > (denominator, 0):
        # Above one half, or exactly one half beside an odd number: the pair compares both at once.
        return whole + 1
    return whole


def _product(legs: Sequence[tuple[Grade, int]]) -> systems.Ratio:
    """A combo is the system whose one line has every leg."""
    check_count(len(legs))
    returns = [multiplier_ratio(grade, price_e4) for grade, price_e4 in legs]
    return systems.total(returns, (len(returns),))
