"""The hub's side: each book's snapshot and its changes, put into the cache behind the hub's back.

`publish` only notes what changed; one task sends it. So a cache that is slow or away costs the hub
nothing (test: a cache that is away costs the hub nothing), and while it is away nothing is kept
but the knowledge that the book must be written whole.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Final
from uuid import UUID

from overround import cache
from overround.cache import keys
from overround.kit import logs
from overround.storefront import wire
from overround.storefront.model import Shown
from overround.storefront.wire import Kind, Message, Position

if TYPE_CHECKING:
    from redis.asyncio import Redis

# A reader that has heard nothing for three beats asks the database instead.
BEAT_S: Final = 1.0
ALIVE_MS: Final = 3_000
# A snapshot whose hub has gone is worth nothing for long.
SNAPSHOT_MS: Final = 30_000
SEND_S: Final = 5.0
RETRY_S: Final = 0.5
ROWS_PER_COMMAND: Final = 2_000

# The field of the snapshot that holds its position; every other field is a selection's id.
POSITION: Final = b"position"

Everything = Callable[[UUID], Iterable[Shown]]

_log = logs.get(__name__)


@dataclass(slots=True)
class _Book:
    """What the cache has of a book, and what it must still be told."""

    seq: int = 0
    whole: bool = True
    pending: dict[UUID, Shown] = field(default_factory=dict[UUID, Shown])


class Publisher:
    """Publishes what books show; used from one event loop."""

    def __init__(self, client: Redis, everything: Everything, epoch: int) -> None:
        self._client = client
        self._everything = everything
        self._epoch = epoch
        self._books: dict[UUID, _Book] = {}
        self._wake = asyncio.Event()
        self._closing = False
        self._away = False
        self._beat_at_s = 0.0
        self._task: asyncio.Task[None] | None = None

    @classmethod
    async def open(cls, redis_url: str, everything: Everything) -> Publisher:
        """A publisher that runs, whether the cache is there or not.

        `everything(book_id)` gives all that the book shows now; it is asked when the cache has no
        copy of the book, and must answer from memory.
        """
        epoch = secrets.randbits(wire.EPOCH_BITS)
        publisher = cls(cache.connect(redis_url, connections_max=2), everything, epoch)
        publisher._task = asyncio.create_task(publisher._run())
        return publisher

    async def publish(self, book_id: UUID, shown: Sequence[Shown]) -> None:
        """These selections of the book have changed; returns at once.

        The first call for a book publishes everything that it shows, whatever is given.
        """
        book = self._books.setdefault(book_id, _Book())
        if not book.whole:
            book.pending.update((one.selection_id, one) for one in shown)
        self._wake.set()

    async def close(self) -> None:
        """Send what is still waiting, if the cache takes it, and stop."""
        self._closing = True
        self._wake.set()
        if self._task is not None:
            await self._task
        await self._client.aclose()

    async def _run(self) -> None:
        while True:
            closing = self._closing
            self._wake.clear()
            try:
                await self._send()
                self._found()
            except Exception as error:  # noqa: BLE001  (the next round is the handler)
                self._lost(error)
            if closing:
                return
            await self._pause()

    async def _pause(self) -> None:
        """Until there is something to send, or the next beat; an outage is waited out."""
        if self._away and not self._closing:
            await asyncio.sleep(RETRY_S)
            return
        wait_s = self._beat_at_s - asyncio.get_running_loop().time()
        try:
            await asyncio.wait_for(self._wake.wait(), max(wait_s, 0))
        except TimeoutError:
            return

    async def _send(self) -> None:
        now_s = asyncio.get_running_loop().time()
        beats = now_s >= self._beat_at_s
        for book_id, book in list(self._books.items()):
            async with asyncio.timeout(SEND_S):
                if book.whole:
                    await self._write_whole(book_id, book)
                elif book.pending or beats:
                    await self._write_changes(book_id, book)
        if beats:
            self._beat_at_s = now_s + BEAT_S

    async def _write_changes(self, book_id: UUID, book: _Book) -> None:
        """The changes, or a beat where there are none, in one transaction of the cache.

        The snapshot says where it stood before: when that is not where we left it, the cache was
        restarted or emptied in between (test: a restarted cache gets the whole snapshot).
        """
        before = Position(self._epoch, book.seq).pack()
        shown = tuple(book.pending.values())
        book.pending = {}
        kind = Kind.DELTA if shown else Kind.BEAT
        position = Position(self._epoch, book.seq + bool(shown))
        key = keys.of_book(book_id, "offers")
        laid = {
            one.selection_id.bytes: wire.pack_row(one) for one in shown if one.state != "closed"
        }
        gone = [one.selection_id.bytes for one in shown if one.state == "closed"]
        async with self._client.pipeline(transaction=True) as pipe:
            pipe.hget(key, POSITION.decode())
            if gone:
                pipe.hdel(key, *gone)  # pyright: ignore[reportArgumentType]
            pipe.hset(key, mapping={**laid, POSITION: position.pack()})
            pipe.pexpire(key, SNAPSHOT_MS)
            pipe.set(keys.of_book(book_id, "alive"), b"1", px=ALIVE_MS)
            message = wire.pack(Message(kind, position, shown))
            cache.publish(pipe, keys.of_book(book_id, "changes"), message)
            answers = await pipe.execute()
        book.seq = position.seq
        if answers[0] != before:
            await self._write_whole(book_id, book)

    async def _write_whole(self, book_id: UUID, book: _Book) -> None:
        book.pending = {}
        try:
            shown = [one for one in self._everything(book_id) if one.state != "closed"]
        except Exception:  # noqa: BLE001  (one book's fault must not keep the others from people)
            _log.exception("storefront.book_unknown", book=str(book_id))
            del self._books[book_id]
            return
        position = Position(self._epoch, book.seq + 1)
        key = keys.of_book(book_id, "offers")
        rows = ((one.selection_id.bytes, wire.pack_row(one)) for one in shown)
        async with self._client.pipeline(transaction=True) as pipe:
            pipe.delete(key)
            for some in _in_batches(rows):
                pipe.hset(key, mapping={**some})
            pipe.hset(key, mapping={POSITION: position.pack()})
            pipe.pexpire(key, SNAPSHOT_MS)
            pipe.set(keys.of_book(book_id, "alive"), b"1", px=ALIVE_MS)
            message = wire.pack(Message(Kind.RESET, position))
            cache.publish(pipe, keys.of_book(book_id, "changes"), message)
            book.whole = False
            await pipe.execute()
        book.seq = position.seq

    def _lost(self, error: Exception) -> None:
        """The cache did not take it: every book is written whole when it is back."""
        for book in self._books.values():
            book.seq += 1
            book.whole, book.pending = True, {}
        if not self._away:
            self._away = True
            known = isinstance(error, cache.failures())
            reason = f"{type(error).__name__}: {error}"[:200]
            _log.warning("storefront.not_published", reason=reason, exc_info=not known)

    def _found(self) -> None:
        if self._away:
            self._away = False
            _log.info("storefront.published_again")


def _in_batches(rows: Iterator[tuple[bytes, bytes]]) -> Iterator[dict[bytes, bytes]]:
    while some := dict(islice(rows, ROWS_PER_COMMAND)):
        yield some
