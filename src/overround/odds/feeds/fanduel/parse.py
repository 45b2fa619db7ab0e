"""The bytes of one page -> events, snapshots of their prices, and what was refused.

The price is the American one, which the site shows and pays by. `american` says what is taken as
the moment of a body that does not tell it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from overround.core.errors import ProviderDataError
from overround.odds.feeds import american, reading
from overround.odds.feeds.american import Question
from overround.odds.feeds.coverage import Coverage
from overround.odds.feeds.fanduel import markets
from overround.odds.feeds.fanduel.markets import SPORTS
from overround.odds.feeds.model import FeedBatch, FeedEvent, FeedMarket
from overround.odds.feeds.provider import Parsed
from overround.odds.feeds.reading import EventRefused, Node, Quote, Quotes, Refusals

PROVIDER_KEY: Final = "fanduel"
SOURCE: Final = "fanduel"

MAX_BODY_BYTES: Final = 64_000_000
MAX_EVENTS: Final = 20_000
# A runner of a ladder has its line in its name: "Over (231.5)", "Dallas Mavericks -3.5".
_NAMED_LINE: Final = re.compile(r"(.{1,200}?) \(?([+-]?[0-9]{1,4}(?:\.[0-9]{1,2})?)\)?")


def parse(name: str, body: bytes, seen_at: datetime | None = None) -> Parsed:
    """Everything `body` says; `name` is the file name that refusals are reported under.

    `seen_at` is when it was fetched, where that is known. A bad event or price is a `Rejected` and
    the rest goes on. Raises ProviderDataError, and nothing else: `body_too_large` (64 MB),
    `not_json`, `unknown_layout`, `too_many_events` (20,000).
    """
    tree = reading.node_of(reading.json_of(body, MAX_BODY_BYTES))
    attached = reading.node_of(tree.get("attachments"))
    if "events" not in attached or "markets" not in attached:
        raise ProviderDataError("the body is no page with events", code="unknown_layout")
    page = _Page(Refusals(name[: reading.MAX_NAME_LENGTH]), attached)
    events = reading.node_of(attached["events"])
    if len(events) > MAX_EVENTS:
        raise ProviderDataError("the body has too many events", code="too_many_events")
    for node in events.values():
        page.add(reading.node_of(node))
    found = reading.node_of(attached["markets"])
    for node in found.values():
        page.market(reading.node_of(node))
    return page.parsed(len(found), seen_at)


@dataclass(slots=True)
class _Page:
    """One page while it is read."""

    refusals: Refusals
    attached: Node
    _events: dict[str, FeedEvent] = field(default_factory=dict[str, FeedEvent])
    _quotes: dict[str, Quotes] = field(default_factory=dict[str, Quotes])
    _begun: set[str] = field(default_factory=set[str])
    _coverage: dict[str, Coverage] = field(default_factory=dict[str, Coverage])

    def add(self, node: Node) -> None:
        """Read one event."""
        called = self._named("eventTypes", reading.text(node, "eventTypeId"))[:40]
        try:
            event = self._event(node, called)
        except EventRefused as refused:
            self.refusals.add(refused.reason, reading.text(node, "eventId")[:80], refused.detail)
            return
        event_id = event.provider_event_id
        counts = self._counts(event.sport, called)
        counts.events += 1
        self._events[event_id] = event
        self._quotes[event_id] = Quotes(counts, self.refusals, event_id)
        if node.get("inPlay", False) is not False:
            self._begun.add(event_id)

    def market(self, node: Node) -> None:
        """Read one market of one event."""
        event_id, called = reading.text(node, "eventId"), reading.text(node, "marketType")
        runners = reading.nodes_of(node.get("runners", []))
        event = self._events.get(event_id)
        if event is None:
            self.refusals.add("event_unknown", event_id[:80], called)
            counts = self._counts("unknown", "unknown")
            counts.selections += len(runners)
            shown = reading.shown(called[:60])
            counts.leave_out(shown, shown, len(runners))
            return
        drawn = any(
            reading.text(one, "runnerName").casefold() in ("draw", "tie") for one in runners
        )
        asked = markets.question(event.sport, called[:120], drawn)
        stopped = reading.text(node, "marketStatus") != "OPEN"
        for runner in runners:
            self._quotes[event_id].take(_quote(event, asked, node, runner, stopped))

    def parsed(self, rows: int, seen_at: datetime | None) -> Parsed:
        """Everything that was read."""
        events = self._events.items()
        at = seen_at or american.seen_before(
            [event.starts_at for event_id, event in events if event_id not in self._begun],
            [event.starts_at for event_id, event in events if event_id in self._begun],
        )
        batches = [
            FeedBatch(
                event,
                at,
                self._quotes[event_id].all(),
                phase="live" if event_id in self._begun else "",
            )
            for event_id, event in events
            if at is not None
        ]
        return Parsed(
            list(self._events.values()),
            batches,
            [],
            self.refusals.all(),
            rows,
            list(self._coverage.values()),
        )

    def _counts(self, sport: str, called: str) -> Coverage:
        return self._coverage.setdefault(sport, Coverage(sport, reading.shown(called)))

    def _named(self, kind: str, found: str) -> str:
        return reading.text(
            reading.node_of(reading.node_of(self.attached.get(kind)).get(found)), "name"
        )

    def _event(self, node: Node, called: str) -> FeedEvent:
        event_id = reading.id_of(reading.text(node, "eventId"))
        if event_id in self._events:
            raise EventRefused("duplicate_event")
        sport = SPORTS.get(called.casefold())
        if sport is None:
            raise EventRefused("unknown_sport", called)
        home, away = american.sides_in(reading.text(node, "name"), sport)
        competition_id = reading.id_of(reading.text(node, "competitionId"))
        competition = reading.name_of(self._named("competitions", competition_id), "competition")
        return FeedEvent(
            PROVIDER_KEY,
            event_id,
            sport,
            competition_id,
            competition,
            "",
            home,
            away,
            reading.start_of(reading.text(node, "openDate")),
        )


def _quote(
    event: FeedEvent, asked: Question | None, node: Node, runner: Node, stopped: bool
) -> Quote:
    market: FeedMarket | str | None = None
    side = None
    if asked is not None:
        name, line = reading.text(runner, "runnerName"), reading.text(runner, "handicap")
        named = _NAMED_LINE.fullmatch(name) if asked.lined else None
        if named is not None:
            name, line = named[1], named[2]
        elif asked.lined and asked.market_type != "asian_handicap" and line in ("0", "0.0"):
            # A total of nothing is a line that was left out.
            line = ""
        result = reading.text(reading.node_of(runner.get("result")), "type")
        side = markets.side(asked, result, name, event.home, event.away)
        market = american.market_of(asked, side, line)
    price, written = _price(runner)
    called = reading.text(node, "marketType")
    inactive = reading.text(runner, "runnerStatus") != "ACTIVE"
    return Quote(
        SOURCE,
        called,
        reading.text(node, "marketName"),
        market,
        side,
        price,
        written,
        inactive,
        stopped,
    )


def _price(runner: Node) -> tuple[str, str]:
    """(price, its format): the American one, or where it is not told the decimal one."""
    odds = reading.node_of(runner.get("winRunnerOdds"))
    price = reading.text(reading.node_of(odds.get("americanDisplayOdds")), "americanOdds")
    if price:
        return price, "american"
    decimal = reading.node_of(reading.node_of(odds.get("trueOdds")).get("decimalOdds"))
    return reading.text(decimal, "decimalOdds"), "decimal"
