"""The life of an edge: detected -> verified -> stale -> expired, as a step from look to look.

Pure: what is open, what a look found, what was answered and the time give what is written, so a
replay of the same log gives the same edges under the same ids (test: two replays of one log are
one).

Every leg is looked at twice. Where its provider can be asked, the second look is an answer of the
last moment, and the edge has to gain at the lower of both readings; prices that move all the time
are verified so, and a page that repeats itself verifies nothing
(test: what can be asked is verified by its answers alone). Elsewhere it is a later word of the
source that leaves the price standing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from overround.core import ids
from overround.odds.edges.model import EdgeStatus, Found, Leg, StoredEdge

# That an edge still stands is written no oftener.
SEEN_EVERY: Final = timedelta(seconds=1)

_MOVED_PPM: Final = 2_000
_PPM: Final = 1_000_000
_LEG_FIELDS: Final = tuple(one.name for one in fields(Leg))

# (event, what): an edge among those that are open.
Key = tuple[str, str]
# A price that can be asked about: the market, the side, the source.
Place = tuple[UUID, str, str]


@dataclass(frozen=True, slots=True)
class SecondLook:
    """Which providers answer when they are asked to look again, and the prices that they answered
    of late."""

    providers: frozenset[str] = frozenset()
    answers: Mapping[Place, int] = field(default_factory=dict[Place, int])

    def is_for(self, leg: Leg) -> bool:
        """Whether the leg's price can be asked about."""
        return leg.provider in self.providers

    def bears_out(self, leg: Leg, edge_ppm: int) -> bool:
        """Whether an edge gains at the lower of the leg's price and its answer.

        Where a price falls to a share of itself, what a stake returns falls to no less than that
        share of it, in every state: 1 + edge is what a unit returns.
        """
        answer_e4 = self.answers.get(place_of(leg))
        if answer_e4 is None:
            return False
        return answer_e4 >= leg.price_e4 or (_PPM + edge_ppm) * answer_e4 > _PPM * leg.price_e4


NOBODY: Final = SecondLook()


@dataclass(frozen=True, slots=True)
class Step:
    """What a look changes: edges to add, write anew and mark as seen, and those that are gone.

    `asking` are the open ones of which a leg has to be asked about: they are not verified by
    anything else, or will not be for long. `waiting` are the events of which one waits for its
    second look, with the time from which its prices are too old for one.
    """

    added: tuple[StoredEdge, ...]
    changed: tuple[StoredEdge, ...]
    seen: tuple[StoredEdge, ...]
    gone: tuple[StoredEdge, ...]
    asking: tuple[StoredEdge, ...] = ()
    waiting: Mapping[UUID, datetime] = field(default_factory=dict[UUID, datetime])


def place_of(leg: Leg) -> Place:
    """What a second look at the leg asks about."""
    return leg.market_id, leg.side, leg.source


def key_of(edge: StoredEdge | Found) -> Key:
    """Which edge of which event."""
    return str(edge.event_id), edge.what


def step(
    before: Mapping[Key, StoredEdge],
    found: Sequence[Found],
    at: datetime,
    second: SecondLook = NOBODY,
) -> Step:
    """One look at the events whose open edges are `before`."""
    added: list[StoredEdge] = []
    changed: list[StoredEdge] = []
    seen: list[StoredEdge] = []
    asking: list[StoredEdge] = []
    waiting: dict[UUID, datetime] = {}
    left = dict(before)
    for one in found:
        known = left.pop(key_of(one), None)
        looked = _first(one, at) if known is None else _again(known, one, at, second)
        if _is_asked(looked, known, one, second):
            asking.append(looked)
        if looked.status == "detected" and not looked.suspect:
            until = waiting.get(looked.event_id, looked.expires_at)
            waiting[looked.event_id] = max(until, looked.expires_at)
        if known is None:
            added.append(looked)
        elif _differs(known, looked):
            changed.append(looked)
        elif at - known.seen_at >= SEEN_EVERY:
            seen.append(looked)
    gone = tuple(replace(edge, status="expired", expired_at=at) for edge in left.values())
    return Step(tuple(added), tuple(changed), tuple(seen), gone, tuple(asking), waiting)


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


def _again(known: StoredEdge, one: Found, at: datetime, second: SecondLook) -> StoredEdge:
    """The edge at another look: a leg whose price stands keeps the moment it was taken up."""
    held = {leg.price: leg for leg in map(leg_of, known.legs)}
    legs = tuple(
        replace(leg, word_us=held[leg.price].word_us) if leg.price in held else leg
        for leg in one.legs
    )
    stood = all(
        (known.status == "verified" and now.price in held) or second.bears_out(now, one.edge_ppm)
        if second.is_for(now)
        else then.word_us < now.word_us
        for then, now in zip(legs, one.legs, strict=True)
    )
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


def _is_asked(looked: StoredEdge, known: StoredEdge | None, one: Found, second: SecondLook) -> bool:
    """Whether somebody has to be asked: a leg that can be has not stood since the edge was
    verified, nothing speaks against the edge, and the legs of the others have stood."""
    if one.reasons or not any(map(second.is_for, one.legs)):
        return False
    then = {leg.price: leg for leg in map(leg_of, known.legs)} if known is not None else {}
    was_verified = known is not None and known.status == "verified"
    others_stand = all(
        leg.price in then and then[leg.price].word_us < leg.word_us
        for leg in one.legs
        if not second.is_for(leg)
    )
    stands = was_verified and all(leg.price in then for leg in one.legs if second.is_for(leg))
    return others_stand and not (stands and looked.status == "verified")


def leg_of(stored: Mapping[str, Any]) -> Leg:
    """A leg as it is kept."""
    given: dict[str, Any] = {**stored, "market_id": UUID(stored["market_id"])}
    return Leg(**given)


def _kept(leg: Leg) -> dict[str, Any]:
    kept = {name: getattr(leg, name) for name in _LEG_FIELDS}
    kept["market_id"] = str(leg.market_id)
    return kept


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
        "legs": [_kept(leg) for leg in legs],
        "expires_at": one.expires_at,
    }
