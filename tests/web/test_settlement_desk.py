"""The settlement desk: previews that come true, two persons above a threshold, what waits."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx2
import pytest

from overround.betting.settlement import jobs
from overround.db.logins import Role
from overround.roles.archive import importer
from tests.support.edge import AT, Edge, opened
from tests.web.test_betting_routes import STARTS, lay
from tests.web.test_office import bet, sides_of

Urls = Mapping[Role, str]
RULINGS = "/api/v1/office/rulings"


async def settled(edge: Edge) -> int:
    """Everything that is due, settled; how many bets stand otherwise."""
    count = 0
    while (found := await jobs.run_once(edge.worker_db, edge.clock.now())) is not None:
        count += found
    return count


async def told(edge: Edge, event_id: UUID, home: int, away: int) -> None:
    await importer.enter_result(
        edge.worker_db, event_id, status="finished", scores={"ft": (home, away)},
        entered_by="a person", at=edge.clock.now(),
    )  # fmt: skip


async def ruled(client: httpx2.AsyncClient, event_id: UUID, **words: Any) -> httpx2.Response:
    return await client.post(RULINGS, json={"event_id": str(event_id), **words})


def test_what_was_previewed_happens_and_what_is_lifted_unhappens(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as edge:
            event_id = await lay(edge, "acme", "sakura")
            ann, boss = await edge.player("ann"), await edge.staff("boss", "settlement.manage")
            await edge.deposit(ann, "100.00")
            await bet(edge, ann, "10.00", (await sides_of(ann, event_id))["home"])
            lost = await bet(edge, ann, "20.00", (await sides_of(ann, event_id))["away"])
            await told(edge, event_id, 1, 0)
            assert await settled(edge) == 2
            before = (await ann.get("/api/v1/balance")).json()["cash"]

            body = {"event_id": str(event_id), "kind": "void"}
            would = (await boss.post(f"{RULINGS}/preview", json=body)).json()
            assert (would["changes"], would["settles"], would["reopens"]) == (2, 0, 0)
            assert would["credit"] == "20.00"
            assert (await ann.get("/api/v1/balance")).json()["cash"] == before

            made = await ruled(boss, event_id, kind="void", reason="the wrong teams")
            assert (made.status_code, made.json()["state"]) == (201, "effective")
            assert await settled(edge) == would["changes"]
            assert (await ann.get("/api/v1/balance")).json()["cash"] == "100.00"
            path = f"/api/v1/bets/{lost['bet_id']}"
            assert (await ann.get(path)).json()["outcome"] == "void"

            lifted = await boss.post(f"{RULINGS}/{made.json()['id']}/lift")
            assert lifted.json()["state"] == "lifted"
            assert await settled(edge) == 2
            assert (await ann.get("/api/v1/balance")).json()["cash"] == before
            again = await boss.post(f"{RULINGS}/{made.json()['id']}/lift")
            assert (again.status_code, again.json()["code"]) == (409, "ruling_step")

            theirs = await edge.staff("boss", "*", host="sakura")
            assert (await theirs.get(RULINGS)).json()["items"] == []
            stolen = await theirs.post(f"{RULINGS}/{made.json()['id']}/lift")
            assert stolen.status_code == 404

    asyncio.run(story())


def test_above_the_threshold_two_persons_rule(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as edge:
            event_id = await lay(edge, "acme")
            async with edge.worker_db.transaction(None) as conn:
                await conn.execute("UPDATE tenant SET ruling_alone_max_minor = 1999")
            ann, boss = await edge.player("ann"), await edge.staff("boss", "settlement.manage")
            await edge.deposit(ann, "100.00")
            await bet(edge, ann, "20.00", (await sides_of(ann, event_id))["away"])
            await told(edge, event_id, 1, 0)
            assert await settled(edge) == 1
            made = await ruled(boss, event_id, kind="void", reason="the wrong teams")
            assert (made.json()["state"], made.json()["moved"]) == ("proposed", "20.00")
            assert await settled(edge) == 0
            step = f"{RULINGS}/{made.json()['id']}"
            alone = await boss.post(f"{step}/agree")
            assert (alone.status_code, alone.json()["code"]) == (403, "second_person")
            second = await edge.staff("second", "settlement.manage")
            waiting = (await second.get(f"{RULINGS}?state=proposed")).json()["items"]
            assert [one["id"] for one in waiting] == [made.json()["id"]]
            assert (await second.post(f"{step}/agree")).json()["state"] == "effective"
            assert await settled(edge) == 1
            assert (await ann.get("/api/v1/balance")).json()["cash"] == "100.00"
            assert (await boss.post(f"{step}/lift")).json()["code"] == "second_person"
            refused = await ruled(boss, event_id, kind="hold", reason="a protest")
            assert refused.json()["state"] == "proposed"
            gone = await second.post(f"{RULINGS}/{refused.json()['id']}/refuse")
            assert gone.json()["state"] == "refused"

    asyncio.run(story())


def test_the_desk_shows_what_waits_and_for_what(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as edge:
            names = ("none", "held", "contradicted", "settled")
            events = {name: await lay(edge, "acme", name=name) for name in names}
            ann, boss = await edge.player("ann"), await edge.staff("boss", "settlement.manage")
            await edge.deposit(ann, "100.00")
            for event_id in events.values():
                await bet(edge, ann, "10.00", (await sides_of(ann, event_id))["home"])
            edge.clock.move_to(STARTS + timedelta(hours=3))
            boss = await edge.staff("late", "settlement.manage")
            await told(edge, events["settled"], 1, 0)
            await ruled(boss, events["held"], kind="hold", reason="a protest")
            await settled(edge)
            found = (await boss.get("/api/v1/office/settlement")).json()
            waits = {one["event_id"]: one["waits_for"] for one in found["items"]}
            assert waits == {
                str(events["none"]): "result",
                str(events["contradicted"]): "result",
                str(events["held"]): "person",
            }
            assert {(one["bets"], one["stakes"]) for one in found["items"]} == {(1, "10.00")}
            reader = await edge.staff("reader", "settlement.read")
            assert (
                await ruled(reader, events["none"], kind="void", reason="why")
            ).status_code == 403

    asyncio.run(story())


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ({"kind": "hold", "reason": "a protest", "market_id": str(UUID(int=1))}, "ruling_scope"),
        ({"kind": "void", "reason": "no"}, "reason"),
        (
            {
                "kind": "void",
                "reason": "a window",
                "placed_from": AT.isoformat(),
                "placed_to": AT.isoformat(),
            },
            "ruling_window",
        ),
        ({"kind": "void", "reason": "a market", "market_id": str(UUID(int=1))}, "not_found"),
        ({"kind": "void", "reason": "a side", "selection_id": str(UUID(int=1))}, "not_found"),
        ({"kind": "nothing", "reason": "why not"}, "validation"),
    ],
)
def test_what_cannot_be_ruled_is_refused_by_name(
    database_urls: Urls, words: dict[str, Any], code: str
) -> None:
    async def story() -> None:
        async with opened(database_urls) as edge:
            event_id = await lay(edge, "acme")
            boss = await edge.staff("boss", "settlement.manage")
            refused = await ruled(boss, event_id, **words)
            assert refused.status_code in (404, 422)
            assert code in (refused.json()["code"], "validation")

    asyncio.run(story())
