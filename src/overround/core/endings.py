"""How an event can end, and what each way makes of its legs, by sport: rules as data.

Operators differ here more than anywhere; `ENDINGS` is the house's rule and is meant to be read
aloud. `docs/reference/markets.md` is the same table for people.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from overround.core import grading
from overround.core.facts import Facts
from overround.core.graders import draw_no_bet
from overround.core.payoff import VOID, Grade
from overround.core.positions import finish

ResultStatus = Literal[
    "finished", "abandoned", "retired", "walkover", "postponed", "cancelled", "awarded"
]


@dataclass(frozen=True, slots=True)
class Ending:
    """What a way to end makes of legs.

    `legs`: all stand, all are void, all wait for another result, or those stand that were decided
    by then (a part that had ended, a total already passed) and the others are void. With
    `winner_after` the moneyline of the whole event stands too once that part had ended: the fact
    `winner_by` says who won, or the score reached where none is named.
    """

    legs: Literal["stand", "void", "wait", "if_decided"]
    winner_after: str | None = None
    winner_by: str | None = None


# (sport, status); "*" is every sport that has no row of its own.
ENDINGS: Final[Mapping[tuple[str, str], Ending]] = {
    ("*", "finished"): Ending("stand"),
    ("*", "cancelled"): Ending("void"),
    ("*", "walkover"): Ending("void"),
    # The score was made at a table and not on the field.
    ("*", "awarded"): Ending("void"),
    # It may still be played; a person cancels it when it is not.
    ("*", "postponed"): Ending("wait"),
    ("*", "abandoned"): Ending("if_decided"),
    ("*", "retired"): Ending("if_decided"),
    # One set is a match: who goes through has won, and who retires in the first set was not beaten.
    ("tennis", "retired"): Ending("if_decided", winner_after="s1", winner_by="advanced"),
    # Five innings are an official game; totals and run lines need all of it.
    ("baseball", "abandoned"): Ending("if_decided", winner_after="i5"),
}


def ending(sport: str, status: ResultStatus) -> Ending:
    """The rule for a sport and a status."""
    return ENDINGS.get((sport, status)) or ENDINGS["*", status]


def grade_ended(
    ended: Ending, market_type: str, period: str, line_q4: int | None, side: str, facts: Facts
) -> Grade | None:
    """What an ending and the facts make of a leg; None where it waits or the facts do not say.

    Raises Invalid as `grading.grade` does, of a leg that does not stand too.
    """
    if ended.legs == "stand":
        return grading.grade(market_type, period, line_q4, side, facts)
    grading.check(market_type, period, line_q4, side)
    if ended.legs != "if_decided":
        return VOID if ended.legs == "void" else None
    row = grading.market(market_type)
    if row.is_winner and period == "final" and ended.winner_after is not None:
        return _by_winner(ended, ended.winner_after, period, side, facts)
    if facts.has_ended(period):
        return grading.grade(market_type, period, line_q4, side, facts)
    # A bare "abandoned", with no score beside it, says that nothing counted.
    if row.early is None or not facts.scores:
        return VOID
    return row.early(facts.broken_off(period), period, line_q4 or 0, side)


def place_ended(ended: Ending, side: str, places: int, facts: Facts) -> Grade | None:
    """What an ending and the facts make of a runner to be placed; a contest that was broken off
    has no places, and what was staked on them goes back."""
    if ended.legs == "stand":
        return None if facts.positions is None else finish(facts.positions, side, places)
    return None if ended.legs == "wait" else VOID


def _by_winner(ended: Ending, after: str, period: str, side: str, facts: Facts) -> Grade | None:
    """The moneyline of a match that counts once a part had ended; unknown without any score."""
    if not facts.has_ended(after):
        return VOID if facts.scores else None
    reached = facts.broken_off(period).score(period)
    score = facts.score(ended.winner_by) if ended.winner_by else reached
    return None if score is None else draw_no_bet(score, side)
