"""What every provider has to hold, as functions that any provider's tests can call.

A `Case` is one sample of a provider and what it says, as a table that can be read: an event is
"<sport> <home> - <away> <start in UTC>", a price "<home>: <source> <type> <period> <line> <side>
<price>", with "stopped" behind it where it may not be taken.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from overround.core import grading, line, price
from overround.core.errors import ProviderDataError
from overround.core.facts import contradiction
from overround.odds.feeds import FeedBatch, FeedEvent, FeedPrice, FeedQuotes, Parsed, Provider


@dataclass(frozen=True)
class Case:
    """A sample, all its events, some of its prices, and what of it is counted or refused."""

    provider: Provider
    name: str
    body: bytes
    events: tuple[str, ...] = ()
    prices: tuple[str, ...] = ()
    results: tuple[str, ...] = ()
    unmapped: dict[str, int] = field(default_factory=dict[str, int])
    refused: tuple[str, ...] = ()


def told_event(event: FeedEvent) -> str:
    """An event as a case writes it."""
    return f"{event.sport} {event.home} - {event.away} {event.starts_at:%Y-%m-%d %H:%M}"


def told_price(batch: FeedBatch | FeedQuotes, said: FeedPrice) -> str:
    """A price as a case writes it; of an event that is named elsewhere by its id."""
    market = said.market
    event = batch.event.home if isinstance(batch, FeedBatch) else batch.provider_event_id
    line_text = "-" if market.line_q4 is None else line.to_text(market.line_q4)
    words = (
        f"{event}: {said.source} {market.market_type} {market.period} {line_text}",
        f"{said.side} {price.to_text(said.price_e4)}",
        "stopped" if said.suspended else "",
    )
    return " ".join(words).strip()


def check_case(case: Case) -> None:
    """The sample says what the case says, and says it again when it is read again."""
    parsed = case.provider.parse(case.name, case.body)
    assert case.provider.recognises(case.body[:16_384])
    check(case.provider, parsed)
    assert case.provider.parse(case.name, case.body) == parsed
    assert tuple(told_event(event) for event in parsed.events) == case.events
    batches = [*parsed.batches, *parsed.quotes]
    told = {told_price(batch, said) for batch in batches for said in batch.prices}
    assert set(case.prices) <= told, sorted(told)
    ended = tuple(f"{r.status} {sorted(r.scores.items())}" for r in parsed.results)
    assert ended == case.results
    counted = {
        market_id: found.selections
        for counts in parsed.coverage
        for market_id, found in counts.unmapped.items()
    }
    assert counted == case.unmapped
    assert tuple(sorted(rejected.reason for rejected in parsed.rejected)) == case.refused


def check(provider: Provider, parsed: Parsed) -> None:
    """What holds for everything that any provider says."""
    for event in parsed.events:
        _check_event(provider, event)
    named = {event.key for event in parsed.events}
    assert len(named) == len(parsed.events)
    moments = [(batch.event.key, batch.observed_at, batch.phase) for batch in parsed.batches]
    assert len(moments) == len(set(moments))
    for batch in parsed.batches:
        assert batch.event.key in named
        _check_time(batch.observed_at)
        _check_prices(provider, batch.prices)
    for quotes in parsed.quotes:
        assert quotes.provider == provider.key
        _check_time(quotes.observed_at)
        _check_prices(provider, quotes.prices)
    for score in parsed.scores:
        assert len(score.clock) <= 40
        assert contradiction(score.scores) is None
        _check_time(score.observed_at)
    for quotes in parsed.quotes:
        assert quotes.key not in named
        _check_time(quotes.observed_at)
        _check_prices(provider, quotes.prices)
    for result in parsed.results:
        assert result.key in named
        assert contradiction(result.scores) is None
        _check_time(result.observed_at)
    for counts in parsed.coverage:
        unmapped = sum(found.selections for found in counts.unmapped.values())
        assert counts.mapped + unmapped == counts.selections
    # What is kept can be stored and shown.
    for kept in (parsed.events, parsed.rejected, [c.as_dict() for c in parsed.coverage]):
        assert str(kept).encode().decode().isprintable()
    assert all(len(r.where) <= 300 and len(r.reason) <= 60 for r in parsed.rejected)


def check_bytes(provider: Provider, body: bytes) -> None:
    """Whatever the bytes, the provider says something that holds or refuses with its own error."""
    provider.recognises(body[:16_384])
    with contextlib.suppress(ProviderDataError):
        check(provider, provider.parse("x", body))


def _check_event(provider: Provider, event: FeedEvent) -> None:
    assert event.provider == provider.key
    assert 0 < len(event.provider_event_id) <= 600
    assert 0 < len(event.competition_key) <= 200
    assert len(event.country) <= 80
    assert 0 < len(event.sport) <= 40
    for name in (event.home, event.away, event.competition_name):
        assert 0 < len(name) <= 200
        assert name.isprintable()
    assert event.home.casefold() != event.away.casefold()
    _check_time(event.starts_at)


def _check_time(at: datetime) -> None:
    assert at.tzinfo is UTC
    assert 1990 <= at.year <= 2100


def _check_prices(provider: Provider, prices: Iterable[FeedPrice]) -> None:
    seen: set[tuple[object, ...]] = set()
    for said in prices:
        market = said.market
        grading.check(market.market_type, market.period, market.line_q4, said.side)
        # The board holds markets whose answers are a fixed set.
        assert said.side in grading.sides(market.market_type)
        assert price.MIN_PRICE_E4 <= said.price_e4 <= price.MAX_PRICE_E4
        assert 0 < len(said.source) <= 60
        assert provider.source_kind(said.source) in ("bookmaker", "exchange")
        assert len(said.source_text) <= 60
        key = (said.source, market, said.side)
        assert key not in seen
        seen.add(key)
