"""Two hubs on one database: one writes, the other waits and goes on where it fell."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

import pytest

from overround.core.clock import WallClock
from overround.db import lease as leases
from overround.db.logins import Role
from overround.kit import loop
from overround.kit.settings import HubSettings, Settings
from overround.roles import listening
from overround.roles.attach import Endpoints
from overround.roles.hub import live as live_hub
from overround.roles.hub import writer as hubs
from tests.roles.desk import UNITED, Hub, Talk, living_under, match
from tests.stories.world import World, opened
from tests.support.ports import free_port
from tests.support.waiting import until_async

Urls = Mapping[Role, str]


async def acknowledged(worker: Talk) -> int | None:
    """The last number of the worker that the hub has kept."""
    await worker.say("ping")
    return (await worker.hear("pong")).get("seq")


async def holder(world: World) -> str | None:
    """Who writes the board."""
    async with world.worker.reading(None) as conn:
        return await leases.holder_of(conn, hubs.LEASE)


def test_what_was_acknowledged_outlives_its_hub(
    database_urls: Urls, endpoints: Endpoints, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first dies on another machine: nothing but its silence tells the second of it."""
    # The second waits for no more than a lease; a real one is long for a test.
    assert leases.TTL_S < 5
    monkeypatch.setattr(leases, "TTL_S", 3.0)
    monkeypatch.setattr(leases, "_RENEW_EVERY_S", 0.3)

    async def story() -> None:
        clock, stop = WallClock(), asyncio.Event()
        port = free_port()
        settings = Settings(state=endpoints.state, hub=HubSettings(port=port))
        here = replace(endpoints, role_urls=database_urls)
        async with opened(database_urls) as world:
            await world.tenant("acme", margin_bps=0)
            lease = await leases.take(world.worker, hubs.LEASE, "first")
            keeper = asyncio.create_task(leases.keep(world.worker, lease))
            async with living_under(lease, world, endpoints, clock) as first:
                starts_at = clock.now() + timedelta(hours=2)
                await first.event(*UNITED, starts_at)
                second = asyncio.create_task(live_hub.run(settings, here, stop))
                async with first.worker("sbo") as worker:
                    for n in range(10):
                        price = f"1.{80 + n}"
                        await worker.snapshot(
                            match(starts_at=starts_at, ft_hdp=(price, "1.90", "-0.5"))
                        )
                    while await acknowledged(worker) != worker.seq:
                        pass
                    assert await holder(world) == "first"
                    await first.stop_dead()
                    keeper.cancel()
                    died_s = time.monotonic()
                    token = worker.token
            async with asyncio.timeout(leases.TTL_S + 20):
                while await holder(world) != hubs.HOLDER:
                    await loop.wait(stop, 0.05)
            took_s = time.monotonic() - died_s
            sys.stdout.write(f"taken over after {took_s:.1f} s; a lease is {leases.TTL_S:.0f} s\n")
            # What the first had acknowledged is kept, and may be bet on when it was said again.
            asked = "SELECT count(*) FROM price WHERE price_e4 = 18900 AND state = '{}'"
            assert await world.count(asked.format("open")) + await world.count(
                asked.format("suspended")
            )
            heir = Hub(world, clock, first.desk, first.live, port, second, {"sbo": token})
            await until_async(lambda: not is_free(port), "the second hub's port")
            async with heir.worker("sbo") as again:
                await again.snapshot(match(starts_at=starts_at, ft_hdp=("1.89", "1.90", "-0.5")))
                while not await world.count(asked.format("open")):
                    await loop.wait(stop, 0.05)
            stop.set()
            await second

    asyncio.run(story())


def test_a_hub_begins_without_what_only_others_need() -> None:
    """A crash is over when the next life takes prices: its modules are most of that time."""
    later = "fastapi uvicorn redis jinja2 overround.web.app highspy playwright httpx2 websockets"
    code = f"import overround.roles.hub.live, sys; print(set({later.split()!r}) & set(sys.modules))"
    ran = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert ran.stdout.strip() == "set()"


def is_free(port: int) -> bool:
    """Whether nobody listens there."""
    with suppress(Exception), listening.listen("127.0.0.1", port):
        return True
    return False
