"""The api's side: the books that somebody looks at, kept equal to what the hub publishes.

A book is read from the cache: subscribe, take the snapshot, apply what follows, and take the
snapshot again when a message was missed. When the cache is away, or its hub has been silent for
three beats, the database is asked every half second, until the cache is good again.
"""

from __future__ import annotations

import asyncio
import secrets
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from contextvars import Context
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal, cast
from uuid import UUID

from overround import cache
from overround.cache import keys
from overround.kit import logs
from overround.storefront import wire
from overround.storefront.model import Shown
from overround.storefront.publisher import ALIVE_MS, POSITION
from overround.storefront.view import BookView
from overround.storefront.wire import Kind, Position

if TYPE_CHECKING:
    from redis.asyncio import Redis

BEGIN_S: Final = 5.0
POLL_S: Final = 0.5
# A sequence number is given before its row is committed, so a smaller one may show later: each poll
# asks again from where it stood this long ago (test: a row that commits late is seen).
OVERLAP_S: Final = 15.0
# What commits later than that is found by reading the whole book now and then.
WHOLE_EVERY_S: Final = 60.0
# A page that is left for the next closes its stream and opens another; the book stays for that.
LINGER_S: Final = 60.0
CONNECTIONS_MAX: Final = 1_000

Source = Literal["nothing", "cache", "database"]

# (book, after this sequence number) -> (sequence number, selection); all that is shown after 0.
Poll = Callable[[UUID, int], Awaitable[Sequence[tuple[int, Shown]]]]

_log = logs.get(__name__)


class _Lost(Exception):
    """The cache has no live copy of the book."""


@dataclass(slots=True)
class _Polls:
    """From which sequence number the database is asked next; 0 asks for the whole book."""

    whole_at_s: float = 0.0
    failing: bool = False
    # (when, the highest number seen by then), the oldest first; as many as polls fit the overlap.
    seen: deque[tuple[float, int]] = field(default_factory=deque[tuple[float, int]])

    def after(self, now_s: float) -> int:
        """The number after which rows are asked for."""
        if not self.seen or now_s - self.whole_at_s >= WHOLE_EVERY_S:
            return 0
        while len(self.seen) > 1 and self.seen[1][0] <= now_s - OVERLAP_S:
            self.seen.popleft()
        return self.seen[0][1]

    def note(self, now_s: float, after: int, highest: int) -> None:
        """What a poll has found."""
        self.failing = False
        if not after:
            self.whole_at_s = now_s
            self.seen.clear()
        before = self.seen[-1][1] if self.seen else 0
        self.seen.append((now_s, max(before, highest)))


class OfferFeed:
    """The books that this process follows; used from one event loop."""

    def __init__(self, client: Redis | None, poll: Poll) -> None:
        self._client = client
        self._poll = poll
        self._books: dict[UUID, _Followed] = {}

    @classmethod
    def open(cls, redis_url: str | None, poll: Poll) -> OfferFeed:
        """A feed that follows nothing yet. Without a cache it asks the database alone.

        `poll(book_id, after_seq)` may raise whatever it likes: it is logged and asked again.
        """
        client = cache.connect(redis_url, connections_max=CONNECTIONS_MAX) if redis_url else None
        return cls(client, poll)

    async def close(self) -> None:
        """Follow nothing any more."""
        waiting = {book.task for book in self._books.values() if book.task is not None}
        while waiting:
            # Told again until it is heard: a client that is just connecting may take a cancellation
            # for its own time-out, and would be followed for ever.
            for task in waiting:
                task.cancel()
            _, waiting = await asyncio.wait(waiting, timeout=0.5)
        self._books.clear()
        if self._client is not None:
            await self._client.aclose()

    def follow(self, book_id: UUID) -> BookView:
        """The view of a book, kept current until as many `leave`s; it may not be ready yet."""
        book = self._books.get(book_id)
        if book is None:
            book = _Followed(book_id, self._client, self._poll)
            # In a context of its own: it outlives the request that asked first.
            book.task = asyncio.create_task(book.run(), context=Context())
            self._books[book_id] = book
        book.readers += 1
        return book.view

    def leave(self, book_id: UUID) -> None:
        """One reader less. The last one's book is dropped after a while."""
        book = self._books[book_id]
        book.readers -= 1
        if not book.readers:
            loop = asyncio.get_running_loop()
            book.left_at_s = loop.time()
            # A moment later, so that it has been away for long enough by whatever clock.
            loop.call_later(LINGER_S + 0.1, lambda: self.drop_left(loop.time()))

    def drop_left(self, now_s: float) -> None:
        """Follow no book any more that has had no reader for `LINGER_S`
        (test: a book that was left later stays longer)."""
        for book_id, book in list(self._books.items()):
            if not book.readers and now_s - book.left_at_s >= LINGER_S:
                del self._books[book_id]
                if book.task is not None:
                    book.task.cancel()

    def source_of(self, book_id: UUID) -> Source:
        """Where a followed book is read from now."""
        return self._books[book_id].source


@dataclass(slots=True)
class _Followed:
    """One book and where its view stands."""

    book_id: UUID
    client: Redis | None
    poll: Poll
    view: BookView = field(default_factory=lambda: BookView(secrets.token_hex(4)))
    readers: int = 0
    left_at_s: float = 0.0
    task: asyncio.Task[None] | None = None
    position: Position | None = None
    source: Source = "nothing"
    is_away: bool = False
    polls: _Polls = field(default_factory=_Polls)

    async def run(self) -> None:
        """Follow until cancelled."""
        while True:
            try:
                await self._from_cache()
            except Exception as error:  # noqa: BLE001  (whatever it is, the database is asked)
                self._note_away(error)
            await self._from_database()
            await asyncio.sleep(POLL_S)

    async def _from_cache(self) -> None:
        """Follow the cache as long as it is good. Raises _Lost or what the cache raises."""
        if self.client is None:
            return
        channel = keys.of_book(self.book_id, "changes")
        async with AsyncExitStack() as stack:
            # A server that dies between a connection and its answer leaves nobody waiting.
            async with asyncio.timeout(BEGIN_S):
                if not await self.client.exists(keys.of_book(self.book_id, "alive")):
                    raise _Lost("no hub publishes the book")
                subscribing = cache.subscribed(self.client, channel)
                subscription = await stack.enter_async_context(subscribing)
                await self._load(self.client)
            self._note_back()
            self.source = "cache"
            while (heard := await subscription.next(ALIVE_MS / 1000)) is not None:
                if not self._follows(wire.unpack(heard.data)):
                    await self._load(self.client)
        raise _Lost("the hub is silent")

    async def _load(self, client: Redis) -> None:
        key = keys.of_book(self.book_id, "offers")
        fields = cast("dict[bytes, bytes]", await client.hgetall(key))
        position = fields.pop(POSITION, None)
        if position is None:
            raise _Lost("the cache has no snapshot of the book")
        self.position = wire.unpack_position(position)
        self.view.replace(wire.unpack_rows(b"".join(fields.values())))

    def _follows(self, message: wire.Message) -> bool:
        """Apply the message; whether nothing was missed before it."""
        have, now = self.position, message.position
        if have is None or now.epoch != have.epoch:
            return False
        if now.seq <= have.seq:
            # Sent before the snapshot was read, and in it.
            return True
        if message.kind is not Kind.DELTA or now.seq != have.seq + 1:
            return False
        self.view.apply(message.shown)
        self.position = now
        return True

    async def _from_database(self) -> None:
        now_s = asyncio.get_running_loop().time()
        after = self.polls.after(now_s)
        try:
            rows = await self.poll(self.book_id, after)
        except Exception as error:  # noqa: BLE001  (the next poll is the handler)
            if not self.polls.failing:
                self.polls.failing = True
                reason = f"{type(error).__name__}: {error}"[:200]
                _log.warning("storefront.not_polled", book=str(self.book_id), reason=reason)
            return
        self.source = "database"
        self.polls.note(now_s, after, max((seq for seq, _ in rows), default=0))
        shown = [one for _, one in rows]
        if after:
            self.view.apply(shown)
        else:
            self.view.replace(one for one in shown if one.state != "closed")

    def _note_away(self, error: Exception) -> None:
        if not self.is_away:
            self.is_away = True
            self.polls = _Polls()
            reason = f"{type(error).__name__}: {error}"[:200]
            _log.warning("storefront.cache_away", book=str(self.book_id), reason=reason)

    def _note_back(self) -> None:
        if self.is_away:
            self.is_away = False
            _log.info("storefront.cache_back", book=str(self.book_id))
