"""The start-up guard: a process does not serve on a database that does not protect it.

Row security binds neither a superuser, nor a login with BYPASSRLS, nor the owner of an unforced
table; and a server that does not wait for its disk loses acknowledged bets. Behind a pooler that
hands connections on between transactions, a client that prepares statements runs another's. Each of
these is one line in a configuration somewhere, so it is looked at when a process starts
(tests/servers/test_guard.py, tests/db/test_pooler.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from overround.core.errors import SettingsError
from overround.db import logins, prepared
from overround.db.logins import Role

if TYPE_CHECKING:
    from psycopg import AsyncConnection
    from psycopg.rows import TupleRow

VERSION_MIN: Final = 160_000


class UnsafeDatabase(SettingsError):
    """The database does not protect tenants or durability."""

    code = "unsafe_database"


@dataclass(frozen=True, slots=True)
class Facts:
    """What the guard looks at. `owned_tables` and `unforced_tables` name at most ten.

    `pooled`: whoever answers is not the server that works for us; `prepares`: this session would
    keep statements in a server.
    """

    login: str
    superuser: bool
    bypasses_row_security: bool
    owned_tables: tuple[str, ...]
    unforced_tables: tuple[str, ...]
    fsync: str
    synchronous_commit: str
    full_page_writes: str
    version: int
    pooled: bool = False
    prepares: bool = False


# The login itself, the roles whose rights it has (membership is how ownership and superuser are
# usually lent by accident), and the three settings as this session sees them.
FACTS: Final = """
SELECT
    current_user::text,
    bool_or(r.rolsuper),
    bool_or(r.rolbypassrls),
    current_setting('fsync'),
    current_setting('synchronous_commit'),
    current_setting('full_page_writes'),
    current_setting('server_version_num')::int
FROM pg_roles AS r
WHERE pg_has_role(current_user, r.oid, 'MEMBER')
"""

# Tables that this login owns or may become the owner of; it could drop their policies.
OWNED_TABLES: Final = """
SELECT c.oid::regclass::text
FROM pg_class AS c
JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p')
  AND n.nspname NOT IN ('pg_catalog', 'information_schema')
  AND n.nspname NOT LIKE 'pg\\_t%'
  AND pg_has_role(current_user, c.relowner, 'MEMBER')
ORDER BY 1
LIMIT 10
"""

# A table with a tenant_id holds rows of tenants; without FORCE its owner's functions see them all.
# Partitions are reached through their parent, and directly too, so they are looked at as well.
UNFORCED_TABLES: Final = """
SELECT c.oid::regclass::text
FROM pg_class AS c
JOIN pg_namespace AS n ON n.oid = c.relnamespace
JOIN pg_attribute AS a ON a.attrelid = c.oid
WHERE c.relkind IN ('r', 'p')
  AND n.nspname NOT IN ('pg_catalog', 'information_schema')
  AND n.nspname NOT LIKE 'pg\\_t%'
  AND a.attname = 'tenant_id'
  AND NOT a.attisdropped
  AND NOT (c.relrowsecurity AND c.relforcerowsecurity)
ORDER BY 1
LIMIT 10
"""


def refusals(facts: Facts, expected_login: str) -> list[str]:
    """Every reason not to start, in order of gravity; empty when there is none."""
    owner = expected_login == logins.login("owner")
    found: list[tuple[bool, str]] = [
        (
            facts.version < VERSION_MIN,
            f"PostgreSQL 16 or newer is needed, this is {facts.version // 10_000}",
        ),
        (
            facts.login != expected_login,
            f"the login is {facts.login}, this process runs as {expected_login}",
        ),
        (facts.superuser, f"{facts.login} is a superuser: row security does not bind it"),
        (
            facts.bypasses_row_security,
            f"{facts.login} has BYPASSRLS: row security does not bind it",
        ),
        (
            bool(facts.owned_tables) and not owner,
            f"{facts.login} owns tables and could drop their policies: "
            + ", ".join(facts.owned_tables),
        ),
        (
            bool(facts.unforced_tables),
            "tables with a tenant_id lack ENABLE and FORCE ROW LEVEL SECURITY: "
            + ", ".join(facts.unforced_tables),
        ),
        (facts.fsync != "on", f"fsync is {facts.fsync}: a power cut loses bets"),
        (
            facts.synchronous_commit in ("off", "local"),
            f"synchronous_commit is {facts.synchronous_commit}: a crash loses acknowledged bets",
        ),
        (
            facts.full_page_writes != "on",
            f"full_page_writes is {facts.full_page_writes}: a power cut tears pages",
        ),
        (
            facts.pooled and facts.prepares,
            "behind a pooler a prepared statement is another's: leave prepare_threshold empty",
        ),
    ]
    return [reason for holds, reason in found if holds]


async def look(conn: AsyncConnection[TupleRow]) -> Facts:
    """Read the facts of this session."""
    row = await (await conn.execute(FACTS)).fetchone()
    if row is None:  # pg_roles always holds the current user
        raise UnsafeDatabase("the login is not in pg_roles")
    is_pooled = await prepared.is_pooled(conn)
    owned = await (await conn.execute(OWNED_TABLES)).fetchall()
    unforced = await (await conn.execute(UNFORCED_TABLES)).fetchall()
    login, superuser, bypasses, fsync, synchronous_commit, full_page_writes, version = row
    return Facts(
        login=login,
        superuser=superuser,
        bypasses_row_security=bypasses,
        owned_tables=tuple(str(table) for (table,) in owned),
        unforced_tables=tuple(str(table) for (table,) in unforced),
        fsync=fsync,
        synchronous_commit=synchronous_commit,
        full_page_writes=full_page_writes,
        version=version,
        pooled=is_pooled,
        prepares=conn.prepare_threshold is not None,
    )


async def check(conn: AsyncConnection[TupleRow], expect_role: Role) -> None:
    """Refuse to start on an unsafe database. Raises UnsafeDatabase with every reason."""
    if reasons := refusals(await look(conn), logins.login(expect_role)):
        raise UnsafeDatabase("; ".join(reasons))


async def require_direct(conn: AsyncConnection[TupleRow]) -> None:
    """Refuse a pooler where a session's lock is taken. Raises UnsafeDatabase.

    In transaction mode the lock would stay with a server that the next client is given, and the
    next migration would wait for nobody (test: migrations do not go by way of a pooler).
    """
    if await prepared.is_pooled(conn):
        raise UnsafeDatabase(
            "migrations lock a session: let database.owner_url lead straight to the server"
        )
