"""Processes of the api that come and go on one socket, while visitors go on asking."""

from __future__ import annotations

import asyncio
import gc
import os
from collections.abc import Mapping

from overround.db.logins import Role
from overround.kit.settings import LimitSettings, Settings
from overround.roles import api
from overround.roles.listening import inherited
from tests.support.edge import opened
from tests.support.visitors import Request, visiting
from tests.support.waiting import until_async

Urls = Mapping[Role, str]
LIVES = 4
WIDE = LimitSettings(
    public_burst=1_000_000, public_per_s=10_000, tenant_burst=1_000_000, tenant_per_s=10_000
)


def test_whoever_asks_meanwhile_is_answered(database_urls: Urls) -> None:
    """Each process of the api is ended when the next one serves; every request has its answer."""

    async def story() -> None:
        async with opened(database_urls):
            pass
        listener = api.listen("127.0.0.1", 0)
        port: int = listener.getsockname()[1]

        async def life(stop: asyncio.Event, ready: asyncio.Event) -> None:
            shared = inherited(os.dup(listener.fileno()))
            settings = Settings(limits=WIDE)
            await api.run(settings, database_urls["app"], stop, listener=shared, ready=ready.set)

        async def begun() -> tuple[asyncio.Event, asyncio.Task[None]]:
            stop, ready = asyncio.Event(), asyncio.Event()
            task = asyncio.create_task(life(stop, ready))
            waiting = asyncio.create_task(ready.wait())
            await asyncio.wait({waiting, task}, return_when=asyncio.FIRST_COMPLETED)
            assert ready.is_set(), await task
            return stop, task

        def asked(visitor: int, n: int) -> Request:
            # The copy that is answered at once, the layers, and a page that asks the database.
            path = ("/api/v1/board", "/healthz", "/api/v1/events?limit=1")[n % 3]
            return "GET", path, {"Host": f"acme.localhost:{port}"}, None

        stop, task = await begun()
        async with asyncio.timeout(60), visiting(port, asked) as seen:
            for life_number in range(1, LIVES):
                following = await begun()
                stop.set()
                await task
                stop, task = following
                told = seen.answered

                def more(told: int = told) -> bool:
                    return seen.answered > told + 20 or bool(seen.broken)

                await until_async(more, "visitors to be answered")
                # Whoever kept a connection was told that its last answer was the last.
                assert seen.closed >= life_number, seen
        stop.set()
        await task
        listener.close()
        assert not seen.broken
        assert set(seen.statuses) == {200}, seen.statuses

    threshold = gc.get_threshold()
    try:
        asyncio.run(story())
    finally:
        # The role keeps what it was started with out of the way of the collector.
        gc.unfreeze()
        gc.set_threshold(*threshold)
