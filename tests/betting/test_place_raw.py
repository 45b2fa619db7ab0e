"""The raw route of placing a bet: the framework's answers, by way of the acceptor."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import httpx2

from overround.betting.bets.jobs import Acceptor
from overround.db.logins import Role
from overround.kit.threads import BoundedThreads
from overround.people.sessions import SessionLimits
from overround.web import Services, create_app
from tests.support.edge import BASE_DOMAIN, Edge, opened
from tests.support.house import House, lay

Urls = dict[Role, str]


@asynccontextmanager
async def house(urls: Urls) -> AsyncGenerator[tuple[Edge, Edge, dict[str, Any]]]:
    """The edge without an acceptor, the same with one, and a selection that is laid at 2.00."""
    async with opened(urls) as edge:
        now = datetime.now(UTC)
        edge.clock.move_to(now)
        furnished = House()
        await lay(edge, furnished, now)
        async with edge.client() as client:
            event_id = furnished.events["Lindport"]
            board = (await client.get(f"/api/v1/events/{event_id}/markets")).json()
        (market,) = [one for one in board["markets"] if one["market"] == "1x2"]
        home = market["selections"][0]
        hashing = BoundedThreads(2, 64, "hashing")
        acceptor = Acceptor(urls["app"])
        async with acceptor.running():
            services = Services(
                edge.app_db, edge.clock, hashing, BASE_DOMAIN, SessionLimits(),
                accept=acceptor.ask,
            )  # fmt: skip
            yield edge, replace(edge, app=create_app(services)), home
        hashing.close()


def slip(home: dict[str, Any], stake: str = "10.00", **words: Any) -> dict[str, Any]:
    legs = [{"selection_id": home["selection_id"], "price": home["price"]}]
    return {"legs": legs, "stake": stake, **words}


def said(answer: httpx2.Response) -> tuple[int, bytes, str | None]:
    """What an answer says, without what differs by itself."""
    body = answer.json() if answer.status_code != 201 else None
    if body is not None:
        for name in ("correlation_id", "request_id"):
            body.pop(name, None)
    text = answer.content if body is None else repr(sorted(body.items())).encode()
    return answer.status_code, text, answer.headers.get("idempotency-replayed")


def test_the_raw_route_and_the_frameworks_answer_alike(database_urls: Urls) -> None:
    """Whatever is asked, by whichever way it came first, the other way repeats it to the letter."""

    async def story() -> None:
        async with house(database_urls) as (edge, raw, home):
            plain = await edge.player("ann")
            await edge.deposit(plain, "100.00")
            fast = raw.client(token=plain.headers["authorization"].split()[1])
            asks: list[tuple[dict[str, Any], dict[str, str]]] = [
                (slip(home), edge.key()),
                (slip(home, "5000.00"), edge.key()),
                (slip(home, odds_policy="none", tolerance_bps=10), edge.key()),
                ({**slip(home), "legs": []}, edge.key()),
                (slip(home, "1.000"), edge.key()),
                (slip(home, tolerance_bps=99_999), edge.key()),
                ({**slip(home), "more": 1}, edge.key()),
                (slip(home), {}),
                (slip(home), {**edge.key(), "X-Player-ID": "nobody"}),
                (slip(home), {**edge.key(), "X-Player-ID": home["selection_id"]}),
            ]
            for body, headers in asks:
                first = await fast.post("/api/v1/bets", json=body, headers=headers)
                again = await plain.post("/api/v1/bets", json=body, headers=headers)
                third = await fast.post("/api/v1/bets", json=body, headers=headers)
                assert said(again) == said(third), (said(again), said(third))
                assert said(first)[:2] == said(third)[:2]
                assert first.headers["x-request-id"] != third.headers["x-request-id"]
            changed = await fast.post("/api/v1/bets", json=slip(home, "11.00"), headers=asks[0][1])
            assert changed.json()["code"] == "idempotency_key_reused"
            bets = (await plain.get("/api/v1/bets")).json()["items"]
            assert [bet["stake"] for bet in bets] == ["10.00", "10.00"]

    asyncio.run(story())


def test_a_session_that_ended_places_nothing(database_urls: Urls) -> None:
    """The route remembers who he is, and the call that would place his bet sees that he left."""

    async def story() -> None:
        async with house(database_urls) as (edge, raw, home):
            plain = await edge.player("ann")
            await edge.deposit(plain, "100.00")
            fast = raw.client(token=plain.headers["authorization"].split()[1])
            placed = await fast.post("/api/v1/bets", json=slip(home), headers=edge.key())
            assert placed.status_code == 201
            await plain.delete("/api/v1/session")
            late = await fast.post("/api/v1/bets", json=slip(home), headers=edge.key())
            assert (late.status_code, late.json()["code"]) == (401, "unauthenticated")
            async with edge.app_db.reading(edge.tenants["acme"].id) as conn:
                row = await (await conn.execute("SELECT count(*) FROM bet_request")).fetchone()
            assert row == (1,)

    asyncio.run(story())
