"""The life of an edge: detected -> verified -> stale -> expired, as a step from look to look.

Pure: what is open, what a look found and the time give what is written, so a replay of the same
log gives the same edges under the same ids (test: two replays of one log are one).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from overround.core import ids
from overround.odds.edges.model import EdgeStatus, Found, Leg, StoredEdge

# That an edge still stands is written no oftener.
SEEN_EVERY: Final = timedelta(seconds=1)

_MOVED_PPM: Final = 2_000

# (event, what): an edge among those that are open.
Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Step:
    """What a look changes: edges to add, write anew and mark as seen, and those that are gone."""

    added: tuple[StoredEdge, ...]
    changed: tuple[StoredEdge, ...]
    seen: tuple[StoredEdge, ...]
    gone: tuple[StoredEdge, ...]


def key_of(edge: StoredEdge | Found) -> Key:
    """Which edge of which event."""
    return str(edge.event_id), edge.what


def step(before: Mapping[Key, StoredEdge], found: Sequence[Found], at: datetime) -> Step:
    """One look at the events whose open edges are `before`."""
    added: list[StoredEdge] = []
    changed: list[StoredEdge] = []
    seen: list[StoredEdge] = []
    left = dict(before)
    for one in found:
        known = left.pop(key_of(one), None)
        if known is None:
            added.append(_first(one, at))
            continue
        after = _again(known, one, at)
        if _differs(known, after):
            changed.append(after)
        elif at - known.seen_at >= SEEN_EVERY:
            seen.append(after)
    gone = tuple(replace(edge, status="expired", expired_at=at) for edge in left.values())
    return Step(tuple(added), tuple(changed), tuple(seen), gone)


def _differs(known: StoredEdge, after: StoredEdge) -> bool:
    """Whether it is worth writing: what somebody would do about the edge has changed.

    What the others believe moves all the time; a figure that moves with it by less than
    `_MOVED_PPM`, while its legs stand, waits for the next change.
    """
    if known.legs != after.legs or known.reasons != after.reasons or known.status != after.status:
        return True
    return abs(known.edge_ppm - after.edge_ppm) >= _MOVED_PPM


def _first(one: Found, at: datetime) -> StoredEdge:
    return StoredEdge(
        id=ids.derived(at, "edge", str(one.event_id), one.what, at.isoformat()),
        status="detected",
        peak_ppm=one.edge_ppm,
        peak_at=at,
        detected_at=at,
        verified_at=None,
        seen_at=at,
        expired_at=None,
        **_fields(one, one.legs),
    )


def _again(known: StoredEdge, one: Found, at: datetime) -> StoredEdge:
    """The edge at another look: a leg whose price stands keeps the moment it was taken up."""
    held = {leg.price: leg for leg in map(leg_of, known.legs)}
    legs = tuple(
        replace(leg, word_us=held[leg.price].word_us) if leg.price in held else leg
        for leg in one.legs
    )
    stood = all(then.word_us < now.word_us for then, now in zip(legs, one.legs, strict=True))
    status: EdgeStatus = "verified" if stood and not one.reasons else "detected"
    is_peak = one.edge_ppm > known.peak_ppm
    return replace(
        known,
        status=status,
        verified_at=known.verified_at or (at if status == "verified" else None),
        peak_ppm=one.edge_ppm if is_peak else known.peak_ppm,
        peak_at=at if is_peak else known.peak_at,
        seen_at=at,
        **_fields(one, legs),
    )


def leg_of(stored: Mapping[str, Any]) -> Leg:
    """A leg as it is kept."""
    given: dict[str, Any] = {**stored, "market_id": UUID(stored["market_id"])}
    return Leg(**given)


def _fields(one: Found, legs: Sequence[Leg]) -> dict[str, Any]:
    """What a look says of an edge, as it is kept; a confidence is as old as the prices are."""
    return {
        "kind": one.kind,
        "pays": one.pays,
        "what": one.what,
        "event_id": one.event_id,
        "market_id": one.market_id,
        "sport": one.sport,
        "edge_ppm": one.edge_ppm,
        "naive_ppm": one.naive_ppm,
        "guaranteed_ppm": one.guaranteed_ppm,
        "best_ppm": one.best_ppm,
        "probability_ppm": one.probability_ppm,
        "kelly_ppm": one.kelly_ppm,
        "confidence_ppm": one.confidence_ppm,
        "reasons": list(one.reasons),
        "tags": list(one.tags),
        "suspect": bool(one.reasons),
        "legs": [asdict(leg) | {"market_id": str(leg.market_id)} for leg in legs],
        "expires_at": one.expires_at,
    }
