"""What a bet pays, for every type of bet: the one function between grades and money.

A bet is legs, a stake and terms. A leg has one pick, or several of which each makes lines of its
own. A line multiplies what its picks return (`core.payoff`); the bet pays the sum of its lines
(`core.systems`), each at an equal part of the stake. An each-way bet is two bets of the same lines:
one at the prices, one at the place terms' share of the winnings.

Everything is an exact fraction and is rounded once, at the end (`payout_minor`): never a leg or a
price, which would move a ten-fold by many minor units. The order of the terms: the better of taken
and starting price, then Rule 4, then the place terms, then the dead heat; of the sum, first a free
bet's stake, then the bonus, then the tax on winnings.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import prod
from typing import Final, Literal

from overround.core import systems, tax
from overround.core.bonus import BonusLadder, bonus
from overround.core.errors import Invalid
from overround.core.payoff import LOST, WON, Grade, returned_ratio
from overround.core.price import SCALE_E4, to_fraction
from overround.core.systems import Ratio
from overround.core.tax import NO_TAX, Tax

Rounding = Literal["down", "half_even"]

# A bet longer than this is refused everywhere; tenants set lower limits for their slips.
MAX_LEGS: Final = 63
_NONE: Final = Fraction(0)


@dataclass(frozen=True, slots=True)
class Pick:
    """A selection at its decimal price, as it ended: `grade` of the win, `place` of the place part.

    `starting_price` is set where best odds are guaranteed: the better of the two counts.
    `deduction` is Rule 4's share of the winnings, `place_deduction` the place part's own share.
    Raises Invalid `price_out_of_range`, `deduction_out_of_range`.
    """

    price: Fraction
    grade: Grade
    place: Grade = LOST
    starting_price: Fraction | None = None
    deduction: Fraction = _NONE
    place_deduction: Fraction | None = None

    def __post_init__(self) -> None:
        if self.price <= 1 or (self.starting_price is not None and self.starting_price <= 1):
            raise Invalid("a price is above 1", code="price_out_of_range")
        if not 0 <= self.deduction <= 1 or not 0 <= (self.place_deduction or 0) <= 1:
            raise Invalid("a deduction is a share of the winnings", code="deduction_out_of_range")

    @property
    def best_price(self) -> Fraction:
        """The taken price, or the starting price where that is guaranteed and better."""
        return self.price if self.starting_price is None else max(self.price, self.starting_price)


@dataclass(frozen=True, slots=True)
class Leg:
    """One or several picks of one event; a banker is in every line.

    `event` is any name of the event: two legs of one event conflict.
    """

    picks: tuple[Pick, ...]
    banker: bool = False
    event: str | None = None


@dataclass(frozen=True, slots=True)
class Bet:
    """`stake` is the whole stake in any unit; each line stands on an equal part of it.

    `sizes` are the sizes of a system's lines, bankers included; None: every leg must win.
    `place_fraction` makes it each-way. A free bet's stake is not paid out unless `stake_returned`.
    Raises Invalid `stake_out_of_range`, `no_legs`, `too_many_legs` (picks, counted together),
    `invalid_size`, `conflicting_legs`, `place_fraction_out_of_range`, `bonus_out_of_range` (only a
    combo earns one).
    """

    legs: tuple[Leg, ...]
    stake: Fraction
    sizes: tuple[int, ...] | None = None
    place_fraction: Fraction | None = None
    free_bet: bool = False
    stake_returned: bool = False
    ladder: BonusLadder | None = None
    tax: Tax = NO_TAX

    def __post_init__(self) -> None:
        if self.stake <= 0:
            raise Invalid("a stake is above zero", code="stake_out_of_range")
        lines(self.legs, self.sizes, each_way=self.place_fraction is not None)
        events = [leg.event for leg in self.legs if leg.event is not None]
        if len(set(events)) < len(events):
            raise Invalid("two legs are of one event", code="conflicting_legs")
        if self.place_fraction is not None and not 0 < self.place_fraction <= 1:
            raise Invalid("place terms are a share", code="place_fraction_out_of_range")
        if self.ladder is not None and not self._is_combo():
            raise Invalid("only a combo earns a bonus", code="bonus_out_of_range")

    def _is_combo(self) -> bool:
        one_line = self.sizes is None and all(len(leg.picks) == 1 for leg in self.legs)
        return one_line and self.place_fraction is None


@dataclass(frozen=True, slots=True)
class Settled:
    """What a bet pays, exact, in the unit of its stake; `payout` has the bonus in and the tax out.

    `tax` is what was withheld of the payout; a tax on the stake never was at play.
    """

    payout: Fraction
    lines: int
    bonus: Fraction
    tax: Fraction


def of_stored(
    stake_minor: int,
    legs: Sequence[tuple[Grade, int]],
    sizes: Sequence[int] | None = None,
    bankers: Sequence[bool] = (),
) -> Bet:
    """The bet of (grade, price_e4) legs: a single is one leg, a combo several that must all win,
    and a system has the `sizes` of its lines; `bankers` says of each leg whether it is in all of
    them, none where it is empty.

    Raises Invalid `no_legs`, `too_many_legs`, `invalid_size`, `price_out_of_range`, and
    `stake_out_of_range` below one minor unit.
    """
    picks = [Pick(to_fraction(price_e4), grade) for grade, price_e4 in legs]
    marks = bankers or [False] * len(picks)
    placed = tuple(Leg((pick,), is_banker) for pick, is_banker in zip(picks, marks, strict=True))
    return Bet(placed, Fraction(stake_minor), None if sizes is None else tuple(sizes))


def potential_ratio(
    stake_minor: int,
    prices_e4: Sequence[int],
    sizes: Sequence[int] | None = None,
    bankers: Sequence[bool] = (),
) -> Ratio:
    """What a stored bet pays when all its legs win, in minor units, exact: `settle` without the
    objects, for whoever asks it for every slip (test: the potential is what all legs won pay).

    Raises Invalid `invalid_size`.
    """
    if sizes is None:
        return stake_minor * prod(prices_e4), SCALE_E4 ** len(prices_e4)
    found = [(price_e4, SCALE_E4) for price_e4 in prices_e4]
    return paid_ratio(stake_minor, found, sizes, bankers)


def paid_ratio(
    stake_minor: int,
    returned: Sequence[Ratio],
    sizes: Sequence[int] | None = None,
    bankers: Sequence[bool] = (),
) -> Ratio:
    """What a stored bet pays, in minor units, exact, where a unit on each of its legs returns that
    (`payoff.multiplier_ratio`): `settle` without the objects, for whoever settles a hundred
    thousand bets (test: a stored bet pays by ratios what it pays by objects).

    Raises Invalid `invalid_size`.
    """
    if sizes is None:
        return stake_minor * prod(one for one, _ in returned), prod(one for _, one in returned)
    marks = bankers or [False] * len(returned)
    fixed = [one for one, is_banker in zip(returned, marks, strict=True) if is_banker]
    others = [one for one, is_banker in zip(returned, marks, strict=True) if not is_banker]
    above, below = systems.total(others, sizes, fixed)
    return stake_minor * above, below * stored_lines(len(returned), sizes, len(fixed))


def is_lost(
    grades: Sequence[Grade | None], sizes: Sequence[int] | None = None, bankers: Sequence[bool] = ()
) -> bool:
    """Whether no line of a stored bet can return anything any more; None is a leg that is open.

    Raises Invalid `invalid_size`.
    """
    returns = [
        (1 if grade is None or grade.result or grade.void_factor else 0, 1) for grade in grades
    ]
    if sizes is None:
        return (0, 1) in returns
    marks = bankers or [False] * len(returns)
    fixed = [one for one, is_banker in zip(returns, marks, strict=True) if is_banker]
    others = [one for one, is_banker in zip(returns, marks, strict=True) if not is_banker]
    return systems.total(others, sizes, fixed)[0] == 0


def stored_lines(legs: int, sizes: Sequence[int] | None, bankers: int = 0) -> int:
    """How many lines a stored bet has; 1 without sizes. Raises Invalid `invalid_size`."""
    if sizes is None:
        return 1
    count, _ = systems.total([(1, 1)] * (legs - bankers), sizes, [(1, 1)] * bankers)
    return count


def lines(legs: Sequence[Leg], sizes: Sequence[int] | None, *, each_way: bool = False) -> int:
    """How many lines a bet has; each-way doubles them.

    Raises Invalid `no_legs`, `too_many_legs`, `invalid_size`.
    """
    picks = [len(leg.picks) for leg in legs]
    if not picks or 0 in picks:
        raise Invalid("a bet has legs, and each of them a pick", code="no_legs")
    if sum(picks) > MAX_LEGS:
        raise Invalid(f"a bet has at most {MAX_LEGS} legs", code="too_many_legs")
    counted, _ = _over_lines(legs, sizes, [(count, 1) for count in picks])
    return counted * (2 if each_way else 1)


def settle(bet: Bet) -> Settled:
    """What the bet pays as its picks ended. Cannot fail: `Bet` says no to what has no answer."""
    parts = _parts(bet)
    count = lines(bet.legs, bet.sizes, each_way=len(parts) > 1)
    unit = tax.at_play(bet.tax, bet.stake) / count
    gross = unit * sum(_total(bet, [_sum(ratios) for ratios in part]) for part in parts)
    own_stake = bet.stake
    if bet.free_bet and not bet.stake_returned:
        # The lines that return anything would return their stake with it.
        paying = [[(sum(above > 0 for above, _ in ratios), 1) for ratios in part] for part in parts]
        gross = max(_NONE, gross - unit * sum(_total(bet, part) for part in paying))
        own_stake = _NONE
    added = _NONE
    if bet.ladder is not None:
        won = [pick.best_price for leg in bet.legs for pick in leg.picks if pick.grade == WON]
        added = bonus(bet.ladder, won, gross - own_stake)
    withheld = tax.on_winnings(bet.tax, gross + added, own_stake)
    return Settled(gross + added - withheld, count, added, withheld)


def payout_minor(bet: Bet, rounding: Rounding = "down") -> int:
    """What a bet whose stake is in minor units pays, in minor units: its one rounding.

    "down" is to the minor unit at or below the exact payout, "half_even" to the nearest, and to the
    even one where two are as near.
    """
    return rounded(settle(bet).payout.as_integer_ratio(), rounding)


def rounded(exact: Ratio, rounding: Rounding) -> int:
    """Minor units of an exact amount."""
    whole, rest = divmod(exact[0], exact[1])
    is_up = 2 * rest > exact[1] or (2 * rest == exact[1] and whole % 2 == 1)
    return whole + 1 if rounding == "half_even" and is_up else whole


def win_ratio(pick: Pick) -> Ratio:
    """What a unit on the pick to win returns."""
    return _ratio(pick.grade, pick.best_price, 1 - pick.deduction)


def place_ratio(pick: Pick, place_fraction: Fraction) -> Ratio:
    """What a unit on the pick to be placed returns, at that share of the winnings."""
    deduction = pick.deduction if pick.place_deduction is None else pick.place_deduction
    return _ratio(pick.place, pick.best_price, (1 - deduction) * place_fraction)


def _ratio(grade: Grade, price: Fraction, kept: Fraction) -> Ratio:
    """What a unit at the price returns of whose winnings that share is kept."""
    above, below = price.as_integer_ratio()
    share, whole = kept.as_integer_ratio()
    return returned_ratio(grade, below * whole + (above - below) * share, below * whole)


def _parts(bet: Bet) -> list[list[list[Ratio]]]:
    """What the picks of each leg return: in the win part and, for each-way, in the place part."""
    won = [[win_ratio(pick) for pick in leg.picks] for leg in bet.legs]
    fraction = bet.place_fraction
    if fraction is None:
        return [won]
    return [won, [[place_ratio(pick, fraction) for pick in leg.picks] for leg in bet.legs]]


def _sum(ratios: Sequence[Ratio]) -> Ratio:
    """What the picks of a leg return together: each of them makes lines of its own."""
    if len(ratios) == 1:
        return ratios[0]
    return sum((Fraction(*ratio) for ratio in ratios), _NONE).as_integer_ratio()


def _total(bet: Bet, returns: Sequence[Ratio]) -> Fraction:
    return Fraction(*_over_lines(bet.legs, bet.sizes, returns))


def _over_lines(
    legs: Sequence[Leg], sizes: Sequence[int] | None, returns: Sequence[Ratio]
) -> Ratio:
    """The sum over all lines of the product over their legs; a combo is one line with all of them.

    (test: a system of all its legs is the combo)
    """
    if sizes is None:
        return prod(above for above, _ in returns), prod(below for _, below in returns)
    bankers = [ratio for leg, ratio in zip(legs, returns, strict=True) if leg.banker]
    others = [ratio for leg, ratio in zip(legs, returns, strict=True) if not leg.banker]
    return systems.total(others, sizes, bankers)
