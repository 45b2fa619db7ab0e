"""An each-way bet from the integers it is stored as: two bets of the same lines, each on half of
the stake, one on its legs to win and one on them to be placed. The products are `core.bets`', the
price of a place part is its terms'; it is rounded once, with both parts together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from overround.core import bets, payoff
from overround.core.payoff import Grade
from overround.core.place_terms import PlaceTerms
from overround.core.price import SCALE_E4
from overround.core.systems import Ratio


@dataclass(frozen=True, slots=True)
class EachWayLeg:
    """A leg with what it came to, to win and to be placed; None while that is not known."""

    price_e4: int
    terms: PlaceTerms
    win: Grade | None
    place: Grade | None


def potential_ratio(
    stake_minor: int,
    prices_e4: Sequence[int],
    terms: Sequence[PlaceTerms],
    sizes: Sequence[int] | None = None,
    bankers: Sequence[bool] = (),
) -> Ratio:
    """What the bet pays when all its legs win, in minor units, exact.

    Raises Invalid `invalid_size`.
    """
    win: list[Ratio] = [(price_e4, SCALE_E4) for price_e4 in prices_e4]
    place = [one.price_ratio(price_e4) for one, price_e4 in zip(terms, prices_e4, strict=True)]
    return _both(stake_minor, win, place, sizes, bankers)


def paid_ratio(
    stake_minor: int,
    legs: Sequence[EachWayLeg],
    sizes: Sequence[int] | None = None,
    bankers: Sequence[bool] = (),
) -> Ratio | None:
    """What the bet pays, in minor units, exact; None while a leg is open that it may need.

    Raises Invalid `invalid_size`.
    """
    if is_lost(legs, sizes, bankers):
        return 0, 1
    win: list[Ratio] = []
    place: list[Ratio] = []
    for leg in legs:
        if leg.win is None or leg.place is None:
            return None
        win.append(payoff.multiplier_ratio(leg.win, leg.price_e4))
        place.append(payoff.returned_ratio(leg.place, *leg.terms.price_ratio(leg.price_e4)))
    return _both(stake_minor, win, place, sizes, bankers)


def is_lost(
    legs: Sequence[EachWayLeg], sizes: Sequence[int] | None = None, bankers: Sequence[bool] = ()
) -> bool:
    """Whether nothing can return of either part any more."""
    parts = [leg.win for leg in legs], [leg.place for leg in legs]
    return all(bets.is_lost(part, sizes, bankers) for part in parts)


def _both(
    stake_minor: int,
    win: Sequence[Ratio],
    place: Sequence[Ratio],
    sizes: Sequence[int] | None,
    bankers: Sequence[bool],
) -> Ratio:
    above, below = bets.paid_ratio(stake_minor, win, sizes, bankers)
    more, under = bets.paid_ratio(stake_minor, place, sizes, bankers)
    return above * under + more * below, 2 * below * under
