"""What an open bet is worth now, what is offered for it, and what a part of it pays.

A leg is worth its expected multiplier: what it returned if it is settled, else the mean of
`core.payoff` over the ways it can end. Legs of different events are independent, so a bet is worth
its stake times their product. Probabilities have to be fair ones: those of current prices would
take the overround a second time, besides the margin. Source: the cash-out calculation of the
Unified Odds Feed's ticket service. Everything is exact; the till rounds once, down.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from overround.core import payoff
from overround.core.errors import Invalid
from overround.core.odds_format import check as check_price

LEGS_MAX: Final = 100
_NONE: Final = Fraction(0)


@dataclass(frozen=True, slots=True)
class OpenLeg:
    """A leg that can still end in several ways; what their probabilities leave to one is lost."""

    price: Fraction
    won: Fraction
    half_won: Fraction = _NONE
    void: Fraction = _NONE
    half_lost: Fraction = _NONE


@dataclass(frozen=True, slots=True)
class SettledLeg:
    """A leg that has ended."""

    price: Fraction
    grade: payoff.Grade


@dataclass(frozen=True, slots=True)
class Quote:
    """The fair value of a bet and what is offered for the whole of it, in the stake's unit."""

    fair: Fraction
    offer: Fraction


@dataclass(frozen=True, slots=True)
class Part:
    """A cash-out of a part: what it pays, the share cashed out so far, the stake that stays."""

    paid: Fraction
    share: Fraction
    stake: Fraction


def quote(stake: Fraction, legs: Sequence[OpenLeg | SettledLeg], margin: Fraction = _NONE) -> Quote:
    """The value of a bet that is not cashed out yet, and the offer, `margin` below it.

    Without a margin it is a martingale: what is expected of a later quote is this one (test: cash
    out without margin is a martingale). It never exceeds what the bet can still pay.
    Raises Invalid `no_legs`, `too_many_legs`, `stake_out_of_range`, `price_out_of_range`,
    `probability_out_of_range`, `invalid_number` for a margin that is not in [0, 1].
    """
    if not legs:
        raise Invalid("there is at least one leg", code="no_legs")
    if len(legs) > LEGS_MAX:
        raise Invalid(f"there are at most {LEGS_MAX} legs", code="too_many_legs")
    if stake <= 0:
        raise Invalid("a stake is above zero", code="stake_out_of_range")
    if not 0 <= margin <= 1:
        raise Invalid("a margin is from 0 to 1", code="invalid_number")
    fair = stake
    for leg in legs:
        fair *= expected_multiplier(leg)
    return Quote(fair, fair * (1 - margin))


def part(stake: Fraction, offer: Fraction, before: Fraction, share: Fraction) -> Part:
    """Cash out of a bet up to `share` of it: shares are cumulative, `before` is the one so far.

    `stake` and `offer` are the whole bet's, as if nothing of it were gone, so shares add up: two
    parts at one offer pay what the whole would (test: parts at one offer pay the whole).
    Raises Invalid `stake_out_of_range` where the share does not grow or is above one.
    """
    if not 0 <= before < share <= 1:
        raise Invalid("a share grows up to the whole", code="stake_out_of_range")
    return Part((share - before) * offer, share, stake * (1 - share))


def payout_of_rest(payout: Fraction, share: Fraction) -> Fraction:
    """What is paid when a bet ends of which `share` was cashed out: the rest of its payout."""
    return payout * (1 - share)


def expected_multiplier(leg: OpenLeg | SettledLeg) -> Fraction:
    """What one unit on the leg is worth, stake included.

    Raises Invalid `price_out_of_range`, `probability_out_of_range`.
    """
    price = check_price(leg.price)
    if isinstance(leg, SettledLeg):
        return _returned(leg.grade, price)
    ways = (
        (leg.won, payoff.WON),
        (leg.half_won, payoff.HALF_WON),
        (leg.void, payoff.VOID),
        (leg.half_lost, payoff.HALF_LOST),
    )
    if min(chance for chance, _ in ways) < 0 or sum(chance for chance, _ in ways) > 1:
        raise Invalid("probabilities sum to at most one", code="probability_out_of_range")
    return sum((chance * _returned(grade, price) for chance, grade in ways), _NONE)


def _returned(grade: payoff.Grade, price: Fraction) -> Fraction:
    return Fraction(*payoff.returned_ratio(grade, price.numerator, price.denominator))
