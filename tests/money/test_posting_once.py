"""Transfers between accounts that are each named once take a shorter way, and write the same."""

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

ACCOUNTS = """
SELECT id, balance_minor, version FROM account
WHERE tenant_id = %s AND owner_id = ANY (%s) AND kind = %s ORDER BY owner_id"""

WRITE = """
SELECT ledger_write_v1(%s, %s, %s, %s::text[], %s::integer[], %s, %s, %s::bigint[], %s::text[],
    %s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[], %s::integer[], %s)"""

# All that a posting writes, but when and by which transaction.
WRITTEN = """
SELECT to_jsonb(t) - 'recorded_at' FROM transfer t WHERE reference = ANY (%(of)s)
UNION ALL SELECT to_jsonb(e) - 'tx' FROM entry e WHERE reference = ANY (%(of)s)
UNION ALL SELECT to_jsonb(a) FROM account a WHERE owner_id IS NOT NULL ORDER BY 1"""


def hold(conn: Owner, tenant: UUID, players: Sequence[UUID], which: list[int], once: bool) -> Any:
    """Hold 1, 2, 3 ... of the players' cash, those that `which` names; what was written."""
    cash = conn.execute(ACCOUNTS, [tenant, list(players), "cash"]).fetchall()
    held = conn.execute(ACCOUNTS, [tenant, list(players), "held"]).fetchall()
    count, of = len(cash), [ids.derived(AT, "hold", str(n)) for n in range(len(cash))]
    words = [[tenant] * count, [AT] * count, of, ["stake_hold"] * count, [0] * count]
    words += [[one[0] for one in cash], [one[0] for one in held], list(range(1, count + 1))]
    words += [["EUR"] * count, [one[1] for one in cash], [one[2] for one in cash]]
    words += [[one[1] for one in held], [one[2] for one in held], which]
    conn.execute(WRITE, [*words, once])
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


def test_an_account_named_twice_is_not_posted_once(
    endpoints: Endpoints, database_urls: Urls
) -> None:
    async def story() -> None:
        async with opened(database_urls) as world:
            tenant, players = await furnished(world)
        url = endpoints.superuser_url(str(conninfo_to_dict(database_urls["owner"])["dbname"]))
        with psycopg.connect(url) as conn:
            # The accounts come back once each, so the transfers name the first one's twice.
            cash = conn.execute(ACCOUNTS, [tenant, players[:1], "cash"]).fetchall() * 2
            held = conn.execute(ACCOUNTS, [tenant, players[:1], "held"]).fetchall() * 2
            of = [ids.derived(AT, "twice", str(n)) for n in range(2)]
            words: list[Any] = [[tenant] * 2, [AT] * 2, of, ["stake_hold"] * 2, [0, 0]]
            words += [[one[0] for one in cash], [one[0] for one in held], [5, 7], ["EUR"] * 2]
            words += [[one[n] for one in row] for row in (cash, held) for n in (1, 2)]
            with pytest.raises(errors.UniqueViolation, match="entry_of_player"):
                conn.execute(WRITE, [*words, [1, 2], True])

    asyncio.run(story())
