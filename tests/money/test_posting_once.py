"""Stakes of players who are each named once are held a shorter way, which writes the same."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import psycopg
import pytest
from psycopg import errors
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import TupleRow

from overround.core import ids
from overround.db.logins import Role
from overround.roles.attach import Endpoints
from tests.stories.world import AT, World, opened

Urls = Mapping[Role, str]
Owner = psycopg.Connection[TupleRow]

CASH = """
SELECT owner_id, id FROM account
WHERE tenant_id = %s AND owner_id = ANY (%s) AND kind = 'cash'"""

# Which of the stakes are held, and whether no player is named twice.
HOLD = """
SELECT ledger_hold_v1(%s, %s, %s, %s, %s, %s::bigint[], %s::text[], %s::integer[], %s)"""

# All that a posting writes, but when and by which transaction.
WRITTEN = """
SELECT to_jsonb(t) - 'recorded_at' FROM transfer t WHERE reference = ANY (%(of)s)
UNION ALL SELECT to_jsonb(e) - 'tx' FROM entry e WHERE reference = ANY (%(of)s)
UNION ALL SELECT to_jsonb(a) FROM account a WHERE owner_id IS NOT NULL ORDER BY 1"""


def hold(conn: Owner, tenant: UUID, players: Sequence[UUID], which: list[int], once: bool) -> Any:
    """Hold 1, 2, 3 ... of the players' cash, those that `which` names; what was written."""
    found = dict(conn.execute(CASH, [tenant, list(players)]).fetchall())
    count, of = len(players), [ids.derived(AT, "hold", str(n)) for n in range(len(players))]
    words = [[tenant] * count, list(players), [AT] * count, of, [found[one] for one in players]]
    conn.execute(HOLD, [*words, list(range(1, count + 1)), ["EUR"] * count, which, once])
    return conn.execute(WRITTEN, {"of": of}).fetchall()


async def furnished(world: World) -> tuple[UUID, list[UUID]]:
    """A tenant whose players have money of several deposits."""
    tenant = (await world.tenant("acme")).id
    names = ("ann", "bob", "eve")
    for name in names:
        await world.player(name, "acme", 100)
        await world.deposit(name, 20)
    return tenant, sorted(world.players["acme", name] for name in names)


def test_the_short_way_writes_what_the_long_one_does(
    endpoints: Endpoints, database_urls: Urls
) -> None:
    async def story() -> None:
        async with opened(database_urls) as world:
            tenant, players = await furnished(world)
        url = endpoints.superuser_url(str(conninfo_to_dict(database_urls["owner"])["dbname"]))
        with psycopg.connect(url) as conn:
            written: list[Any] = []
            for once in (False, True):
                with conn.transaction(force_rollback=True):
                    written.append(hold(conn, tenant, players, [1, 3], once))
            assert written[0] == written[1]
            # Two transfers, four entries, nine accounts.
            assert len(written[0]) == 15

    asyncio.run(story())


def test_a_player_named_twice_is_not_posted_once(endpoints: Endpoints, database_urls: Urls) -> None:
    async def story() -> None:
        async with opened(database_urls) as world:
            tenant, players = await furnished(world)
        url = endpoints.superuser_url(str(conninfo_to_dict(database_urls["owner"])["dbname"]))
        with psycopg.connect(url) as conn:
            with conn.transaction(force_rollback=True):
                assert hold(conn, tenant, [players[0]] * 2, [1, 2], False)
            with pytest.raises(errors.CheckViolation, match="an account is missing"):
                hold(conn, tenant, [players[0]] * 2, [1, 2], True)

    asyncio.run(story())
