"""The status over HTTP: what anybody hears, what staff hear, and that nothing is counted for it."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import Mapping

import psycopg

from overround.db.logins import Role
from overround.kit import logs
from overround.roles import looking
from tests.support.edge import Edge, opened, restored_logging

Urls = Mapping[Role, str]

PATH = "/api/v1/status"
DETAIL = "/api/v1/office/status"


def test_anybody_hears_whether_it_works_and_no_more(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as edge, edge.client() as client:
            before = await client.get(PATH)
            assert before.status_code == 200
            assert before.json() == {"status": "degraded", "version": "0.1.0", "checked_at": None}
            await looking.write_house(edge.worker_db, edge.clock.now(), None)
            after = (await client.get(PATH)).json()
            assert set(after) == {"status", "version", "checked_at"}
            assert after["checked_at"] == "2026-03-01T12:00:00Z"
            assert after["status"] == "down"
            # An old report is not believed, whatever it says.
            edge.later(minutes=3)
            assert (await client.get(PATH)).json()["status"] == "degraded"

    asyncio.run(story())


def test_a_slow_look_may_be_seldom(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as edge, edge.client() as client:
            await looking.write_house(edge.worker_db, edge.clock.now(), None)
            async with edge.worker_db.transaction(None) as conn:
                await conn.execute("UPDATE status_report SET took_ms = 6000")
            edge.later(minutes=9)
            assert (await client.get(PATH)).json()["status"] == "down"
            edge.later(minutes=2)
            assert (await client.get(PATH)).json()["status"] == "degraded"

    asyncio.run(story())


def test_staff_hear_why_and_others_do_not(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as edge:
            reader = await edge.staff("reader", "status.read")
            assert (await reader.get(DETAIL)).status_code == 503
            assert (await reader.get(DETAIL)).json()["code"] == "not_looked"
            await looking.write_house(edge.worker_db, edge.clock.now(), None)
            told = (await reader.get(DETAIL)).json()
            assert told["report"]["status"] == "down"
            assert told["report"]["findings"][0]["code"] == "nothing_runs"
            assert told["summary"] == told["report"]["summary"]
            assert told["worded_by"] == "rules"
            await who_may_do_what_is_in_the_log(edge)
            clerk = await edge.staff("clerk", "offers.manage")
            player = await edge.player("ann")
            async with edge.client() as nobody:
                assert (await nobody.get(DETAIL)).status_code == 401
            for client in (clerk, player):
                assert (await client.get(DETAIL)).status_code == 403

    asyncio.run(story())


async def who_may_do_what_is_in_the_log(edge: Edge) -> None:
    """Acts that are audited, and log-ins that are refused: each a line of its kind, no secret."""
    with restored_logging():
        stream = io.StringIO()
        logs.configure("info", stream)
        await edge.staff("auditor", "status.read")
        async with edge.client() as client:
            body = {"email": "auditor@acme.example", "password": "not the one at all"}
            assert (await client.post("/api/v1/session", json=body)).status_code == 401
    lines = [json.loads(line) for line in stream.getvalue().strip().splitlines()]
    kinds = {one["event"]: one["kind"] for one in lines if "kind" in one}
    assert kinds == {"staff.create": "security", "login.refused": "security"}
    assert "not the one at all" not in stream.getvalue()


def test_the_status_over_http_reads_one_row(database_urls: Urls) -> None:
    """It answers while everything that would have to be counted is locked."""

    async def story() -> None:
        async with opened(database_urls) as edge, edge.client() as client:
            await looking.write_house(edge.worker_db, edge.clock.now(), None)
            async with await psycopg.AsyncConnection.connect(database_urls["owner"]) as owner:
                await owner.execute(
                    "LOCK TABLE price_history, price, source, feed_batch, quarantine, match_queue,"
                    " inbox, work_due, provider_hour, role_life, entry IN ACCESS EXCLUSIVE MODE"
                )
                assert (await client.get(PATH)).status_code == 200

    asyncio.run(story())
