"""A page as its script told it -> events with prices, or the name of what no longer fits.

A page that was rebuilt must not be read half: a single event or line that cannot be used is a
`Rejected`, but where most of a kind cannot be used, the selectors are wrong, and the look is
`markup_changed` with the kind's name and no price at all
(test: a page that no longer fits is named and gives no price).
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from fractions import Fraction
from typing import Final, cast

from overround.core import line as core_line
from overround.core.errors import Invalid
from overround.odds.feeds import reading
from overround.odds.feeds.browser import starts
from overround.odds.feeds.browser.model import Look, State
from overround.odds.feeds.browser.site import MarketPlaces, Site, lists_of
from overround.odds.feeds.model import FeedBatch, FeedEvent, FeedMarket, FeedPrice
from overround.odds.feeds.reading import EventRefused, Node, Refusals, node_of, nodes_of

MAX_GROUPS: Final = 20_000
MAX_CELLS_OF_A_GROUP: Final = 500
# Booksums outside of this are no book's: the columns or the format are not what we think.
BOOKSUM_MIN: Final = Fraction(85, 100)
BOOKSUM_MAX: Final = Fraction(160, 100)
# "0.5-1", "0.5 / 1" and "0.0, -0.5" are the pairs that `core.line` reads as "0.5/1".
_PAIR: Final = re.compile(r"([+-]?[0-9.]+) ?[-/,] ?([+-]?[0-9.]+)")
_NUMBER: Final = re.compile(r"[+-]?[0-9]+(?:\.[0-9]+)?(?:/[+-]?[0-9]+(?:\.[0-9]+)?)?")
_MINUS: Final = re.compile("[\u2212\u2013]")
_NOTHING: Final = frozenset({"", "-", "--", "\u2013", "\u2014", "n/a"})

# What may be wrong with an event, by the first word of the refusal.
_KINDS: Final = ("home", "away", "same", "start", "competition", "id")

# One cell: its text, and whether it is stopped.
Cell = tuple[str, bool]


@dataclass(slots=True)
class _Tally:
    """How many of a kind were seen, and how many of them could not be used."""

    seen: Counter[str] = field(default_factory=Counter[str])
    bad: Counter[str] = field(default_factory=Counter[str])

    def count(self, kind: str, *, good: bool) -> None:
        self.seen[kind] += 1
        self.bad[kind] += not good

    def mostly_bad(self) -> str:
        """The first kind of which more than half cannot be used; "" where none is."""
        bad = (kind for kind in self.bad if self.bad[kind] * 2 > self.seen[kind])
        return next((f"{kind}: {self.bad[kind]} of {self.seen[kind]}" for kind in bad), "")


@dataclass(slots=True)
class _Page:
    """One look while it is read."""

    site: Site
    at: datetime
    written: str
    tally: _Tally = field(default_factory=_Tally)
    refusals: Refusals = field(default_factory=lambda: Refusals("page"))
    seen: set[str] = field(default_factory=set[str])


def look(site: Site, found: object, at: datetime) -> Look:
    """What the page says at `at`. Raises nothing, whatever `found` is."""
    page = node_of(found)
    clock = reading.text(page, "clock")
    state, detail = _state(page)
    if state != "reading":
        return Look(state, at, reading.shown(detail), clock)
    reader = _Page(site, at, _written(site, page))
    if not reader.written:
        return Look("markup_changed", at, "odds_format", clock)
    batches = [batch for one in nodes_of(page.get("events")) for batch in _event(reader, one)]
    for market in site.markets:
        if market.required and page.get("events"):
            reader.tally.count(market.market, good=_is_asked(market, batches))
    wrong = reader.tally.mostly_bad()
    if wrong:
        return Look("markup_changed", at, wrong, clock, rejected=tuple(reader.refusals.all()))
    return Look("reading", at, "", clock, tuple(batches), tuple(reader.refusals.all()))


def _state(page: Node) -> tuple[State, str]:
    if "failed" in page or "events" not in page:
        return "markup_changed", reading.text(page, "failed") or "script"
    if page.get("logged_out") is True:
        return "logged_out", ""
    if page.get("closed") is True:
        return "closed", ""
    if page.get("board") is not True:
        return "markup_changed", "board"
    if page.get("cut") is not False:
        return "markup_changed", "too_many_events"
    if not page.get("events") and page.get("empty") is not True:
        return "markup_changed", "events"
    return "reading", ""


def _written(site: Site, page: Node) -> str:
    """The odds format of this page; "" for a word we do not know."""
    if site.odds_words is None:
        return site.odds_format
    return site.odds_words.get(reading.text(page, "odds_format"), "")


def _is_asked(market: MarketPlaces, batches: Sequence[FeedBatch]) -> bool:
    wanted = market.market, market.period
    return any(
        (price.market.market_type, price.market.period) == wanted
        for batch in batches
        for price in batch.prices
    )


# -- one event -------------------------------------------------------------------------------------


def _event(page: _Page, found: Node) -> Iterator[FeedBatch]:
    place = reading.text(found, "id") or f"{reading.text(found, 'home')}"
    try:
        event = _named(page, found)
    except EventRefused as refused:
        page.tally.count(refused.reason.partition("_")[0], good=False)
        page.refusals.add(refused.reason, place, refused.detail)
        return
    for kind in _KINDS:
        page.tally.count(kind, good=True)
    if event.provider_event_id in page.seen:
        page.refusals.add("event_repeated", place)
        return
    page.seen.add(event.provider_event_id)
    prices: dict[tuple[FeedMarket, str], FeedPrice] = {}
    groups = found.get("groups")
    for group in cast("list[object]", groups if isinstance(groups, list) else [])[:MAX_GROUPS]:
        for price in _group(page, group, event.provider_event_id):
            prices.setdefault((price.market, price.side), price)
    yield FeedBatch(event, page.at, tuple(prices.values()))


def _named(page: _Page, found: Node) -> FeedEvent:
    site = page.site
    home, away = reading.sides_of(reading.text(found, "home"), reading.text(found, "away"))
    starts_at = starts.moment(site.starts, reading.text(found, "starts"), page.at)
    if starts_at is None:
        raise EventRefused("start_invalid", reading.text(found, "starts"))
    competition = reading.text(found, "competition")
    name = reading.name_of(competition, "competition") if competition else "unknown"
    event_id = reading.text(found, "id")
    if site.event.id is None:
        # Where a site shows no id, an event is known by its sides and its day.
        event_id = f"{starts_at:%Y%m%d}:{_digest(name, home, away)}"
    return FeedEvent(
        provider=site.site,
        provider_event_id=reading.id_of(event_id),
        sport=site.sport,
        competition_key=reading.source_of(name) or "unknown",
        competition_name=name,
        country="",
        home=home,
        away=away,
        starts_at=starts_at,
    )


def _digest(*names: str) -> str:
    """Names in any script as part of an id."""
    return hashlib.sha256("\n".join(names).encode()).hexdigest()[:16]


# -- the lines of one question ---------------------------------------------------------------------


def _group(page: _Page, found: object, place: str) -> Iterator[FeedPrice]:
    """The prices of one element of a market; the lists of it are read side by side."""
    pair = cast("list[object]", found) if isinstance(found, list) else []
    index = pair[0] if len(pair) == 2 else None
    if type(index) is not int or not 0 <= index < len(page.site.markets):
        page.refusals.add("group_unknown", place)
        return
    market = page.site.markets[index]
    told = node_of(pair[1])
    lists = {name: _cells(told.get(name)) for name in lists_of(market)}
    lengths = {len(cells) for cells in lists.values()}
    good = len(lengths) == 1
    page.tally.count(f"{market.market} columns", good=good)
    if not good:
        page.refusals.add("columns_disagree", f"{place}:{market.market}", str(sorted(lengths)))
        return
    for row in range(min(lengths.pop(), MAX_CELLS_OF_A_GROUP)):
        yield from _row(page, market, {name: cells[row] for name, cells in lists.items()}, place)


def _cells(found: object) -> list[Cell]:
    """Texts with their stop marks; what is neither is an empty cell that is stopped."""
    cells: list[Cell] = []
    for one in cast("list[object]", found) if isinstance(found, list) else []:
        pair = cast("list[object]", one) if isinstance(one, list) else []
        text = pair[0] if len(pair) == 2 else ""
        is_text = isinstance(text, str)
        stopped = pair[1] if len(pair) == 2 else True
        cells.append((str(text).strip() if is_text else "", stopped is not False or not is_text))
    return cells


def _row(
    page: _Page, market: MarketPlaces, row: Mapping[str, Cell], place: str
) -> Iterator[FeedPrice]:
    """The prices of one line; one that cannot be read, or a booksum of no book, costs all."""
    shown = [row[side] for side in market.prices]
    if all(text.casefold() in _NOTHING for text, _ in shown):
        # An empty row is a line that is not offered now; a site keeps its place.
        return
    where = f"{place}:{market.market}"
    line = line_of(market, {name: text for name, (text, _) in row.items()})
    asked = line if isinstance(line, str) else reading.market_of(market.market, market.period, line)
    if not isinstance(asked, FeedMarket):
        page.tally.count(f"{market.market} line", good=False)
        page.refusals.add(asked or "market_unknown", where, row.get("line", ("", False))[0])
        return
    page.tally.count(f"{market.market} line", good=True)
    read: list[FeedPrice] = []
    for side in market.prices:
        text, stopped = row[side]
        if text.casefold() in _NOTHING:
            continue
        price_e4 = reading.price_of(_minus(text), page.written)
        if isinstance(price_e4, str):
            page.tally.count("prices", good=False)
            page.refusals.add(price_e4, f"{where}:{side}", text)
            return
        read.append(FeedPrice(page.site.site, asked, side, price_e4, text[:60], stopped))
    if len(read) == len(market.prices):
        booksum = sum(Fraction(10_000, price.price_e4) for price in read)
        good = BOOKSUM_MIN <= booksum <= BOOKSUM_MAX
        page.tally.count("prices", good=good)
        if not good:
            page.refusals.add("booksum_impossible", where, f"{float(booksum):.3f}")
            return
    yield from read


def line_of(market: MarketPlaces, texts: Mapping[str, str]) -> int | str | None:
    """The line_q4 of a row (the home side's, for a handicap), None without one, or a reason.

    Reasons: `line_invalid`, `lines_disagree` (the away side's is not the opposite),
    `giver_unknown` (an unsigned line beside no side, or beside both).
    """
    if market.gives is not None:
        return _given(texts.get("gives_home", ""), texts.get("gives_away", ""))
    if market.line is None:
        return None
    line_q4 = _line(texts.get("line", ""))
    if line_q4 is None:
        return "line_invalid"
    if market.away_line is not None and _line(texts.get("away_line", "")) != -line_q4:
        return "lines_disagree"
    return line_q4


def _given(home: str, away: str) -> int | str:
    """An unsigned line beside the side that gives it, which starts that far behind."""
    lines = _line(home) if home else None, _line(away) if away else None
    if lines in {(0, 0), (0, None), (None, 0)}:
        return 0
    if (lines[0] is None) == (lines[1] is None):
        return "giver_unknown" if not (home and away) or all(lines) else "line_invalid"
    given = lines[0] if lines[0] is not None else lines[1]
    if given is None or given < 0:
        return "line_invalid"
    return -given if lines[0] is not None else given


def _line(text: str) -> int | None:
    """A line as books write it, words around it left out: "Over 2.5" and "(2.5)" are 2.5."""
    plain = _minus(text).replace("+ ", "+")
    pair = _PAIR.search(plain)
    number = f"{pair[1]}/{pair[2]}" if pair else (_NUMBER.findall(plain) or [""])[-1]
    try:
        return core_line.parse(number)
    except Invalid:
        return None


def _minus(text: str) -> str:
    return _MINUS.sub("-", text)
