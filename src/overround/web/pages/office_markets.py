"""An event's markets as the office switches and prices them, each with its answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from overround.betting.offers import BoardLine, Book, ListedEvent
from overround.core import grading
from overround.web.pages import office_settings, words
from overround.web.pages.office_settings import Refused, Row


@dataclass(frozen=True, slots=True)
class Answer:
    """A selection's row, and what is laid for it now."""

    row: Row
    line: BoardLine


@dataclass(frozen=True, slots=True)
class Market:
    """A market's row and those of its answers."""

    row: Row
    answers: tuple[Answer, ...]

    @property
    def suspended(self) -> int:
        """How many of its answers take no bets now."""
        return sum(one.line.state != "open" for one in self.answers)

    @property
    def is_apart(self) -> bool:
        """Whether anything in it is set for itself, or a form of it was refused: then it stands
        open."""
        rows = [self.row, *(one.row for one in self.answers)]
        return any(row.is_own or row.problem is not None for row in rows)

    @property
    def version(self) -> str:
        """Changes with everything that it shows."""
        laid = (f"{one.row.version} {one.line.price_e4} {one.line.state}" for one in self.answers)
        return f"{self.row.version} {' '.join(laid)}"


def of(
    book: Book, found: ListedEvent, lines: Sequence[BoardLine], refused: Refused | None = None
) -> list[Market]:
    """The markets of the lines, which stand together; the event's main one is the first."""
    event = found.event
    main = grading.main_market(event.sport)
    markets: list[Market] = []
    for market_id, group in groupby(lines, key=lambda one: one.market_id):
        laid = list(group)
        head = laid[0]
        row = office_settings.of_market(book, found, market_id, _name(found, head), refused)
        sides = grading.sides(head.market_type)
        answers = [
            Answer(
                office_settings.of_selection(
                    book, row, line.selection_id, _side(found, line), refused
                ),
                line,
            )
            for line in sorted(
                laid, key=lambda one: sides.index(one.side) if sides else one.price_e4
            )
        ]
        markets.append(Market(row, tuple(answers)))
    return sorted(markets, key=lambda one: _type(one) != main)


def _type(market: Market) -> tuple[str, str]:
    line = market.answers[0].line
    return line.market_type, line.period


def _name(found: ListedEvent, line: BoardLine) -> str:
    event = found.event
    unit = words.unit(event.sport, line.period)
    name = words.market(line.market_type, unit, event.home, event.away)
    at = "" if line.line_q4 is None else f" {words.line_of('home', line.market_type, line.line_q4)}"
    return f"{name}{at}, {words.period(line.period).lower()}"


def _side(found: ListedEvent, line: BoardLine) -> str:
    event = found.event
    return words.side(line.side, line.market_type, line.line_q4, event.home, event.away)
