"""Hints over a real Valkey that is killed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import UUID

import pytest

from overround import cache
from overround.cache import keys
from overround.storefront import Hint, Hints, hints, listen
from tests.storefront.support import until
from tests.storefront.valkey import Valkey, valkey

ACME, SAKURA = UUID(int=0xAC), UUID(int=0x5A)
ANN, BOB = UUID(int=0xA), UUID(int=0xB)

Heard = list[tuple[UUID | None, Hint]]


@pytest.fixture
def server(tmp_path: Path) -> Generator[Valkey]:
    with valkey(tmp_path) as found:
        yield found


@asynccontextmanager
async def conversation(url: str) -> AsyncGenerator[tuple[Hints, Heard]]:
    """A sender, and what a listener has heard so far."""
    heard: Heard = []
    sender = Hints.open(url)
    listening = asyncio.create_task(listen(url, lambda tenant, hint: heard.append((tenant, hint))))
    try:
        yield sender, heard
    finally:
        listening.cancel()
        await sender.close()


async def both_are_there(sender: Hints, heard: Heard) -> None:
    """Until a hint gets through; those before the listener was there are lost."""
    async with asyncio.timeout(20):
        while not heard:
            sender.tell(ACME, office=True)
            await asyncio.sleep(0.01)
    heard.clear()


def test_hints_are_told_to_their_tenant(server: Valkey) -> None:
    async def story() -> None:
        async with conversation(server.url) as (sender, heard):
            await both_are_there(sender, heard)
            sender.tell(ACME, [ANN])
            sender.tell(ACME, [BOB], office=True)
            sender.tell(SAKURA, [ANN])
            await until(lambda: (SAKURA, Hint(frozenset({ANN}))) in heard, "the hint")
            # What is noted before the sender's turn goes as one.
            assert (ACME, Hint(frozenset({ANN, BOB}), office=True)) in heard

    asyncio.run(story())


def test_too_many_at_once_are_everyone(server: Valkey, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hints, "USERS_MAX", 3)

    async def story() -> None:
        async with conversation(server.url) as (sender, heard):
            await both_are_there(sender, heard)
            sender.tell(ACME, [UUID(int=n) for n in range(4)])
            # What was told in the moment before may be told with it.
            await until(lambda: any(hint.everyone for of, hint in heard if of == ACME), "the hint")

    asyncio.run(story())


def test_who_could_not_hear_hints_is_told_to_look_again(server: Valkey) -> None:
    async def story() -> None:
        async with conversation(server.url) as (sender, heard):
            await both_are_there(sender, heard)
            server.kill()
            for _ in range(100):
                sender.tell(ACME, [ANN])
            server.start()
            await until(lambda: (None, Hint(office=True, everyone=True)) in heard, "the hint")
            heard.clear()
            async with asyncio.timeout(20):
                while (ACME, Hint(frozenset({ANN}))) not in heard:
                    sender.tell(ACME, [ANN])
                    await asyncio.sleep(0.01)

    asyncio.run(story())


def test_a_channel_of_somebody_else_is_passed_over(server: Valkey) -> None:
    async def story() -> None:
        async with conversation(server.url) as (sender, heard), cache.opened(server.url) as client:
            await both_are_there(sender, heard)
            for name in ("x", "{x}", ""):
                channel = keys.of_every_tenant(hints.CHANNEL).replace("*", name)
                async with client.pipeline(transaction=False) as pipe:
                    cache.publish(pipe, channel, b"\x02")
                    await pipe.execute()
            sender.tell(ACME, [ANN])
            # What was told in the moment before may be told with it.
            await until(lambda: any(ANN in hint.users for _, hint in heard), "the hint")
            assert {tenant for tenant, _ in heard} == {ACME}

    asyncio.run(story())
