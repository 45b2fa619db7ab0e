"""The hub's side: each book's snapshot and its changes, put into the cache behind the hub's back.

`publish` only notes what changed; one task sends it. So a cache that is slow or away costs the hub
nothing (test: a cache that is away costs the hub nothing), and while it is away nothing is kept
but the knowledge that the book must be written whole.
"""

from __future__ import annotations

import asyncio
import hashlib
import secrets
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
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
# The cache does nothing else while it takes them.
BOOKS_PER_ROUND: Final = 32

# The field of the snapshot that holds its position; every other field is a selection's id.
POSITION: Final = b"position"

# One call tells the changes of a book, because a busy hub tells them a hundred times a second. KEYS
# are the snapshot and the sign of life; ARGV the channel, the message and how it is laid out: its
# head, a row, where in a row the flags are and what they are of a closed selection; the position
# after it; the lives of the keys. Answers the position that the snapshot had before.
TELL: Final = """
local before = redis.call('HGET', KEYS[1], 'position')
local message, head, size, flags = ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
for first = head + 1, #message, size do
  local id = string.sub(message, first, first + 15)
  if string.byte(message, first + flags) % 128 == tonumber(ARGV[6]) then
    redis.call('HDEL', KEYS[1], id)
  else
    redis.call('HSET', KEYS[1], id, string.sub(message, first, first + size - 1))
  end
end
redis.call('HSET', KEYS[1], 'position', ARGV[7])
redis.call('PEXPIRE', KEYS[1], ARGV[8])
redis.call('SET', KEYS[2], '1', 'PX', ARGV[9])
redis.call('PUBLISH', ARGV[1], message)
return before
"""
_TELL_SHA: Final = hashlib.sha1(TELL.encode(), usedforsecurity=False).hexdigest()

Everything = Callable[[UUID], Iterable[Shown]]

_log = logs.get(__name__)


@dataclass(slots=True)
class _Book:
    """What the cache has of a book, and what it must still be told."""

    seq: int = 0
    whole: bool = True
    pending: dict[UUID, Shown] = field(default_factory=dict[UUID, Shown])


@dataclass(frozen=True, slots=True)
class _Change:
    """What the cache is told of a book, and where its snapshot should stand `before`."""

    book_id: UUID
    book: _Book
    before: Position
    message: Message

    @classmethod
    def of(cls, book_id: UUID, book: _Book, epoch: int) -> _Change:
        """What is pending of a book; it is pending no more."""
        shown, book.pending = tuple(book.pending.values()), {}
        kind = Kind.DELTA if shown else Kind.BEAT
        after = Position(epoch, book.seq + bool(shown))
        return cls(book_id, book, Position(epoch, book.seq), Message(kind, after, shown))


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
        with suppress(TimeoutError):
            async with asyncio.timeout_at(self._beat_at_s):
                await self._wake.wait()

    async def _send(self) -> None:
        now_s = asyncio.get_running_loop().time()
        beats = now_s >= self._beat_at_s
        for book_id, book in list(self._books.items()):
            if book.whole:
                async with asyncio.timeout(SEND_S):
                    await self._write_whole(book_id, book)
        changes = [
            _Change.of(book_id, book, self._epoch)
            for book_id, book in self._books.items()
            if book.pending or beats
        ]
        for first in range(0, len(changes), BOOKS_PER_ROUND):
            async with asyncio.timeout(SEND_S):
                await self._write_changes(changes[first : first + BOOKS_PER_ROUND])
        if beats:
            self._beat_at_s = now_s + BEAT_S

    async def _write_changes(self, changes: Sequence[_Change]) -> None:
        """The changes of some books, or a beat where there are none, each book's at one moment.

        The snapshot says where it stood before: when that is not where we left it, the cache was
        restarted or emptied in between (test: a restarted cache gets the whole snapshot).
        """
        from redis.exceptions import NoScriptError

        try:
            answers = await self._tell(changes)
        except NoScriptError:
            # A server that was started anew knows no scripts.
            await self._client.script_load(TELL)
            answers = await self._tell(changes)
        for one, answer in zip(changes, answers, strict=True):
            one.book.seq = one.message.position.seq
            if answer != one.before.pack():
                await self._write_whole(one.book_id, one.book)

    async def _tell(self, changes: Sequence[_Change]) -> list[bytes | None]:
        async with self._client.pipeline(transaction=False) as pipe:
            for one in changes:
                pipe.evalsha(  # pyright: ignore[reportUnknownMemberType]
                    _TELL_SHA,
                    2,
                    keys.of_book(one.book_id, "offers"),
                    keys.of_book(one.book_id, "alive"),
                    keys.of_book(one.book_id, "changes"),
                    wire.pack(one.message),
                    *wire.LAID_OUT,
                    one.message.position.pack(),
                    SNAPSHOT_MS,
                    ALIVE_MS,
                )
            return await pipe.execute()

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
