"""A player's money has one lock, the row of his cash, whichever of his accounts is moved."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from pathlib import Path

import psycopg
import pytest
from psycopg import errors
from psycopg.conninfo import conninfo_to_dict

from overround.core import ids
from overround.db.logins import Role
from overround.roles.attach import Endpoints
from tests.stories.world import AT, opened
from tests.support.gates import statements

SCHEMA = Path(__file__).parents[2] / "src" / "overround" / "db" / "schema"

LOCK = """
SELECT 1 FROM account WHERE tenant_id = %s AND owner_id = %s AND kind = 'cash'
FOR NO KEY UPDATE"""

# A withdrawal is paid: the cash itself is not moved.
PAY = """
SELECT ledger_post_v1(w.tenant_id, ARRAY[%s::timestamptz], ARRAY[%s::uuid],
    ARRAY['withdrawal_pay'], ARRAY[0], ARRAY[w.id], ARRAY[b.id], ARRAY[5::bigint])
FROM account w JOIN account b ON b.tenant_id = w.tenant_id AND b.kind = 'bank'
WHERE w.owner_id = %s AND w.kind = 'withdrawing'"""


def locks(sql: str) -> list[str]:
    """The statements that lock rows of accounts."""
    bare = re.sub(r"--[^\n]*", "", sql)
    found = [one for one in statements(bare.replace("$$", ";")) if "FOR NO KEY UPDATE" in one]
    return [one for one in found if re.search(r"\b(FROM|JOIN) account\b", one)]


def test_no_account_but_cash_is_ever_locked() -> None:
    found = [one for file in sorted(SCHEMA.glob("*.sql")) for one in locks(file.read_text("utf-8"))]
    assert len(found) == 7
    assert [one for one in found if not re.search(r"\bkind = 'cash'", one)] == []
    of_held = "PERFORM 1 FROM account a WHERE a.kind = 'held' FOR NO KEY UPDATE;"
    assert locks(f"AS $$ BEGIN {of_held} END $$") != []


def test_whatever_moves_money_of_a_player_waits_for_his_cash(
    endpoints: Endpoints, database_urls: Mapping[Role, str]
) -> None:
    async def story() -> None:
        async with opened(database_urls) as world:
            tenant = (await world.tenant("acme")).id
            await world.player("ann", "acme", 100)
            await world.player("bob", "acme", 100)
            ann, bob = (world.players["acme", name] for name in ("ann", "bob"))
        url = endpoints.superuser_url(str(conninfo_to_dict(database_urls["owner"])["dbname"]))
        with psycopg.connect(url) as one, psycopg.connect(url, autocommit=True) as other:
            assert one.execute(LOCK, [tenant, ann]).fetchall() == [(1,)]
            other.execute("SET lock_timeout = '100ms'")
            with pytest.raises(errors.LockNotAvailable):
                other.execute(PAY, [AT, ids.derived(AT, "pay", "ann"), ann])
            # Whose cash nobody holds is refused for what he has, not made to wait.
            with pytest.raises(errors.CheckViolation, match="_floor"):
                other.execute(PAY, [AT, ids.derived(AT, "pay", "bob"), bob])
            one.rollback()
            with pytest.raises(errors.CheckViolation, match="_floor"):
                other.execute(PAY, [AT, ids.derived(AT, "pay", "ann"), ann])

    asyncio.run(story())
