"""Keys of programs: their terms are checked, and a name is used once."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import pytest

from overround.core.errors import Conflict, Invalid, NotFound
from overround.db.logins import Role
from overround.people import sessions
from tests.support.edge import AT, opened, system_of

Urls = Mapping[Role, str]


def test_a_key_is_added_listed_and_revoked_once(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as edge:
            caller = system_of(edge.tenants["acme"].id)
            async with edge.worker_db.transaction(caller.tenant_id) as conn:
                key, token = await sessions.add_key(conn, caller, "bot", "starter", None, AT)
                assert (key.credits_per_month, len(token)) == (sessions.PLANS["starter"], 32)
                assert await sessions.api_keys(conn, caller.tenant_id) == [key]
                with pytest.raises(Conflict) as taken:
                    await sessions.add_key(conn, caller, "bot", "free", None, AT)
                assert taken.value.code == "key_name_taken"
                ended = await sessions.revoke_key(conn, caller, "bot", AT)
                assert ended.revoked_at == AT
                with pytest.raises(NotFound):
                    await sessions.revoke_key(conn, caller, "bot", AT)
            other = system_of(edge.tenants["sakura"].id)
            async with edge.worker_db.transaction(other.tenant_id) as conn:
                assert await sessions.api_keys(conn, other.tenant_id) == []

    asyncio.run(story())


@pytest.mark.parametrize(
    ("name", "plan", "allowed", "code"),
    [
        ("", "free", None, "key_name_invalid"),
        ("a" * 81, "free", None, "key_name_invalid"),
        ("bot", "gold", None, "unknown_plan"),
        ("bot", "free", -1, "credits_out_of_range"),
        ("bot", "free", 1_000_000_001, "credits_out_of_range"),
    ],
)
def test_terms_of_a_key_have_bounds(
    database_urls: Urls, name: str, plan: str, allowed: int | None, code: str
) -> None:
    async def story() -> None:
        async with opened(database_urls) as edge:
            caller = system_of(edge.tenants["acme"].id)
            async with edge.worker_db.transaction(caller.tenant_id) as conn:
                with pytest.raises(Invalid) as refused:
                    await sessions.add_key(conn, caller, name, plan, allowed, AT)
                assert refused.value.code == code

    asyncio.run(story())
