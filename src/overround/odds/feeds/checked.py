"""What a guest says, held to what our own providers could have said.

Our providers build every value by `reading`; a guest may put anything anywhere, and what is no text
or no time would be met by the hub, in the middle of what all providers said. So it is looked at
where it comes in, and one wrong value costs the body that it stands in
(test: a guest that says nonsense costs its own body only).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import fields
from datetime import datetime
from typing import Final, cast, get_args

from overround.core import facts, grading
from overround.core.endings import ResultStatus
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
    Rejected,
)
from overround.odds.feeds.provider import Parsed

_PHASES: Final = frozenset({"opening", "closing", "live", ""})
_STATUSES: Final = frozenset(get_args(ResultStatus))
# A column of the board holds no larger one; which prices are believed is for the gate.
_PRICE_E4_MAX: Final = 2_147_483_647
_CLOCK_CHARS_MAX: Final = 200
_POINTS: Final = range(facts.POINTS_MAX + 1)
_KINDS: Final[Mapping[str, type]] = {
    "events": FeedEvent,
    "batches": FeedBatch,
    "results": FeedResult,
    "rejected": Rejected,
    "coverage": Coverage,
    "quotes": FeedQuotes,
    "scores": FeedScore,
}


def checked(provider: str, said: object) -> Parsed:
    """The same again. Raises ProviderDataError `provider_invalid`, with what is wrong."""
    if not isinstance(said, Parsed):
        raise _wrong("it is not a Parsed")
    for one in fields(said):
        kind, values = _KINDS.get(one.name), getattr(said, one.name)
        if kind is not None and not (
            isinstance(values, list) and _are(cast("list[object]", values), kind)
        ):
            raise _wrong(f"{one.name} is not a list of {kind.__name__}")
    _need(_is_whole(said.rows) and said.rows >= 0, "rows")
    for event in said.events:
        _event(provider, event)
    for batch in said.batches:
        _need(_are([batch.event], FeedEvent), "the event of a batch")
        _event(provider, batch.event)
        _quoted(batch)
    for quotes in said.quotes:
        _named(provider, quotes.provider, quotes.provider_event_id)
        _quoted(quotes)
    for happened in (*said.results, *said.scores):
        _named(provider, happened.provider, happened.provider_event_id)
        _need(_is_time(happened.observed_at), "observed_at")
        _scores(happened.scores)
    _need(all(one.positions is None for one in said.results), "contests are not taken of guests")
    _need(all(one.status in _STATUSES for one in said.results), "the status of a result")
    _need(all(_is_text(one.clock, _CLOCK_CHARS_MAX) for one in said.scores), "the clock of a score")
    for refused in said.rejected:
        _need(_are_texts((refused.reason, refused.where, refused.detail)), "a refusal")
    for coverage in said.coverage:
        _need(_are_texts((coverage.sport, coverage.called)), "a coverage")
    return said


def _wrong(what: str) -> ProviderDataError:
    return ProviderDataError(f"the provider said what cannot be: {what}", code="provider_invalid")


def _need(holds: bool, what: str) -> None:
    if not holds:
        raise _wrong(what)


def _event(provider: str, event: FeedEvent) -> None:
    _named(provider, event.provider, event.provider_event_id)
    _need(_is_text(event.home) and _is_text(event.away), "a side's name")
    _need(not event.runners and event.place_terms is None, "contests are not taken of guests")
    try:
        sides = reading.sides_of(event.home, event.away)
    except reading.EventRefused as refused:
        raise _wrong(refused.reason) from None
    _need(sides == (event.home, event.away), "a side's name is not as `reading` has it")
    words = (event.competition_key, event.competition_name, event.country, event.season)
    _need(_are_texts((event.sport, *words)), "a word of an event")
    _need(reading.source_of(event.sport) == event.sport, "sport")
    _need(_is_time(event.starts_at), "starts_at")


def _named(provider: str, by: object, provider_event_id: object) -> None:
    _need(by == provider, "the provider of an event is another")
    _need(_is_text(provider_event_id) and provider_event_id != "", "the id of an event")


def _quoted(said: FeedBatch | FeedQuotes) -> None:
    _need(_is_time(said.observed_at), "observed_at")
    _need(said.source_at is None or _is_time(said.source_at), "source_at")
    _need(said.phase in _PHASES, "phase")
    is_tuple = _are([said.prices], tuple)
    _need(is_tuple and _are(said.prices, FeedPrice), "the prices are not a tuple of FeedPrice")
    for price in said.prices:
        _price(price)


def _price(price: FeedPrice) -> None:
    market = price.market
    _need(_are([market], FeedMarket), "a market")
    _need(_are_texts((market.market_type, market.period)), "a word of a market")
    _need(market.line_q4 is None or _is_whole(market.line_q4), "line_q4")
    found = reading.market_of(market.market_type, market.period, market.line_q4)
    _need(found == market, f"a market that has no place: {market.market_type[:60]}")
    _need(price.side in grading.sides(market.market_type), "a side that its market has not")
    _need(_is_whole(price.price_e4) and 0 < price.price_e4 <= _PRICE_E4_MAX, "price_e4")
    _need(_are_texts((price.source, price.source_text)), "a word of a price")
    _need(reading.source_of(price.source) == price.source, "source")
    _need(price.seen_at is None or _is_time(price.seen_at), "seen_at")


def _scores(scores: object) -> None:
    if not isinstance(scores, dict):
        raise _wrong("scores")
    for period, score in cast("dict[object, object]", scores).items():
        _need(period in facts.KEYS, "a period of a score")
        both = cast("tuple[object, ...]", score) if isinstance(score, tuple) else ()
        _need(
            len(both) == 2 and all(n in _POINTS and _is_whole(n) for n in both),
            "a score is two whole numbers",
        )


def _are(values: Iterable[object], kind: type) -> bool:
    return all(isinstance(value, kind) for value in values)


def _are_texts(values: Iterable[object]) -> bool:
    return all(_is_text(value) for value in values)


def _is_whole(value: object) -> bool:
    """Whether it is a whole number, and no truth value that counts as one."""
    return type(value) is int


def _is_text(value: object, length_max: int = reading.MAX_TEXT_LENGTH) -> bool:
    """Whether it is text that can be stored and shown."""
    return isinstance(value, str) and len(value) <= length_max and value.isprintable()


def _is_time(value: object) -> bool:
    """Whether it is a moment that says its zone."""
    return (
        isinstance(value, datetime)
        and value.tzinfo is not None
        and reading.moment(value.isoformat()) is not None
    )
