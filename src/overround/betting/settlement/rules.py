"""Settlement is a function of (bet, results): grade each leg, then pay or wait. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from uuid import UUID

from overround.betting.settlement.model import Graded, OpenLeg, Payout
from overround.core import bets, endings, grading, payoff
from overround.core.payoff import Grade, GradeName
from overround.odds.catalogue.model import Result


def grade_leg(leg: OpenLeg, result: Result) -> Grade | None:
    """The leg's grade; None while a fact is missing, for which a bet stays open, never lost."""
    facts = grading.Facts({period: (s[0], s[1]) for period, s in result.scores.items()})
    ended = endings.ending(leg.sport, result.status)
    return endings.grade_ended(ended, leg.market_type, leg.period, leg.line_q4, leg.side, facts)


def settle(
    legs: Sequence[OpenLeg], results: Mapping[UUID, Result]
) -> tuple[list[Graded], Payout | None]:
    """Grade one bet by the newest results; its payout once every leg is known, or one is lost.

    A leg that an older version graded is graded anew while the bet is open
    (test: an open combo is paid by the newest result), and stays as it is once it is settled.
    """
    graded: list[Graded] = []
    grades: list[Grade | None] = []
    for leg in legs:
        grade = payoff.by_name(leg.grade) if leg.grade is not None else None
        result = results.get(leg.event_id)
        if result is not None and _is_due(leg, result):
            grade = grade_leg(leg, result)
            name = payoff.name(grade) if grade is not None else None
            if name is not None or leg.grade is not None:
                version = result.version if name is not None else None
                graded.append(Graded(leg.bet_id, leg.n, name, version))
        grades.append(grade)
    if not legs[0].bet_open:
        return graded, None
    return graded, _payout(legs, grades)


def _is_due(leg: OpenLeg, result: Result) -> bool:
    if leg.result_version is None:
        return True
    return leg.bet_open and leg.result_version < result.version


def _payout(legs: Sequence[OpenLeg], grades: Sequence[Grade | None]) -> Payout | None:
    first = legs[0]
    if payoff.LOST in grades:
        return Payout(first.bet_id, "lost", 0)
    known = [grade for grade in grades if grade is not None]
    if len(known) < len(legs):
        return None
    graded = [(grade, leg.price_e4) for leg, grade in zip(legs, known, strict=True)]
    bet = bets.of_stored(first.stake_minor, graded)
    return Payout(first.bet_id, _outcome(known), bets.payout_minor(bet, first.payout_rounding))


def _outcome(grades: Sequence[Grade]) -> GradeName:
    """What the bet is called: void when nothing was at stake, a single by its leg, else won."""
    if all(grade == payoff.VOID for grade in grades):
        return "void"
    return payoff.name(grades[0]) if len(grades) == 1 else "won"
