"""Users: one spelling of an address, names, scopes, and what the api's login may not do."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping

import psycopg
import pytest

from overround.core.errors import Conflict, Invalid
from overround.db.logins import Role
from overround.people import users
from overround.people.users import NewStaff, NewUser, rules
from overround.people.users.store import _NAMED
from tests.support.edge import AT, Edge, opened, registration, system_of

Urls = Mapping[Role, str]


@pytest.mark.parametrize(
    ("text", "stored"),
    [
        ("ann@players.example", "ann@players.example"),
        ("Ann.B+bets@Players.EXAMPLE", "ann.b+bets@players.example"),
        ("a" * 64 + "@b.example", "a" * 64 + "@b.example"),
    ],
)
def test_an_address_has_one_spelling(text: str, stored: str) -> None:
    assert rules.email(text) == stored


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ann",
        "@b.example",
        "ann@",
        "ann@@b.example",
        "a b@c.example",
        "ann@b.example\n",
        "ann@b.example\x00",
        "änn@b.example",
        "İ@b.example",
        "a" * 65 + "@b.example",
        "a@" + "b" * 190,
        "a@b.example, c@d.example",
    ],
)
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(Invalid) as refused:
        rules.email(text)
    assert refused.value.code == "email"


def test_a_name_is_normal_and_printable() -> None:
    assert rules.display_name("  Zoe\u0308 ") == "Zo\u00eb"
    assert rules.display_name("x" * 60) == "x" * 60
    for text in ("", "  ", "a\nb", "a\x1b[31m", "\u202eabc", "x" * 61, "\ud800"):
        with pytest.raises(Invalid) as refused:
            rules.display_name(text)
        assert refused.value.code == "display_name"


def test_scopes_are_known_ones() -> None:
    assert rules.scopes(frozenset({"users.manage", "payments.decide"})) == [
        "payments.decide",
        "users.manage",
    ]
    for asked in (frozenset[str](), frozenset({"users.mange"}), frozenset({"*", "x"})):
        with pytest.raises(Invalid):
            rules.scopes(asked)


def test_an_address_is_taken_once_in_a_tenant_and_free_in_the_next(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as edge:
            async with edge.client() as client:
                first = await client.post("/api/v1/users", json=registration("ann"))
                body = registration("ann", email="ANN@players.example")
                again = await client.post("/api/v1/users", json=body)
            assert (first.status_code, again.status_code) == (201, 409)
            assert again.json()["code"] == "email_taken"
            await edge.player("ann", host="sakura")

    asyncio.run(story())


def test_a_player_may_have_no_password_and_has_a_wallet(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as edge:
            acme = edge.tenants["acme"]
            new = NewUser("sim-1@players.example", "sim")
            async with edge.worker_db.transaction(acme.id) as conn:
                made = await users.add_player(conn, acme, acme.id, new, None, AT)
                with pytest.raises(Conflict):
                    await users.add_player(conn, acme, acme.id, new, None, AT)
            assert (made.kind, made.status, list(made.scopes)) == ("player", "active", [])
            async with edge.client() as client:
                for password in ("", "12345678"):
                    answer = await client.post(
                        "/api/v1/session", json={"email": made.email, "password": password}
                    )
                    assert answer.json()["code"] == "bad_credentials"

    asyncio.run(story())


def test_the_app_login_cannot_make_staff_or_grant_scopes(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as edge:
            await edge.player("ann")
            acme = system_of(edge.tenants["acme"].id)
            staff = NewStaff("eve@acme.example", "eve", frozenset({"*"}))
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                async with edge.app_db.transaction(acme.tenant_id) as conn:
                    await users.add_staff(conn, acme, acme.tenant_id, staff, "x", AT)
            for change in (
                b"UPDATE users SET kind = 'staff'",
                b"UPDATE users SET scopes = '{*}'",
                b"UPDATE users SET email = 'x@y'",
                b"UPDATE users SET tenant_id = tenant_id",
                b"DELETE FROM users",
            ):
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    async with edge.app_db.transaction(acme.tenant_id) as conn:
                        await conn.execute(change)

    asyncio.run(story())


def test_a_player_holds_no_scope_whoever_writes(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as edge:
            await edge.player("ann")
            with pytest.raises(psycopg.errors.CheckViolation):
                async with edge.worker_db.transaction(edge.tenants["acme"].id) as conn:
                    await conn.execute("UPDATE users SET scopes = '{*}'")

    asyncio.run(story())


def test_a_list_pages_without_gaps(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as edge:
            for number in range(5):
                await edge.player(f"p{number}")
                edge.later(seconds=number % 2)
            await edge.staff("bob", "*")
            tenant_id = edge.tenants["acme"].id
            seen: list[str] = []
            after = None
            async with edge.app_db.reading(tenant_id) as conn:
                everyone = await users.listing(conn, tenant_id, None, 200, None)
                while page := await users.listing(conn, tenant_id, "player", 2, after):
                    seen += [user.display_name for user in page]
                    after = users.cursor_of(page[-1])
            assert len(everyone) == 6
            assert sorted(seen) == ["p0", "p1", "p2", "p3", "p4"]

    asyncio.run(story())


def test_players_are_found_by_how_they_begin_and_from_an_index(database_urls: Urls) -> None:
    async def found(edge: Edge, text: str) -> list[str]:
        tenant_id = edge.tenants["acme"].id
        async with edge.app_db.reading(tenant_id) as conn:
            return [one.display_name for one in await users.named(conn, tenant_id, text, 3)]

    async def story() -> None:
        async with opened(database_urls) as edge:
            for name in ("Anna", "ann", "Annika", "bob", "B_b", "Annabel"):
                await edge.player(name)
            await edge.player("annex", host="sakura")
            await edge.staff("anne", "*")
            assert await found(edge, " ANN ") == ["ann", "Anna", "Annabel"]
            assert await found(edge, "annika@") == ["Annika"]
            assert await found(edge, "bob@players.example") == ["bob"]
            # What is a pattern elsewhere is itself here.
            assert await found(edge, "b_") == ["B_b"]
            assert [await found(edge, text) for text in ("", "%", "ika")] == [[], [], []]
            tenant_id = edge.tenants["acme"].id
            words = {"tenant_id": tenant_id, "begins": "a", "ends": "b", "limit": 3}
            async with edge.app_db.reading(tenant_id) as conn:
                await conn.execute("SET LOCAL enable_seqscan = off")
                await conn.execute("SET LOCAL enable_bitmapscan = off")
                rows = await (await conn.execute(b"EXPLAIN " + _NAMED.encode(), words)).fetchall()
            plan = "\n".join(row[0] for row in rows)
            for index, column in (
                ("users_email_begins", "email"),
                ("users_name_begins", "name_lower"),
            ):
                assert index in plan, plan
                assert re.search(rf"Index Cond: .*{column} ~>=~ .*{column} ~<~ ", plan), plan

    asyncio.run(story())
