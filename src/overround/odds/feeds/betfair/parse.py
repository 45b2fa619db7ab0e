"""A stream file, an answer of the API or one market -> events, prices as they moved, refusals.

Times are the stream's own (`pt`). A market that is not open, and a runner that nobody backs any
more, come suspended at their last price.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from overround.core.errors import ProviderDataError
from overround.odds.feeds import body as bodies
from overround.odds.feeds import reading
from overround.odds.feeds.betfair.stream import Heard, Market, RunnerKey, Stream
from overround.odds.feeds.betfair.words import (
    SPORTS,
    Question,
    is_placed,
    question_of,
    side_of,
    teams_of,
)
from overround.odds.feeds.body import Asked, Body
from overround.odds.feeds.model import FeedBatch, FeedEvent, FeedPrice, FeedQuotes
from overround.odds.feeds.provider import Parsed, SourceKind
from overround.odds.feeds.reading import EventRefused, Node, Quotes, node_of, nodes_of, text

PROVIDER_KEY: Final = "betfair"
SOURCE: Final = "betfair_exchange"

MAX_BODY_BYTES: Final = 64_000_000
MAX_LINES: Final = 500_000
_ID: Final = re.compile(r"[0-9]{1,20}")


def source_kind(source: str) -> SourceKind:
    """Its prices are those of its customers."""
    del source
    return "exchange"


def parse(name: str, body: bytes) -> Parsed:
    """Everything `body` says.

    A bad market or price is a `Rejected` and the rest goes on. Raises ProviderDataError, and
    nothing else, for what is neither: `body_too_large` (64 MB), `not_json`, `too_many_rows`,
    `too_many_prices`, `too_many_markets`, `too_many_runners`, `too_many_levels`.
    """
    file = bodies.named(name)
    market_stream = _File(file)
    for number, message in enumerate(_messages(body), 1):
        if "op" in message and text(message, "op") != "marketCatalogue":
            market_stream.hear(message, number)
        elif "result" in message:
            for found, place in file.each(nodes_of(message.get("result", [])), "marketId"):
                _catalogue(found, place, file)
        else:
            file.row()
            _catalogue(message, text(message, "marketId"), file)
    return file.parsed()


def _messages(body: bytes) -> list[Node]:
    """One JSON object, or one a line."""
    try:
        return [node_of(reading.json_of(body, MAX_BODY_BYTES))]
    except ProviderDataError as error:
        if error.code != "not_json":
            raise
    lines = [line for line in body.splitlines() if line.strip()]
    if len(lines) > MAX_LINES:
        raise ProviderDataError("the body has too many lines", code="too_many_rows")
    return [node_of(reading.json_of(line, MAX_BODY_BYTES)) for line in lines]


def _catalogue(found: Node, place: str, file: Body) -> None:
    """One record of an answer: a catalogue names its event, a book has prices of nothing named."""
    books = nodes_of(found.get("runners", []))
    if "status" in found and books:
        quotes = file.collect("unknown", "", place)
        bodies.leave_out(quotes, "market_book", "a market of which no type is told", len(books))
        return
    event, kind = node_of(found.get("event")), node_of(found.get("eventType"))
    teams = teams_of(text(event, "name"))
    sport = SPORTS.get(text(kind, "id"))
    try:
        competition = node_of(found.get("competition"))
        league = text(competition, "id"), text(competition, "name")
        named = _event(sport, event, teams, league)
        # A catalogue has a record for each market of an event.
        if named.provider_event_id not in file.events:
            file.name(named)
    except EventRefused as refused:
        file.refuse(refused, place)


def _event(
    sport: str | None,
    event: Node,
    teams: tuple[str, str] | None,
    league: tuple[str, str] = ("", ""),
) -> FeedEvent:
    if teams is None or sport is None:
        raise EventRefused("not_a_match", text(event, "name"))
    home, away = reading.sides_of(*teams)
    event_id = text(event, "id")
    if not _ID.fullmatch(event_id):
        raise EventRefused("id_invalid", event_id)
    key = league[0] if _ID.fullmatch(league[0]) else "unknown"
    name = reading.name_of(league[1], "competition") if league[1] else "Betfair"
    starts_at = reading.start_of(text(event, "openDate"))
    return FeedEvent(
        PROVIDER_KEY, event_id, sport, f"{sport}:{key}", name, "", home, away, starts_at
    )


@dataclass(slots=True)
class _File:
    """A stream while it is read."""

    file: Body
    stream: Stream = field(default_factory=Stream)
    _said: dict[tuple[str, RunnerKey], tuple[str, bool]] = field(
        default_factory=dict[tuple[str, RunnerKey], tuple[str, bool]]
    )

    def hear(self, message: Node, number: int) -> None:
        """Take one message of the stream."""
        self.file.row()
        kind, place = text(message, "op"), str(number)
        if kind in ("connection", "status"):
            return
        if kind != "mcm":
            self.file.refusals.add("not_market_data", place, kind)
            return
        at = bodies.milliseconds(text(message, "pt"))
        heard = self.stream.hear(message)
        if self.stream.is_degraded:
            self.file.refusals.add("stream_degraded", place)
        if at is None and heard:
            self.file.refusals.add("timestamp_invalid", place, text(message, "pt"))
            return
        for one in heard:
            if at is not None:
                self._market(one, at)

    def _market(self, heard: Heard, at: datetime) -> None:
        market = heard.market
        definition = market.definition
        sport = SPORTS.get(text(definition, "eventTypeId"), "unknown")
        quotes = self.file.collect(sport, sport, market.market_id)
        bodies.leave_out(quotes, "lay", "prices to lay", heard.lay) if heard.lay else None
        if heard.traded:
            bodies.leave_out(quotes, "ltp", "last prices traded", heard.traded)
        runners = nodes_of(definition.get("runners", []))
        active = [one for one in runners if text(one, "status") != "REMOVED"]
        kind = text(definition, "marketType")
        question = question_of(sport, kind, len(active))
        if question is None or sport == "unknown":
            if heard.changed:
                bodies.leave_out(quotes, kind or "undefined", kind, len(heard.changed))
            return
        event_name = text(definition, "eventName")
        teams = teams_of(event_name)
        sides = _sides(question, active, teams, placed=is_placed(sport, event_name))
        changed = tuple(market.runners) if heard.redefined else heard.changed
        for key in changed:
            self._runner(market, key, question, sides, quotes)
        self._say(market, sport, teams, quotes.all(), at)

    def _runner(
        self,
        market: Market,
        key: RunnerKey,
        question: Question,
        sides: dict[RunnerKey, str | None],
        quotes: Quotes,
    ) -> None:
        """Take the best price of a runner, if it is another or the market opened or closed."""
        side = sides.get(_key(*key))
        price = market.runners[key].price()
        before, _ = self._said.get((market.market_id, key), ("", False))
        stopped = not market.is_open or not price
        now = price or before, stopped
        if now == self._said.get((market.market_id, key)) or not now[0]:
            return
        self._said[market.market_id, key] = now
        line = question.line
        if question.lined:
            line = bodies.opposite(key[1]) if side == "away" else key[1] or "0"
        asked = Asked(question.market_type, question.period, line)
        bodies.offer(quotes, SOURCE, asked, side, now[0], stopped=stopped)

    def _say(
        self,
        market: Market,
        sport: str,
        teams: tuple[str, str] | None,
        prices: tuple[FeedPrice, ...],
        at: datetime,
    ) -> None:
        """Say what moved: of the event by name where the stream names it, else by its id."""
        definition = market.definition
        event_id = text(definition, "eventId")
        phase = "live" if definition.get("inPlay") is True else ""
        try:
            if teams is not None and event_id not in self.file.events:
                self.file.name(_event(sport, {**definition, "id": event_id}, teams))
        except EventRefused as refused:
            self.file.refuse(refused, market.market_id)
            return
        event = self.file.events.get(event_id)
        if not prices or not _ID.fullmatch(event_id):
            return
        if event is not None:
            self.file.say(FeedBatch(event, at, prices, False, phase, at))
        else:
            said = FeedQuotes(PROVIDER_KEY, event_id, at, prices, False, phase, at)
            self.file.say(said)


def _key(runner_id: str, line: str) -> RunnerKey:
    """A runner without a line is the same whether the line is absent or 0."""
    return runner_id, "" if line in ("0", "0.0", "") else line


def _sides(
    question: Question, runners: list[Node], teams: tuple[str, str] | None, *, placed: bool
) -> dict[RunnerKey, str | None]:
    """Runner -> side, of those that the definition has."""
    found: dict[RunnerKey, str | None] = {}
    for one in runners:
        place = text(one, "sortPriority") if placed else ""
        side = side_of(question, text(one, "name"), place, teams)
        found[_key(text(one, "id"), text(one, "hc"))] = side
    return found
