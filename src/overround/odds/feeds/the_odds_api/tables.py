"""The provider's answers saved as CSV -> games: a table of prices (one a row), of events, of scores
(a team a row), of sports, and of price movements (a bookmaker a row, American odds).

The moment is a column of each row; a row whose moment is not told keeps its event and loses its
prices (test: prices without a moment are refused by name).
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Final

from overround.core.errors import ProviderDataError
from overround.odds.feeds import reading
from overround.odds.feeds.the_odds_api.model import Capture, Game, Group, Outcome

MAX_BODY_BYTES: Final = 64_000_000
MAX_ROWS: Final = 500_000

_EVENT: Final = ("event_id", "sport_key", "commence_time", "home_team", "away_team")
_PRICES: Final = (
    *_EVENT, "snapshot_time", "bookmaker_key", "last_update", "market", "outcome_name", "price",
    "point",
)  # fmt: skip
_SCORES: Final = (*_EVENT, "completed", "last_update", "score_name", "score_value")
_SPORTS: Final = ("key", "group", "title", "has_outrights")
_MOVES: Final = (
    "sport", "game_id", "commence_time", "snapshot_taken_at_utc", "bookmaker_last_update_utc",
    "home_team", "away_team", "bookmaker", "ml_home", "ml_away", "spread_home", "spread_home_odds",
    "spread_away", "spread_away_odds", "total_line", "total_over_odds", "total_under_odds",
)  # fmt: skip
# The league of a movement's row -> (sport key, title).
_LEAGUES: Final = {
    "NHL": ("icehockey_nhl", "NHL"),
    "NBA": ("basketball_nba", "NBA"),
    "WNBA": ("basketball_wnba", "WNBA"),
}

Row = Mapping[str, str]
_Games = dict[tuple[str, datetime | None], Game]


def recognises(head: bytes) -> bool:
    """Whether the first line of `head` names the columns of one of the tables."""
    line = head.partition(b"\n")[0].decode("utf-8-sig", "replace").strip()
    return _reader(line.split(",")) is not None


def read(body: bytes) -> Capture:
    """The games of a table, in the order of their first row.

    Raises ProviderDataError `body_too_large` (64 MB), `not_text`, `unknown_layout`,
    `table_malformed`, `too_many_rows` (500,000).
    """
    lines = csv.reader(io.StringIO(reading.text_of(body, MAX_BODY_BYTES)))
    try:
        columns = next(lines, list[str]())
        reader = _reader(columns)
        if reader is None:
            raise ProviderDataError("no table of this feed begins so", code="unknown_layout")
        games: _Games = {}
        rows = 0
        for row in _rows(lines, columns):
            reader(row, games)
            rows += 1
    except csv.Error:
        raise ProviderDataError("the table is broken", code="table_malformed") from None
    return Capture(list(games.values()), "american" if reader is _move else "decimal", rows)


def _rows(lines: Iterator[list[str]], columns: list[str]) -> Iterator[Row]:
    for number, cells in enumerate(lines):
        if number >= MAX_ROWS:
            raise ProviderDataError("the table has too many rows", code="too_many_rows")
        # A short row was cut off; what it lacks is read as empty and refused where it is needed.
        yield dict(zip(columns, cells, strict=False))


def _reader(columns: list[str]) -> Callable[[Row, _Games], None] | None:
    named = set(columns)
    for wanted, reader in (
        (_PRICES, _price),
        (_SCORES, _score),
        (_MOVES, _move),
        ((*_EVENT, "snapshot_time"), _event),
        (_SPORTS, _sport),
    ):
        if named.issuperset(wanted):
            return reader
    return None


def _cell(row: Row, column: str) -> str:
    return row.get(column, "").strip()[: reading.MAX_TEXT_LENGTH]


def _game(row: Row, games: _Games, seen_at: datetime | None) -> Game:
    key = (_cell(row, "event_id"), seen_at)
    found = games.get(key)
    if found is None:
        found = games[key] = Game(
            key[0],
            _cell(row, "sport_key"),
            _cell(row, "sport_title"),
            _cell(row, "commence_time"),
            _cell(row, "home_team"),
            _cell(row, "away_team"),
            seen_at,
        )
    return found


def _price(row: Row, games: _Games) -> None:
    game = _game(row, games, reading.moment(_cell(row, "snapshot_time")))
    book, market = _cell(row, "bookmaker_key"), _cell(row, "market")
    if game.groups is None:
        game.groups = []
    last = game.groups[-1] if game.groups else None
    if last is None or (last.book, last.market) != (book, market):
        last = Group(book, market, _cell(row, "last_update"), [])
        game.groups.append(last)
    last.outcomes.append(
        Outcome(_cell(row, "outcome_name"), _cell(row, "price"), _cell(row, "point"))
    )


def _event(row: Row, games: _Games) -> None:
    _game(row, games, reading.moment(_cell(row, "snapshot_time")))


def _score(row: Row, games: _Games) -> None:
    game = _game(row, games, None)
    game.completed = _cell(row, "completed") == "True"
    game.scored = _cell(row, "last_update")
    if _cell(row, "score_name"):
        game.scores.append((_cell(row, "score_name"), _cell(row, "score_value")))


def _sport(row: Row, games: _Games) -> None:
    """The list of sports names no event; it is known so that nothing of the feed is unexplained."""


def _move(row: Row, games: _Games) -> None:
    sport_key, title = _LEAGUES.get(_cell(row, "sport"), (_cell(row, "sport"), ""))
    home, away = _cell(row, "home_team"), _cell(row, "away_team")
    seen_at = reading.moment(_cell(row, "snapshot_taken_at_utc"))
    named = {
        "event_id": _cell(row, "game_id"),
        "sport_key": sport_key,
        "sport_title": title,
        "commence_time": _cell(row, "commence_time"),
        "home_team": home,
        "away_team": away,
    }
    game = _game(named, games, seen_at)
    if game.groups is None:
        game.groups = []
    book, stamp = _cell(row, "bookmaker"), _cell(row, "bookmaker_last_update_utc")
    line = _cell(row, "total_line")
    for market, answers in (
        ("h2h", ((home, "ml_home", ""), (away, "ml_away", ""))),
        (
            "spreads",
            (
                (home, "spread_home_odds", _cell(row, "spread_home")),
                (away, "spread_away_odds", _cell(row, "spread_away")),
            ),
        ),
        ("totals", (("Over", "total_over_odds", line), ("Under", "total_under_odds", line))),
    ):
        outcomes = [
            Outcome(name, price, point)
            for name, column, point in answers
            if (price := _cell(row, column))
        ]
        if outcomes:
            game.groups.append(Group(book, market, stamp, outcomes))
