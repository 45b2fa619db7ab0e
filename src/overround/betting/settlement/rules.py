"""Settlement is a function of (bet, results): grade each leg, then pay or wait. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from uuid import UUID

from overround.betting.settlement.model import Graded, OpenLeg, Payout
from overround.core import combos, grading, payoff
from overround.core.payoff import Grade, GradeName
from overround.odds.catalogue.model import Result

# What never took place, or ended without a result, gives stakes back. A postponed match keeps its
# bets: it may still be played, and a person cancels it when it is not.
_VOIDS = frozenset({"cancelled", "abandoned", "awarded"})


def grade_leg(leg: OpenLeg, result: Result) -> Grade | None:
    """The leg's grade; None while a fact is missing, for which a bet stays open, never lost."""
    if result.status in _VOIDS:
        return payoff.VOID
    if result.status != "finished":
        return None
    facts = grading.Facts({period: (s[0], s[1]) for period, s in result.scores.items()})
    return grading.grade(leg.market_type, leg.period, leg.line_q4, leg.side, facts)


def settle(
    legs: Sequence[OpenLeg], results: Mapping[UUID, Result]
) -> tuple[list[Graded], Payout | None]:
    """Grade the ungraded legs of one bet; its payout once every leg is known, or one is lost."""
    graded: list[Graded] = []
    grades: list[Grade | None] = []
    for leg in legs:
        grade = payoff.by_name(leg.grade) if leg.grade is not None else None
        result = results.get(leg.event_id)
        if grade is None and result is not None:
            grade = grade_leg(leg, result)
            if grade is not None:
                graded.append(Graded(leg.bet_id, leg.n, payoff.name(grade), result.version))
        grades.append(grade)
    if not legs[0].bet_open:
        return graded, None
    return graded, _payout(legs, grades)


def _payout(legs: Sequence[OpenLeg], grades: Sequence[Grade | None]) -> Payout | None:
    bet_id, stake_minor = legs[0].bet_id, legs[0].stake_minor
    if payoff.LOST in grades:
        return Payout(bet_id, "lost", 0)
    known = [grade for grade in grades if grade is not None]
    if len(known) < len(legs):
        return None
    paid = combos.payout(
        stake_minor,
        [(grade, leg.price_e4) for leg, grade in zip(legs, known, strict=True)],
        legs[0].payout_rounding,
    )
    return Payout(bet_id, _outcome(known), paid)


def _outcome(grades: Sequence[Grade]) -> GradeName:
    """What the bet is called: void when nothing was at stake, a single by its leg, else won."""
    if all(grade == payoff.VOID for grade in grades):
        return "void"
    return payoff.name(grades[0]) if len(grades) == 1 else "won"
