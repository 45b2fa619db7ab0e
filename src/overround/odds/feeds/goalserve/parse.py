"""The bytes of one sport's file -> events, a snapshot of their prices, and what was refused.

Times are UTC. The file's `ts` is when its prices were seen and the newest `ts` of an event's
bookmakers is the provider's own stamp. A selection that is stopped, itself or by its market,
bookmaker or line, or whose event is under way, comes suspended: never open
(test: what is stopped is never open).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final

from overround.core import grading
from overround.core import line as core_line
from overround.core.errors import Invalid, ProviderDataError
from overround.odds.feeds import reading
from overround.odds.feeds.coverage import Coverage
from overround.odds.feeds.goalserve import older, results, tree
from overround.odds.feeds.goalserve.questions import QUESTIONS, SPORTS, Question
from overround.odds.feeds.goalserve.sources import source_of
from overround.odds.feeds.goalserve.tree import Answer, Group, Node
from overround.odds.feeds.model import (
    FeedBatch,
    FeedEvent,
    FeedMarket,
    FeedPrice,
)
from overround.odds.feeds.provider import Parsed
from overround.odds.feeds.reading import EventRefused, Refusals

PROVIDER_KEY: Final = "goalserve"

MAX_MATCHES: Final = 20_000
MAX_SOURCES: Final = 100
_MAX_COUNTRY_LENGTH: Final = 80
_MAX_PLACE_LENGTH: Final = 60
_ID: Final = re.compile(r"[0-9A-Za-z_-]{1,40}")
_DATE: Final = re.compile(r"([0-9]{2})\.([0-9]{2})\.([0-9]{4})")
_TIME: Final = re.compile(r"([0-9]{2}):([0-9]{2})")
_TS: Final = re.compile(r"([0-9]{9,10})([0-9]{3})?")
_YEARS: Final = range(2000, 2101)

# A match that has not begun is announced by its time of day, and in tennis by "1" when it is
# tomorrow's. Any other word says that its prices are no longer those before the match.
_NOT_STARTED: Final = frozenset({"", "Not Started", "1", "TBA"})

# What stands in front of a competition where other ones have their country.
_REGIONS: Final = frozenset(
    {
        "africa",
        "asia",
        "europe",
        "international",
        "north & central america",
        "north america",
        "oceania",
        "south america",
        "world",
    }
)
# Players come from anywhere and tours name the town: their competitions have no country.
_OF_PLAYERS: Final = frozenset({"tennis", "darts", "table_tennis", "golf", "boxing", "mma"})

_HOME: Final = ("localteam", "hometeam", "player_1")
_AWAY: Final = ("visitorteam", "awayteam", "player_2")


def parse(name: str, body: bytes) -> Parsed:
    """Everything `body` says; `name` is the file name that refusals are reported under.

    A bad match, line or price is a `Rejected` and the rest goes on. Raises ProviderDataError, and
    nothing else, for a body that is no file of this feed: `body_too_large` (64 MB), `not_json`,
    `unknown_layout`, `unknown_sport`, `timestamp_invalid`, `too_many_matches` (20,000),
    `too_many_sources` (100).
    """
    read = tree.read(body)
    scores = read.node
    called = tree.text(scores, "sport")
    sport = SPORTS.get(called)
    if sport is None:
        raise ProviderDataError(
            f"no sport is called {reading.shown(called[:40])}", code="unknown_sport"
        )
    # Fixtures and live scores have no stamp, and no prices that would need one.
    stamp = tree.text(scores, "ts")
    seen_at = _stamp(stamp)
    if seen_at is None and (stamp or not read.is_xml):
        raise ProviderDataError("the body does not say when it was made", code="timestamp_invalid")
    refusals = Refusals(name[: reading.MAX_NAME_LENGTH])
    file = _File(refusals, Coverage(sport, called), seen_at, read.is_xml)
    parsed = Parsed([], [], [], [], 0, [file.coverage])
    rows = 0
    for rows, (category, match) in enumerate(tree.matches(scores), 1):
        if rows > MAX_MATCHES:
            raise ProviderDataError("the body has too many matches", code="too_many_matches")
        file.take(category, match, parsed)
    parsed.rejected.extend(file.refusals.all())
    return replace(parsed, rows=rows)


@dataclass(slots=True)
class _File:
    """One file while it is read."""

    refusals: Refusals
    coverage: Coverage
    seen_at: datetime | None
    is_xml: bool
    _seen: set[str] = field(default_factory=set[str])
    _sources: set[str] = field(default_factory=set[str])

    def take(self, category: Node, match: Node, parsed: Parsed) -> None:
        """Read one match into `parsed`."""
        place = tree.text(match, "id")[:_MAX_PLACE_LENGTH]
        try:
            event = self._event(category, match)
        except EventRefused as refused:
            self.refusals.add(refused.reason, place, refused.detail)
            self._leave_out(match)
            return
        self._seen.add(event.provider_event_id)
        self.coverage.events += 1
        parsed.events.append(event)
        status = tree.text(match, "status")
        is_ahead = status in _NOT_STARTED or _TIME.fullmatch(status) is not None
        if self.seen_at is not None:
            self._say(event, match, is_ahead, self.seen_at, parsed)
        elif any(tree.groups(match)):
            self.refusals.add("timestamp_missing", place)
            self._leave_out(match)
        self._happened(event, match, parsed)

    def _say(
        self, event: FeedEvent, match: Node, is_ahead: bool, seen_at: datetime, parsed: Parsed
    ) -> None:
        place = tree.text(match, "id")[:_MAX_PLACE_LENGTH]
        stamped_at = max((at for at in map(_stamp, tree.stamps(match)) if at), default=None)
        prices = _Prices(event, is_ahead, self.coverage, self.refusals, place, stamped_at)
        for group in self._groups(match):
            prices.take(group)
        said = prices.all()
        self._sources.update(price.source for price in said)
        if len(self._sources) > MAX_SOURCES:
            raise ProviderDataError("the body has too many sources", code="too_many_sources")
        parsed.batches.append(FeedBatch(event, seen_at, said, source_at=prices.stamped_at))

    def _happened(self, event: FeedEvent, match: Node, parsed: Parsed) -> None:
        try:
            result = results.result_of(event, match, self.seen_at)
        except EventRefused as refused:
            self.refusals.add(refused.reason, event.provider_event_id, refused.detail)
            return
        if result is not None:
            parsed.results.append(result)
        score = results.score_of(event, match, self.seen_at)
        if score is not None:
            parsed.scores.append(score)

    def _groups(self, match: Node) -> Iterator[Group]:
        return older.groups(match, self.coverage.sport) if self.is_xml else tree.groups(match)

    def _leave_out(self, match: Node) -> None:
        """Count the selections of a match that was refused."""
        for group in self._groups(match):
            _count(self.coverage, group)
            name = reading.shown(group.market_name[: reading.MAX_NAME_LENGTH])
            self.coverage.leave_out(reading.shown(group.market_id[:40]), name, len(group.answers))

    def _event(self, category: Node, match: Node) -> FeedEvent:
        match_id = tree.text(match, "id")
        if not _ID.fullmatch(match_id):
            raise EventRefused("id_invalid")
        sport = self.coverage.sport
        event_id = f"{sport}:{match_id}"
        if event_id in self._seen:
            raise EventRefused("duplicate_match")
        home, away = _team(match, "home", _HOME), _team(match, "away", _AWAY)
        if home.casefold() == away.casefold():
            raise EventRefused("same_participants", home)
        key = tree.text(category, "gid") or tree.text(category, "id")
        if not _ID.fullmatch(key):
            raise EventRefused("competition_invalid", key)
        country, competition = _competition(
            sport, reading.name_of(tree.text(category, "name"), "competition")
        )
        starts_at = _starts_at(match)
        return FeedEvent(
            PROVIDER_KEY,
            event_id,
            sport,
            f"{sport}:{key}",
            competition,
            country,
            home,
            away,
            starts_at,
        )


@dataclass(slots=True)
class _Prices:
    """The prices of one match as they are collected; of groups that ask the same the best is used.

    The half lines of "Goals Over/Under" and of "Goal Line" are one question of ours: the group
    with more selections to be had stands, and of equals the first.
    """

    event: FeedEvent
    is_ahead: bool
    coverage: Coverage
    refusals: Refusals
    place: str
    stamped_at: datetime | None = None
    _best: dict[tuple[str, FeedMarket], list[FeedPrice]] = field(
        default_factory=dict[tuple[str, FeedMarket], list[FeedPrice]]
    )

    def all(self) -> tuple[FeedPrice, ...]:
        """Everything that has a place on the board."""
        return tuple(price for prices in self._best.values() for price in prices)

    def take(self, group: Group) -> None:
        """Count a group, and keep what of it has a place."""
        _count(self.coverage, group)
        placed = self._placed(group)
        self.coverage.mapped += len(placed)
        name = reading.shown(group.market_name[: reading.MAX_NAME_LENGTH])
        left_out = len(group.answers) - len(placed)
        self.coverage.leave_out(reading.shown(group.market_id[:40]), name, left_out)
        if not placed:
            return
        source = source_of(group.bookmaker_id, group.bookmaker_name)
        if source is None:
            self._refuse("bookmaker_invalid", group, group.bookmaker_name)
            return
        stamped_at = _stamp(group.ts)
        if stamped_at is not None:
            self.stamped_at = max(stamped_at, self.stamped_at or stamped_at)
        self._keep(source, group, placed)

    def _keep(
        self, source: str, group: Group, placed: list[tuple[FeedMarket, str, Answer]]
    ) -> None:
        market = placed[0][0]
        found: dict[str, FeedPrice] = {}
        for _, side, answer in placed:
            price_e4 = reading.price_of(answer.value)
            if isinstance(price_e4, str):
                self._refuse(price_e4, group, answer.value, answer.name)
            elif side in found:
                self.coverage.repeated += 1
            else:
                stopped = answer.stopped or group.stopped or not self.is_ahead
                found[side] = FeedPrice(source, market, side, price_e4, answer.value, stopped)
        before = self._best.get((source, market))
        if before is None:
            self._best[source, market] = list(found.values())
            return
        more = list(found.values())
        best, other = (more, before) if _to_be_had(more) > _to_be_had(before) else (before, more)
        self._best[source, market] = best
        self.coverage.repeated += len(other)

    def _placed(self, group: Group) -> list[tuple[FeedMarket, str, Answer]]:
        question = QUESTIONS.get(self.event.sport, {}).get(group.market_id)
        if question is None:
            return []
        market = _market(question, group.line)
        if isinstance(market, str):
            self._refuse(market, group, group.line)
            return []
        placed: list[tuple[FeedMarket, str, Answer]] = []
        for answer in group.answers:
            side = question.side(answer.name, self.event.home, self.event.away)
            if side is None:
                self._refuse("side_unknown", group, answer.name)
            else:
                placed.append((market, side, answer))
        return placed

    def _refuse(self, reason: str, group: Group, detail: str, side: str = "") -> None:
        words = (self.place, group.market_id, group.line, side or detail)
        self.refusals.add(reason, ":".join(word[:40] for word in words if word), detail)


def _count(coverage: Coverage, group: Group) -> None:
    for answer in group.answers:
        coverage.selections += 1
        is_low = reading.price_of(answer.value) == "price_not_above_one"
        coverage.stopped += answer.stopped
        coverage.price_not_above_one += is_low
        coverage.not_offerable += answer.stopped or is_low
        coverage.stopped_above += group.stopped and not answer.stopped


def _to_be_had(prices: list[FeedPrice]) -> int:
    return sum(not price.suspended for price in prices)


@lru_cache(maxsize=4_096)
def _market(question: Question, text: str) -> FeedMarket | str:
    """The market, or the reason why there is none: its line is missing, or is no line of it."""
    if question.lined != bool(text):
        return "line_unexpected" if text else "line_missing"
    try:
        line_q4 = core_line.parse(text) if question.lined else question.line_q4
        side = grading.sides(question.market_type)[0]
        grading.check(question.market_type, question.period, line_q4, side)
    except Invalid:
        return "line_invalid"
    return FeedMarket(question.market_type, question.period, line_q4)


def _team(match: Node, what: str, names: tuple[str, ...]) -> str:
    nodes = tree.children(match, *names)
    if not nodes:
        raise EventRefused(f"{what}_missing")
    return reading.name_of(tree.text(nodes[0], "name"), what)


def _competition(sport: str, name: str) -> tuple[str, str]:
    """(country, competition) of "Brazil: Serie B"; a region in front is no country."""
    country, colon, competition = (part.strip() for part in name.partition(":"))
    if sport in _OF_PLAYERS or not colon or not country or not competition:
        return "", name
    if country.casefold() in _REGIONS or len(country) > _MAX_COUNTRY_LENGTH:
        return "", name
    return country, competition


def _starts_at(match: Node) -> datetime:
    # `date` alone may be "Sep 11"; where both are there, `formatted_date` is the match's own.
    date = tree.text(match, "formatted_date") or tree.text(match, "date")
    time = tree.text(match, "time")
    day, clock = _DATE.fullmatch(date), _TIME.fullmatch(time)
    if day is None or int(day[3]) not in _YEARS:
        raise EventRefused("date_invalid", date)
    if clock is None:
        raise EventRefused("time_invalid", time)
    try:
        return datetime(
            int(day[3]), int(day[2]), int(day[1]), int(clock[1]), int(clock[2]), tzinfo=UTC
        )
    except ValueError:
        raise EventRefused("date_invalid", f"{date} {time}") from None


def _stamp(text: str) -> datetime | None:
    """Seconds since 1970, in XML with milliseconds, where they are some of this century."""
    found = _TS.fullmatch(text)
    if found is None:
        return None
    at = datetime.fromtimestamp(int(found[1]), UTC)
    return at if at.year in _YEARS else None
