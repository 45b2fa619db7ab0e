"""What a book shows now, in memory: every selection with the version in which it last changed.

The version is this process's own. It counts what was really different, so neither a hub that was
restarted nor a change of the source is visible in it.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from typing import Final
from uuid import UUID

from overround.storefront.model import Shown

# How many closed selections are remembered, so that who was away for a moment learns of them.
CLOSED_MAX: Final = 10_000

Listener = Callable[[Sequence[Shown]], None]


class BookView:
    """One book; `epoch` names this view among all that ever were. Used from one event loop."""

    def __init__(self, epoch: str) -> None:
        self.epoch = epoch
        self.version = 0
        self.is_ready = False
        self._shown: dict[UUID, Shown] = {}
        self._changed_in: dict[UUID, int] = {}
        self._of_event: dict[UUID, set[UUID]] = {}
        self._main: set[UUID] = set()
        self._closed: OrderedDict[UUID, tuple[int, Shown]] = OrderedDict()
        self._forgotten = 0
        self._listeners: list[Listener] = []

    def get(self, selection_id: UUID) -> Shown | None:
        """What is shown for a selection, if it is."""
        return self._shown.get(selection_id)

    def board(self) -> list[Shown]:
        """The main markets of all events."""
        return [self._shown[key] for key in self._main]

    def event(self, event_id: UUID) -> list[Shown]:
        """All markets of an event."""
        return [self._shown[key] for key in self._of_event.get(event_id, ())]

    def since(self, version: int, board: bool, event_ids: Iterable[UUID]) -> list[Shown] | None:
        """What of the board and of some events differs from `version`, closed ones included.

        None when that is too long ago to be known, or never was.
        """
        if not self._forgotten <= version <= self.version:
            return None
        events = set(event_ids)
        keys = set(self._main if board else ())
        for event_id in events:
            keys |= self._of_event.get(event_id, set())
        found = [self._shown[key] for key in keys if self._changed_in[key] > version]
        for changed_in, shown in self._closed.values():
            asked = (board and shown.is_main) or shown.event_id in events
            if asked and changed_in > version:
                found.append(shown)
        return found

    def listen(self, listener: Listener) -> None:
        """Hand every change to `listener`, the first time the view becomes ready included."""
        self._listeners.append(listener)

    def unlisten(self, listener: Listener) -> None:
        """Hand it nothing more."""
        self._listeners.remove(listener)

    def apply(self, shown: Iterable[Shown]) -> None:
        """Some selections are now so; what was so already is no change."""
        self._take([one for one in shown if self._differs(one)])

    def replace(self, shown: Iterable[Shown]) -> None:
        """The whole book is now so: what is not in it is closed."""
        left = dict(self._shown)
        changed: list[Shown] = []
        for one in shown:
            left.pop(one.selection_id, None)
            if self._differs(one):
                changed.append(one)
        closed = [
            Shown(
                one.selection_id, one.event_id, one.is_main, one.price_e4, "closed", one.changed_ms
            )
            for one in left.values()
        ]
        was_ready, self.is_ready = self.is_ready, True
        self._take(changed + closed, always=not was_ready)

    def _differs(self, one: Shown) -> bool:
        """Whether a person would see a difference: the same price said again is none."""
        before = self._shown.get(one.selection_id)
        if before is None:
            return one.state != "closed"
        return (before.price_e4, before.state) != (one.price_e4, one.state)

    def _take(self, changed: list[Shown], *, always: bool = False) -> None:
        if not changed and not always:
            return
        self.version += 1
        for one in changed:
            if one.state == "closed":
                self._close(one)
            else:
                self._show(one)
        for listener in self._listeners:
            listener(changed)

    def _show(self, one: Shown) -> None:
        key = one.selection_id
        self._shown[key] = one
        self._changed_in[key] = self.version
        self._of_event.setdefault(one.event_id, set()).add(key)
        if one.is_main:
            self._main.add(key)
        self._closed.pop(key, None)

    def _close(self, one: Shown) -> None:
        key = one.selection_id
        self._shown.pop(key, None)
        self._changed_in.pop(key, None)
        self._main.discard(key)
        of_event = self._of_event.get(one.event_id, set())
        of_event.discard(key)
        if not of_event:
            self._of_event.pop(one.event_id, None)
        self._closed[key] = (self.version, one)
        self._closed.move_to_end(key)
        while len(self._closed) > CLOSED_MAX:
            self._forgotten = self._closed.popitem(last=False)[1][0]
