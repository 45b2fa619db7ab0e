"""The answers as plain values: prices and lines in decimals, times in UTC, nothing of the inside.

A page holds tens of thousands of prices, so they are written as they are and not checked one by
one; that they are what the document says is a test (test: every answer is what the document says).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from uuid import UUID

from overround.core import line, price
from overround.trading.screen.model import (
    Closed,
    Gone,
    Listed,
    Move,
    Past,
    Quote,
    Version,
)

Json = dict[str, object]


def body(value: object) -> bytes:
    """The value as compact JSON."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def listing(items: Iterable[str], following: str | None) -> bytes:
    """A page of items that are written already."""
    return f'{{"items":[{",".join(items)}],"next_cursor":{json.dumps(following)}}}'.encode()


@lru_cache(maxsize=4_096)
def stamp(at: datetime) -> str:
    """A time in UTC as ISO 8601 with a Z."""
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def etag(query: str, events: Sequence[Listed], version: Version) -> str:
    """A weak tag of an answer: it names prices and events, not when they were last looked at."""
    said = [query, version.cells, version.written]
    said += [f"{one.id} {one.status} {one.starts_at.timestamp()}" for one in events]
    digest = hashlib.sha256("\n".join(map(str, said)).encode()).hexdigest()
    return f'W/"{digest[:32]}"'


def event(one: Listed) -> Json:
    """An event."""
    return {
        "id": str(one.id),
        "sport": one.sport,
        "country": one.country,
        "competition_id": str(one.competition_id),
        "competition": one.competition,
        "home": one.home,
        "away": one.away,
        "starts_at": stamp(one.starts_at),
        "status": one.status,
    }


def market(one: Quote | Move | Past | Closed) -> Json:
    """What names a market of an event."""
    return {
        "market": one.market_type,
        "period": one.period,
        "line": None if one.line_q4 is None else line.to_text(one.line_q4),
    }


def closing(events: Sequence[Listed], closed: Iterable[Closed]) -> list[Json]:
    """Events with the closing prices of each source."""
    found: dict[UUID, list[Json]] = {}
    for one in closed:
        found.setdefault(one.event_id, []).append(
            market(one)
            | {
                "selection_id": str(one.selection_id),
                "side": one.side,
                "source": one.source,
                "source_kind": one.kind,
                "price": price.to_text(one.price_e4),
                "observed_at": stamp(one.observed_at),
                "lag_ms": one.lag_ms,
            }
        )
    return [event(one) | {"prices": found.get(one.id, [])} for one in events]


def delta(
    moves: Iterable[Move], over: Sequence[Gone], following: str, *, more: bool, gone_max: int
) -> Json:
    """What changed, what is gone, where to go on; `over` holds one more where there are more."""
    cells = list(moves)
    return {
        "changed": [move(one) for one in cells if one.state != "withdrawn"],
        "removed": [removed(one) for one in cells if one.state == "withdrawn"],
        "events_gone": [gone(one) for one in over[:gone_max]],
        "events_gone_truncated": len(over) > gone_max,
        "next": following,
        "more": more,
    }


def move(one: Move) -> Json:
    """A cell as it stands after a change."""
    return _cell(one) | {
        "price": price.to_text(one.price_e4),
        "state": one.state,
        "observed_at": stamp(one.observed_at),
        "changed_at": stamp(one.changed_at),
    }


def removed(one: Move) -> Json:
    """A cell that is not quoted any more, and since when."""
    return _cell(one) | {"removed_at": stamp(one.changed_at)}


def gone(one: Gone) -> Json:
    """An event that is not quoted any more."""
    return {"event_id": str(one.id), "status": one.status}


def past(one: Past) -> Json:
    """A price of the history."""
    return market(one) | {
        "selection_id": str(one.selection_id),
        "side": one.side,
        "source": one.source,
        "price": price.to_text(one.price_e4),
        "state": one.state,
        "observed_at": stamp(one.observed_at),
        "source_at": None if one.source_at is None else stamp(one.source_at),
    }


def _cell(one: Move) -> Json:
    return {
        "event_id": str(one.event_id),
        **market(one),
        "selection_id": str(one.selection_id),
        "side": one.side,
        "source": one.source,
        "source_kind": one.kind,
    }
