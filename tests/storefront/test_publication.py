"""Offers from the hub's side of the cache to the api's, on a real Valkey that is killed."""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from pathlib import Path
from typing import cast
from uuid import UUID

import pytest
from redis.asyncio import Redis

from overround import cache
from overround.cache import keys
from overround.storefront import BookView, Shown
from overround.storefront.feed import LINGER_S
from overround.storefront.publisher import POSITION
from overround.storefront.wire import Kind, Message, Position, pack
from tests.storefront.support import BOOK, Shop, following, publishing, shown, until
from tests.storefront.valkey import Valkey, valkey


@pytest.fixture
def server(tmp_path: Path) -> Generator[Valkey]:
    with valkey(tmp_path) as found:
        yield found


async def nobody_asks(book_id: UUID, after: int) -> list[tuple[int, Shown]]:
    """A database that has nothing to say."""
    raise ConnectionError("nobody should need the database")


async def say(client: Redis, message: bytes) -> None:
    """Something that no publisher of ours has said, on the book's channel."""
    async with client.pipeline(transaction=False) as pipe:
        cache.publish(pipe, keys.of_book(BOOK, "changes"), message)
        await pipe.execute()


def price(view: BookView, n: int) -> int | None:
    """What is shown for selection `n`."""
    found = view.get(UUID(int=n))
    return found.price_e4 if found else None


def test_a_view_follows_what_is_published(server: Valkey) -> None:
    async def story() -> None:
        shop = Shop()
        async with publishing(server.url, shop) as publisher:
            await publisher.publish(BOOK, shop.lay(shown(1), shown(2)))
            async with following(server.url, nobody_asks) as feed:
                view = feed.follow(BOOK)
                await until(lambda: view.is_ready, "the snapshot")
                assert price(view, 1) == 20_000
                await publisher.publish(BOOK, shop.lay(shown(1, 21_000), shown(3)))
                await until(lambda: price(view, 3), "the change")
                assert price(view, 1) == 21_000
                await publisher.publish(BOOK, shop.lay(shown(2, state="closed")))
                await until(lambda: price(view, 2) is None, "the close")
                assert len(view.board()) == 2
        assert shop.asked_whole == 1

    asyncio.run(story())


def test_every_key_has_an_end(server: Valkey) -> None:
    async def story() -> None:
        shop = Shop()
        async with publishing(server.url, shop) as publisher, cache.opened(server.url) as client:
            await publisher.publish(BOOK, shop.lay(shown(1)))
            async with following(server.url, nobody_asks) as feed:
                await _ready(feed.follow(BOOK))
            names = cast(
                "list[bytes]",
                await client.keys(),  # pyright: ignore[reportUnknownMemberType]
            )
            assert len(names) == 2
            assert all([await client.pttl(name) > 0 for name in names])

    asyncio.run(story())


def test_a_missed_message_is_noticed(server: Valkey) -> None:
    """A message is published that the snapshot counts and the reader never got."""

    async def story() -> None:
        shop = Shop()
        async with (
            publishing(server.url, shop) as publisher,
            following(server.url, nobody_asks) as feed,
            cache.opened(server.url) as client,
        ):
            await publisher.publish(BOOK, shop.lay(shown(1)))
            view = await _ready(feed.follow(BOOK))
            key = keys.of_book(BOOK, "offers")
            stands = await client.hget(key, POSITION.decode())
            assert isinstance(stands, bytes)
            epoch, seq = int.from_bytes(stands[:8]), int.from_bytes(stands[8:])
            ahead = Position(epoch, seq + 2)
            changed = pack(Message(Kind.DELTA, ahead, (shown(1, 30_000),)))
            # Forged: the reader must not take a change that does not follow the one it has.
            await say(client, changed)
            shop.lay(shown(2))
            await publisher.publish(BOOK, shop.lay(shown(2)))
            await until(lambda: price(view, 2), "the next change")
            assert price(view, 1) == 20_000

    asyncio.run(story())


async def _ready(view: BookView) -> BookView:
    await until(lambda: view.is_ready, "the snapshot")
    return view


def test_a_restarted_cache_gets_the_whole_snapshot(server: Valkey) -> None:
    async def story() -> None:
        shop = Shop()
        async with publishing(server.url, shop) as publisher:
            await publisher.publish(BOOK, shop.lay(shown(1), shown(2)))
            async with following(server.url, shop.poll) as feed:
                view = await _ready(feed.follow(BOOK))
                server.kill()
                await publisher.publish(BOOK, shop.lay(shown(1, 21_000)))
                await until(lambda: price(view, 1) == 21_000, "the database's answer")
                server.start()
                await until(lambda: shop.asked_whole >= 2, "the whole snapshot")
                await until(lambda: feed.source_of(BOOK) == "cache", "the cache to be used")
                await publisher.publish(BOOK, shop.lay(shown(1, 22_000)))
                await until(lambda: price(view, 1) == 22_000, "the change")
                assert price(view, 2) == 20_000

    asyncio.run(story())


def test_an_emptied_cache_gets_the_whole_snapshot(server: Valkey) -> None:
    """Emptied between two messages: no connection breaks, so only the position tells."""

    async def story() -> None:
        shop = Shop()
        async with publishing(server.url, shop) as publisher, cache.opened(server.url) as client:
            await publisher.publish(BOOK, shop.lay(shown(1), shown(2)))
            async with following(server.url, shop.poll) as feed:
                view = await _ready(feed.follow(BOOK))
                await client.flushall()  # pyright: ignore[reportUnknownMemberType]
                await publisher.publish(BOOK, shop.lay(shown(1, 21_000)))
                await until(lambda: shop.asked_whole == 2, "the whole snapshot")
                await until(lambda: price(view, 1) == 21_000, "the change")
                assert len(await client.hkeys(keys.of_book(BOOK, "offers"))) == 3

    asyncio.run(story())


def test_a_cache_that_is_away_costs_the_hub_nothing(tmp_path: Path) -> None:
    async def story() -> None:
        shop, server = Shop(), Valkey(tmp_path)
        async with publishing(server.url, shop) as publisher:
            for n in range(1, 2_000):
                await publisher.publish(BOOK, shop.lay(shown(n)))
            server.start()
            try:
                async with following(server.url, nobody_asks) as feed:
                    view = feed.follow(BOOK)
                    await until(lambda: len(view.board()) == 1_999, "everything to be published")
            finally:
                server.kill()

    asyncio.run(story())


def test_a_silent_hub_is_replaced_by_the_database(server: Valkey) -> None:
    async def story() -> None:
        shop = Shop()
        async with following(server.url, shop.poll) as feed:
            async with publishing(server.url, shop) as publisher:
                await publisher.publish(BOOK, shop.lay(shown(1)))
                view = await _ready(feed.follow(BOOK))
                await until(lambda: feed.source_of(BOOK) == "cache", "the cache to be used")
            # The hub has ended; its snapshot is still there, and must not be believed for long.
            shop.lay(shown(1, 25_000))
            await until(lambda: price(view, 1) == 25_000, "the database's answer")
            async with publishing(server.url, shop) as publisher:
                await publisher.publish(BOOK, shop.lay(shown(1, 26_000)))
                await until(lambda: price(view, 1) == 26_000, "the new hub's price")
                await until(lambda: feed.source_of(BOOK) == "cache", "the cache to be used")

    asyncio.run(story())


def test_a_reader_without_cache_and_database_comes_back(tmp_path: Path) -> None:
    async def story() -> None:
        shop, server = Shop(), Valkey(tmp_path)
        shop.polled = False
        shop.lay(shown(1))
        async with following(server.url, shop.poll) as feed:
            view = feed.follow(BOOK)
            await until(lambda: len(shop.polls) >= 2, "polls that fail")
            assert not view.is_ready
            shop.polled = True
            await _ready(view)
            assert price(view, 1) == 20_000

    asyncio.run(story())


def test_garbled_messages_cost_a_snapshot_and_nothing_else(server: Valkey) -> None:
    async def story() -> None:
        shop = Shop()
        async with (
            publishing(server.url, shop) as publisher,
            following(server.url, shop.poll) as feed,
            cache.opened(server.url) as client,
        ):
            await publisher.publish(BOOK, shop.lay(shown(1)))
            view = await _ready(feed.follow(BOOK))
            await until(lambda: feed.source_of(BOOK) == "cache", "the cache to be used")
            for garbage in (b"", b"\x01", b"\xff" * 62, b"\x01" + b"\0" * 17):
                await say(client, garbage)
            await publisher.publish(BOOK, shop.lay(shown(1, 23_000)))
            await until(lambda: price(view, 1) == 23_000, "the change")

    asyncio.run(story())


def test_a_book_that_nobody_reads_is_dropped_after_a_while(server: Valkey) -> None:
    async def story() -> None:
        shop = Shop()
        async with following(server.url, shop.poll) as feed:
            first, again = feed.follow(BOOK), feed.follow(BOOK)
            assert first is again
            feed.leave(BOOK)
            later_s = asyncio.get_running_loop().time() + LINGER_S + 1
            feed.drop_left(later_s)
            assert feed.follow(BOOK) is first
            feed.leave(BOOK)
            feed.leave(BOOK)
            assert feed.follow(BOOK) is first
            feed.leave(BOOK)
            feed.drop_left(later_s)
            assert feed.follow(BOOK) is not first

    asyncio.run(story())


def test_a_book_that_was_left_later_stays_longer(server: Valkey) -> None:
    async def story() -> None:
        shop, other = Shop(), UUID(int=0xB00D)
        async with following(server.url, shop.poll) as feed:
            first, second = feed.follow(BOOK), feed.follow(other)
            feed.leave(BOOK)
            left_s = asyncio.get_running_loop().time()
            await asyncio.sleep(0.01)
            feed.leave(other)
            # The first one's time is up, the second one's is not.
            feed.drop_left(left_s + LINGER_S + 0.005)
            assert feed.follow(other) is second
            assert feed.follow(BOOK) is not first

    asyncio.run(story())
