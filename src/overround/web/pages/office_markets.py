"""An event's markets as the office switches and prices them, each with its answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final
from uuid import UUID

from overround.betting.offers import BoardLine, Book, ListedEvent, SeenMarket, SeenSelection, Why
from overround.core import grading
from overround.web.pages import office_settings, words
from overround.web.pages.office_settings import Refused, Row

# Why a selection is not laid, or is laid lower, as a person reads it.
_WHY: Final[Mapping[Why, str]] = {
    "off": "Switched off",
    "over": "The event is over",
    "not_in_play": "Not laid in play",
    "unquoted": "No source quotes the whole market",
    "shaded": "Shaded: it could have been arbitraged",
    "shaded_too_far": "Held back: the sources disagree by more than a fifth of the price",
    "together": "Held back: several of our prices could be arbitraged together",
    "own_price": "Held back: a bettor would make more with the own price than is borne",
    "awaited": "Waits for the next prices",
}


@dataclass(frozen=True, slots=True)
class Answer:
    """A selection's row, what is laid for it now, and what the office sees of it beside."""

    row: Row
    line: BoardLine
    seen: SeenSelection | None = None

    @property
    def why(self) -> str:
        """Why it is not laid, or lower than it was reckoned; "" where it is as it was."""
        return words_of(self.seen)

    @property
    def version(self) -> str:
        """Changes with everything that it shows."""
        seen = self.seen
        told = "" if seen is None else f"{seen.reckoned_e4} {seen.best_e4}"
        return f"{self.row.version} {self.line.price_e4} {self.line.state} {self.why} {told}"


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
        return f"{self.row.version} {' '.join(one.version for one in self.answers)}"


@dataclass(frozen=True, slots=True)
class Unlaid:
    """A market that is on the board and is not laid, and why not."""

    id: UUID
    name: str
    why: str


def words_of(seen: SeenSelection | None) -> str:
    """Why a selection is not laid, or is laid lower; "" where there is nothing to say."""
    return "" if seen is None or seen.why is None else _WHY[seen.why]


def unlaid(
    found: ListedEvent, seen: Sequence[SeenMarket], lines: Sequence[BoardLine]
) -> list[Unlaid]:
    """The markets that are on the board and of which nothing stands among the lines; none when the
    event is over."""
    laid = {line.market_id for line in lines}
    return [
        Unlaid(one.market_id, _name(found, one), words_of(one.selections[0]))
        for one in seen
        if one.market_id not in laid and one.selections[0].why != "over"
    ]


def of(
    book: Book,
    found: ListedEvent,
    lines: Sequence[BoardLine],
    seen: Sequence[SeenMarket] = (),
    refused: Refused | None = None,
) -> list[Market]:
    """The markets of the lines, which stand together; the event's main one is the first."""
    event = found.event
    by_id = {one.selection_id: one for market in seen for one in market.selections}
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
                by_id.get(line.selection_id),
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


def _name(found: ListedEvent, line: BoardLine | SeenMarket) -> str:
    event = found.event
    unit = words.unit(event.sport, line.period)
    name = words.market(line.market_type, unit, event.home, event.away)
    at = "" if line.line_q4 is None else f" {words.line_of('home', line.market_type, line.line_q4)}"
    return f"{name}{at}, {words.period(line.period).lower()}"


def _side(found: ListedEvent, line: BoardLine) -> str:
    event = found.event
    return words.side(line.side, line.market_type, line.line_q4, event.home, event.away)
