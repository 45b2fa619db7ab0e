"""The bytes of one file -> events, opening and closing prices, results, and what was refused.

Times: `Time` is the clock of London; prices that are not the closing ones count as seen at 12:00
UTC two days before the match, closing ones a second before it, the result two hours after it.
"""

from __future__ import annotations

import csv
import unicodedata
from codecs import BOM_UTF8
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

from overround.core import line as core_line
from overround.core import price as core_price
from overround.core.errors import Invalid, ProviderDataError
from overround.odds.feeds.football_data import header as headers
from overround.odds.feeds.football_data.header import BookMarket, Header, Phase
from overround.odds.feeds.football_data.words import DIVISIONS
from overround.odds.feeds.model import (
    FeedBatch,
    FeedEvent,
    FeedMarket,
    FeedPrice,
    FeedResult,
    Rejected,
)
from overround.odds.feeds.provider import Parsed

PROVIDER_KEY: Final = "football_data"
SPORT: Final = "football"

MAX_BODY_BYTES: Final = 20_000_000
MAX_ROWS: Final = 100_000
MAX_LINE_LENGTH: Final = 16_384
MAX_NAME_LENGTH: Final = 200
MAX_GOALS: Final = 99
MAX_REJECTED: Final = 10_000
_MAX_DETAIL_LENGTH: Final = 60
_MAX_CODE_LENGTH: Final = 16
_YEARS: Final = range(1990, 2101)

_LONDON: Final = ZoneInfo("Europe/London")
_USUAL_TIME: Final = time(15)
_OPENING_DAYS_BEFORE: Final = timedelta(days=2)
_OPENING_TIME: Final = time(12, tzinfo=UTC)
_CLOSING_BEFORE: Final = timedelta(seconds=1)
_RESULT_AFTER: Final = timedelta(hours=2)

# From July on, a match belongs to the season that ends next year.
_FIRST_MONTH: Final = 7


class _RowRefused(Exception):
    """One row cannot be used; carries the reason and the column."""

    def __init__(self, reason: str, column: str = "", detail: str = "") -> None:
        super().__init__(reason)
        self.reason, self.column, self.detail = reason, column, detail


@dataclass(slots=True)
class _Refusals:
    """The refused, up to a bound: a hostile file costs memory for `MAX_REJECTED` of them only."""

    name: str
    kept: list[Rejected] = field(default_factory=list[Rejected])
    dropped: int = 0

    def add(self, reason: str, line: int, column: str = "", detail: str = "") -> None:
        if len(self.kept) == MAX_REJECTED:
            self.dropped += 1
            return
        where = f"{self.name}:{line}" + (f":{column}" if column else "")
        self.kept.append(Rejected(reason, where, detail[:_MAX_DETAIL_LENGTH]))

    def all(self) -> list[Rejected]:
        """What was kept, with one last record that counts the rest."""
        if self.dropped:
            more = Rejected("too_many_rejected", self.name, f"{self.dropped} more")
            return [*self.kept, more]
        return self.kept


@dataclass(frozen=True, slots=True)
class _Row:
    """A row whose identity is sound: its file line, its cells and the event it names."""

    line: int
    cells: list[str]
    played_on: date
    event: FeedEvent


def parse(name: str, body: bytes) -> Parsed:
    """Everything `body` says; `name` is the file name that refusals are reported under.

    A bad row, cell or market is a `Rejected` and the rest goes on. Raises ProviderDataError, and
    nothing else, for a body that is no football-data file: `body_too_large` (20 MB), `not_text`,
    `unknown_layout`, `too_many_columns` (400), `too_many_rows` (100,000).
    """
    lines = _lines(body)
    head = next(lines, None)
    header = headers.read_header(_cells(head[1]) or [] if head else [])
    refusals = _Refusals(name[:MAX_NAME_LENGTH])
    for column in header.duplicates:
        refusals.add("duplicate_column", head[0] if head else 1, column[:_MAX_DETAIL_LENGTH])
    rows, count = _read_rows(lines, header, refusals)
    seasons = _seasons(rows) if header.kind == "main" else {}
    parsed = Parsed([], [], [], [], count)
    for row in rows:
        _read_row(row, header, seasons, parsed, refusals)
    parsed.rejected.extend(refusals.all())
    return parsed


def _lines(body: bytes) -> Iterator[tuple[int, str]]:
    """The lines that are not empty, with their number; each is one record.

    A record never spans lines in this format, so an unbalanced quote costs its own line only.
    """
    if len(body) > MAX_BODY_BYTES:
        raise ProviderDataError("the body is too large", code="body_too_large")
    if b"\0" in body:
        raise ProviderDataError("the body is not text", code="not_text")
    body = body.removeprefix(BOM_UTF8)
    try:
        text = body.decode()
    except UnicodeDecodeError:
        text = body.decode("latin-1")
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    # Twice the rows leaves room for empty lines and keeps the list of lines small.
    if text.count("\n") > 2 * MAX_ROWS:
        raise ProviderDataError("the body has too many lines", code="too_many_rows")
    lines = text.split("\n")
    return ((number, line) for number, line in enumerate(lines, 1) if line.strip(", \t"))


def _cells(line: str) -> list[str] | None:
    """The cells of one line, or None where its quotes do not balance or it is too long."""
    if len(line) > MAX_LINE_LENGTH:
        return None
    if '"' not in line:
        return line.split(",")
    try:
        return next(csv.reader([line], strict=True))
    except (csv.Error, StopIteration):
        return None


def _read_rows(
    lines: Iterator[tuple[int, str]], header: Header, refusals: _Refusals
) -> tuple[list[_Row], int]:
    rows: list[_Row] = []
    seen: set[str] = set()
    count = 0
    for number, text in lines:
        count += 1
        if count > MAX_ROWS:
            raise ProviderDataError("the body has too many rows", code="too_many_rows")
        try:
            row = _row(number, text, header, seen)
        except _RowRefused as refused:
            refusals.add(refused.reason, number, refused.column, refused.detail)
        else:
            seen.add(row.event.provider_event_id)
            rows.append(row)
    return rows, count


def _row(number: int, text: str, header: Header, seen: set[str]) -> _Row:
    """The row's identity; `seen` are the events above it, of which it may be none."""
    cells = _cells(text)
    if cells is None:
        raise _RowRefused("row_malformed")
    # A short row was cut off, and a cut price ("1.9" of "1.95") cannot be told from a whole one.
    if len(cells) < header.width:
        raise _RowRefused("row_truncated", detail=f"{len(cells)} of {header.width} cells")
    if any(cell.strip() for cell in cells[header.width :]):
        raise _RowRefused("row_too_long", detail=f"{len(cells)} for {header.width} cells")
    home = _name(cells, header, "home", "HomeTeam", "Home", "HT")
    away = _name(cells, header, "away", "AwayTeam", "Away", "AT")
    if home.casefold() == away.casefold():
        raise _RowRefused("same_participants", detail=home)
    played_on = _date(cells, header)
    key, competition, country, season = _competition(cells, header)
    starts = datetime.combine(played_on, _time(cells, header), _LONDON).astimezone(UTC)
    event_id = f"{key}:{played_on.isoformat()}:{home}:{away}"
    if event_id in seen:
        raise _RowRefused("duplicate_row", detail=event_id)
    event = FeedEvent(
        PROVIDER_KEY, event_id, SPORT, key, competition, country, home, away, starts, season
    )
    return _Row(number, cells, played_on, event)


def _text(cells: list[str], header: Header, *names: str) -> str:
    """The cell of the first of `names` that the file has, trimmed; blank where it has none."""
    index = header.index(*names)
    return "" if index is None else cells[index].strip()


def _name(cells: list[str], header: Header, what: str, *names: str) -> str:
    """A bounded, printable name in NFC; a refused row otherwise."""
    text = _text(cells, header, *names).replace("\xa0", " ")
    if not text:
        raise _RowRefused(f"{what}_missing")
    name = unicodedata.normalize("NFC", text)
    if len(name) > MAX_NAME_LENGTH or not name.isprintable():
        raise _RowRefused(f"{what}_invalid", detail=ascii(name))
    return name


def _date(cells: list[str], header: Header) -> date:
    """`dd/mm/yy` or `dd/mm/yyyy`; two digits from 90 on belong to the last century."""
    text = _text(cells, header, "Date")
    parts = text.split("/")
    digits = all(part.isascii() and part.isdigit() for part in parts)
    if len(parts) != 3 or not digits or [len(part) for part in parts[:2]] != [2, 2]:
        raise _RowRefused("date_invalid", "Date", text)
    day, month, year = (int(part) for part in parts) if len(text) <= 10 else (0, 0, 0)
    if len(parts[2]) == 2:
        year += 1900 if year >= 90 else 2000
    if year not in _YEARS:
        raise _RowRefused("date_invalid", "Date", text)
    try:
        return date(year, month, day)
    except ValueError:
        raise _RowRefused("date_invalid", "Date", text) from None


def _time(cells: list[str], header: Header) -> time:
    """The clock time in London, 15:00 where the file gives none."""
    text = _text(cells, header, "Time")
    if not text:
        return _USUAL_TIME
    hours, colon, minutes = text.partition(":")
    digits = all(part.isascii() and part.isdigit() and len(part) <= 2 for part in (hours, minutes))
    if not colon or not digits or int(hours) > 23 or int(minutes) > 59:
        raise _RowRefused("time_invalid", "Time", text)
    return time(int(hours), int(minutes))


def _competition(cells: list[str], header: Header) -> tuple[str, str, str, str]:
    """Key, name, country and season; the season of a division's file is decided later."""
    if header.kind == "extra":
        country = _name(cells, header, "country", "Country")
        league = _name(cells, header, "league", "League")
        season = _name(cells, header, "season", "Season")[:_MAX_CODE_LENGTH]
        return f"{country}:{league}", league, country, season
    code = _text(cells, header, "Div")
    if not code or len(code) > _MAX_CODE_LENGTH or not (code.isascii() and code.isalnum()):
        raise _RowRefused("division_invalid", "Div", ascii(code))
    country, name = DIVISIONS.get(code, ("", code))
    return code, name, country, ""


def _seasons(rows: list[_Row]) -> dict[str, str]:
    """Division -> season, "2021/22", by the middle match of its rows.

    One row's date would not do: the season 2019/20 ended in August, where others begin.
    """
    dates: dict[str, list[date]] = {}
    for row in rows:
        dates.setdefault(row.event.competition_key, []).append(row.played_on)
    seasons: dict[str, str] = {}
    for key, days in dates.items():
        middle = sorted(days)[len(days) // 2]
        first = middle.year if middle.month >= _FIRST_MONTH else middle.year - 1
        seasons[key] = f"{first}/{(first + 1) % 100:02d}"
    return seasons


def _read_row(
    row: _Row, header: Header, seasons: dict[str, str], parsed: Parsed, refusals: _Refusals
) -> None:
    event = row.event
    if header.kind == "main":
        event = _in_season(event, seasons[event.competition_key])
    parsed.events.append(event)
    prices = _Prices(row, refusals)
    for phase, observed_at in _moments(event.starts_at):
        found = prices.of(phase, header.books)
        if found:
            parsed.batches.append(FeedBatch(event, observed_at, found, phase=phase))
    result = _result(row, header, refusals)
    if result is not None:
        parsed.results.append(result)


def _in_season(event: FeedEvent, season: str) -> FeedEvent:
    return FeedEvent(
        event.provider,
        event.provider_event_id,
        event.sport,
        event.competition_key,
        event.competition_name,
        event.country,
        event.home,
        event.away,
        event.starts_at,
        season,
    )


def _moments(starts_at: datetime) -> tuple[tuple[Phase, datetime], ...]:
    opening = datetime.combine(starts_at.date() - _OPENING_DAYS_BEFORE, _OPENING_TIME)
    return ("opening", opening), ("closing", starts_at - _CLOSING_BEFORE)


class _Prices:
    """Reads the prices of one row; a cell that is no line is reported once for all its books."""

    def __init__(self, row: _Row, refusals: _Refusals) -> None:
        self._row = row
        self._refusals = refusals
        self._markets: dict[int, FeedMarket | None] = {}

    def of(self, phase: Phase, books: tuple[BookMarket, ...]) -> tuple[FeedPrice, ...]:
        """The prices of every book that gives all outcomes of a market in that phase."""
        found: list[FeedPrice] = []
        for book in books:
            if book.phase == phase:
                found.extend(self._book(book))
        return tuple(found)

    def _book(self, book: BookMarket) -> list[FeedPrice]:
        cells = self._row.cells
        texts = [cells[side.index].strip() for side in book.sides]
        if not any(texts):
            return []
        prices = [
            self._price(text, side.column) for text, side in zip(texts, book.sides, strict=True)
        ]
        if None in prices:
            column = book.sides[prices.index(None)].column
            self._refuse("incomplete_market", column, f"{book.source} {book.market_type}")
            return []
        market = book.market or self._handicap(book)
        if market is None:
            return []
        return [
            FeedPrice(book.source, market, side.side, price_e4, text)
            for side, price_e4, text in zip(book.sides, prices, texts, strict=True)
            if price_e4 is not None
        ]

    def _price(self, text: str, column: str) -> int | None:
        price_e4 = _price_e4(text) if text else None
        if text and price_e4 is None:
            self._refuse("price_invalid", column, ascii(text))
        return price_e4

    def _handicap(self, book: BookMarket) -> FeedMarket | None:
        line = book.line
        if line is None:
            return None
        if line.index not in self._markets:
            text = self._row.cells[line.index].strip()
            market = _handicap_market(book.market_type, text) if text else None
            if market is None:
                reason = "line_invalid" if text else "line_missing"
                self._refuse(reason, line.column, ascii(text))
            self._markets[line.index] = market
        return self._markets[line.index]

    def _refuse(self, reason: str, column: str, detail: str) -> None:
        self._refusals.add(reason, self._row.line, column, detail)


# A season writes a few thousand different prices four hundred thousand times.
@lru_cache(maxsize=8_192)
def _price_e4(text: str) -> int | None:
    try:
        return core_price.parse_decimal(text)
    except Invalid:
        return None


@lru_cache(maxsize=1_024)
def _handicap_market(market_type: str, text: str) -> FeedMarket | None:
    try:
        return FeedMarket(market_type, line_q4=core_line.parse(text))
    except Invalid:
        return None


def _result(row: _Row, header: Header, refusals: _Refusals) -> FeedResult | None:
    """The score, where the row has one that agrees with its own result letter."""
    try:
        full = _score(row, header, ("FTHG", "HG"), ("FTAG", "AG"), ("FTR", "Res"))
    except _RowRefused as refused:
        refusals.add(refused.reason, row.line, refused.column, refused.detail)
        return None
    if full is None:
        return None
    scores = {"ft": full}
    try:
        half = _half_time(row, header, full)
    except _RowRefused as refused:
        # The full-time score agrees with its letter and stands without the half-time one.
        refusals.add(refused.reason, row.line, refused.column, refused.detail)
    else:
        if half is not None:
            scores["ht"] = half
    observed_at = row.event.starts_at + _RESULT_AFTER
    return FeedResult(PROVIDER_KEY, row.event.provider_event_id, "finished", scores, observed_at)


def _half_time(row: _Row, header: Header, full: tuple[int, int]) -> tuple[int, int] | None:
    half = _score(row, header, ("HTHG",), ("HTAG",), ("HTR",))
    if half is not None and (half[0] > full[0] or half[1] > full[1]):
        raise _RowRefused("result_inconsistent", "HTHG", f"{half} of {full}")
    return half


def _score(
    row: _Row,
    header: Header,
    home_names: tuple[str, ...],
    away_names: tuple[str, ...],
    letter_names: tuple[str, ...],
) -> tuple[int, int] | None:
    home = _text(row.cells, header, *home_names)
    away = _text(row.cells, header, *away_names)
    letter = _text(row.cells, header, *letter_names)
    if not home and not away:
        return None
    goals = (_goals(home, home_names[0]), _goals(away, away_names[0]))
    expected = "H" if goals[0] > goals[1] else "A" if goals[0] < goals[1] else "D"
    if letter and letter != expected:
        raise _RowRefused("result_inconsistent", letter_names[0], f"{letter} for {goals}")
    return goals


def _goals(text: str, column: str) -> int:
    if not text:
        raise _RowRefused("result_incomplete", column)
    if len(text) > 2 or not (text.isascii() and text.isdigit()) or int(text) > MAX_GOALS:
        raise _RowRefused("goals_invalid", column, ascii(text[:_MAX_DETAIL_LENGTH]))
    return int(text)
