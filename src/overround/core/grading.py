"""What happened to each answer of a market: the one entrance to the catalogue of markets.

A market is a type, a period and, for some types, a line. Football is graded on ninety minutes: 'ft'
is the score without extra time; 'final' includes everything. `core.facts` has the words.

`grade` answers None where a fact is missing. An unknown leg stays open; it is never lost
(test: a missing fact is not a lost leg).
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from overround.core.errors import Invalid
from overround.core.facts import FIVE_SETS, Facts, Goal, Score
from overround.core.line import MAX_LINE_Q4, QUARTERS
from overround.core.markets import MARKETS, PERIODS, Market
from overround.core.payoff import Grade

__all__ = [
    "CONTEST", "MARKETS", "PERIODS", "Facts", "Goal", "Market", "Score", "can_be_laid", "check",
    "grade", "main_market", "market", "may_end_level", "mirrored", "sides", "states",
]  # fmt: skip

# The one market of a contest: its answers are the runners.
CONTEST: Final = "winner"
# Sports whose first question has a draw among its answers.
_DRAWN: Final = frozenset({"football", "handball"})
# Sports that play on until somebody has won: their 'final' is never level.
_DECIDED: Final = frozenset({"basketball", "ice_hockey", "baseball"})
# A tennis match is won by sets, and its games may still be level.
_BY_SETS: Final = frozenset({"moneyline", "set_handicap", "total_sets"})


def market(market_type: str) -> Market:
    """The catalogue's row. Raises Invalid `unknown_market`."""
    row = MARKETS.get(market_type)
    if row is None:
        raise Invalid("this market is not in the catalogue", code="unknown_market")
    return row


def main_market(sport: str) -> tuple[str, str]:
    """The question a sport is shown by, as (market_type, period)."""
    return ("1x2", "ft") if sport in _DRAWN else ("moneyline", "final")


def may_end_level(sport: str, market_type: str, period: str) -> bool:
    """Whether both sides can have the same score, of those that a market reads, at the end."""
    if sport == "tennis":
        return period not in FIVE_SETS and market_type not in _BY_SETS
    return period != "final" or sport not in _DECIDED


def sides(market_type: str) -> tuple[str, ...]:
    """The complete set of answers in board order; empty where the answers are not a fixed set.

    Raises Invalid `unknown_market`.
    """
    return market(market_type).sides


def can_be_laid(market_type: str) -> bool:
    """Whether a book can lay it of a match: its answers are a fixed set, and scores settle it.

    Results carry no goals, so whoever bet on one would wait for a person.
    Raises Invalid `unknown_market`.
    """
    row = market(market_type)
    return bool(row.sides) and not row.needs_goals


def check(market_type: str, period: str, line_q4: int | None, side: str) -> None:
    """Say no to a selection that cannot exist; the entrance for prices, offers and slips.

    Raises Invalid `unknown_market` (type, or a period it is not asked for), `line_missing`,
    `line_unexpected`, `line_out_of_range`, `line_not_whole`, `unknown_side`.
    """
    row = _row(market_type, period, line_q4)
    if line_q4 is not None and not row.needs_line:
        raise Invalid("this market has no line", code="line_unexpected")
    if line_q4 is not None and abs(line_q4) > MAX_LINE_Q4:
        raise Invalid("a line is at most 1000", code="line_out_of_range")
    if not row.has(side):
        raise Invalid("this market has no such side", code="unknown_side")


def grade(
    market_type: str, period: str, line_q4: int | None, side: str, facts: Facts
) -> Grade | None:
    """What `facts` make of a leg on `side`; None where they do not say.

    For handicaps the line is the home side's, whichever side is graded. The side "other" of
    `correct_score` is never known from the score alone and stays None.
    Raises Invalid `unknown_market`, `line_missing`, `line_not_whole`, `line_out_of_range` (a line
    below the market's first), `unknown_side`.
    """
    row = _row(market_type, period, line_q4)
    if not row.has(side):
        raise Invalid("this market has no such side", code="unknown_side")
    return row.grader(facts, period, line_q4 or 0, side)


def mirrored(market_type: str, line_q4: int | None, side: str) -> tuple[str, int | None, str]:
    """The same selection in an event whose home and away sides have changed places.

    Raises Invalid `unknown_market`.
    """
    row = market(market_type)
    line = -line_q4 if row.is_handicap and line_q4 is not None else line_q4
    return row.mirror_type or market_type, line, row.mirror(side)


@lru_cache(maxsize=8192)
def states(
    market_type: str, line_q4: int | None, *, level: bool = True
) -> tuple[tuple[Grade, ...], ...]:
    """Every distinct way the market can end: one row per way, one grade per side in board order.

    Rows come from `grade` itself, so that whoever reasons over outcomes and whoever pays them use
    one table. Without `level` the ways in which the score ends level are left out
    (`may_end_level`). Empty for a market whose answers are not a fixed set.
    Raises Invalid `unknown_market`, `line_missing`, `line_not_whole`, `line_out_of_range`.
    """
    period = "ft" if "ft" in market(market_type).periods else "final"
    row = _row(market_type, period, line_q4)
    found: dict[tuple[Grade, ...], None] = {}
    for facts in row.witnesses(line_q4 or 0):
        if not level and _ends_level(facts):
            continue
        grades = [row.grader(facts, period, line_q4 or 0, side) for side in row.sides]
        found[tuple(known for known in grades if known is not None)] = None
    return tuple(found)


def _ends_level(facts: Facts) -> bool:
    return any(home == away for key, (home, away) in facts.scores.items() if key != "ht")


def _row(market_type: str, period: str, line_q4: int | None) -> Market:
    row = market(market_type)
    if period not in row.periods:
        raise Invalid("this market is not asked for that period", code="unknown_market")
    if row.needs_line and line_q4 is None:
        raise Invalid("this market needs a line", code="line_missing")
    if row.whole_line and line_q4 is not None and line_q4 % QUARTERS:
        raise Invalid("the line of this market is a whole number", code="line_not_whole")
    if line_q4 is not None and line_q4 < row.line_min_q4:
        raise Invalid("this market counts from one", code="line_out_of_range")
    return row
