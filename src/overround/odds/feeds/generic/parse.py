"""The bytes of one body of the format -> events, prices, results, and what was refused.

An event's id is its feed's name and its id there. The moment is the event's `seen_at` or the
body's, and there is no price without one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, cast, get_args

from overround.core import facts, grading
from overround.core.endings import ResultStatus
from overround.core.errors import Invalid, ProviderDataError
from overround.core.odds_format import FORMATS
from overround.odds.feeds import reading
from overround.odds.feeds.coverage import Coverage
from overround.odds.feeds.generic import records
from overround.odds.feeds.generic.records import Answer, Entry
from overround.odds.feeds.model import Certainty, FeedBatch, FeedEvent, FeedMarket, FeedResult
from overround.odds.feeds.provider import Parsed
from overround.odds.feeds.reading import EventRefused, Quote, Quotes, Refusals

PROVIDER_KEY: Final = "generic"

_MAX_COUNTRY_LENGTH: Final = 80
_MAX_KEY_LENGTH: Final = 200
_WORD: Final = re.compile(r"[a-z][a-z0-9_]{0,39}")
_STATUSES: Final = frozenset(get_args(ResultStatus))
# What a feed says of its result, and what it means where it says nothing.
_CERTAINTIES: Final[Mapping[str, Certainty]] = {
    "": "confirmed",
    "confirmed": "confirmed",
    "seen": "seen",
}


def parse(name: str, body: bytes) -> Parsed:
    """Everything `body` says; `name` is the file name that refusals are reported under.

    A bad event, price or result is a `Rejected` and the rest goes on. Raises ProviderDataError,
    and nothing else: `body_too_large` (64 MB), `not_json`, `not_text`, `unknown_layout`,
    `table_malformed`, `too_many_events` (50,000), `too_many_rows` (500,000), `too_many_sources`
    (500).
    """
    is_json = body[:200].removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"{")
    entries, rows = records.of_json(body) if is_json else records.of_table(body)
    reader = _Body(Refusals(name[: reading.MAX_NAME_LENGTH]))
    for entry in entries:
        reader.take(entry)
    return Parsed(
        list(reader.events.values()),
        list(reader.batches.values()),
        list(reader.results.values()),
        reader.refusals.all(),
        rows,
        list(reader.coverage.values()),
    )


@dataclass(slots=True)
class _Body:
    """One body while it is read."""

    refusals: Refusals
    events: dict[str, FeedEvent] = field(default_factory=dict[str, FeedEvent])
    batches: dict[tuple[str, datetime], FeedBatch] = field(
        default_factory=dict[tuple[str, datetime], FeedBatch]
    )
    results: dict[tuple[str, datetime], FeedResult] = field(
        default_factory=dict[tuple[str, datetime], FeedResult]
    )
    coverage: dict[str, Coverage] = field(default_factory=dict[str, Coverage])
    _sources: set[str] = field(default_factory=set[str])

    def take(self, entry: Entry) -> None:
        """Read one entry."""
        sport = entry.event.get("sport", "")
        known = sport if _WORD.fullmatch(sport) else "unknown"
        counts = self.coverage.setdefault(known, Coverage(known, known))
        place = entry.event.get("id", "")[:80]
        try:
            event = _event(entry)
            seen_at = self._seen_at(event, entry)
        except EventRefused as refused:
            self.refusals.add(refused.reason, place, refused.detail)
            for answer in entry.answers or ():
                market = reading.shown(answer.market[:60])
                counts.selections += 1
                counts.leave_out(market, market, 1)
            return
        self.events[event.provider_event_id] = event
        if entry.answers is not None:
            counts.events += 1
            self._say(event, entry, entry.answers, seen_at, counts)
        if entry.status:
            self._end(event, entry, seen_at)

    def _seen_at(self, event: FeedEvent, entry: Entry) -> datetime:
        seen_at = reading.moment(entry.seen_at)
        if seen_at is None:
            raise EventRefused("timestamp_missing", entry.seen_at)
        if (event.provider_event_id, seen_at) in self.batches:
            raise EventRefused("duplicate_event")
        return seen_at

    def _say(
        self,
        event: FeedEvent,
        entry: Entry,
        answers: list[Answer],
        seen_at: datetime,
        counts: Coverage,
    ) -> None:
        quotes = Quotes(counts, self.refusals, entry.event["id"][:80])
        for answer in answers:
            quotes.take(_quote(event, answer))
        prices = quotes.all()
        self._sources.update(price.source for price in prices)
        if len(self._sources) > reading.MAX_SOURCES:
            raise ProviderDataError("the body has too many sources", code="too_many_sources")
        phase = "live" if seen_at >= event.starts_at else ""
        self.batches[event.provider_event_id, seen_at] = FeedBatch(
            event, seen_at, prices, entry.complete, phase
        )

    def _end(self, event: FeedEvent, entry: Entry, seen_at: datetime) -> None:
        scores = _scores(entry)
        why = "a score is no pair of numbers" if scores is None else facts.contradiction(scores)
        if entry.status not in _STATUSES:
            self.refusals.add("status_unknown", entry.event["id"], entry.status)
        elif entry.certainty not in _CERTAINTIES:
            self.refusals.add("certainty_unknown", entry.event["id"], entry.certainty)
        elif scores is None or why:
            self.refusals.add("score_invalid", entry.event["id"], why or "")
        else:
            self.results[event.provider_event_id, seen_at] = FeedResult(
                PROVIDER_KEY,
                event.provider_event_id,
                cast("ResultStatus", entry.status),
                scores,
                seen_at,
                _CERTAINTIES[entry.certainty],
            )


def _event(entry: Entry) -> FeedEvent:
    words = entry.event
    event_id = reading.id_of(words.get("id", ""))
    if not _WORD.fullmatch(entry.feed):
        raise EventRefused("feed_invalid", entry.feed)
    sport = words.get("sport", "")
    if not _WORD.fullmatch(sport):
        raise EventRefused("unknown_sport", sport)
    home, away = reading.sides_of(words.get("home", ""), words.get("away", ""))
    competition = reading.name_of(words.get("competition", ""), "competition")
    country = reading.name_of(words.get("country") or "-", "country")
    country = "" if country == "-" else country
    key = f"{entry.feed}:{sport}:{country}:{competition}"
    if len(country) > _MAX_COUNTRY_LENGTH or len(key) > _MAX_KEY_LENGTH:
        raise EventRefused("competition_invalid", competition)
    season = reading.name_of(words.get("season") or "-", "season")[:16]
    return FeedEvent(
        PROVIDER_KEY,
        f"{entry.feed}:{event_id}",
        sport,
        key,
        competition,
        country,
        home,
        away,
        reading.start_of(words.get("starts_at", "")),
        "" if season == "-" else season,
    )


def _quote(event: FeedEvent, answer: Answer) -> Quote:
    period = answer.period or grading.main_market(event.sport)[1]
    market = _market(answer, period)
    side = answer.side
    if isinstance(market, FeedMarket) and side not in grading.sides(market.market_type):
        side = None
    source = answer.source if reading.source_of(answer.source) == answer.source else ""
    if not source:
        market = "source_invalid"
    written = answer.odds_format
    if written not in FORMATS:
        market, written = "odds_format_unknown", "decimal"
    return Quote(
        source, answer.market, answer.market, market, side, answer.price, written, answer.suspended
    )


def _market(answer: Answer, period: str) -> FeedMarket | str | None:
    line_q4 = reading.line_of(answer.line) if answer.line else None
    if answer.line and line_q4 is None:
        return "line_invalid"
    try:
        grading.market(answer.market)
    except Invalid:
        return None
    return reading.market_of(answer.market, period, line_q4)


def _scores(entry: Entry) -> dict[str, tuple[int, int]] | None:
    scores: dict[str, tuple[int, int]] = {}
    for period, home, away in entry.scores:
        if not all(one.isascii() and one.isdigit() and len(one) <= 3 for one in (home, away)):
            return None
        scores[period] = (int(home), int(away))
    return scores
