"""Rooms and streams without sockets: who reads slowly, who may stay, who hears what."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from uuid import UUID

import pytest

from overround.core.principal import Kind, Principal
from overround.storefront import Hint, OfferFeed
from overround.web import frames
from overround.web.frames import Mark
from overround.web.live import (
    FRAMES_WAITING_MAX,
    TICK_S,
    Draining,
    Live,
    Stream,
    StreamLimits,
    Visit,
    pause_s,
)
from tests.storefront.support import BOOK, EVENT, Shop, shown, until

ACME, SAKURA = UUID(int=0xAC), UUID(int=0x5A)
ANN, BOB = UUID(int=0xA), UUID(int=0xB)


@asynccontextmanager
async def house(shop: Shop, **limits: float) -> AsyncGenerator[Live]:
    """Streams over a shop that is read from the database alone."""
    feed = OfferFeed.open(None, shop.poll)
    live = Live(feed, StreamLimits(**limits), random.Random(7))  # pyright: ignore[reportArgumentType]
    try:
        yield live
        await live.drain()
    finally:
        await feed.close()


async def stays() -> bool:
    """A visit that nobody ends."""
    return True


def visit(user: UUID | None = None, kind: Kind = "player", tenant: UUID = ACME) -> Visit:
    """A visit of somebody."""
    principal = Principal(tenant, user, kind) if user else None
    return Visit(tenant, BOOK, "192.0.2.1", principal, stays)


def enter(live: Live, topics: str, who: Visit | None = None, mark: Mark | None = None) -> Stream:
    """A new stream."""
    return live.open(who or visit(), frames.topics(topics), mark)


def names(chunk: bytes) -> list[str]:
    """The events of a chunk, by name."""
    return [x.removeprefix("event: ") for x in chunk.decode().split("\n") if x.startswith("event")]


def prices(chunk: bytes) -> dict[str, str]:
    """The last price of each selection in a chunk."""
    data = [x.removeprefix("data: ") for x in chunk.decode().split("\n") if x.startswith("data")]
    return {row[0][-2:]: row[1] for text in data for row in json.loads(text).get("o", [])}


def test_who_reads_slowly_gets_a_snapshot() -> None:
    async def story() -> None:
        shop = Shop()
        shop.lay(shown(1), shown(2))
        async with house(shop) as live:
            slow = enter(live, "board")
            assert names(await slow.next()) == ["snapshot"]
            room = slow.room
            for n in range(FRAMES_WAITING_MAX):
                room.view.apply([shown(1, 20_001 + n)])
                room.tell()
            # So many wait and none is lost ...
            assert names(await slow.next()) == ["offers"] * FRAMES_WAITING_MAX
            for n in range(FRAMES_WAITING_MAX + 50):
                room.view.apply([shown(1, 30_000 + n)])
                room.tell()
            # ... and of one more only what it comes to, with everything else.
            chunk = await slow.next()
            assert names(chunk) == ["snapshot"]
            assert prices(chunk) == {"01": "3.0065", "02": "2.00"}
            room.view.apply([shown(2, 40_000)])
            room.tell()
            assert prices(await slow.next()) == {"02": "4.00"}
            live.close(slow)

    asyncio.run(story())


def test_the_newest_of_a_tick_is_told_and_the_same_bytes_to_all() -> None:
    async def story() -> None:
        shop = Shop()
        shop.lay(shown(1))
        async with house(shop) as live:
            streams = [enter(live, "board") for _ in range(3)]
            other = enter(live, f"event:{EVENT}")
            for stream in [*streams, other]:
                assert names(await stream.next()) == ["snapshot"]
            room = streams[0].room
            room.view.apply([shown(1, 21_000)])
            room.view.apply([shown(1, 22_000), shown(3, 50_000, main=False)])
            room.tell()
            first, second, third = [await stream.next() for stream in streams]
            assert first is not None
            assert prices(first) == {"01": "2.20"}
            assert first == second == third
            assert prices(await other.next()) == {"01": "2.20", "03": "5.00"}
            for stream in [*streams, other]:
                live.close(stream)

    asyncio.run(story())


def test_a_room_tells_once_in_a_tick_and_half_of_the_time() -> None:
    """From one beginning to the next: however long it takes to tell few, and twice that of many."""
    for took_s, between_s in ((0.0, TICK_S), (0.01, TICK_S), (TICK_S / 2, TICK_S), (0.2, 0.4)):
        assert took_s + pause_s(took_s) == pytest.approx(between_s)


def test_a_stream_waits_for_a_view_that_is_not_ready() -> None:
    async def story() -> None:
        shop = Shop()
        shop.polled = False
        shop.lay(shown(1))
        async with house(shop) as live:
            stream = enter(live, "board")
            waiting = asyncio.create_task(stream.next())
            await until(lambda: shop.polls, "a poll that fails")
            assert not waiting.done()
            shop.polled = True
            assert names(await waiting) == ["snapshot"]
            live.close(stream)

    asyncio.run(story())


def test_a_revoked_right_ends_the_stream() -> None:
    async def story() -> None:
        shop, asked = Shop(), 0
        answers: list[bool | Exception] = [True, ConnectionError("away"), True, False]

        async def may_stay() -> bool:
            nonlocal asked
            asked += 1
            answer = answers[min(asked, len(answers)) - 1]
            if isinstance(answer, Exception):
                raise answer
            return answer

        async with house(shop, recheck_s=0.02) as live:
            principal = Principal(ACME, ANN, "player")
            stream = enter(live, "account", Visit(ACME, BOOK, "192.0.2.1", principal, may_stay))
            assert names(await stream.next()) == ["snapshot"]
            chunk = await stream.next()
            assert names(chunk) == ["bye"]
            assert b'"reason":"session"' in chunk
            # A database that is away has revoked nothing.
            assert (asked, stream.is_over) == (4, True)
            live.close(stream)

    asyncio.run(story())


HEARS = [
    (Hint(frozenset({ANN})), {"ann"}),
    (Hint(frozenset({BOB})), {"bob"}),
    (Hint(frozenset({ANN}), office=True), {"ann", "carl"}),
    (Hint(office=True), {"carl"}),
    (Hint(everyone=True), {"ann", "bob"}),
]


@pytest.mark.parametrize(("hint", "hear"), HEARS)
def test_a_hint_is_for_whom_it_names(hint: Hint, hear: set[str]) -> None:
    async def story() -> None:
        shop = Shop()
        async with house(shop) as live:
            streams = {
                "ann": enter(live, "account", visit(ANN)),
                "bob": enter(live, "account,board", visit(BOB)),
                "carl": enter(live, "office", visit(UUID(int=0xC), "staff")),
                # The same id at another tenant, and one who follows nothing private.
                "sakura": enter(live, "account", visit(ANN, tenant=SAKURA)),
                "stranger": enter(live, "board"),
            }
            for stream in streams.values():
                await stream.next()
            live.heard(ACME, hint)
            for name, stream in streams.items():
                stream.push(b"end\n\n")
                assert names(await stream.next()) == (["hint"] if name in hear else []), name
                live.close(stream)

    asyncio.run(story())


def test_hints_outlive_frames_that_were_dropped() -> None:
    async def story() -> None:
        shop = Shop()
        shop.lay(shown(1))
        async with house(shop) as live:
            stream = enter(live, "account", visit(ANN))
            await stream.next()
            live.heard(None, Hint(office=True, everyone=True))
            for _ in range(FRAMES_WAITING_MAX + 1):
                stream.push(b"frame")
            assert names(await stream.next()) == ["snapshot", "hint"]
            live.close(stream)

    asyncio.run(story())


def test_who_does_not_go_is_cut_off() -> None:
    """A client that never reads its goodbye does not hold the process back."""

    async def story() -> None:
        shop, opened = Shop(), asyncio.Event()

        async def deaf(live: Live) -> str:
            stream = enter(live, "board")
            opened.set()
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                return "cut off" if stream.is_cut_off else "cancelled"
            finally:
                live.close(stream)
            return "left"

        async with house(shop) as live:
            task = asyncio.create_task(deaf(live))
            await opened.wait()
            await live.drain()
            assert await task == "cut off"
            with pytest.raises(Draining):
                enter(live, "board")

    asyncio.run(story())


def test_a_goodbye_comes_after_what_waits() -> None:
    async def story() -> None:
        shop = Shop()
        shop.lay(shown(1))
        async with house(shop) as live:
            stream = enter(live, "board")
            await stream.next()
            stream.room.view.apply([shown(1, 21_000)])
            stream.room.tell()
            stream.end("restart")
            stream.end("session")
            chunk = await stream.next()
            assert names(chunk) == ["offers", "bye"]
            assert b"restart" in chunk
            live.close(stream)

    asyncio.run(story())
