"""Settlement is a function of (bet, results, rulings): grade each leg, then pay, or wait. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import chain, islice
from typing import Final

from overround.betting.settlement.model import (
    NAMED_MAX,
    NOT_RULED,
    Basis,
    Graded,
    Moved,
    Movement,
    Ruled,
    Ruling,
    StoredLeg,
    Verdict,
)
from overround.core import bets, each_way, endings, grading, payoff, place_terms
from overround.core.each_way import EachWayLeg
from overround.core.errors import Invalid
from overround.core.payoff import Grade, GradeName
from overround.odds.catalogue.model import Result

# What a leg came to, and what it came to, to be placed: None while it is not known, or for a leg
# that is not each way.
Ended = tuple[Grade | None, Grade | None]
_OPEN: Final[Ended] = (None, None)


def grade_leg(leg: StoredLeg, result: Result) -> Ended:
    """The leg's grades; None while a fact is missing, for which a bet stays open, never lost. A leg
    each way has both or none."""
    facts = grading.Facts(
        {period: (s[0], s[1]) for period, s in result.scores.items()}, positions=result.positions
    )
    ended = endings.ending(leg.sport, result.status)
    grade = endings.grade_ended(ended, leg.market_type, leg.period, leg.line_q4, leg.side, facts)
    if leg.place_terms is None:
        return grade, None
    places = place_terms.parse(leg.place_terms).places
    place = endings.place_ended(ended, leg.side, places, facts)
    return _OPEN if grade is None or place is None else (grade, place)


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
    verdict = _each_way_verdict(legs, graded) if first.place_terms else _verdict(legs, graded)
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
        known = leg.result_version, leg.ruling_version
        came_to = leg.dead_heat, leg.place_grade, leg.place_dead_heat
        return Graded(leg.bet_id, leg.n, leg.grade, *known, *came_to)
    grade, place = _by_rulings(leg, ruled, result)
    if grade is None:
        return Graded(leg.bet_id, leg.n, None, None, ruled.version)
    return Graded(
        leg.bet_id,
        leg.n,
        payoff.name(grade),
        version,
        ruled.version,
        payoff.dead_heat(grade),
        None if place is None else payoff.name(place),
        None if place is None else payoff.dead_heat(place),
    )


def _by_rulings(leg: StoredLeg, ruled: Ruled, result: Result | None) -> Ended:
    """What the tenant has ruled goes before what happened, and a hold before a void."""
    if any(ruling.kind == "hold" for ruling in ruled.rulings):
        return _OPEN
    if any(covers(ruling, leg) for ruling in ruled.rulings):
        return payoff.VOID, None if leg.place_terms is None else payoff.VOID
    return _OPEN if result is None else grade_leg(leg, result)


def covers(ruling: Ruling, leg: StoredLeg) -> bool:
    """Whether a voiding is about the leg: its scope, and when its bet was placed."""
    return (
        ruling.market_id in (None, leg.market_id)
        and ruling.selection_id in (None, leg.selection_id)
        and (ruling.placed_from is None or ruling.placed_from <= leg.placed_at)
        and (ruling.placed_to is None or leg.placed_at < ruling.placed_to)
    )


def _stands(graded: Graded, leg: StoredLeg) -> bool:
    versions = graded.result_version, graded.ruling_version
    return versions == (leg.result_version, leg.ruling_version) and graded.stands == leg.stands


def _each_way_verdict(legs: Sequence[StoredLeg], graded: Sequence[Graded]) -> Verdict:
    """A bet each way is paid once nothing of either part is open, or both are lost."""
    first = legs[0]
    bankers = [leg.banker for leg in legs]
    ended = [
        EachWayLeg(leg.price_e4, place_terms.parse(leg.place_terms or ""), one.win, one.place)
        for leg, one in zip(legs, graded, strict=True)
    ]
    if each_way.is_lost(ended, first.sizes, bankers):
        return Verdict(first.bet_id, "lost", first.cashed_minor)
    exact = each_way.paid_ratio(first.stake_minor, ended, first.sizes, bankers)
    if exact is None:
        return Verdict(first.bet_id, None, None)
    is_void = all(one.grade == "void" for one in graded)
    paid_minor = bets.rounded(exact, first.payout_rounding) + first.cashed_minor
    return Verdict(first.bet_id, "void" if is_void else "won", paid_minor)


def _verdict(legs: Sequence[StoredLeg], graded: Sequence[Graded]) -> Verdict:
    first = legs[0]
    grades = [one.win for one in graded]
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
    moved = Moved(
        first.bet_id,
        first.user_id,
        first.stake_minor,
        first.outcome,
        first.payout_minor,
        verdict.outcome,
        verdict.payout_minor,
    )
    return Movement(
        settles=int(first.outcome is None),
        changes=int(first.outcome is not None and verdict.outcome is not None),
        reopens=int(verdict.outcome is None),
        credit_minor=max(more, 0),
        debit_minor=max(-more, 0),
        first=(moved,),
    )


def together(movements: Sequence[Movement]) -> Movement:
    """The movements of many bets, in the order of their ids, as one."""
    return Movement(
        settles=sum(one.settles for one in movements),
        changes=sum(one.changes for one in movements),
        reopens=sum(one.reopens for one in movements),
        credit_minor=sum(one.credit_minor for one in movements),
        debit_minor=sum(one.debit_minor for one in movements),
        first=tuple(islice(chain.from_iterable(one.first for one in movements), NAMED_MAX)),
    )


def check(ruling: Ruling) -> None:
    """Raises Invalid: `ruling_scope` for a narrow hold, `ruling_window` for one without a time."""
    scope = ruling.market_id, ruling.selection_id, ruling.placed_from, ruling.placed_to
    if ruling.kind == "hold" and any(part is not None for part in scope):
        raise Invalid("a hold is about the whole event", code="ruling_scope", field="kind")
    if ruling.placed_from and ruling.placed_to and ruling.placed_from >= ruling.placed_to:
        said = "the window ends before it begins"
        raise Invalid(said, code="ruling_window", field="placed_to")
