"""One file -> matches, the closing prices of their books, results, and what was refused."""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final

from overround.core import facts
from overround.core.endings import ResultStatus
from overround.core.errors import ProviderDataError
from overround.odds.feeds import body as bodies
from overround.odds.feeds import reading
from overround.odds.feeds.body import Asked, Body
from overround.odds.feeds.model import FeedBatch, FeedEvent, FeedResult
from overround.odds.feeds.provider import Parsed, SourceKind
from overround.odds.feeds.reading import EventRefused

PROVIDER_KEY: Final = "tennis_data"
SPORT: Final = "tennis"

MAX_BODY_BYTES: Final = 32_000_000
MAX_COLUMNS: Final = 200
# What every year's file has; books come and go.
COLUMNS: Final = frozenset({"Tournament", "Date", "Winner", "Loser", "Wsets", "Lsets", "Comment"})
_TOURS: Final = ("ATP", "WTA")

_SOURCES: Final[Mapping[str, str]] = {
    "B&W": "bwin",
    "B365": "bet365",
    "BFE": "betfair_exchange",
    "CB": "centrebet",
    "EX": "expekt",
    "GB": "gamebookers",
    "IW": "interwetten",
    "LB": "ladbrokes",
    "PS": "pinnacle",
    "SB": "sportingbet",
    "SJ": "stan_james",
    "UB": "unibet",
}
# Maxima and averages over other books are figures, not somebody's price.
_AGGREGATES: Final = frozenset({"Max", "Avg"})
_EXCHANGES: Final = frozenset({"betfair_exchange"})
_BOOK: Final = re.compile(r"([A-Za-z0-9&]{2,8})W")

_STATUSES: Final[Mapping[str, ResultStatus]] = {
    "Completed": "finished",
    "Retired": "retired",
    # Who is sent off the court has lost as one who leaves it.
    "Disqualified": "retired",
    "Walkover": "walkover",
}
_ISO: Final = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})")
_BRITISH: Final = re.compile(r"([0-9]{2})/([0-9]{2})/([0-9]{4})")
_COUNT: Final = re.compile(r"([0-9]{1,3})(?:\.0)?")
_SETS: Final = 5
_MAX_ROUND_LENGTH: Final = 40
_MAX_ID_LENGTH: Final = 400
_YEARS: Final = range(1990, 2100)
_HOUR: Final = 12
_CLOSING_BEFORE: Final = timedelta(seconds=1)
_RESULT_AFTER: Final = timedelta(hours=12)


def source_kind(source: str) -> SourceKind:
    """Whether `source` lays its own prices or shows those of its customers."""
    return "exchange" if source in _EXCHANGES else "bookmaker"


def parse(name: str, body: bytes) -> Parsed:
    """Everything `body` says.

    A bad row or price is a `Rejected` and the rest goes on. Raises ProviderDataError, and nothing
    else, for a body of another kind: `body_too_large` (32 MB), `not_text`, `unknown_layout`,
    `too_many_columns` (200), `too_many_rows`, `too_many_prices`.
    """
    lines = reading.text_of(body, MAX_BODY_BYTES).splitlines()
    header = _header(_cells(lines[0]) if lines else None)
    file = bodies.named(name)
    for number, line in enumerate(lines[1:], 2):
        if not line.strip(", \t"):
            continue
        file.row()
        cells = _cells(line)
        if cells is None or len(cells) != header.width:
            file.refusals.add("row_malformed", str(number))
            continue
        try:
            _Row(header, [cell.strip() for cell in cells]).take(file)
        except EventRefused as refused:
            file.refuse(refused, str(number))
    return file.parsed()


@dataclass(frozen=True, slots=True)
class _Header:
    """Where the columns are; `books` are (source, index of the winner's price, the loser's)."""

    tour: str
    width: int
    columns: dict[str, int]
    books: tuple[tuple[str, int, int], ...]


def _header(cells: list[str] | None) -> _Header:
    names = [cell.strip() for cell in cells or []]
    if len(names) > MAX_COLUMNS:
        raise ProviderDataError("the header has too many columns", code="too_many_columns")
    columns = {name: index for index, name in enumerate(names)}
    if not columns.keys() >= COLUMNS:
        raise ProviderDataError("the header is of another layout", code="unknown_layout")
    tour = next((tour for tour in _TOURS if tour in columns), "")
    books: list[tuple[str, int, int]] = []
    for name, index in columns.items():
        found = _BOOK.fullmatch(name)
        loser = columns.get(f"{name[:-1]}L")
        if found is None or loser is None or found[1] in _AGGREGATES:
            continue
        source = _SOURCES.get(found[1]) or reading.source_of(found[1])
        if source is not None:
            books.append((source, index, loser))
    return _Header(tour, len(names), columns, tuple(books))


def _cells(line: str) -> list[str] | None:
    """The cells of one line; a record never spans lines, so a quote costs its own line only."""
    try:
        return next(csv.reader([line], strict=True))
    except (csv.Error, StopIteration):
        return None


@dataclass(frozen=True, slots=True)
class _Row:
    """One match."""

    header: _Header
    cells: list[str]

    def take(self, file: Body) -> None:
        """Read it into `file`. Raises EventRefused."""
        names = reading.sides_of(self._text("Winner"), self._text("Loser"))
        won_at_home = names[0].casefold() < names[1].casefold()
        event = self._event(names if won_at_home else (names[1], names[0]))
        file.name(event)
        self._prices(event, file, won_at_home=won_at_home)
        result = self._result(event, won_at_home=won_at_home)
        wrong = facts.contradiction(result.scores)
        if wrong is not None:
            raise EventRefused("result_inconsistent", wrong)
        file.results.append(result)

    def _text(self, name: str) -> str:
        index = self.header.columns.get(name)
        return "" if index is None else self.cells[index]

    def _event(self, sides: tuple[str, str]) -> FeedEvent:
        played_on = _date(self._text("Date"))
        tournament = reading.name_of(self._text("Tournament"), "competition")
        tour = self.header.tour
        round_name = reading.shown(self._text("Round")[:_MAX_ROUND_LENGTH])
        event_id = ":".join((tour, played_on.isoformat(), tournament, round_name, *sides))
        if len(event_id) > _MAX_ID_LENGTH:
            raise EventRefused("id_invalid", event_id)
        return FeedEvent(
            PROVIDER_KEY,
            event_id,
            SPORT,
            f"{tour}:{tournament}",
            f"{tour} {tournament}".strip(),
            "",
            *sides,
            datetime(played_on.year, played_on.month, played_on.day, _HOUR, tzinfo=UTC),
            str(played_on.year),
        )

    def _prices(self, event: FeedEvent, file: Body, *, won_at_home: bool) -> None:
        place = event.provider_event_id
        quotes = file.collect(SPORT, SPORT, place)
        winner, loser = ("home", "away") if won_at_home else ("away", "home")
        for source, at_winner, at_loser in self.header.books:
            texts = self.cells[at_winner], self.cells[at_loser]
            if not all(texts):
                if any(texts):
                    file.refusals.add("incomplete_market", place, source)
                    bodies.leave_out(quotes, "incomplete", "one side alone")
                continue
            for side, text in zip((winner, loser), texts, strict=True):
                bodies.offer(quotes, source, Asked("moneyline", "final"), side, text)
        prices = quotes.all()
        if prices:
            seen_at = event.starts_at - _CLOSING_BEFORE
            file.say(FeedBatch(event, seen_at, prices, phase="closing"))

    def _result(self, event: FeedEvent, *, won_at_home: bool) -> FeedResult:
        status = _STATUSES.get(self._text("Comment"))
        if status is None:
            raise EventRefused("result_unknown", self._text("Comment"))
        scores: dict[str, tuple[int, int]] = {}
        for number in range(1, _SETS + 1):
            games = self._score(f"W{number}", f"L{number}", won_at_home=won_at_home)
            if games is not None:
                scores[f"s{number}"] = games
        if scores:
            home, away = zip(*scores.values(), strict=True)
            scores["final"] = sum(home), sum(away)
        sets = self._score("Wsets", "Lsets", won_at_home=won_at_home)
        if sets is not None and status != "walkover":
            scores["sets"] = sets
        scores["advanced"] = (1, 0) if won_at_home else (0, 1)
        observed_at = event.starts_at + _RESULT_AFTER
        return FeedResult(PROVIDER_KEY, event.provider_event_id, status, scores, observed_at)

    def _score(self, winner: str, loser: str, *, won_at_home: bool) -> tuple[int, int] | None:
        found = [_COUNT.fullmatch(self._text(name)) for name in (winner, loser)]
        if found[0] is None or found[1] is None:
            return None
        won, lost = int(found[0][1]), int(found[1][1])
        return (won, lost) if won_at_home else (lost, won)


def _date(text: str) -> date:
    """ "2001-01-31", as in newer files, or "31/01/2001". Raises EventRefused `date_invalid`."""
    iso, british = _ISO.fullmatch(text), _BRITISH.fullmatch(text)
    parts = iso.groups() if iso else british.groups()[::-1] if british else ("0", "0", "0")
    try:
        found = date(int(parts[0]), int(parts[1]), int(parts[2]))
    except ValueError:
        raise EventRefused("date_invalid", text) from None
    if found.year not in _YEARS:
        raise EventRefused("date_invalid", text)
    return found
