"""Either body -> events, prices, and what was refused."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Final

from overround.odds.feeds import body as bodies
from overround.odds.feeds import reading
from overround.odds.feeds.body import Asked, Body
from overround.odds.feeds.model import FeedBatch, FeedEvent, FeedQuotes
from overround.odds.feeds.provider import Parsed, SourceKind
from overround.odds.feeds.reading import EventRefused, Node, node_of, nodes_of, text

PROVIDER_KEY: Final = "betsson"
SOURCE: Final = "betsson"

MAX_BODY_BYTES: Final = 16_000_000
_SPORTS: Final[Mapping[str, str]] = {
    "Football": "football",
    "Basketball": "basketball",
    "Tennis": "tennis",
    "Ice Hockey": "ice_hockey",
    "Baseball": "baseball",
    "Handball": "handball",
    "American Football": "american_football",
}
_TEMPLATES: Final[Mapping[str, tuple[str, str]]] = {
    "MW3W": ("1x2", "ft"),
    "MW2W": ("moneyline", "final"),
}
_SIDES: Final[Mapping[str, str]] = {"HOME": "home", "DRAW": "draw", "AWAY": "away"}
_OPEN: Final = "Open"
_A_LITTLE: Final = timedelta(seconds=1)
# A page of markets says of no event which sport it is.
_UNTOLD: Final = "untold"


def source_kind(source: str) -> SourceKind:
    """Betsson is a bookmaker."""
    del source
    return "bookmaker"


def parse(name: str, body: bytes) -> Parsed:
    """Everything `body` says; its prices count as seen just before the bets on them close.

    A bad event, market or price is a `Rejected` and the rest goes on. Raises ProviderDataError,
    and nothing else: `body_too_large` (16 MB), `not_json`, `too_many_rows`, `too_many_prices`.
    """
    data = node_of(node_of(reading.json_of(body, MAX_BODY_BYTES)).get("data"))
    file = bodies.named(name)
    for found, place in file.each(nodes_of(data.get("events", [])), "id"):
        try:
            file.name(_event(found))
        except EventRefused as refused:
            file.refuse(refused, place)
    by_market: dict[str, list[Node]] = {}
    for selection in nodes_of(data.get("marketSelections", [])):
        by_market.setdefault(text(selection, "marketId"), []).append(selection)
    for market, place in file.each(list(_markets(data)), "id"):
        own = nodes_of(market.get("selectionsData", []))
        try:
            _say(market, own or by_market.get(text(market, "id"), []), file)
        except EventRefused as refused:
            file.refuse(refused, place)
    return file.parsed()


def _markets(data: Node) -> Iterator[Node]:
    yield from nodes_of(data.get("markets", []))
    for accordion in node_of(data.get("accordions")).values():
        yield from nodes_of(node_of(accordion).get("markets", []))


def _event(found: Node) -> FeedEvent:
    sport = _SPORTS.get(text(found, "categoryName"))
    if sport is None:
        raise EventRefused("unknown_sport", text(found, "categoryName"))
    names = {text(one, "side"): text(one, "label") for one in nodes_of(found.get("participants"))}
    home, away = reading.sides_of(names.get("1", ""), names.get("2", ""))
    return FeedEvent(
        PROVIDER_KEY,
        reading.id_of(text(found, "id")),
        sport,
        f"{sport}:{reading.id_of(text(found, 'competitionId'))}",
        reading.name_of(text(found, "competitionName"), "competition"),
        "",
        home,
        away,
        reading.start_of(text(found, "startDate")),
    )


def _say(market: Node, selections: list[Node], file: Body) -> None:
    event_id = reading.id_of(text(market, "eventId"))
    seen_at: datetime = reading.start_of(text(market, "deadline")) - _A_LITTLE
    event = file.events.get(event_id)
    sport = _UNTOLD if event is None else event.sport
    quotes = file.collect(sport, sport, event_id)
    template = text(market, "marketTemplateId")
    question = _TEMPLATES.get(template)
    if question is None:
        name = text(market, "marketFriendlyName").partition("|")[0]
        bodies.leave_out(quotes, template, name, len(selections))
        return
    is_open = text(market, "status") == _OPEN
    for selection in selections:
        side = _SIDES.get(text(selection, "selectionTemplateId"))
        stopped = text(selection, "status") != _OPEN
        price = text(selection, "odds")
        bodies.offer(
            quotes,
            SOURCE,
            Asked(*question),
            side,
            price,
            stopped=stopped,
            stopped_above=not is_open,
        )
    if event is None:
        file.say(FeedQuotes(PROVIDER_KEY, event_id, seen_at, quotes.all(), snapshot=False))
    else:
        file.say(FeedBatch(event, seen_at, quotes.all(), snapshot=False))
