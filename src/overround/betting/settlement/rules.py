"""Settlement is a function of (bet, results, rulings): grade each leg, then pay, or wait. Pure."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from overround.betting.settlement.model import (
    NOT_RULED,
    Basis,
    Graded,
    Movement,
    Ruled,
    Ruling,
    StoredLeg,
    Verdict,
)
from overround.core import bets, endings, grading, payoff
from overround.core.errors import Invalid
from overround.core.payoff import Grade, GradeName
from overround.odds.catalogue.model import Result

_REASON_LENGTH_MIN: Final = 3
_REASON_LENGTH_MAX: Final = 300


def grade_leg(leg: StoredLeg, result: Result) -> Grade | None:
    """The leg's grade; None while a fact is missing, for which a bet stays open, never lost."""
    facts = grading.Facts({period: (s[0], s[1]) for period, s in result.scores.items()})
    ended = endings.ending(leg.sport, result.status)
    return endings.grade_ended(ended, leg.market_type, leg.period, leg.line_q4, leg.side, facts)


def settle(legs: Sequence[StoredLeg], basis: Basis) -> tuple[list[Graded], Verdict | None]:
    """Grade one bet by what is known now; the legs and the bet that stand otherwise than stored.

    A bet is paid once every leg is known, or one is lost, and is open again where that is true no
    more. The same basis twice changes nothing (test: settling and rolling back is the identity).
    What was cashed out stays as it was agreed (test: what was cashed out stays when the result is
    corrected); the legs are graded all the same, for who wants to see what it would have been.
    """
    graded = [_grade(leg, basis) for leg in legs]
    news = [one for one, leg in zip(graded, legs, strict=True) if not _stands(one, leg)]
    first = legs[0]
    if first.outcome == "cashed_out":
        return news, None
    grades = [None if one.grade is None else payoff.by_name(one.grade) for one in graded]
    verdict = _verdict(legs, grades)
    stands = (verdict.outcome, verdict.payout_minor) == (first.outcome, first.payout_minor)
    return news, None if stands else verdict


def _grade(leg: StoredLeg, basis: Basis) -> Graded:
    """The leg as it is graded now.

    Of what is known a stored grade is never taken back by less: a replay that stands before the
    result which graded a leg leaves it alone (test: work that is due twice is done when both can
    be seen).
    """
    ruled = basis.ruled.get(leg.event_id, NOT_RULED)
    result = basis.results.get(leg.event_id)
    version = 0 if result is None else result.version
    if version < (leg.result_version or 0) and ruled.version == leg.ruling_version:
        return Graded(leg.bet_id, leg.n, leg.grade, leg.result_version, leg.ruling_version)
    grade = _by_rulings(leg, ruled, result)
    name = None if grade is None else payoff.name(grade)
    return Graded(leg.bet_id, leg.n, name, None if name is None else version, ruled.version)


def _by_rulings(leg: StoredLeg, ruled: Ruled, result: Result | None) -> Grade | None:
    """What the tenant has ruled goes before what happened, and a hold before a void."""
    if any(ruling.kind == "hold" for ruling in ruled.rulings):
        return None
    if any(covers(ruling, leg) for ruling in ruled.rulings):
        return payoff.VOID
    return None if result is None else grade_leg(leg, result)


def covers(ruling: Ruling, leg: StoredLeg) -> bool:
    """Whether a voiding is about the leg: its scope, and when its bet was placed."""
    return (
        ruling.market_id in (None, leg.market_id)
        and ruling.selection_id in (None, leg.selection_id)
        and (ruling.placed_from is None or ruling.placed_from <= leg.placed_at)
        and (ruling.placed_to is None or leg.placed_at < ruling.placed_to)
    )


def _stands(graded: Graded, leg: StoredLeg) -> bool:
    return (graded.grade, graded.result_version, graded.ruling_version) == (
        leg.grade,
        leg.result_version,
        leg.ruling_version,
    )


def _verdict(legs: Sequence[StoredLeg], grades: Sequence[Grade | None]) -> Verdict:
    first = legs[0]
    if payoff.LOST in grades and _is_lost(legs, grades):
        return Verdict(first.bet_id, "lost", first.cashed_minor)
    known = [grade for grade in grades if grade is not None]
    if len(known) < len(legs):
        return Verdict(first.bet_id, None, None)
    pairs = zip(known, legs, strict=True)
    returned = [payoff.multiplier_ratio(grade, leg.price_e4) for grade, leg in pairs]
    bankers = [leg.banker for leg in legs]
    exact = bets.paid_ratio(first.stake_minor, returned, first.sizes, bankers)
    paid_minor = bets.rounded(exact, first.payout_rounding) + first.cashed_minor
    return Verdict(first.bet_id, _outcome(known), paid_minor)


def _is_lost(legs: Sequence[StoredLeg], grades: Sequence[Grade | None]) -> bool:
    """Whether nothing can be paid any more: of a system, not even if all that is open wins."""
    if legs[0].sizes is None:
        return True
    best = [payoff.WON if grade is None else grade for grade in grades]
    return bets.settle(_bet(legs, best)).payout == 0


def _bet(legs: Sequence[StoredLeg], grades: Sequence[Grade]) -> bets.Bet:
    graded = [(grade, leg.price_e4) for leg, grade in zip(legs, grades, strict=True)]
    first = legs[0]
    if first.sizes is None:
        return bets.of_stored(first.stake_minor, graded)
    bankers = [leg.banker for leg in legs]
    return bets.of_stored(first.stake_minor, graded, first.sizes, bankers)


def _outcome(grades: Sequence[Grade]) -> GradeName:
    """What the bet is called: void when nothing was at stake, a single by its leg, else won."""
    if all(grade == payoff.VOID for grade in grades):
        return "void"
    return payoff.name(grades[0]) if len(grades) == 1 else "won"


def back_minor(
    legs: Sequence[StoredLeg], news: Sequence[Graded], verdict: Verdict, *, stake_returned: bool
) -> int:
    """What of a free bet's stake is back with the tenant when its bet stands as the verdict says:
    all of a void one, and of one that pays what its player does not get, unless the stake was given
    with it. Of several lines only those that return anything have a stake to give back."""
    if not verdict.payout_minor:
        return 0
    if verdict.outcome == "void" or stake_returned:
        return legs[0].stake_minor if verdict.outcome == "void" else 0
    now = {one.n: one.grade for one in news}
    names = [now.get(leg.n, leg.grade) for leg in legs]
    grades = [payoff.by_name(name) for name in names if name is not None]
    free = replace(_bet(legs, grades), free_bet=True)
    return verdict.payout_minor - bets.payout_minor(free, legs[0].payout_rounding)


def movement(legs: Sequence[StoredLeg], verdict: Verdict) -> Movement:
    """What the verdict moves between the house and the player's cash."""
    first = legs[0]
    early = first.cashed_minor
    pays = early if verdict.payout_minor is None else verdict.payout_minor
    more = pays - (early if first.payout_minor is None else first.payout_minor)
    return Movement(
        settles=int(first.outcome is None),
        changes=int(first.outcome is not None and verdict.outcome is not None),
        reopens=int(verdict.outcome is None),
        credit_minor=max(more, 0),
        debit_minor=max(-more, 0),
    )


def together(movements: Sequence[Movement]) -> Movement:
    """The movements of many bets as one."""
    return Movement(
        settles=sum(one.settles for one in movements),
        changes=sum(one.changes for one in movements),
        reopens=sum(one.reopens for one in movements),
        credit_minor=sum(one.credit_minor for one in movements),
        debit_minor=sum(one.debit_minor for one in movements),
    )


def reason(text: str) -> str:
    """Why somebody rules so, readable later. Raises Invalid `reason`."""
    found = unicodedata.normalize("NFC", text).strip()
    if not _REASON_LENGTH_MIN <= len(found) <= _REASON_LENGTH_MAX or not found.isprintable():
        raise Invalid("a reason has 3 to 300 printable characters", code="reason")
    return found


def check(ruling: Ruling) -> None:
    """Raises Invalid: `ruling_scope` for a narrow hold, `ruling_window` for one without a time."""
    scope = ruling.market_id, ruling.selection_id, ruling.placed_from, ruling.placed_to
    if ruling.kind == "hold" and any(part is not None for part in scope):
        raise Invalid("a hold is about the whole event", code="ruling_scope")
    if ruling.placed_from and ruling.placed_to and ruling.placed_from >= ruling.placed_to:
        raise Invalid("the window ends before it begins", code="ruling_window")
