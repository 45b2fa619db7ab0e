"""What a body says, parsed, as bytes: from the process that reads to the hub that takes.

A letter holds whole events with all that was said of them, and few enough prices that taking it
is a matter of milliseconds; a large body becomes many letters. It is JSON of lists, in the order of
the fields of `model`, behind a first line that no provider's body begins with.

Only our own processes write letters: `letter_of` checks what it builds no further than Python does.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, TypeVar

from overround.core.errors import ProviderDataError
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

MAGIC: Final = b"overround letter 1\n"
PRICES_PER_LETTER: Final = 1_500
# Events without prices, results and scores are small, but there may be many.
_OTHERS_PER_LETTER: Final = 2_000
_REJECTED_MAX: Final = 1_000
_KINDS: Final = ("events", "batches", "quotes", "scores", "results", "rejected")

Said = TypeVar("Said", FeedBatch, FeedQuotes)


@dataclass(frozen=True, slots=True)
class Letter:
    """A part of what one body said; `name` says which body, the same each time it is asked for.

    `rejected` are the first of its refusals, and stand in its first letter.
    """

    name: str
    received_at: datetime
    events: tuple[FeedEvent, ...]
    batches: tuple[FeedBatch, ...]
    quotes: tuple[FeedQuotes, ...]
    scores: tuple[FeedScore, ...]
    results: tuple[FeedResult, ...]
    rejected: tuple[Rejected, ...] = ()


def is_letter(body: bytes) -> bool:
    """Whether `body` is one of ours and not a provider's."""
    return body.startswith(MAGIC)


def letters_of(name: str, parsed: Parsed, received_at: datetime) -> Iterator[bytes]:
    """The letters of a body, in the order to take them; none for a body that says nothing.

    Events come with the first letter that needs them, and those without prices before; scores and
    results come last, when their events are known.
    """
    head = {"name": name, "received_at": received_at.isoformat()}
    if parsed.rejected:
        refused = parsed.rejected[:_REJECTED_MAX]
        yield _letter(head, rejected=[[one.reason, one.where, one.detail] for one in refused])
    priced = {batch.event.key for batch in parsed.batches}
    bare = [event for event in parsed.events if event.key not in priced]
    for some in _parts(bare, _OTHERS_PER_LETTER):
        yield _letter(head, events=[_event(one) for one in some])
    for batches in _bounded(parsed.batches):
        yield _letter(head, batches=[[_event(b.event), *_said(b)] for b in batches])
    for quotes in _bounded(parsed.quotes):
        yield _letter(head, quotes=[[[q.provider, q.provider_event_id], *_said(q)] for q in quotes])
    for scores in _parts(parsed.scores, _OTHERS_PER_LETTER):
        yield _letter(head, scores=[_score(one) for one in scores])
    for results in _parts(parsed.results, _OTHERS_PER_LETTER):
        yield _letter(head, results=[_result(one) for one in results])


def letter_of(body: bytes) -> Letter:
    """What a letter says. Raises ProviderDataError `letter_malformed`."""
    if not is_letter(body):
        raise ProviderDataError("not a letter of ours", code="letter_malformed")
    try:
        found: dict[str, Any] = json.loads(body[len(MAGIC) :])
        batches = [_batch_of(one) for one in found["batches"]]
        return Letter(
            found["name"],
            datetime.fromisoformat(found["received_at"]),
            (*(_event_of(one) for one in found["events"]), *(batch.event for batch in batches)),
            tuple(batches),
            tuple(_quotes_of(one) for one in found["quotes"]),
            tuple(_score_of(one) for one in found["scores"]),
            tuple(_result_of(one) for one in found["results"]),
            tuple(Rejected(*one) for one in found["rejected"]),
        )
    except (ValueError, KeyError, TypeError, IndexError) as error:
        raise ProviderDataError(f"a letter: {error}", code="letter_malformed") from None


def _letter(head: dict[str, str], **parts: list[Any]) -> bytes:
    said = head | {kind: parts.get(kind, []) for kind in _KINDS}
    return MAGIC + json.dumps(said, separators=(",", ":")).encode()


def _parts(of: Sequence[Any], size: int) -> Iterator[Sequence[Any]]:
    for begin in range(0, len(of), size):
        yield of[begin : begin + size]


def _bounded(of: Sequence[Said]) -> Iterator[list[Said]]:
    """Parts of at most so many prices, where an event has no more by itself.

    Two of one event are in two parts: whoever takes a part hears of an event once.
    """
    part: list[Said] = []
    keys: set[tuple[str, str]] = set()
    prices = 0
    for one in of:
        key = one.event.key if isinstance(one, FeedBatch) else one.key
        if part and (prices + len(one.prices) > PRICES_PER_LETTER or key in keys):
            yield list(part)
            part.clear()
            keys.clear()
            prices = 0
        part.append(one)
        keys.add(key)
        prices += len(one.prices)
    if part:
        yield part


def _time(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()


def _time_of(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def _event(one: FeedEvent) -> list[Any]:
    return [
        one.provider,
        one.provider_event_id,
        one.sport,
        one.competition_key,
        one.competition_name,
        one.country,
        one.home,
        one.away,
        one.starts_at.isoformat(),
        one.season,
        list(one.runners),
        one.place_terms,
    ]


def _event_of(found: list[Any]) -> FeedEvent:
    provider, event_id, sport, league, called, country, home, away, starts_at, *rest = found
    season, runners, terms = rest
    return FeedEvent(
        provider,
        event_id,
        sport,
        league,
        called,
        country,
        home,
        away,
        datetime.fromisoformat(starts_at),
        season,
        tuple(runners),
        terms,
    )


def _said(one: FeedBatch | FeedQuotes) -> list[Any]:
    """What both have. Prices of one market that stand together are written below it, once, and
    stay in their order: it is part of what tells one batch from another."""
    markets: list[tuple[FeedMarket, list[Any]]] = []
    for price in one.prices:
        if not markets or markets[-1][0] != price.market:
            markets.append((price.market, []))
        markets[-1][1].append(
            [
                price.source,
                price.side,
                price.price_e4,
                price.source_text,
                int(price.suspended),
                _time(price.seen_at),
            ]
        )
    return [
        one.observed_at.isoformat(),
        [[m.market_type, m.period, m.line_q4, prices] for m, prices in markets],
        one.snapshot,
        one.phase,
        _time(one.source_at),
    ]


def _prices_of(found: list[Any]) -> Iterator[FeedPrice]:
    for market_type, period, line_q4, prices in found:
        market = FeedMarket(market_type, period, line_q4)
        for source, side, price_e4, source_text, suspended, seen_at in prices:
            yield FeedPrice(
                source, market, side, price_e4, source_text, bool(suspended), _time_of(seen_at)
            )


def _batch_of(found: list[Any]) -> FeedBatch:
    event, observed_at, prices, snapshot, phase, source_at = found
    return FeedBatch(
        _event_of(event),
        datetime.fromisoformat(observed_at),
        tuple(_prices_of(prices)),
        snapshot,
        phase,
        _time_of(source_at),
    )


def _quotes_of(found: list[Any]) -> FeedQuotes:
    (provider, event_id), observed_at, prices, snapshot, phase, source_at = found
    return FeedQuotes(
        provider,
        event_id,
        datetime.fromisoformat(observed_at),
        tuple(_prices_of(prices)),
        snapshot,
        phase,
        _time_of(source_at),
    )


def _scores_as_lists(scores: dict[str, tuple[int, int]]) -> dict[str, list[int]]:
    return {period: [home, away] for period, (home, away) in scores.items()}


def _scores_of(found: dict[str, list[int]]) -> dict[str, tuple[int, int]]:
    return {period: (home, away) for period, (home, away) in found.items()}


def _score(one: FeedScore) -> list[Any]:
    scores = _scores_as_lists(one.scores)
    return [one.provider, one.provider_event_id, one.clock, scores, one.observed_at.isoformat()]


def _score_of(found: list[Any]) -> FeedScore:
    provider, event_id, clock, scores, observed_at = found
    return FeedScore(
        provider, event_id, clock, _scores_of(scores), datetime.fromisoformat(observed_at)
    )


def _result(one: FeedResult) -> list[Any]:
    scores = _scores_as_lists(one.scores)
    said_at = one.observed_at.isoformat()
    known = one.certainty, one.positions
    return [one.provider, one.provider_event_id, one.status, scores, said_at, *known]


def _result_of(found: list[Any]) -> FeedResult:
    provider, event_id, status, scores, observed_at, *known = found
    said_at = datetime.fromisoformat(observed_at)
    return FeedResult(provider, event_id, status, _scores_of(scores), said_at, *known)
