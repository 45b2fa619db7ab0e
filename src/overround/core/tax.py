"""Betting taxes: one on stakes, one on winnings; a country has either, both or none."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from overround.core.errors import Invalid

_NONE: Final = Fraction(0)


@dataclass(frozen=True, slots=True)
class Tax:
    """Shares from 0 to below 1; `threshold` in the unit of the stake.

    `on_stake` leaves 1 - share of the stake to bet with (Poland's way); `on_winnings` is taken of
    what the payout is above the stake and the threshold (Kenya's way).
    Raises Invalid `tax_out_of_range`.
    """

    on_stake: Fraction = _NONE
    on_winnings: Fraction = _NONE
    threshold: Fraction = _NONE

    def __post_init__(self) -> None:
        if not (0 <= self.on_stake < 1 and 0 <= self.on_winnings < 1 and self.threshold >= 0):
            raise Invalid("a tax is a share below one, from a threshold", code="tax_out_of_range")


NO_TAX: Final = Tax()


def at_play(tax: Tax, stake: Fraction) -> Fraction:
    """What the tax on stakes leaves of a stake, in the stake's unit."""
    return stake * (1 - tax.on_stake) if tax.on_stake else stake


def on_winnings(tax: Tax, payout: Fraction, stake: Fraction) -> Fraction:
    """What is withheld of a payout, in its unit: a share of what is above stake and threshold."""
    if not tax.on_winnings:
        return _NONE
    return tax.on_winnings * max(_NONE, payout - stake - tax.threshold)
