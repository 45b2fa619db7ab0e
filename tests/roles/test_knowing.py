"""Who sends slips: many sessions are looked up by one question."""

from __future__ import annotations

import asyncio

from overround.core.errors import Unavailable
from overround.core.principal import Principal
from overround.db.logins import Role
from overround.people.sessions import SessionLimits
from overround.roles.knowing import Knowing
from tests.support.edge import Edge, opened, user_id_of

Urls = dict[Role, str]


def knowing(edge: Edge, urls: Urls) -> Knowing:
    return Knowing(urls["app"], SessionLimits(), edge.clock, prepares=True)


def test_sessions_of_two_tenants_are_looked_up_together(database_urls: Urls) -> None:
    """Each at its own tenant and nowhere else; the look-up is a use of the session."""

    async def story() -> None:
        async with opened(database_urls) as edge:
            acme, sakura = edge.tenants["acme"].id, edge.tenants["sakura"].id
            tokens = [
                (await edge.player(name, host)).headers["authorization"].split()[1]
                for name, host in (("ann", "acme"), ("ken", "sakura"))
            ]
            edge.later(minutes=50)
            look = knowing(edge, database_urls)
            async with look.running():
                found = await asyncio.gather(
                    look.who(acme, tokens[0]),
                    look.who(sakura, tokens[1]),
                    look.who(acme, tokens[1]),
                    look.who(acme, tokens[0]),
                )
                ann = Principal(acme, await user_id_of(edge, "ann"), "player")
                ken = Principal(sakura, await user_id_of(edge, "ken", "sakura"), "player")
                assert found == [ann, ken, None, ann]
                edge.later(minutes=50)
                assert await look.who(acme, tokens[0]) == ann
                edge.later(minutes=61)
                assert await look.who(acme, tokens[0]) is None

    asyncio.run(story())


def test_who_waits_at_the_end_is_told_so(database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as edge:
            look = knowing(edge, database_urls)
            async with look.running():
                asking = asyncio.create_task(look.who(edge.tenants["acme"].id, "x"))
                await asyncio.sleep(0)
            (answer,) = await asyncio.gather(asking, return_exceptions=True)
            assert answer is None or isinstance(answer, Unavailable)

    asyncio.run(story())
