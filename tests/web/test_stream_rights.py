"""Who may keep a stream: asked again of the tenant, the session and the user."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import httpx2
import pytest

from overround.core.principal import Principal
from overround.db.logins import Role
from overround.people import sessions
from overround.people.sessions import SessionLimits
from overround.web.gate import Authenticator
from tests.support.edge import Edge, opened, set_status, system_of, user_id_of

Urls = Mapping[Role, str]


async def visitor(edge: Edge, client: httpx2.AsyncClient) -> tuple[dict[str, Any], Principal]:
    """A scope as the gate leaves it, and who came with it."""
    acme = edge.tenants["acme"]
    token = client.headers["Authorization"].removeprefix("Bearer ")
    user_id = await user_id_of(edge, "ann")
    scope: dict[str, Any] = {
        "type": "http",
        "headers": [],
        "state": {"tenant_id": acme.id, "token": token},
    }
    return scope, Principal(acme.id, user_id, "player")


@pytest.mark.parametrize("how", ["logged out", "disabled", "suspended", "idle"])
def test_whose_right_has_ended_may_not_stay(database_urls: Urls, how: str) -> None:
    async def story() -> None:
        async with opened(database_urls) as edge:
            client = await edge.player("ann")
            knows = Authenticator(edge.app_db, edge.clock, SessionLimits())
            scope, ann = await visitor(edge, client)
            assert await knows.may_stay(scope, ann)
            assert await knows.may_stay(scope, None)
            if how == "logged out":
                assert (await client.delete("/api/v1/session")).status_code == 204
            elif how == "disabled":
                caller = system_of(ann.tenant_id)
                async with edge.worker_db.transaction(ann.tenant_id) as conn:
                    await sessions.disable_user(conn, caller, ann.actor_id, edge.clock.now())
            elif how == "suspended":
                await set_status(edge, "acme", "suspended")
            else:
                edge.later(hours=2)
            assert not await knows.may_stay(scope, ann)
            # A public stream ends with its tenant alone.
            assert await knows.may_stay(scope, None) == (how != "suspended")

    asyncio.run(story())


def test_an_open_stream_is_no_sign_of_a_person(database_urls: Urls) -> None:
    """Asking again does not keep a session alive that nobody uses."""

    async def story() -> None:
        async with opened(database_urls) as edge:
            client = await edge.player("ann")
            knows = Authenticator(edge.app_db, edge.clock, SessionLimits())
            scope, ann = await visitor(edge, client)
            for _ in range(2):
                edge.later(minutes=29)
                assert await knows.may_stay(scope, ann)
            edge.later(minutes=29)
            assert not await knows.may_stay(scope, ann)

    asyncio.run(story())
