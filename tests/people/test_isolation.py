"""Another tenant's things: the same answer as for what never was, and no row below the service."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import LiteralString
from uuid import UUID

import psycopg
import pytest

from overround.core import ids
from overround.db.logins import Role
from tests.support.edge import AT, opened, user_id_of

Urls = Mapping[Role, str]
TABLES: tuple[LiteralString, ...] = ("users", "session", "login_failure", "payment")


def test_another_tenants_id_is_answered_like_an_unknown_one(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as edge:
            ann = await edge.player("ann")
            await edge.deposit(ann, "100.00")
            headers = edge.key()
            payment = await ann.post("/api/v1/withdrawals", json={"amount": "1"}, headers=headers)
            session = (await ann.get("/api/v1/sessions")).json()["items"][0]["id"]
            user = await user_id_of(edge, "ann")
            boss = await edge.staff("boss", "*", host="sakura")
            unknown = ids.new(AT)

            async def answers(thing: UUID | str, path: str) -> tuple[int, dict[str, object]]:
                verb = "DELETE" if "sessions" in path else "POST"
                body = {"reason": "because"} if path.endswith("refuse") else None
                answer = await boss.request(verb, path.format(thing), json=body)
                found = answer.json()
                return answer.status_code, {
                    k: v
                    for k, v in found.items()
                    if k not in {"instance", "correlation_id", "request_id"}
                }

            for thing, path in (
                (session, "/api/v1/sessions/{}"),
                (payment.json()["id"], "/api/v1/office/withdrawals/{}/approve"),
                (payment.json()["id"], "/api/v1/office/withdrawals/{}/pay"),
                (payment.json()["id"], "/api/v1/office/withdrawals/{}/refuse"),
                (user, "/api/v1/office/users/{}/disable"),
                (user, "/api/v1/office/users/{}/enable"),
            ):
                theirs, never = await answers(thing, path), await answers(unknown, path)
                assert theirs == never
                assert theirs[0] == 404
            body = {"user_id": str(user), "amount": "1", "reason": "because"}
            path = "/api/v1/office/adjustments"
            answer = await boss.post(path, json=body, headers=edge.key())
            assert answer.status_code == 404
            assert (await boss.get("/api/v1/office/withdrawals")).json()["items"] == []

    asyncio.run(story())


def test_a_key_and_a_cursor_of_one_tenant_mean_nothing_at_another(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as edge:
            here, there = await edge.player("ann"), await edge.player("ann", host="sakura")
            key = {"Idempotency-Key": "shared"}
            for client in (here, there):
                answer = await client.post("/api/v1/deposits", json={"amount": "7"}, headers=key)
                assert answer.status_code == 201
                assert "idempotency-replayed" not in answer.headers
            await edge.deposit(here, "8")
            cursor = (await here.get("/api/v1/payments?limit=1")).json()["next_cursor"]
            edge.later(seconds=1)
            await edge.deposit(there, "9")
            page = (await there.get("/api/v1/payments", params={"cursor": cursor})).json()
            assert {item["currency"] for item in page["items"]} <= {"JPY"}

    asyncio.run(story())


def test_row_security_hides_what_a_query_forgot_to_name(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as edge:
            for host in ("acme", "sakura"):
                ann = await edge.player("ann", host=host)
                await edge.deposit(ann, "100")
                async with edge.client(host) as client:
                    body = {"email": "ann@players.example", "password": "wrong password"}
                    await client.post("/api/v1/session", json=body)
            acme, sakura = edge.tenants["acme"].id, edge.tenants["sakura"].id
            for database in (edge.app_db, edge.worker_db):
                for table in TABLES:
                    query = "SELECT DISTINCT tenant_id FROM " + table
                    for tenant_id in (acme, sakura, None):
                        async with database.reading(tenant_id) as conn:
                            rows = await (await conn.execute(query)).fetchall()
                            assert [row[0] for row in rows] == ([tenant_id] if tenant_id else [])

    asyncio.run(story())


def test_a_row_cannot_be_written_into_another_tenant(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as edge:
            acme, sakura = edge.tenants["acme"].id, edge.tenants["sakura"].id
            for database in (edge.app_db, edge.worker_db):
                with pytest.raises(psycopg.errors.InsufficientPrivilege, match="row-level"):
                    async with database.transaction(acme) as conn:
                        await conn.execute(
                            "INSERT INTO users (tenant_id, id, email, display_name, created_at)"
                            " VALUES (%s, %s, 'x@y.example', 'x', %s)",
                            [sakura, ids.new(AT), AT],
                        )

    asyncio.run(story())


def test_a_foreign_key_cannot_reach_into_another_tenant(database_urls: Urls) -> None:
    """Foreign keys ignore row security, so each of ours holds the tenant in its key."""

    async def story() -> None:
        async with opened(database_urls) as edge:
            await edge.player("ann", host="sakura")
            theirs = await user_id_of(edge, "ann", host="sakura")
            acme = edge.tenants["acme"].id
            with pytest.raises(psycopg.errors.ForeignKeyViolation):
                async with edge.app_db.transaction(acme) as conn:
                    await conn.execute(
                        "INSERT INTO session (tenant_id, id, user_id, token_sha256, created_at,"
                        " last_seen_at) VALUES (%s, %s, %s, %s, %s, %s)",
                        [acme, ids.new(AT), theirs, bytes(32), AT, AT],
                    )

    asyncio.run(story())
