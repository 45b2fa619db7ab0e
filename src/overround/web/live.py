"""Open streams: what a book's view changes, told to everyone who asked, without a database.

A *room* is a tenant's streams over its book. It collects what changed, and at most every `TICK_S`
makes one frame for each set of public topics that anybody asked for, and hands the same bytes to
all of them. A client that reads too slowly loses frames and gets a snapshot for them, so what waits
for it is bounded (test: who reads slowly gets a snapshot).
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from contextvars import Context
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from overround.core.errors import Refusal, Unavailable
from overround.core.principal import Principal
from overround.kit import logs
from overround.storefront import BookView, Hint, OfferFeed, Shown
from overround.web import frames, outlets
from overround.web.frames import ByeReason, Mark, PrivateTopic, Public, Topics
from overround.web.outlets import Outlet

TICK_S: Final = 0.05
HEARTBEAT_S: Final = 10.0
# Who has read nothing for so long has gone, and its connection only does not know it yet.
STUCK_S: Final = 20.0
FRAMES_WAITING_MAX: Final = 16
# Clients come back at different moments, so that a restart is not answered by all of them at once.
RETRY_MS: Final = (500, 2_000)
FAREWELL_S: Final = 2.0
LOOK_EVERY_S: Final = 1.0

_HEARTBEAT: Final = outlets.packed(frames.HEARTBEAT)

_log = logs.get(__name__)


class TooManyStreams(Unavailable):
    """This process has as many open streams as it may."""

    code = "too_many_streams"
    retry_after_s = 5


class TooManyFromAddress(Refusal):
    """There are too many open streams from this address."""

    code = "too_many_streams_from_address"
    status = 429
    retry_after_s = 5


class Draining(Unavailable):
    """This process is about to end; ask another."""

    code = "draining"
    retry_after_s = 1


@dataclass(frozen=True, slots=True)
class StreamLimits:
    """How many streams may be open: in the process, and from one address; how often each is asked
    for its right again."""

    process_max: int = 5_000
    address_max: int = 1_000
    recheck_s: float = 30.0


@dataclass(frozen=True, slots=True)
class Visit:
    """Who opens a stream, from where, and whether that still holds later."""

    tenant_id: UUID
    book_id: UUID
    address: str
    principal: Principal | None
    may_stay: Callable[[], Awaitable[bool]]


@dataclass(slots=True, eq=False)
class Stream:
    """One open stream. It starts behind: what it gets first is a snapshot or what it missed."""

    room: Room
    topics: Topics
    visit: Visit
    checked_at_s: float
    is_over: bool = False
    is_cut_off: bool = False
    sending_since_s: float | None = None
    task: asyncio.Task[None] | None = None
    # Where the server lends one: what is told to all is written here, and wakes no task.
    outlet: Outlet | None = None
    # Its task has written everything and waits for more.
    _is_idle: bool = False
    _is_behind: bool = True
    _waiting: list[bytes] = field(default_factory=list[bytes])
    _hints: set[PrivateTopic] = field(default_factory=set[PrivateTopic])
    _last_words: bytes = b""
    _wake: asyncio.Event = field(default_factory=asyncio.Event)

    def push(self, frame: bytes, chunk: bytes = b"") -> None:
        """Send a frame; when too many wait they are dropped for a snapshot.

        `chunk` is the same frame, packed once for everybody. An empty frame wakes the stream that
        waits for the view to be ready, and nobody else.
        """
        if not self._is_behind:
            if not frame or (chunk and self._written(chunk)):
                return
            self._waiting.append(frame)
            if len(self._waiting) > FRAMES_WAITING_MAX:
                self._waiting.clear()
                self._is_behind = True
        self._rouse()

    def resume(self, frame: bytes) -> None:
        """What the stream missed is known: it needs no snapshot."""
        self._is_behind = False
        self.push(frame)

    def hint(self, topic: PrivateTopic) -> None:
        """Tell the client to look again, if it follows the topic."""
        if topic in self.topics.private:
            self._hints.add(topic)
            self._rouse()

    def beat(self) -> None:
        """Send a sign of life, if nothing else waits."""
        if self._written(_HEARTBEAT):
            return
        if not self._waiting:
            self._waiting.append(frames.HEARTBEAT)
        self._rouse()

    def end(self, reason: ByeReason) -> None:
        """Say goodbye after what waits; ending twice is ending once."""
        if not self.is_over:
            self.is_over = True
            last_words = frames.bye(reason, self.room.retry_ms())
            if not self._written(outlets.packed(last_words)):
                self._last_words = last_words
            self._rouse()

    def cut_off(self) -> None:
        """End it without another word: the client does not read."""
        self.is_over = self.is_cut_off = True
        if self.task is not None:
            self.task.cancel()

    async def next(self) -> bytes:
        """What to write next; the last of it, which may be nothing, once `is_over`."""
        while True:
            self._is_idle = not self._wake.is_set()
            await self._wake.wait()
            self._wake.clear()
            if self._is_behind and self.room.view.is_ready:
                self._is_behind = False
                self._waiting = [self.room.snapshot(self.topics.public)]
            found = [*self._waiting, *(frames.hint(topic) for topic in sorted(self._hints))]
            self._waiting.clear()
            self._hints.clear()
            found.append(self._last_words)
            chunk = b"".join(found)
            if chunk or self.is_over:
                return chunk

    def _written(self, chunk: bytes) -> bool:
        """Whether a chunk could be written at once, after all that was sent before."""
        return self._is_idle and self.outlet is not None and self.outlet.write(chunk)

    def _rouse(self) -> None:
        self._is_idle = False
        self._wake.set()


class Room:
    """The streams of one tenant over its book, and the task that tells them what changed."""

    def __init__(self, tenant_id: UUID, book_id: UUID, view: BookView, rng: random.Random) -> None:
        self.tenant_id = tenant_id
        self.book_id = book_id
        self.view = view
        self.streams: set[Stream] = set()
        self._followers: dict[Public, set[Stream]] = {}
        self._rng = rng
        self._changed: dict[UUID, Shown] = {}
        self._woken = asyncio.Event()
        self._snapshots: dict[Public, tuple[int, bytes]] = {}
        view.listen(self.note)
        # In a context of its own: it outlives the request that asked first, and logs for itself.
        self.task = asyncio.create_task(self._run(), context=Context())

    def retry_ms(self) -> int:
        """A short random wait."""
        return self._rng.randint(*RETRY_MS)

    def join(self, stream: Stream) -> None:
        """One more stream."""
        self.streams.add(stream)
        self._followers.setdefault(stream.topics.public, set()).add(stream)

    def leave(self, stream: Stream) -> None:
        """One stream less; leaving twice is leaving once."""
        self.streams.discard(stream)
        followers = self._followers.get(stream.topics.public, set())
        followers.discard(stream)
        if not followers:
            self._followers.pop(stream.topics.public, None)

    def note(self, changed: Sequence[Shown]) -> None:
        """The view has changed; the newest of each selection is told with the next tick."""
        self._changed.update((one.selection_id, one) for one in changed)
        self._woken.set()

    def hint(self, hint: Hint) -> None:
        """Pass a hint on to those whom it concerns."""
        for stream in self.streams:
            caller = stream.visit.principal
            if caller is None:
                continue
            if hint.everyone or caller.actor_id in hint.users:
                stream.hint("account")
            if hint.office:
                stream.hint("office")

    def mark(self) -> Mark:
        """Where the view stands."""
        return Mark(self.view.epoch, self.view.version)

    def snapshot(self, public: Public) -> bytes:
        """Everything of some topics; made once for each version however many ask."""
        version, frame = self._snapshots.get(public, (-1, b""))
        if version != self.view.version:
            parts = [frames.rows(self.view.event(event)) for event in public.events]
            parts += [frames.rows(self.view.board())] if public.board else []
            frame = frames.offers("snapshot", self.mark(), parts)
            self._snapshots = {k: v for k, v in self._snapshots.items() if k in self._followers}
            self._snapshots[public] = (self.view.version, frame)
        return frame

    def missed(self, public: Public, mark: Mark | None) -> bytes | None:
        """What happened since a mark of this view; None when that is not known any more."""
        if mark is None or mark.epoch != self.view.epoch or not self.view.is_ready:
            return None
        found = self.view.since(mark.version, public.board, public.events)
        if found is None:
            return None
        return frames.offers("offers", self.mark(), [frames.rows(found)]) if found else b""

    def tell(self) -> None:
        """Hand everyone what changed of his topics: the same bytes to all who ask for the same."""
        changed, self._changed = self._changed, {}
        main = frames.rows(one for one in changed.values() if one.is_main)
        of_event: dict[UUID, list[Shown]] = {}
        for one in changed.values():
            of_event.setdefault(one.event_id, []).append(one)
        rows: dict[UUID, str] = {}
        for public, followers in self._followers.items():
            for event in public.events & of_event.keys() - rows.keys():
                rows[event] = frames.rows(of_event[event])
            parts = [rows[event] for event in public.events if event in rows]
            parts += [main] if public.board and main else []
            frame = frames.offers("offers", self.mark(), parts) if parts else b""
            chunk = outlets.packed(frame) if frame else b""
            for stream in followers:
                stream.push(frame, chunk)

    def close(self) -> None:
        """The last stream has gone."""
        self.view.unlisten(self.note)
        self.task.cancel()

    async def _run(self) -> None:
        while True:
            await self._woken.wait()
            self._woken.clear()
            began_s = time.monotonic()
            try:
                self.tell()
            except Exception:  # noqa: BLE001  (one bad tick must not end the tenant's streams)
                _log.exception("live.not_told", book=str(self.book_id))
            await asyncio.sleep(pause_s(time.monotonic() - began_s))


def pause_s(took_s: float) -> float:
    """How long a room is silent that has told for so long: from one beginning to the next is one
    tick, and half of the time is everybody else's
    (test: a room tells once in a tick and half of the time)."""
    return max(TICK_S - took_s, took_s)


class Live:
    """Every open stream of the process; used from one event loop."""

    def __init__(self, feed: OfferFeed, limits: StreamLimits, rng: random.Random) -> None:
        self._feed = feed
        self._limits = limits
        self._rng = rng
        self._rooms: dict[UUID, Room] = {}
        self._streams: set[Stream] = set()
        # By tenant too: one house's visitors never close another's door.
        self._from_address: Counter[tuple[UUID, str]] = Counter()
        self._is_draining = False
        self._nobody = asyncio.Event()
        self._nobody.set()
        self._tasks = [
            asyncio.create_task(self._keep_alive()),
            asyncio.create_task(self._recheck()),
        ]

    def __len__(self) -> int:
        return len(self._streams)

    def open(self, visit: Visit, topics: Topics, mark: Mark | None) -> Stream:
        """A new stream, which goes on after `mark` if that can be; `close` it in any case.

        Raises Draining, TooManyStreams and TooManyFromAddress.
        """
        if self._is_draining:
            raise Draining
        if len(self._streams) >= self._limits.process_max:
            raise TooManyStreams
        if self._from_address[visit.tenant_id, visit.address] >= self._limits.address_max:
            raise TooManyFromAddress
        room = self._room(visit)
        now_s = asyncio.get_running_loop().time()
        stream = Stream(room, topics, visit, now_s, task=asyncio.current_task())
        room.join(stream)
        self._streams.add(stream)
        self._from_address[visit.tenant_id, visit.address] += 1
        self._nobody.clear()
        missed = room.missed(topics.public, mark)
        if missed is None:
            stream.push(b"")
        else:
            stream.resume(missed)
        return stream

    def close(self, stream: Stream) -> None:
        """The stream has ended, whoever ended it."""
        self._streams.discard(stream)
        address = stream.visit.tenant_id, stream.visit.address
        self._from_address[address] -= 1
        if not self._from_address[address]:
            del self._from_address[address]
        room = stream.room
        room.leave(stream)
        if not room.streams:
            self._rooms.pop(room.tenant_id, None)
            room.close()
            self._feed.leave(room.book_id)
        if not self._streams:
            self._nobody.set()

    def heard(self, tenant_id: UUID | None, hint: Hint) -> None:
        """A hint of one tenant, or of all."""
        rooms = self._rooms.values() if tenant_id is None else [self._rooms.get(tenant_id)]
        for room in rooms:
            if room is not None:
                room.hint(hint)

    async def drain(self) -> None:
        """Open no more, say goodbye to everyone and wait until they have gone.

        Who does not read the goodbye in `FAREWELL_S` is cut off
        (test: every stream gets its bye).
        """
        self._is_draining = True
        for task in self._tasks:
            task.cancel()
        for stream in self._streams:
            stream.end("restart")
        try:
            await asyncio.wait_for(self._nobody.wait(), FAREWELL_S)
        except TimeoutError:
            _log.warning("live.cut_off", streams=len(self._streams))
            for stream in list(self._streams):
                stream.cut_off()

    def _room(self, visit: Visit) -> Room:
        room = self._rooms.get(visit.tenant_id)
        if room is None:
            view = self._feed.follow(visit.book_id)
            room = Room(visit.tenant_id, visit.book_id, view, self._rng)
            self._rooms[visit.tenant_id] = room
        return room

    async def _keep_alive(self) -> None:
        """Signs of life, and an end for who does not read any more."""
        loop = asyncio.get_running_loop()
        beat_at_s = loop.time() + HEARTBEAT_S
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            now_s = loop.time()
            beats = now_s >= beat_at_s
            beat_at_s = now_s + HEARTBEAT_S if beats else beat_at_s
            for stream in list(self._streams):
                since_s = stream.sending_since_s
                if since_s is not None and now_s - since_s > STUCK_S:
                    stream.cut_off()
                elif beats:
                    stream.beat()

    async def _recheck(self) -> None:
        """Ask again for the right to each stream; who cannot be asked has revoked nothing."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(min(LOOK_EVERY_S, self._limits.recheck_s))
            due_s = loop.time() - self._limits.recheck_s
            for stream in [one for one in self._streams if one.checked_at_s <= due_s]:
                stream.checked_at_s = loop.time()
                try:
                    may_stay = await stream.visit.may_stay()
                except Exception as error:  # noqa: BLE001  (the next round is the handler)
                    reason = f"{type(error).__name__}: {error}"[:200]
                    _log.warning("live.not_rechecked", reason=reason)
                    break
                if not may_stay:
                    stream.end("session")
