"""A settled bet computed again, from its grades and prices alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from overround.core import bets, each_way, payoff, place_terms
from overround.core.bets import Rounding
from overround.core.each_way import EachWayLeg
from overround.core.payoff import Grade


class GradedLeg(NamedTuple):
    """A leg as it is stored: what it came to, at which price; the rest of a leg each way."""

    grade: str | None
    price_e4: int
    banker: bool = False
    dead_heat: str | None = None
    place_terms: str | None = None
    place_grade: str | None = None
    place_dead_heat: str | None = None


def payout_due(
    stake_minor: int,
    legs: Sequence[GradedLeg],
    rounding: Rounding,
    sizes: Sequence[int] | None = None,
) -> int | None:
    """What a bet of such legs pays; None while a grade is missing that it may need."""
    if is_lost(legs, sizes):
        return 0
    bankers = [leg.banker for leg in legs]
    if legs[0].place_terms is not None:
        exact = each_way.paid_ratio(stake_minor, _each_way(legs), sizes, bankers)
        return None if exact is None else bets.rounded(exact, rounding)
    known = [grade for grade in _wins(legs) if grade is not None]
    if len(known) < len(legs):
        return None
    graded = [(grade, leg.price_e4) for grade, leg in zip(known, legs, strict=True)]
    return bets.payout_minor(bets.of_stored(stake_minor, graded, sizes, bankers), rounding)


def is_lost(legs: Sequence[GradedLeg], sizes: Sequence[int] | None) -> bool:
    """Whether the bet is called lost."""
    bankers = [leg.banker for leg in legs]
    if legs[0].place_terms is not None:
        return each_way.is_lost(_each_way(legs), sizes, bankers)
    return bets.is_lost(_wins(legs), sizes, bankers)


def _each_way(legs: Sequence[GradedLeg]) -> list[EachWayLeg]:
    return [
        EachWayLeg(
            leg.price_e4,
            place_terms.parse(leg.place_terms or ""),
            win,
            _grade(leg.place_grade, leg.place_dead_heat),
        )
        for leg, win in zip(legs, _wins(legs), strict=True)
    ]


def _wins(legs: Sequence[GradedLeg]) -> list[Grade | None]:
    return [_grade(leg.grade, leg.dead_heat) for leg in legs]


def _grade(name: str | None, dead_heat: str | None) -> Grade | None:
    return None if name is None else payoff.stored(name, dead_heat)
