"""The match queue over HTTP: who may decide, what is refused, and what a decision does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

import httpx2

from overround.core.clock import SetClock
from overround.db import worker_keys
from overround.db.logins import Role
from overround.odds import matching
from overround.roles.hub import port as hub_port
from overround.roles.hub.workers import Desk
from tests.odds_store.feed import Feed, feed_of
from tests.stories.world import AT, World, opened

Urls = Mapping[Role, str]

KEY = {"provider": "elsewhere", "provider_event_id": "x1"}


@dataclass(slots=True)
class Port:
    """The port's application, called without a socket; `token` is a person's of the platform."""

    world: World
    client: httpx2.AsyncClient
    token: str = ""

    async def call(self, path: str, said: Any = None, token: str | None = None) -> tuple[int, Any]:
        """Status and body of an answer; a page is read, anything else is told."""
        token = self.token if token is None else token
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        if said is None:
            answer = await self.client.get(path, headers=headers)
        else:
            answer = await self.client.post(path, json=said, headers=headers)
        kind = answer.headers["content-type"]
        assert kind == ("application/json" if answer.is_success else "application/problem+json")
        return answer.status_code, answer.json()

    async def refused(self, path: str, said: Any = None, token: str | None = None) -> str:
        """The code of a problem, after its status: "404 not_found"."""
        status, body = await self.call(path, said, token)
        assert body["status"] == status
        return f"{status} {body['code']}"


@asynccontextmanager
async def port(urls: Urls) -> AsyncGenerator[Port]:
    async with opened(urls) as world:
        desk = Desk(SetClock(AT), lambda: world.hub)
        app = hub_port.create_app(desk, "127.0.0.1", world.worker)
        transport = httpx2.ASGITransport(app)
        async with httpx2.AsyncClient(transport=transport, base_url="http://hub") as client:
            async with world.worker.transaction(None) as conn:
                _, token = await worker_keys.add_person(conn, "ann", AT)
                _, worker = await worker_keys.add(conn, "box-1", "sbo", AT)
                desk.use_keys(await worker_keys.valid(conn))
            found = Port(world, client, token)
            assert await found.refused("/matches/waiting", token=worker) == "403 forbidden"
            yield found


async def stranger(world: World, home: str = "Quixotic Nomads", number: int = 1) -> Feed:
    """An event of ours, and one of a provider that may only follow, which waits for a person."""
    ours = await feed_of(world)
    theirs = replace(
        ours.event,
        provider="elsewhere",
        provider_event_id=f"x{number}",
        home=home,
        away="Zephyr Pilots",
    )
    async with world.worker.transaction(None) as conn:
        await matching.set_standing(conn, "elsewhere", "follower")
        await world.hub.know(conn, [theirs], AT)
    return ours


def test_what_waits_is_listed_page_by_page(database_urls: Urls) -> None:
    async def story() -> None:
        async with port(database_urls) as at:
            for number, home in enumerate(("Quixotic Nomads", "Umber Foxes", "Ivory Larks"), 1):
                await stranger(at.world, home, number)
            seen: list[str] = []
            cursor: str | None = ""
            while cursor is not None:
                query = httpx2.QueryParams({"limit": 2} | ({"cursor": cursor} if cursor else {}))
                status, page = await at.call(f"/matches/waiting?{query}")
                assert status == 200
                assert len(page["items"]) <= 2
                seen += [row["provider_event_id"] for row in page["items"]]
                cursor = page["next_cursor"]
            assert seen == ["x1", "x2", "x3"]
            status, page = await at.call("/matches/waiting?provider=nobody")
            assert page == {"items": [], "next_cursor": None}
            for query in ("limit=0", "limit=201", "provider="):
                assert await at.refused(f"/matches/waiting?{query}") == "422 invalid"
            for cursor in ("x", "2026-01-01|a|b", "9" * 700):
                code = await at.refused(f"/matches/waiting?cursor={cursor}")
                assert code == "422 cursor_invalid"

    asyncio.run(story())


def test_only_a_valid_key_of_the_platform_decides(database_urls: Urls) -> None:
    async def story() -> None:
        async with port(database_urls) as at:
            await stranger(at.world)
            for path, said in (("waiting", None), ("new", KEY), ("unmatch", KEY)):
                for token in ("", "ovp_nobody", "x" * 9_000):
                    code = await at.refused(f"/matches/{path}", said, token)
                    assert code == "401 unauthenticated"
            async with at.world.worker.transaction(None) as conn:
                # A scraper's key of that name is another key.
                assert [key.name for key in await worker_keys.everyone(conn)] == ["box-1"]
                await worker_keys.revoke(conn, "ann", AT, "platform")
            assert await at.refused("/matches/new", KEY) == "401 unauthenticated"
            assert await at.world.count("SELECT count(*) FROM match_decision") == 0

    asyncio.run(story())


def test_a_decision_is_kept_under_the_name_of_the_key(database_urls: Urls) -> None:
    async def story() -> None:
        async with port(database_urls) as at:
            ours = await stranger(at.world)
            event = str(ours.event_id)
            # Said twice it is the same.
            for _ in range(2):
                status, done = await at.call("/matches/confirm", KEY | {"event": event})
                assert (status, done["event"], done["swapped"]) == (200, event, False)
            assert (await at.call("/matches/waiting"))[1]["items"] == []
            status, done = await at.call("/matches/unmatch", KEY)
            assert (status, done["event_before"], done["event"]) == (200, event, None)
            assert await at.refused("/matches/unmatch", KEY) == "404 not_found"
            for _ in range(2):
                status, done = await at.call("/matches/reject", KEY | {"event": event})
                assert (status, done["rejected"]) == (200, [event])
            status, done = await at.call("/matches/new", KEY)
            assert status == 200
            assert done["event"] not in (None, event)
            assert await at.refused("/matches/new", KEY) == "404 not_found"
            named = "SELECT count(*) FROM match_decision WHERE decided_by = 'ann'"
            assert await at.world.count(named) == 6

    asyncio.run(story())


def test_what_does_not_fit_is_refused_and_changes_nothing(database_urls: Urls) -> None:
    async def story() -> None:
        async with port(database_urls) as at:
            ours = await stranger(at.world)
            event, nowhere = str(ours.event_id), "00000000-0000-7000-8000-000000000000"
            unknown = KEY | {"provider_event_id": "nobody's"}
            refused: list[tuple[str, Any, str]] = [
                ("confirm", unknown | {"event": event}, "404 not_found"),
                ("confirm", KEY | {"event": nowhere}, "404 not_found"),
                ("reject", KEY | {"event": nowhere}, "404 not_found"),
                ("reject", KEY, "422 no_candidate"),
                ("unmatch", KEY, "404 not_found"),
                ("confirm", KEY, "422 invalid"),
                ("confirm", KEY | {"event": "E1"}, "422 invalid"),
                ("confirm", KEY | {"event": event, "swapped": "no"}, "422 invalid"),
                ("new", KEY | {"provider": "p" * 61}, "422 invalid"),
                ("new", KEY | {"provider_event_id": ""}, "422 invalid"),
                ("new", KEY | {"more": 1}, "422 invalid"),
                ("new", [], "422 invalid"),
                ("new", {"provider": "x" * 70_000}, "413 body_too_large"),
                ("nowhere", KEY, "404 not_found"),
            ]
            for path, said, code in refused:
                assert (path, await at.refused(f"/matches/{path}", said)) == (path, code)
            assert await at.world.count("SELECT count(*) FROM match_decision") == 0
            assert await at.world.count("SELECT count(*) FROM match_queue") == 1

    asyncio.run(story())
