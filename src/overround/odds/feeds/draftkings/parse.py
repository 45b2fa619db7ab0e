"""The bytes of one body -> events, snapshots of their prices, and what was refused.

The price is the American one, which the site pays by; its decimal one is rounded. `american` says
what is taken as the moment of a body that does not tell it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, cast

from overround.core.errors import ProviderDataError
from overround.odds.feeds import american, reading
from overround.odds.feeds.american import Question
from overround.odds.feeds.coverage import Coverage
from overround.odds.feeds.draftkings import lines, offers
from overround.odds.feeds.model import FeedBatch, FeedEvent, FeedMarket
from overround.odds.feeds.provider import Parsed
from overround.odds.feeds.reading import EventRefused, Node, Quote, Quotes, Refusals

PROVIDER_KEY: Final = "draftkings"
SOURCE: Final = "draftkings"

MAX_BODY_BYTES: Final = 64_000_000
MAX_EVENTS: Final = 20_000
_AHEAD: Final = frozenset({"", "NOT_STARTED", "SCHEDULED"})
_EVEN: Final = frozenset({"EVEN", "EV"})


def parse(name: str, body: bytes, seen_at: datetime | None = None) -> Parsed:
    """Everything `body` says; `name` is the file name that refusals are reported under.

    `seen_at` is when it was fetched, where that is known. A bad event or price is a `Rejected` and
    the rest goes on. Raises ProviderDataError, and nothing else: `body_too_large` (64 MB),
    `not_json`, `unknown_layout`, `too_many_events` (20,000).
    """
    found = reading.json_of(body, MAX_BODY_BYTES)
    refusals = Refusals(name[: reading.MAX_NAME_LENGTH])
    tree = reading.node_of(found)
    group = reading.node_of(tree.get("eventGroup"))
    if group:
        return _Body(refusals, *_sport_of(group)).league(group, seen_at)
    nodes = reading.nodes_of(cast("object", found)) if isinstance(found, list) else []
    if nodes and "run_line_spread" in nodes[0]:
        return _Body(refusals, "baseball", "lines").table(nodes, seen_at)
    sports = reading.nodes_of(reading.node_of(tree.get("sports")).get("data", []))
    if sports:
        # The list of sports names no event; it is known so that no body is unexplained.
        return Parsed([], [], [], [], len(sports))
    raise ProviderDataError("the body is no event group", code="unknown_layout")


def _sport_of(group: Node) -> tuple[str, str]:
    called = reading.text(group, "displayGroupName")[:40]
    number = reading.text(group, "displayGroupId")
    sport = offers.SPORTS.get(number) or offers.SPORT_NAMES.get(called.casefold(), "")
    return sport, reading.shown(called or number[:40])


@dataclass(slots=True)
class _Body:
    """One body while it is read."""

    refusals: Refusals
    sport: str
    called: str
    _events: dict[str, FeedEvent] = field(default_factory=dict[str, FeedEvent])
    _quotes: dict[str, Quotes] = field(default_factory=dict[str, Quotes])
    _begun: set[str] = field(default_factory=set[str])
    _coverage: Coverage = field(init=False)

    def __post_init__(self) -> None:
        self._coverage = Coverage(self.sport or "unknown", self.called)

    def league(self, group: Node, seen_at: datetime | None) -> Parsed:
        """An event group: its events, and the offers on them in their categories."""
        nodes = reading.nodes_of(group.get("events", []))
        if len(nodes) > MAX_EVENTS:
            raise ProviderDataError("the body has too many events", code="too_many_events")
        for node in nodes:
            event_id = reading.text(node, "eventId")
            try:
                self._add(_event(node, group, self.sport, self.called))
            except EventRefused as refused:
                self.refusals.add(refused.reason, event_id[:80], refused.detail)
            status = reading.node_of(node.get("eventStatus"))
            if reading.text(status, "state") not in _AHEAD:
                self._begun.add(event_id)
        for category, offer in _offers(group):
            self._offer(category, offer)
        return self._parsed(len(nodes), seen_at)

    def table(self, nodes: list[Node], seen_at: datetime | None) -> Parsed:
        """A table of lines: one game a record."""
        if len(nodes) > MAX_EVENTS:
            raise ProviderDataError("the body has too many events", code="too_many_events")
        for node in nodes:
            answers = list(lines.quotes(node, SOURCE))
            try:
                event = lines.event(node, PROVIDER_KEY)
                self._add(event)
            except EventRefused as refused:
                self.refusals.add(refused.reason, reading.text(node, "home_team"), refused.detail)
                self._leave_out([quote.market_id for quote in answers])
                continue
            for quote in answers:
                self._quotes[event.provider_event_id].take(quote)
        return self._parsed(len(nodes), seen_at)

    def _add(self, event: FeedEvent) -> None:
        event_id = event.provider_event_id
        if event_id in self._events:
            raise EventRefused("duplicate_event")
        self._events[event_id] = event
        self._quotes[event_id] = Quotes(self._coverage, self.refusals, event_id[:80])

    def _leave_out(self, market_ids: list[str]) -> None:
        for market_id in market_ids:
            shown = reading.shown(market_id[:60])
            self._coverage.selections += 1
            self._coverage.leave_out(shown, shown, 1)

    def _offer(self, category: str, offer: Node) -> None:
        event_id, label = reading.text(offer, "eventId"), reading.text(offer, "label")
        outcomes = reading.nodes_of(offer.get("outcomes", []))
        event = self._events.get(event_id)
        if event is None:
            self.refusals.add("event_unknown", event_id[:80], label)
            self._leave_out([label] * len(outcomes))
            return
        drawn = any(reading.text(one, "label").casefold() in ("draw", "tie") for one in outcomes)
        asked = offers.question(self.sport, label[:120], category, drawn)
        # Whatever is said but no: what may be suspended is never open.
        stopped = offer.get("isSuspended", False) is not False
        stopped = stopped or offer.get("isOpen", True) is not True
        for outcome in outcomes:
            self._quotes[event_id].take(_quote(event, asked, label, outcome, stopped))

    def _parsed(self, rows: int, seen_at: datetime | None) -> Parsed:
        events = self._events.values()
        ahead = [e.starts_at for e in events if e.provider_event_id not in self._begun]
        begun = [e.starts_at for e in events if e.provider_event_id in self._begun]
        at = seen_at or american.seen_before(ahead, begun)
        batches = [
            FeedBatch(
                event,
                at,
                self._quotes[event_id].all(),
                phase="live" if event_id in self._begun else "",
            )
            for event_id, event in self._events.items()
            if at is not None
        ]
        self._coverage.events = len(batches)
        return Parsed(list(events), batches, [], self.refusals.all(), rows, [self._coverage])


def _offers(group: Node) -> Iterator[tuple[str, Node]]:
    """Every (category and subcategory, offer)."""
    for category in reading.nodes_of(group.get("offerCategories", [])):
        name = reading.text(category, "name")
        for described in reading.nodes_of(category.get("offerSubcategoryDescriptors", [])):
            inner = reading.node_of(described.get("offerSubcategory"))
            called = f"{name} {reading.text(described, 'name') or reading.text(inner, 'name')}"
            rows = inner.get("offers", [])
            for row in cast("list[object]", rows) if isinstance(rows, list) else []:
                for offer in reading.nodes_of(row):
                    yield called[:200], offer


def _event(node: Node, group: Node, sport: str, called: str) -> FeedEvent:
    event_id = reading.id_of(reading.text(node, "eventId"))
    if not sport:
        raise EventRefused("unknown_sport", called)
    home, away = american.sides_in(reading.text(node, "name"), sport)
    league = reading.name_of(reading.text(group, "name", "eventGroupName"), "competition")
    key = reading.id_of(reading.text(group, "eventGroupId") or "0")
    return FeedEvent(
        PROVIDER_KEY,
        event_id,
        sport,
        key,
        league,
        "",
        home,
        away,
        reading.start_of(reading.text(node, "startDate")),
    )


def _quote(
    event: FeedEvent, asked: Question | None, label: str, outcome: Node, stopped: bool
) -> Quote:
    market: FeedMarket | str | None = None
    side = None
    if asked is not None:
        names = (reading.text(outcome, "participant"), reading.text(outcome, "label"))
        side = offers.side(asked, names, event.home, event.away)
        market = american.market_of(asked, side, reading.text(outcome, "line"))
    price = reading.text(outcome, "oddsAmerican")
    written = "american"
    if price.upper() in _EVEN:
        price = "+100"
    elif not price:
        price, written = reading.text(outcome, "oddsDecimal"), "decimal"
    hidden = outcome.get("hidden", False) is not False
    return Quote(SOURCE, label, label, market, side, price, written, hidden, stopped)
