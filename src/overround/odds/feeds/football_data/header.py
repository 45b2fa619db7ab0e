"""What the columns of a file mean, decided from its header as a whole.

A book is a prefix that has every outcome column of a market, so a column of statistics (`HS`,
`AF`) is never one, and `BFD` is the draw at `BF` in one season and the prefix of another book in
the next. A `C` behind the prefix marks the closing prices; it belongs to the prefix itself (`VC`)
where the header or the list of known books says so.
"""

from __future__ import annotations

import re
from codecs import BOM_UTF8
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal

from overround.core.errors import ProviderDataError
from overround.odds.feeds.football_data.words import AGGREGATES, SOURCES
from overround.odds.feeds.model import FeedMarket

Phase = Literal["opening", "closing"]

MAX_COLUMNS: Final = 400
MAX_HEADER_BYTES: Final = 16_384

# What a book's abbreviation may look like; anything else before a suffix is not one.
_PREFIX: Final = re.compile(r"[A-Za-z0-9]{1,16}")
_CLOSING: Final = "C"
_TOTAL_LINE_Q4: Final = 10


@dataclass(frozen=True, slots=True)
class _Shape:
    """How a market is written behind a book's prefix: side -> suffix."""

    market_type: str
    suffixes: tuple[tuple[str, str], ...]
    line_q4: int | None = None


_HANDICAP: Final = "asian_handicap"
_SHAPES: Final = (
    _Shape("1x2", (("home", "H"), ("draw", "D"), ("away", "A"))),
    _Shape("total", (("over", ">2.5"), ("under", "<2.5")), _TOTAL_LINE_Q4),
    _Shape(_HANDICAP, (("home", "AHH"), ("away", "AHA"))),
)

# The words of an identity column in the layouts, the usual one first.
_MAIN: Final = ({"Div"}, {"Date"}, {"HomeTeam", "HT"}, {"AwayTeam", "AT"})
_EXTRA: Final = ({"Country"}, {"League"}, {"Season"}, {"Date"}, {"Home"}, {"Away"})


@dataclass(frozen=True, slots=True)
class Side:
    """One outcome column: our word for the outcome, the cell's index and the column's name."""

    side: str
    index: int
    column: str


@dataclass(frozen=True, slots=True)
class BookMarket:
    """The columns of one book on one market: `line` is a handicap's cell, else `market` is set."""

    source: str
    phase: Phase
    market_type: str
    sides: tuple[Side, ...]
    market: FeedMarket | None
    line: Side | None


@dataclass(frozen=True, slots=True)
class Header:
    """The meaning of a file's columns; `index` finds a plain column by any of its names."""

    kind: Literal["main", "extra"]
    width: int
    columns: dict[str, int]
    books: tuple[BookMarket, ...]
    duplicates: tuple[str, ...]

    def index(self, *names: str) -> int | None:
        """The cell index of the first of `names` that the file has."""
        return next((self.columns[name] for name in names if name in self.columns), None)


def recognises(head: bytes) -> bool:
    """Whether the first line of `head` is a header of one of the layouts."""
    line = head[:MAX_HEADER_BYTES].removeprefix(BOM_UTF8).lstrip(b"\r\n").splitlines()[:1]
    names = [cell.strip() for cell in line[0].decode("latin-1").split(",")] if line else []
    return _kind(set(names)) is not None


def read_header(cells: list[str]) -> Header:
    """The meaning of a header row; ProviderDataError where it is of none of the layouts."""
    if len(cells) > MAX_COLUMNS:
        raise ProviderDataError("the header has too many columns", code="too_many_columns")
    columns: dict[str, int] = {}
    duplicates: list[str] = []
    for index, name in enumerate(cell.strip() for cell in cells):
        if name and columns.setdefault(name, index) != index:
            duplicates.append(name)
    kind = _kind(columns.keys())
    if kind is None:
        raise ProviderDataError("the header is of no football-data layout", code="unknown_layout")
    # The source misspells this one column of its "extra" files.
    if "B36CA" in columns and "B365CH" in columns:
        columns.setdefault("B365CA", columns["B36CA"])
    # Columns without a name at the end are a spreadsheet's leavings; rows may lack them.
    width = max(columns.values()) + 1
    return Header(kind, width, columns, _books(columns), tuple(duplicates))


def _kind(names: Iterable[str]) -> Literal["main", "extra"] | None:
    present = set(names)
    if all(words & present for words in _MAIN):
        return "main"
    if all(words & present for words in _EXTRA):
        return "extra"
    return None


def _books(columns: dict[str, int]) -> tuple[BookMarket, ...]:
    stems = {shape.market_type: _stems(shape, columns) for shape in _SHAPES}
    every = set[str]().union(*stems.values())
    found: list[BookMarket] = []
    for shape in _SHAPES:
        parts = {stem: _split(stem, every) for stem in stems[shape.market_type]}
        named = {prefix for prefix, _ in parts.values() if prefix not in AGGREGATES}
        sources = _sources(named)
        for stem, (prefix, phase) in parts.items():
            if prefix not in sources:
                continue
            line = _line(prefix, phase, columns) if shape.market_type == _HANDICAP else None
            if shape.market_type == _HANDICAP and line is None:
                continue
            market = None if line else FeedMarket(shape.market_type, line_q4=shape.line_q4)
            sides = tuple(_side(side, stem + suffix, columns) for side, suffix in shape.suffixes)
            found.append(BookMarket(sources[prefix], phase, shape.market_type, sides, market, line))
    return tuple(found)


def _stems(shape: _Shape, columns: dict[str, int]) -> list[str]:
    """What stands before the first suffix, in file order, where every outcome's column is there."""
    first = shape.suffixes[0][1]
    stems = (name.removesuffix(first) for name in columns if name.endswith(first))
    return [
        stem
        for stem in stems
        if _PREFIX.fullmatch(stem) and all(stem + suffix in columns for _, suffix in shape.suffixes)
    ]


def _split(stem: str, every: set[str]) -> tuple[str, Phase]:
    """The book's prefix and the phase of a stem: `PSC` is the closing of `PS`, `VC` is a book.

    A final `C` is the book's own where the header has that book's closing columns too, or where the
    book is known and the shorter prefix is absent; an unknown book that ends in `C` and comes
    without closing columns is read as the closing prices of the shorter name.
    """
    prefix = stem.removesuffix(_CLOSING)
    own = stem + _CLOSING in every or (stem in SOURCES and prefix not in every)
    if prefix == stem or not prefix or own:
        return stem, "opening"
    return prefix, "closing"


def _sources(prefixes: set[str]) -> dict[str, str]:
    """Prefix -> source within one market: two prefixes never become the same source.

    The order of `SOURCES` decides who keeps a shared name, so it does not hang on column order.
    """
    taken: set[str] = set()
    sources: dict[str, str] = {}
    known = [prefix for prefix in SOURCES if prefix in prefixes]
    for prefix in known + sorted(prefixes.difference(SOURCES)):
        source = SOURCES.get(prefix, prefix.lower())
        while source in taken:
            source = prefix.lower() if source != prefix.lower() else f"{source}_"
        taken.add(source)
        sources[prefix] = source
    return sources


def _line(prefix: str, phase: Phase, columns: dict[str, int]) -> Side | None:
    """The handicap's column: the book's own where it has one (older seasons), else the market's."""
    middle = _CLOSING if phase == "closing" else ""
    shared = "AHCh" if phase == "closing" else "AHh"
    names = (f"{prefix}{middle}AH", shared)
    return next((_side("home", name, columns) for name in names if name in columns), None)


def _side(side: str, column: str, columns: dict[str, int]) -> Side:
    return Side(side, columns[column], column)
