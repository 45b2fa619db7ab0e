"""The lookout: where edges are looked for, and which of them wait for their second look.

What waits is kept here and not asked of the database at every tick; it is read once, when the hub
is loaded (test: an edge that waited is looked at by the next life of the hub).

What people see goes before what is found in it: a live hub only notes which events were touched,
and looks at them when their prices are committed and no frame waits. What was touched again
meanwhile is looked at once, as it stands then.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

from overround.db import Connection
from overround.odds import edges
from overround.odds.board import Board
from overround.odds.edges import Found, Policy, Scope, SecondLook, Standing, StoredEdge

# What waits for a later word of a source is looked at no oftener, unless a price of it has come.
WAITING_EVERY: Final = timedelta(milliseconds=500)
# Edges of events that nobody speaks of any more grow stale too.
AGE_EVERY: Final = timedelta(seconds=1)
# So long what was touched lets frames go first, one step after each tick; then it waits for none.
LOOK_WITHIN: Final = timedelta(milliseconds=150)
LOOK_AT_LATEST: Final = timedelta(milliseconds=300)
# A frame that comes meanwhile waits for so many events: two milliseconds or so.
LOOKED_MAX: Final = 8
_LONG_AGO: Final = datetime.min.replace(tzinfo=UTC)


def nobody() -> SecondLook:
    """Nobody can be asked, as in a replay."""
    return edges.NOBODY


@dataclass(slots=True)
class Lookout:
    """The looks of one hub; `second` says who can be asked and what was answered of late,
    `policy` what is looked for.

    `asking` are the edges, by event, of which somebody has to be asked about a leg. `has_news`
    says that an edge has come, changed or gone; who tells of it clears it. `standing` is what is
    open.
    """

    second: Callable[[], SecondLook] = nobody
    policy: Policy = field(default_factory=Policy)
    asking: dict[UUID, tuple[StoredEdge, ...]] = field(
        default_factory=dict[UUID, "tuple[StoredEdge, ...]"]
    )
    has_news: bool = False
    standing: Standing = field(default_factory=Standing)
    # Who was touched and not looked at since, the first one first, with when that was.
    _touched: dict[UUID, datetime] = field(default_factory=dict[UUID, datetime])
    _waiting: dict[UUID, datetime] = field(default_factory=dict[UUID, datetime])
    _waited_at: datetime = _LONG_AGO
    _aged_at: datetime = _LONG_AGO

    async def load(self, conn: Connection, at: datetime) -> None:
        """Which edges of an earlier life wait, and which stand: it may have ended between a commit
        and the look behind it."""
        self._waiting = await edges.waiting(conn, at)
        self.touch(await edges.open_events(conn), at)

    def waiting(self, board: Board, at: datetime) -> list[UUID]:
        """The events on the board with an edge that waits for its second look; none where they were
        asked for just now."""
        if at - self._waited_at < WAITING_EVERY:
            return []
        self._waited_at = at
        self._waiting = {key: until for key, until in self._waiting.items() if until > at}
        return sorted(key for key in self._waiting if board.markets_of(key))

    def touch(self, event_ids: Iterable[UUID], at: datetime) -> None:
        """These have to be looked at; who waits already has waited since then."""
        for event_id in event_ids:
            self._touched.setdefault(event_id, at)

    def touch_first(self, event_ids: Iterable[UUID]) -> None:
        """These go before all others, and wait for no frame: something was answered."""
        first = dict.fromkeys(event_ids, _LONG_AGO)
        self._touched = first | {k: at for k, at in self._touched.items() if k not in first}

    def is_due(self, at: datetime, *, is_busy: bool, is_first: bool) -> bool:
        """Whether to look now at some that were touched. While somebody is kept waiting (`is_busy`)
        those are looked at that have waited long: some in the first step after a tick, and of
        those that have waited too long all."""
        since = next(iter(self._touched.values()), None)
        if since is None or not is_busy:
            return since is not None
        return at - since >= (LOOK_WITHIN if is_first else LOOK_AT_LATEST)

    def some_touched(self, board: Board, at: datetime) -> list[UUID]:
        """The next ones to look at, of those that are on the board; they are taken off the list.
        Who waits for a second look is on it, too."""
        self.touch(self.waiting(board, at), at)
        found: list[UUID] = []
        while self._touched and len(found) < LOOKED_MAX:
            event_id = next(iter(self._touched))
            del self._touched[event_id]
            if board.markets_of(event_id):
                found.append(event_id)
        return found

    async def look(
        self, conn: Connection, board: Board, scopes: Mapping[UUID, Scope], at: datetime
    ) -> None:
        """Look for edges on these events."""
        await self.take(conn, scopes, self.seek(board, scopes, at), at)

    def seek(self, board: Board, scopes: Mapping[UUID, Scope], at: datetime) -> list[Found]:
        """The edges on these events as the board stands, for `take`."""
        return edges.look(board, scopes, at, self.policy)

    def is_quiet(self, scopes: Mapping[UUID, Scope], found: Sequence[Found]) -> bool:
        """Whether nothing was found on these events where nothing stood: most looks are so, and
        cost the database nothing (test: a look that finds nothing asks nobody)."""
        return not found and self.standing.has_none(scopes)

    def pass_by(self, scopes: Mapping[UUID, Scope]) -> None:
        """A look at these events was quiet: nothing of theirs waits."""
        self._look_anew(scopes)

    async def take(
        self, conn: Connection, scopes: Mapping[UUID, Scope], found: Sequence[Found], at: datetime
    ) -> None:
        """Write what was found on these events."""
        looked = await edges.follow(conn, scopes, found, at, self.second(), self.standing)
        self.has_news |= looked.differs
        self._look_anew(scopes)
        self._waiting |= looked.waiting
        by_event: dict[UUID, list[StoredEdge]] = {}
        for edge in looked.asking:
            by_event.setdefault(edge.event_id, []).append(edge)
        self.asking |= {event_id: tuple(found) for event_id, found in by_event.items()}

    async def age(self, conn: Connection, at: datetime) -> None:
        """What nobody has confirmed in time is believed no more."""
        if at - self._aged_at >= AGE_EVERY or self.standing.grows_stale(at):
            self._aged_at = at
            await edges.age(conn, at)
            self.standing.aged(at)

    def forget(self, event_ids: Iterable[UUID]) -> None:
        """These events are over: nothing of them waits, and nothing of them stands."""
        event_ids = list(event_ids)
        self._look_anew(event_ids)
        self.standing.forget(event_ids)

    def _look_anew(self, event_ids: Iterable[UUID]) -> None:
        for event_id in event_ids:
            self._touched.pop(event_id, None)
            self._waiting.pop(event_id, None)
            self.asking.pop(event_id, None)
