"""A settled bet computed again, from its grades and prices alone."""

from __future__ import annotations

from collections.abc import Sequence

from overround.core import bets, payoff
from overround.core.bets import Rounding


def payout_due(
    stake_minor: int, legs: Sequence[tuple[str | None, int]], rounding: Rounding
) -> int | None:
    """What a bet of (grade, price_e4) legs pays; None while a grade is missing and none is lost."""
    grades = [None if grade is None else payoff.by_name(grade) for grade, _ in legs]
    if payoff.LOST in grades:
        return 0
    known = [grade for grade in grades if grade is not None]
    if len(known) < len(legs):
        return None
    prices_e4 = [price_e4 for _, price_e4 in legs]
    stored = bets.of_stored(stake_minor, list(zip(known, prices_e4, strict=True)))
    return bets.payout_minor(stored, rounding)
