"""The bytes of one body -> events, snapshots of their prices, results, and what was refused.

A price is seen at the moment of its body, and the newest stamp of an event's bookmakers is the
provider's own. A body says everything that is quoted on an event, unless it is one event alone or
holds none of the featured markets: then nothing that it leaves out is withdrawn
(test: further markets withdraw nothing). Scores are told of competitions in which the provider's
score is one we grade by; `words.LEAGUES` says why.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from overround.core.errors import ProviderDataError
from overround.core.facts import POINTS_MAX
from overround.odds.feeds import reading
from overround.odds.feeds.coverage import Coverage
from overround.odds.feeds.model import FeedBatch, FeedEvent, FeedMarket, FeedResult, FeedScore
from overround.odds.feeds.provider import Parsed
from overround.odds.feeds.reading import EventRefused, Quote, Quotes, Refusals
from overround.odds.feeds.the_odds_api import bodies, questions, tables, words
from overround.odds.feeds.the_odds_api.model import Capture, Counts, Game, Group, Outcome
from overround.odds.feeds.the_odds_api.questions import FEATURED, Question

PROVIDER_KEY: Final = "the_odds_api"

_OPENS: Final = (b"[", b"{")
# Sports whose score includes everything that was played.
_TOLD: Final = frozenset(
    {
        "american_football",
        "aussie_rules",
        "baseball",
        "basketball",
        "ice_hockey",
        "lacrosse",
        "rugby",
        "rugby_league",
    }
)


def parse(name: str, body: bytes, seen_at: datetime | None = None) -> Parsed:
    """Everything `body` says; `name` is the file name that refusals are reported under.

    `seen_at` is when it was fetched, where that is known: version 4 does not say when it was made.
    A bad event, price or score is a `Rejected` and the rest goes on. Raises ProviderDataError, and
    nothing else: `body_too_large` (64 MB), `not_json`, `not_text`, `unknown_layout`,
    `table_malformed`, `too_many_games` (20,000), `too_many_rows` (500,000), `too_many_sources`
    (500).
    """
    is_json = body[:200].removeprefix(b"\xef\xbb\xbf").lstrip().startswith(_OPENS)
    capture = bodies.read(body, seen_at) if is_json else tables.read(body)
    return _Body(capture, Refusals(name[: reading.MAX_NAME_LENGTH])).parsed()


@dataclass(slots=True)
class _Body:
    """One body while it is read."""

    capture: Capture
    refusals: Refusals
    counts: Counts = field(default_factory=Counts)
    _events: dict[str, FeedEvent] = field(default_factory=dict[str, FeedEvent])
    _batches: dict[tuple[str, datetime], FeedBatch] = field(
        default_factory=dict[tuple[str, datetime], FeedBatch]
    )
    _results: dict[str, FeedResult] = field(default_factory=dict[str, FeedResult])
    _scores: dict[str, FeedScore] = field(default_factory=dict[str, FeedScore])
    _sources: set[str] = field(default_factory=set[str])

    def parsed(self) -> Parsed:
        for game in self.capture.games:
            self._take(game)
        for sport in {key: batch.event.sport for (key, _), batch in self._batches.items()}.values():
            self.counts.of(sport, sport).events += 1
        return Parsed(
            list(self._events.values()),
            list(self._batches.values()),
            list(self._results.values()),
            self.refusals.all(),
            self.capture.rows,
            list(self.counts.by_sport.values()),
            scores=list(self._scores.values()),
        )

    def _take(self, game: Game) -> None:
        sport, called = words.sport_of(game.sport_key)
        counts = self.counts.of(sport or "unknown", called)
        quotes = Quotes(counts, self.refusals, game.game_id[:80])
        try:
            event = _event(game, sport)
        except EventRefused as refused:
            self.refusals.add(refused.reason, game.game_id, refused.detail)
            _leave_out(game, counts)
            return
        self._events[event.provider_event_id] = event
        if game.groups is not None:
            if game.seen_at is None or (event.provider_event_id, game.seen_at) in self._batches:
                reason = "duplicate_event" if game.seen_at else "timestamp_missing"
                self.refusals.add(reason, game.game_id)
                _leave_out(game, counts)
            else:
                self._say(event, game, game.groups, game.seen_at, quotes)
        if game.completed or game.scores:
            self._score(event, game)

    def _say(
        self, event: FeedEvent, game: Game, groups: list[Group], seen_at: datetime, quotes: Quotes
    ) -> None:
        for group in groups:
            for quote in _quotes(event, group, self.capture.odds_format, seen_at):
                quotes.take(quote)
        prices = quotes.all()
        self._sources.update(price.source for price in prices)
        if len(self._sources) > reading.MAX_SOURCES:
            raise ProviderDataError("the body has too many sources", code="too_many_sources")
        featured = not groups or any(group.market in FEATURED for group in groups)
        complete = game.complete and featured
        if prices or complete:
            stamps = [at for group in groups if (at := reading.moment(group.stamp))]
            phase = "live" if seen_at >= event.starts_at else ""
            self._batches[event.provider_event_id, seen_at] = FeedBatch(
                event, seen_at, prices, complete, phase, max(stamps, default=None)
            )

    def _score(self, event: FeedEvent, game: Game) -> None:
        """What is told of a game that is on or over."""
        told = dict(game.scores)
        home, away = _points(told.get(event.home)), _points(told.get(event.away))
        period, seen_at = _scored(event), reading.moment(game.scored)
        if period is None:
            self.refusals.add("score_ambiguous", game.game_id, event.competition_key)
        elif seen_at is None:
            self.refusals.add("timestamp_missing", game.game_id, "last_update")
        elif home is None or away is None:
            self.refusals.add("score_invalid", game.game_id, str(game.scores[:2]))
        else:
            scores, event_id = {period: (home, away)}, event.provider_event_id
            if game.completed:
                ended = FeedResult(PROVIDER_KEY, event_id, "finished", scores, seen_at)
                self._results[event_id] = ended
            else:
                now = FeedScore(PROVIDER_KEY, event_id, "", scores, seen_at)
                self._scores[event_id] = now


def _event(game: Game, sport: str) -> FeedEvent:
    if not sport:
        raise EventRefused("unknown_sport", game.sport_key)
    if not game.home and not game.away:
        # A winner of a whole competition is no match; its prices are counted.
        raise EventRefused("no_participants", game.title)
    home, away = reading.sides_of(game.home, game.away)
    # Version 3 has no ids: ours holds the names, which have been read.
    game_id = game.game_id if game.is_named else reading.id_of(game.game_id)
    key = reading.id_of(game.sport_key)
    title = reading.name_of(game.title or key, "competition")
    country, competition = words.COMPETITIONS.get(key, ("", title))
    return FeedEvent(
        PROVIDER_KEY,
        reading.shown(game_id),
        sport,
        key,
        competition,
        country,
        home,
        away,
        reading.start_of(game.starts),
    )


def _leave_out(game: Game, counts: Coverage) -> None:
    """Count the selections of an event that was refused."""
    for group in game.groups or ():
        market = reading.shown(group.market[:60])
        counts.selections += len(group.outcomes)
        counts.leave_out(market, market, len(group.outcomes))


def _quotes(event: FeedEvent, group: Group, odds_format: str, seen_at: datetime) -> Iterator[Quote]:
    source = words.source_of(group.book)
    stamped = reading.moment(group.stamp)
    older = stamped if stamped is not None and stamped < seen_at else None
    drawn = any(outcome.name == "Draw" for outcome in group.outcomes)
    asked = questions.question(event.sport, group.market, drawn)
    for outcome in group.outcomes:
        market: FeedMarket | str | None = None
        side = None
        if source is None:
            market = "bookmaker_invalid"
        elif asked is not None:
            side = questions.side(asked, outcome.name, event.home, event.away)
            market = _market(event, asked, side, outcome)
        yield Quote(
            source or "",
            group.market,
            group.market,
            market,
            side,
            outcome.price,
            odds_format,
            seen_at=older,
        )


def _market(
    event: FeedEvent, asked: Question, side: str | None, outcome: Outcome
) -> FeedMarket | str | None:
    market_type = asked.market_type
    if market_type == "team_total":
        teams = {event.home: "home_total", event.away: "away_total"}
        market_type = teams.get(outcome.description, "")
        if not market_type:
            return "side_unknown"
    line_q4 = None
    if market_type in ("asian_handicap", "total", "home_total", "away_total"):
        line_q4 = reading.line_of(outcome.point)
        if line_q4 is None:
            return "line_invalid" if outcome.point else "line_missing"
        # Each team writes its own handicap; ours is the home side's.
        if market_type == "asian_handicap" and side == "away":
            line_q4 = -line_q4
    return reading.market_of(market_type, asked.period, line_q4)


def _scored(event: FeedEvent) -> str | None:
    """The period that the provider's score is of; None where it does not say."""
    if event.sport == "football":
        return "ft" if event.competition_key in words.LEAGUES else None
    return "final" if event.sport in _TOLD else None


def _points(text: str | None) -> int | None:
    if text is None or not (text.isascii() and text.isdigit()) or len(text) > 3:
        return None
    return int(text) if int(text) <= POINTS_MAX else None
