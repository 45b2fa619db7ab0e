"""A settled bet computed again, from its grades and prices alone."""

from __future__ import annotations

from collections.abc import Sequence

from overround.core import bets, payoff
from overround.core.bets import Rounding
from overround.core.payoff import Grade


def payout_due(
    stake_minor: int,
    legs: Sequence[tuple[str | None, int]],
    rounding: Rounding,
    sizes: Sequence[int] | None = None,
    bankers: Sequence[bool] = (),
) -> int | None:
    """What a bet of (grade, price_e4) legs pays; None while a grade is missing that it may need."""
    grades = _grades([grade for grade, _ in legs])
    if bets.is_lost(grades, sizes, bankers):
        return 0
    known = [grade for grade in grades if grade is not None]
    if len(known) < len(legs):
        return None
    prices_e4 = [price_e4 for _, price_e4 in legs]
    graded = list(zip(known, prices_e4, strict=True))
    return bets.payout_minor(bets.of_stored(stake_minor, graded, sizes, bankers), rounding)


def is_lost(
    grades: Sequence[str | None], sizes: Sequence[int] | None, bankers: Sequence[bool]
) -> bool:
    """Whether the bet is called lost."""
    return bets.is_lost(_grades(grades), sizes, bankers)


def _grades(names: Sequence[str | None]) -> list[Grade | None]:
    return [None if name is None else payoff.by_name(name) for name in names]
