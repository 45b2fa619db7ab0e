"""The simulator as a live feed: what the calendar's matches and books say, moment by moment."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property, lru_cache
from typing import Final

import numpy as np

from overround.core import price
from overround.core.errors import Invalid, ProviderDataError
from overround.odds.feeds.model import (
    FeedBatch,
    FeedEvent,
    FeedPrice,
    FeedResult,
    FeedScore,
)
from overround.odds.feeds.provider import Said, SourceKind
from overround.odds.feeds.simulator import calendar, races
from overround.odds.feeds.simulator.books import BOOKS
from overround.odds.feeds.simulator.course import Course, course
from overround.odds.feeds.simulator.model import Bools, Fixture, Floats, Ints, Play, Scores
from overround.odds.feeds.simulator.names import COMPETITIONS, COUNTRY
from overround.odds.feeds.simulator.quotes import Quotes, path
from overround.odds.feeds.simulator.races import Race

PROVIDER_KEY: Final = "simulator"

SEED_MAX: Final = 2**63 - 1
SPEED_MAX: Final = 3_600.0
END_MIN_MAX: Final = 366 * 24 * 60.0

# Nothing is said between two ticks.
TICK_MIN: Final = 0.1
# A process that comes back says again what ended in this time before; results are known by what
# they say, so to hear one twice changes nothing.
RECALL_MIN: Final = 180.0
# No match lasts longer, its last report included.
_LONGEST_MIN: Final = 240.0
# What `truth` covers where the feed has no end.
_TRUTH_MIN: Final = 240.0

_KINDS: Final[dict[str, SourceKind]] = {book.key: book.kind for book in BOOKS}


class _Match:
    """One fixture in the feed: what is fixed about it, and what was said of it already."""

    def __init__(self, seed: int, fixture: Fixture) -> None:
        """Everything but the books is drawn here; they are when the first price is asked for."""
        self.fixture = fixture
        self.play: Play = calendar.play(seed, fixture)
        self.course: Course = course(fixture, self.play, calendar.course_rng(seed, fixture.n))
        self._seed = seed
        self.reported = 0
        self.said: tuple[str, Scores] | None = None
        self.changes_min = -np.inf
        self._looked: Floats = np.full(len(BOOKS), -np.inf)
        self._closed_books: Bools = np.zeros(len(BOOKS), np.bool_)

    @cached_property
    def quotes(self) -> Quotes:
        """The books' prices; drawn late, because a match that is over needs none."""
        n = self.fixture.n
        way = path(self.fixture, calendar.path_rng(self._seed, n))
        rng = calendar.books_rng(self._seed, n)
        return Quotes(self.fixture, self.play, way, self.course.quiet_min, rng)

    @cached_property
    def _shown(self) -> tuple[Ints, Bools]:
        """The last said price and state of every cell; zero is no price yet."""
        shape = (len(BOOKS), len(self.quotes.board.cells))
        return np.zeros(shape, np.int64), np.zeros(shape, np.bool_)

    def prices(self, minute: float) -> Iterator[FeedPrice]:
        """The cells that differ from what was said last, at `minute`."""
        looked, closed = self.quotes.moments(minute)
        self.changes_min = self.quotes.next_change(minute)
        books = np.flatnonzero((looked != self._looked) | (closed != self._closed_books))
        if not len(books):
            return
        self._looked, self._closed_books = looked, closed
        prices_e4, stopped = self.quotes.prices(books, looked[books])
        stopped = stopped | closed[books, None]
        last_prices, last_stopped = self._shown
        changed = (prices_e4 != last_prices[books]) | (stopped != last_stopped[books])
        last_prices[books], last_stopped[books] = prices_e4, stopped
        cells = self.quotes.board.cells
        for row, column in np.argwhere(changed & self.quotes.quoted[books]).tolist():
            market, side = cells[column]
            price_e4 = int(prices_e4[row, column])
            source = BOOKS[int(books[row])].key
            suspended = bool(stopped[row, column])
            yield FeedPrice(source, market, side, price_e4, _text(price_e4), suspended)

    def score(self, minute: float) -> tuple[str, Scores] | None:
        """The clock and score of a match that is on, if they differ from what was said last."""
        start, over = self.fixture.start_min, self.course.over_min
        if minute < start or over <= start:
            return None
        now = self.play.now(min(minute, over) - start)
        if now == self.said:
            return None
        self.said = now
        return now


@lru_cache(maxsize=16_384)
def _text(price_e4: int) -> str:
    return price.to_text(price_e4)


@dataclass(slots=True)
class _Saying:
    events: list[FeedEvent] = field(default_factory=list[FeedEvent])
    batches: list[FeedBatch] = field(default_factory=list[FeedBatch])
    scores: list[FeedScore] = field(default_factory=list[FeedScore])
    results: list[FeedResult] = field(default_factory=list[FeedResult])

    def said(self) -> Said:
        """Results in the order they were observed."""
        results = sorted(self.results, key=lambda result: result.observed_at)
        return Said(tuple(self.events), tuple(self.batches), tuple(self.scores), tuple(results))


class Simulator:
    """A LiveFeed: simulated minute m is at `origin + m / speed` minutes of the wall.

    What it says up to a moment depends on the seed and the simulated minute alone, so a process
    that comes back with the same arguments goes on where the other one fell.
    """

    def __init__(
        self,
        seed: int,
        origin: datetime,
        speed: float,
        *,
        ends_after_min: float | None = None,
        has_races: bool = False,
    ) -> None:
        """`has_races` adds contests of many runners to the matches.

        Raises Invalid `seed_out_of_range`, `speed_out_of_range`, `end_out_of_range`,
        `time_without_zone`.
        """
        if not 0 <= seed <= SEED_MAX:
            raise Invalid("a seed is at least 0 and below 2^63", code="seed_out_of_range")
        if not 0 < speed <= SPEED_MAX:
            raise Invalid("a speed is above 0 and at most 3600", code="speed_out_of_range")
        if ends_after_min is not None and not 0 < ends_after_min <= END_MIN_MAX:
            raise Invalid("the end is within a year", code="end_out_of_range")
        if origin.tzinfo is None:
            raise Invalid("a time has a zone", code="time_without_zone")
        self._seed, self._origin, self._speed = seed, origin, speed
        self._end_min = ends_after_min
        self._run = f"{seed}-{origin:%Y%m%dT%H%M%S}{origin.microsecond // 1000:03d}Z"
        self._minute: float | None = None
        self._next = [0] * len(calendar.FORMATS)
        self._matches: dict[int, _Match] = {}
        self._has_races = has_races
        # The look at which each race was quoted last, and the races that were named.
        self._quoted: dict[int, int] = {}
        self._named: set[int] = set()

    @property
    def key(self) -> str:
        """The provider's key."""
        return PROVIDER_KEY

    def source_kind(self, source: str) -> SourceKind:
        """Whether a source is a bookmaker or an exchange. Raises ProviderDataError."""
        kind = _KINDS.get(source)
        if kind is None:
            raise ProviderDataError("the simulator has no such book", code="unknown_source")
        return kind

    def wall(self, minute: float) -> datetime:
        """When a simulated minute is."""
        return self._origin + timedelta(minutes=minute / self._speed)

    def until(self, at: datetime) -> Said:
        """Everything new by `at`; nothing before the origin or for a moment that was passed."""
        minute = (at - self._origin) / timedelta(minutes=1) * self._speed
        if self._end_min is not None:
            minute = min(minute, self._end_min)
        if minute < 0 or (self._minute is not None and minute <= self._minute):
            return Said()
        if self._minute is None:
            self._recall(minute)
        saying = _Saying()
        for match in [*self._matches.values()]:
            self._tell(match, minute, at, saying)
        for match in self._appearing(minute):
            self._matches[match.fixture.n] = match
            saying.events.append(self._event(match.fixture))
            self._tell(match, minute, at, saying, first=True)
        if self._has_races:
            self._tell_races(minute, at, saying)
        for n in [n for n, match in self._matches.items() if match.course.ends_min <= minute]:
            del self._matches[n]
        self._minute = minute
        return saying.said()

    def next_at(self) -> datetime | None:
        """The next tick; the origin before the first, None after the end."""
        if self._minute is None:
            return self._origin
        if self._end_min is not None and self._minute >= self._end_min:
            return None
        tick = (int(self._minute / TICK_MIN + 1e-9) + 1) * TICK_MIN
        return self.wall(tick if self._end_min is None else min(tick, self._end_min))

    def truth(self, through_min: float | None = None) -> dict[str, object]:
        """What nobody but tests and reports may see, by fixture number: the same for every run.

        Every fixture that is shown by `through_min` (by default the feed's end, or four hours) with
        its results and the true fair probability of each selection as it opened and as it closed.
        For a market that can return a stake, that is the chance to win among stakes not returned.
        Of the races shown by then, when their result is said and who came in where.
        """
        through = through_min or self._end_min or _TRUTH_MIN
        found: list[_Match] = []
        for stream in range(len(calendar.FORMATS)):
            index = 0
            while (fixture := calendar.fixture(self._seed, stream, index)).shown_min <= through:
                found.append(_Match(self._seed, fixture))
                index += 1
        found.sort(key=lambda match: (match.fixture.start_min, match.fixture.n))
        events = {str(match.fixture.n): _truth(match) for match in found}
        races_run = self._true_races(through) if self._has_races else {}
        return {
            "seed": self._seed,
            "through_min": through,
            "events": events,
            "races": races_run,
        }

    def _true_races(self, through_min: float) -> dict[str, object]:
        shown = races.between(self._seed, 0, through_min + races.SHOWN_BEFORE_MIN)
        return {
            str(race.n): {"minute": race.reported_min, "positions": race.positions}
            for race in shown
        }

    def _tell_races(self, minute: float, at: datetime, saying: _Saying) -> None:
        """Add what is new about races: their prices at each look, and how they ended."""
        before = minute - RECALL_MIN if self._minute is None else self._minute
        since = before - races.REPORTED_AFTER_MIN
        for race in races.between(self._seed, since, minute + races.SHOWN_BEFORE_MIN):
            event = self._contest(race)
            # One that was run before the first word has to be named too: its result says nothing of
            # an event that nobody knows (test: whoever listens late hears of races that are run).
            if race.n not in self._named and race.reported_min > before:
                self._named.add(race.n)
                saying.events.append(event)
            is_on = race.shown_min <= minute < race.start_min
            if is_on and self._quoted.get(race.n) != races.look(minute):
                self._quoted[race.n] = races.look(minute)
                prices = tuple(races.prices(self._seed, race, races.look(minute)))
                saying.batches.append(FeedBatch(event, at, prices, True))
            elif minute >= race.start_min and race.n in self._quoted:
                del self._quoted[race.n]
                saying.batches.append(FeedBatch(event, at, (), True))
            if before < race.reported_min <= minute:
                said_at = self.wall(race.reported_min)
                told = FeedResult(
                    PROVIDER_KEY,
                    event.provider_event_id,
                    "finished",
                    {},
                    said_at,
                    positions=race.positions,
                )
                saying.results.append(told)

    def _contest(self, race: Race) -> FeedEvent:
        return FeedEvent(
            PROVIDER_KEY,
            f"{self._run}-race-{race.n}",
            races.SPORT,
            races.COMPETITION_KEY,
            races.COMPETITION,
            COUNTRY,
            race.name,
            "",
            self.wall(race.start_min),
            runners=race.runners,
            place_terms=race.place_terms,
        )

    def _recall(self, minute: float) -> None:
        since = minute - RECALL_MIN - _LONGEST_MIN
        for stream in range(len(calendar.FORMATS)):
            self._next[stream] = calendar.first_after(stream, since)

    def _appearing(self, minute: float) -> Iterator[_Match]:
        for stream, index in enumerate(self._next):
            number = index
            while (fixture := calendar.fixture(self._seed, stream, number)).shown_min <= minute:
                number += 1
                match = _Match(self._seed, fixture)
                if match.course.ends_min > minute - RECALL_MIN:
                    yield match
            self._next[stream] = number

    def _event(self, fixture: Fixture) -> FeedEvent:
        return FeedEvent(
            PROVIDER_KEY,
            self._event_id(fixture),
            fixture.format.sport,
            fixture.competition,
            COMPETITIONS[fixture.competition],
            COUNTRY,
            fixture.home,
            fixture.away,
            self.wall(fixture.start_min),
        )

    def _event_id(self, fixture: Fixture) -> str:
        return f"{self._run}-{fixture.n}"

    def _tell(
        self, match: _Match, minute: float, at: datetime, saying: _Saying, *, first: bool = False
    ) -> None:
        """Add what is new about one match; `first` says all of it, prices as a snapshot."""
        event_id = self._event_id(match.fixture)
        reports = match.course.reports
        # What was over before the first word needs no prices and no score, only its result.
        if not first or reports[-1].minute > minute:
            if match.changes_min <= minute:
                prices = tuple(match.prices(minute))
                if prices or first:
                    live = minute >= match.fixture.start_min
                    phase = "live" if live else "opening" if first else ""
                    event = self._event(match.fixture)
                    saying.batches.append(FeedBatch(event, at, prices, first, phase))
            if (score := match.score(minute)) is not None:
                saying.scores.append(FeedScore(PROVIDER_KEY, event_id, *score, at))
        while match.reported < len(reports) and reports[match.reported].minute <= minute:
            report = reports[match.reported]
            match.reported += 1
            said_at = self.wall(report.minute)
            saying.results.append(
                FeedResult(PROVIDER_KEY, event_id, report.status, report.scores, said_at)
            )


def _truth(match: _Match) -> dict[str, object]:
    fixture, quotes = match.fixture, match.quotes
    opening, closing = quotes.true(fixture.shown_min), quotes.true(fixture.start_min)
    return {
        "sport": fixture.format.sport,
        "competition": COMPETITIONS[fixture.competition],
        "home": fixture.home,
        "away": fixture.away,
        "start_min": fixture.start_min,
        "results": [
            {
                "minute": round(report.minute, 6),
                "status": report.status,
                "scores": {period: list(score) for period, score in report.scores.items()},
            }
            for report in match.course.reports
        ],
        "probabilities": [
            {
                "market": market.market_type,
                "period": market.period,
                "line_q4": market.line_q4,
                "side": side,
                "opening": round(float(opening[i]), 9),
                "closing": round(float(closing[i]), 9),
            }
            for i, (market, side) in enumerate(quotes.board.cells)
        ],
    }
