"""Programs read our own API with a key: which plans, what it costs, where it is worth nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from overround.db.logins import Role
from overround.roles.hub.writer import Hub
from tests.support.edge import opened
from tests.support.quoted import THREE, event, say
from tests.web.test_v4 import key_of, quota

Urls = Mapping[Role, str]

READ = ("odds", "best", "games", "closing", "delta", "arbitrage", "edges", "middles")


def test_a_key_reads_what_its_plan_allows_and_pays(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as edge, edge.client() as client:
            event_id = await say(edge, Hub.empty(), event(), THREE)
            key = await key_of(edge, plan="starter")
            for n, path in enumerate(READ):
                answer = await client.get(f"/api/v1/{path}", headers={"X-API-Key": key})
                assert answer.status_code == 200, answer.text
                assert quota(answer) == (20_000 - 1 - n, 1 + n, 1)
            odds = await client.get("/api/v1/odds", headers={"X-API-Key": key})
            assert [one["id"] for one in odds.json()["items"]] == [str(event_id)]
            again = {"X-API-Key": key, "If-None-Match": odds.headers["etag"]}
            unchanged = await client.get("/api/v1/odds", headers=again)
            assert (unchanged.status_code, quota(unchanged)[1]) == (304, len(READ) + 2)
            # The key opens what is read and nothing else.
            for path in ("session", "bets", "statement"):
                answer = await client.get(f"/api/v1/{path}", headers={"X-API-Key": key})
                assert answer.status_code in (401, 404), path

    asyncio.run(story())


def test_a_refused_call_of_a_program_costs_nothing(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as edge, edge.client() as client:
            free = await key_of(edge, "free")
            poor = await key_of(edge, "poor", "pro", credits=1)
            foreign = await key_of(edge, "foreign", "pro", host="sakura")
            refused = [
                (free, 403, "plan_too_small"),
                (foreign, 401, "INVALID_KEY"),
                ("0" * 32, 401, "INVALID_KEY"),
                ("x" * 5_000, 401, "INVALID_KEY"),
                ("", 401, "MISSING_KEY"),
            ]
            for key, status, code in refused:
                answer = await client.get("/api/v1/odds", headers={"X-API-Key": key})
                assert (answer.status_code, answer.json()["code"]) == (status, code), key[:40]
            statuses = [
                (await client.get("/api/v1/odds", headers={"X-API-Key": poor})).status_code
                for _ in range(2)
            ]
            assert statuses == [200, 401]
            # A key that is wrong is not passed over for a log-in that is right.
            ann = await edge.player("ann")
            answer = await ann.get("/api/v1/odds", headers={"X-API-Key": free})
            assert answer.status_code == 403
            assert (await ann.get("/api/v1/odds")).status_code == 200
            spent = await client.get("/v4/sports", params={"apiKey": free})
            assert quota(spent) == (500, 0, 0)

    asyncio.run(story())
