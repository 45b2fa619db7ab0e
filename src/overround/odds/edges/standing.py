"""The open edges as their one writer knows them: read once, kept as they are written.

The hub alone writes edges, so what it has written need not be asked for again: a busy board is
looked at a hundred times a second. An event is read when it is looked at first, and forgotten when
somebody else has ended its edges (test: what another hand has ended is read anew).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from overround.odds.edges.lifecycle import Key, Step, key_of
from overround.odds.edges.model import StoredEdge

_NEVER: Final = datetime.max.replace(tzinfo=UTC)
_BELIEVED: Final = frozenset({"detected", "verified"})


@dataclass(slots=True)
class Standing:
    """Open edges by event; an event without any is known too."""

    _by_event: dict[UUID, dict[Key, StoredEdge]] = field(
        default_factory=dict[UUID, dict[Key, StoredEdge]]
    )
    # No edge that is known grows stale before.
    _next_stale_at: datetime = _NEVER

    def unknown(self, event_ids: Iterable[UUID]) -> list[UUID]:
        """The events that have to be read first."""
        return [event_id for event_id in event_ids if event_id not in self._by_event]

    def know(self, event_ids: Iterable[UUID], edges: Sequence[StoredEdge]) -> None:
        """These are all the open edges of some events."""
        for event_id in event_ids:
            self._by_event[event_id] = {}
        self._put(edges)

    def has_none(self, event_ids: Iterable[UUID]) -> bool:
        """Whether it is known that none stands on these events."""
        return all(self._by_event.get(event_id) == {} for event_id in event_ids)

    def of(self, event_ids: Collection[UUID]) -> dict[Key, StoredEdge]:
        """The open edges of some events that are known."""
        return {
            key: edge
            for event_id in event_ids
            for key, edge in self._by_event.get(event_id, {}).items()
        }

    def step(self, taken: Step) -> None:
        """A step has been written."""
        for edge in taken.gone:
            self._by_event[edge.event_id].pop(key_of(edge), None)
        self._put((*taken.added, *taken.changed, *taken.seen))

    def grows_stale(self, at: datetime) -> bool:
        """Whether an edge that is known is too old by then."""
        return self._next_stale_at <= at

    def aged(self, at: datetime) -> None:
        """What was not confirmed by `at` has been marked as stale."""
        self._next_stale_at = _NEVER
        for edges in self._by_event.values():
            for key, edge in edges.items():
                if edge.status not in _BELIEVED:
                    continue
                if edge.expires_at <= at:
                    edges[key] = replace(edge, status="stale")
                else:
                    self._next_stale_at = min(self._next_stale_at, edge.expires_at)

    def forget(self, event_ids: Iterable[UUID]) -> None:
        """These are over or were written by somebody else: who comes back is read anew."""
        for event_id in event_ids:
            self._by_event.pop(event_id, None)

    def _put(self, edges: Iterable[StoredEdge]) -> None:
        for edge in edges:
            self._by_event[edge.event_id][key_of(edge)] = edge
            if edge.status in _BELIEVED:
                self._next_stale_at = min(self._next_stale_at, edge.expires_at)
