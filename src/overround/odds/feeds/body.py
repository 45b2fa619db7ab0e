"""One body while it is read: its events, prices and refusals, each counted and bounded."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final

from overround.core import grading
from overround.core.errors import ProviderDataError
from overround.odds.feeds import reading
from overround.odds.feeds.coverage import Coverage
from overround.odds.feeds.model import (
    FeedBatch,
    FeedEvent,
    FeedMarket,
    FeedPrice,
    FeedQuotes,
    FeedResult,
    FeedScore,
)
from overround.odds.feeds.provider import Parsed
from overround.odds.feeds.reading import EventRefused, Node, Quote, Quotes, Refusals

MAX_ROWS: Final = 100_000
MAX_PRICES: Final = 1_000_000
_MAX_PLACE_LENGTH: Final = 60
_POINTS: Final = re.compile(r"[0-9]{1,3}")
_YEARS: Final = range(2000, 2101)
_MILLISECONDS: Final = re.compile(r"[0-9]{12,13}")
_A_LITTLE: Final = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Asked:
    """A question in our words; `line` is the home side's, as the provider wrote it."""

    market_type: str
    period: str
    line: str = ""


@lru_cache(maxsize=16_384)
def market_of(asked: Asked) -> FeedMarket | str | None:
    """The market asked for; None where the board cannot hold it, or why its line is none."""
    line_q4 = reading.line_of(asked.line) if asked.line else None
    if asked.line and line_q4 is None:
        return "line_invalid"
    return reading.market_of(asked.market_type, asked.period, line_q4)


def offer(
    quotes: Quotes,
    source: str,
    asked: Asked,
    side: str | None,
    price: str,
    *,
    written: str = "decimal",
    stopped: bool = False,
    stopped_above: bool = False,
) -> None:
    """Count one selection, and keep its price where it has a place."""
    words = asked.market_type, f"{asked.market_type} {asked.period}"
    market = market_of(asked)
    if isinstance(market, FeedMarket) and side not in grading.sides(asked.market_type):
        side = None
    quotes.take(Quote(source, *words, market, side, price, written, stopped, stopped_above))


def leave_out(quotes: Quotes, market_id: str, name: str, selections: int = 1) -> None:
    """Count selections that have no place on the board."""
    if not selections:
        return
    quotes.coverage.selections += selections
    short = reading.shown(market_id[:_MAX_PLACE_LENGTH])
    quotes.coverage.leave_out(short, reading.shown(name[:_MAX_PLACE_LENGTH]), selections)


def opposite(line: str) -> str:
    """A line as the other side has it: "-0.25" for "0.25"."""
    return line[1:] if line.startswith("-") else f"-{line.removeprefix('+')}"


def milliseconds(text: str) -> datetime | None:
    """Milliseconds since 1970 as UTC, where they are some of this century; else None."""
    if not _MILLISECONDS.fullmatch(text):
        return None
    seconds, rest = divmod(int(text), 1_000)
    at = datetime.fromtimestamp(seconds, UTC) + timedelta(milliseconds=rest)
    return at if at.year in _YEARS else None


def points(home: str, away: str) -> tuple[int, int] | None:
    """A score of two whole numbers; None for anything else."""
    if _POINTS.fullmatch(home) and _POINTS.fullmatch(away):
        return int(home), int(away)
    return None


@dataclass(slots=True)
class Body:
    """What was read so far."""

    refusals: Refusals
    rows: int = 0
    events: dict[str, FeedEvent] = field(default_factory=dict[str, FeedEvent])
    batches: list[FeedBatch] = field(default_factory=list[FeedBatch])
    quotes: list[FeedQuotes] = field(default_factory=list[FeedQuotes])
    results: list[FeedResult] = field(default_factory=list[FeedResult])
    scores: list[FeedScore] = field(default_factory=list[FeedScore])
    coverage: dict[str, Coverage] = field(default_factory=dict[str, Coverage])
    _prices: int = 0
    _moments: dict[tuple[str, datetime, str], int] = field(
        default_factory=dict[tuple[str, datetime, str], int]
    )

    def row(self) -> None:
        """Count a record. Raises ProviderDataError `too_many_rows` (100,000)."""
        self.rows += 1
        if self.rows > MAX_ROWS:
            raise ProviderDataError("the body has too many rows", code="too_many_rows")

    def each(self, records: list[Node], key: str) -> Iterator[tuple[Node, str]]:
        """Every record, counted, and the text that names it in refusals."""
        for record in records:
            self.row()
            yield record, reading.text(record, key)[:_MAX_PLACE_LENGTH]

    def refuse(self, refused: EventRefused, place: str) -> None:
        """Note a record that cannot be used."""
        self.refusals.add(refused.reason, place, refused.detail)

    def collect(self, sport: str, called: str, place: str) -> Quotes:
        """What collects the prices of one event; `called` is the provider's word for its sport."""
        counts = Coverage(sport, reading.shown(called[:_MAX_PLACE_LENGTH]))
        return Quotes(self.coverage.setdefault(sport, counts), self.refusals, place)

    def name(self, event: FeedEvent, called: str = "") -> None:
        """Note an event. Raises EventRefused `duplicate_event`."""
        if event.provider_event_id in self.events:
            raise EventRefused("duplicate_event", event.provider_event_id)
        self.events[event.provider_event_id] = event
        self.collect(event.sport, called or event.sport, "").coverage.events += 1

    def say(self, said: FeedBatch | FeedQuotes) -> None:
        """Note prices; what is said again of one event at one moment adds to what was said.

        Raises ProviderDataError `too_many_prices` (1,000,000).
        """
        self._prices += len(said.prices)
        if self._prices > MAX_PRICES:
            raise ProviderDataError("the body has too many prices", code="too_many_prices")
        if isinstance(said, FeedBatch):
            moment = said.event.provider_event_id, said.observed_at, said.phase
            index = self._moments.setdefault(moment, len(self.batches))
            if index < len(self.batches):
                prices = _newest(self.batches[index].prices, said.prices)
                self.batches[index] = replace(self.batches[index], prices=prices)
            else:
                self.batches.append(said)
        else:
            self.quotes.append(said)

    def seen_before_the_first(self) -> None:
        """Date the prices of a body that does not say when it was made.

        They were to be had before its first event began, so that is when they were seen at last.
        """
        if self.events:
            first = min(event.starts_at for event in self.events.values()) - _A_LITTLE
            self.batches = [replace(batch, observed_at=first) for batch in self.batches]

    def parsed(self) -> Parsed:
        """Everything the body said; an event may be named after its prices."""
        waiting: list[FeedQuotes] = []
        for said in self.quotes:
            event = self.events.get(said.provider_event_id)
            if event is None:
                waiting.append(said)
            else:
                self.say(said.of(event))
        return Parsed(
            list(self.events.values()),
            self.batches,
            self.results,
            self.refusals.all(),
            self.rows,
            list(self.coverage.values()),
            waiting,
            self.scores,
        )


def named(name: str) -> Body:
    """A body of that name, of which nothing is read yet."""
    return Body(Refusals(reading.shown(name[: reading.MAX_NAME_LENGTH])))


def _newest(before: tuple[FeedPrice, ...], after: tuple[FeedPrice, ...]) -> tuple[FeedPrice, ...]:
    """All of both, the later where both have it."""
    both = {(price.source, price.market, price.side): price for price in (*before, *after)}
    return tuple(both.values())
