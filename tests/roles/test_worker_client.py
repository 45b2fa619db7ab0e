"""The client that scrapers use, against a real hub."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest

from overround.core.clock import SetClock
from overround.core.errors import Conflict, SettingsError
from overround.db.logins import Role
from overround.odds.feeds import FeedMarket
from overround.odds.feeds.worker import ConfirmRequest, Match, Row
from overround.roles.attach import Endpoints
from overround.roles.hub.workers import CLOSE_RESTART
from overround.roles.scraping.worker_client import WorkerClient
from tests.roles.desk import UNITED, Hub, hub_port_of
from tests.stories.world import AT
from tests.support.waiting import until_async

Urls = Mapping[Role, str]

HOME = "sbo asian_handicap -0.5 home"


def seen(hub: Hub, home: str) -> list[Match]:
    """A pass over a site that shows one match."""
    row = Row("ft_hdp", {"home": home, "away": "1.90"}, "-0.5")
    starts_at = hub.clock.now() + timedelta(hours=2)
    return [Match(*UNITED, "Premier League", (row,), event_id="7", starts_at=starts_at)]


async def answer(asked: ConfirmRequest) -> str | None:
    """The site quotes the home side alone."""
    return "1.93" if asked.side == "home" else None


@asynccontextmanager
async def running(hub: Hub, client: WorkerClient) -> AsyncGenerator[asyncio.Task[None]]:
    """The client, connected."""
    stop = asyncio.Event()
    task = asyncio.create_task(client.run(stop))
    try:
        await until_async(lambda: client.connected.is_set() or task.done(), "the client")
        yield task
    finally:
        stop.set()
        await asyncio.gather(task, return_exceptions=True)


async def client_of(hub: Hub, **more: object) -> WorkerClient:
    token = hub.tokens.get("sbo") or await hub.key("sbo")
    return WorkerClient(
        hub.url, token, site="sbo", worker_id="worker-sbo-1", answer=answer, rng=random.Random(6)
    )


def test_a_worker_comes_back_by_itself(database_urls: Urls, endpoints: Endpoints) -> None:
    async def story() -> None:
        async with hub_port_of(database_urls, endpoints) as hub:
            client = await client_of(hub)
            async with running(hub, client):
                client.seen(seen(hub, "1.95"))
                await hub.until_board(HOME, "1.95", "open")
                client.moved(seen(hub, "1.97"))
                await hub.until_board(HOME, "1.97", "open")
                hub.desk.connection("worker-sbo-1").close(CLOSE_RESTART)
                await hub.until_board(HOME, "1.97", "suspended")
                await until_async(lambda: len(hub.desk) == 1, "the worker to come back")
                # What it saw before is not said again: only a new pass opens.
                assert hub.board()[HOME] == ("1.97", "suspended")
                await client.connected.wait()
                client.seen(seen(hub, "1.96"))
                await hub.until_board(HOME, "1.96", "open")
                (row,) = hub.desk.listing()
                assert row["generation"] == 2
            await hub.until_board(HOME, "1.96", "suspended")

    asyncio.run(story())


def test_a_client_says_why_it_cannot_see(database_urls: Urls, endpoints: Endpoints) -> None:
    async def story() -> None:
        async with hub_port_of(database_urls, endpoints) as hub:
            client = await client_of(hub)
            async with running(hub, client):
                client.seen(seen(hub, "1.95"))
                await hub.until_board(HOME, "1.95", "open")
                client.stopped("markup_changed")
                await hub.until_board(HOME, "1.95", "suspended")
                assert [row["state"] for row in hub.desk.listing()] == ["markup_changed"]
                client.seen(seen(hub, "1.95"))
                await hub.until_board(HOME, "1.95", "open")

    asyncio.run(story())


def test_a_client_answers_the_second_look(database_urls: Urls, endpoints: Endpoints) -> None:
    async def story() -> None:
        async with hub_port_of(database_urls, endpoints) as hub:
            client = await client_of(hub)
            async with running(hub, client):
                client.seen(seen(hub, "1.95"))
                await hub.until_board(HOME, "1.95", "open")
                (event_id,) = hub.live.hub.board.event_ids()
                market = FeedMarket("asian_handicap", "ft", -2)
                confirm = hub.desk.confirm
                assert await confirm("sbo", event_id, market, "home", 20.0) == 19_300
                assert await confirm("sbo", event_id, market, "away", 20.0) is None

    asyncio.run(story())


def test_two_processes_of_one_worker_do_not_fight(
    database_urls: Urls, endpoints: Endpoints
) -> None:
    async def story() -> None:
        async with hub_port_of(database_urls, endpoints) as hub:
            older, newer = await client_of(hub), await client_of(hub)
            async with running(hub, older) as first, running(hub, newer) as second:
                with pytest.raises(Conflict):
                    await first
                assert not second.done()
                assert len(hub.desk) == 1

    asyncio.run(story())


def test_a_wrong_token_is_said_and_tried_again(database_urls: Urls, endpoints: Endpoints) -> None:
    async def story() -> None:
        async with hub_port_of(database_urls, endpoints) as hub:
            client = WorkerClient(
                hub.url, "no", site="sbo", worker_id="worker-sbo-1", rng=random.Random(6)
            )
            stop = asyncio.Event()
            task = asyncio.create_task(client.run(stop))
            await until_async(lambda: client.problem == "unauthenticated", "the refusal")
            assert not task.done()
            stop.set()
            await task

    asyncio.run(story())


def test_what_was_seen_long_ago_is_not_told(database_urls: Urls, endpoints: Endpoints) -> None:
    async def story() -> None:
        clock = SetClock(AT)
        async with hub_port_of(database_urls, endpoints, clock) as hub:
            token = await hub.key("sbo")
            client = WorkerClient(hub.url, token, site="sbo", worker_id="worker-sbo-1", clock=clock)
            client.seen(seen(hub, "9.00"))
            clock.move_to(AT + timedelta(seconds=6))
            async with running(hub, client):
                client.seen(seen(hub, "1.95"))
                await hub.until_board(HOME, "1.95", "open")

    asyncio.run(story())


def test_an_address_that_is_none_ends_the_client() -> None:
    async def story() -> None:
        client = WorkerClient("hub", "token", site="sbo", worker_id="worker-sbo-1")
        with pytest.raises(SettingsError):
            await client.run(asyncio.Event())

    asyncio.run(story())
