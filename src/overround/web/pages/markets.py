"""An event's markets in the order people look for them: by period, the main question first, and a
ladder of lines folded to the few that are near even."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from overround.betting.offers import BoardLine
from overround.core import grading
from overround.odds.catalogue import Event
from overround.web.pages import words

# How many lines of a ladder are open before "more".
LINES_SHOWN: Final = 3

_ORDER: Final = (
    "1x2", "moneyline", "asian_handicap", "total", "both_teams_to_score", "double_chance",
    "draw_no_bet", "set_handicap", "total_sets", "handicap_1x2", "home_total", "away_total",
    "odd_even", "half_time_full_time", "correct_score", "exact_goals",
)  # fmt: skip
_PERIODS: Final = ("final", "ft", "ht", "2h")


@dataclass(frozen=True, slots=True)
class Question:
    """One market: a line of a ladder, or a question that has no line."""

    line_q4: int | None
    answers: tuple[BoardLine, ...]


@dataclass(frozen=True, slots=True)
class Block:
    """A market type of a period. `near` is shown, `far` is folded away."""

    market_type: str
    title: str
    near: tuple[Question, ...]
    far: tuple[Question, ...]

    @property
    def sides(self) -> tuple[str, ...]:
        """The columns of the ladder."""
        return tuple(answer.side for answer in self.near[0].answers)

    @property
    def place_terms(self) -> str | None:
        """At which terms a bet on it may be each way."""
        return self.near[0].answers[0].place_terms

    @property
    def is_ladder(self) -> bool:
        """Whether the market has lines."""
        return self.near[0].line_q4 is not None


@dataclass(frozen=True, slots=True)
class Section:
    """The markets of a period."""

    period: str
    title: str
    blocks: tuple[Block, ...]


def in_board_order(lines: Sequence[BoardLine]) -> list[BoardLine]:
    """The answers of one market in the order of its columns; scores and such by their words."""
    if not lines:
        return []
    sides = grading.sides(lines[0].market_type)
    if lines[0].market_type == "winner":
        return sorted(lines, key=lambda one: (one.price_e4, one.side))
    return sorted(lines, key=lambda one: (sides.index(one.side) if sides else 0, one.side))


def sections(event: Event, lines: Sequence[BoardLine]) -> list[Section]:
    """Everything that is laid on the event."""
    main_period = grading.main_market(event.sport)[1]
    ordered = sorted(lines, key=lambda one: _place(one, main_period))
    return [
        Section(
            period,
            "Whole contest" if event.kind == "contest" else words.period(period),
            tuple(_blocks(event, period, list(found))),
        )
        for period, found in groupby(ordered, key=lambda one: one.period)
    ]


def _place(one: BoardLine, main_period: str) -> tuple[object, ...]:
    known = _PERIODS.index(one.period) if one.period in _PERIODS else len(_PERIODS)
    rank = _ORDER.index(one.market_type) if one.market_type in _ORDER else len(_ORDER)
    return (
        one.period != main_period, known, one.period, rank, one.market_type,
        -10_000 if one.line_q4 is None else one.line_q4, one.market_id,
    )  # fmt: skip


def _blocks(event: Event, period: str, lines: list[BoardLine]) -> list[Block]:
    unit = words.unit(event.sport, period)
    found: list[Block] = []
    for market_type, of_type in groupby(lines, key=lambda one: one.market_type):
        questions = [
            Question(answers[0].line_q4, tuple(in_board_order(answers)))
            for _, group in groupby(of_type, key=lambda one: one.market_id)
            for answers in [list(group)]
        ]
        near, far = _folded(questions)
        title = words.market(market_type, unit, event.home, event.away)
        found.append(Block(market_type, title, near, far))
    return found


def _folded(questions: list[Question]) -> tuple[tuple[Question, ...], tuple[Question, ...]]:
    """The few lines whose prices lie closest together, and the others; both by their line."""
    if len(questions) <= LINES_SHOWN + 1:
        return tuple(questions), ()
    near = sorted(questions, key=_apart)[:LINES_SHOWN]
    return (
        tuple(one for one in questions if one in near),
        tuple(one for one in questions if one not in near),
    )


def _apart(question: Question) -> int:
    prices = [answer.price_e4 for answer in question.answers]
    return max(prices) - min(prices)
