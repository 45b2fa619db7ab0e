"""A burglar: tries another tenant's rows on every table by every verb, and tells where he got in.

Each try stands in its own savepoint. What may come of it: no privilege, a row that row security
refuses, or no row. Anything else is a leak, told by table and verb.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import psycopg
from psycopg import errors, sql
from psycopg.rows import TupleRow
from psycopg.types.json import Jsonb

Plain = psycopg.Connection[TupleRow]

_TENANT_TABLES: Final = """
SELECT c.relname::text FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
  AND a.attname = 'tenant_id' AND NOT a.attisdropped ORDER BY 1"""

_COLUMNS: Final = """
SELECT a.attname::text FROM pg_attribute a
WHERE a.attrelid = %s::regclass AND a.attnum > 0 AND NOT a.attisdropped AND a.attidentity = ''
  AND a.attgenerated = ''
  AND has_column_privilege(a.attrelid, a.attnum, %s) ORDER BY a.attnum"""


# What players of each tenant leave behind who cash out, have a free bet and wait.
PLAYED: Final = (
    (
        "INSERT INTO cash_out SELECT DISTINCT ON (tenant_id)"
        " tenant_id, id, id, user_id, 1, 1, 1, 1, 0, false, placed_at FROM bet"
    ),
    (
        "INSERT INTO cash_out_order SELECT DISTINCT ON (tenant_id)"
        " tenant_id, id, user_id, 1, 'waiting', placed_at FROM bet"
    ),
    (
        "INSERT INTO cash_out_request SELECT DISTINCT ON (tenant_id) tenant_id, id, user_id, id,"
        " 'k', sha256('k'), 10000, 1, '', 'any', 0, placed_at, placed_at, '[]', NULL FROM bet"
    ),
    "INSERT INTO cash_out_terms SELECT id, true, 0, 2, 0, 10 FROM tenant",
    (
        "INSERT INTO free_bet (tenant_id, id, user_id, amount_minor, currency, stake_returned,"
        " expires_at, state, reason, granted_by, key, body_sha256, granted_at)"
        " SELECT tenant_id, id, id, 1, 'EUR', false, created_at, 'granted', 'why', id, 'k',"
        " sha256('k'), created_at FROM users WHERE kind = 'player'"
    ),
    "INSERT INTO bet_in_play SELECT DISTINCT ON (tenant_id) tenant_id, id, 1, '', '{}' FROM bet",
    "INSERT INTO offer_in_play SELECT id, 'football', 5000, 15000, true FROM tenant",
    "INSERT INTO risk_wait SELECT id, 'house', 'house', 1, NULL FROM tenant",
    (
        "INSERT INTO slip (tenant_id, id, user_id, key, asked, stake_minor, win_minor, why, state,"
        " entered_at, due_at, expires_at) SELECT tenant_id, id, id, 'k', '{}', 1, 1, 'asked',"
        " 'waiting', created_at, created_at, created_at FROM users WHERE kind = 'player'"
    ),
)


@dataclass(frozen=True, slots=True)
class Target:
    """One table, a row of the other tenant in it as JSON, and the rows that each tenant has."""

    table: str
    their_row: dict[str, Any]
    ours: int
    theirs: int


def tenant_tables(conn: Plain) -> list[str]:
    """Every table with a tenant_id."""
    return [name for (name,) in conn.execute(_TENANT_TABLES).fetchall()]


def targets(superuser: Plain, us: UUID, them: UUID) -> list[Target]:
    """What there is to steal; fails on a table where one of the two has no row."""
    found: list[Target] = []
    for table in tenant_tables(superuser):
        name = sql.Identifier(table)
        rows = sql.SQL("SELECT to_jsonb(t) FROM {} t WHERE tenant_id = %s")
        counts = sql.SQL("SELECT count(*) FROM {} WHERE tenant_id = %s")
        row = superuser.execute(rows.format(name), [them]).fetchone()
        ours, theirs = (
            superuser.execute(counts.format(name), [tenant]).fetchall()[0][0]
            for tenant in (us, them)
        )
        assert row is not None, f"the other tenant has no row in {table}"
        assert ours, f"we have no row in {table}"
        found.append(Target(table, row[0], ours, theirs))
    return found


def leaks(conn: Plain, found: list[Target], us: UUID, them: UUID) -> list[str]:
    """Where a login in a transaction of ours reaches what is theirs; empty when nowhere."""
    told: list[str] = []
    for target in found:
        with _transaction(conn, str(us)):
            told += _reads(conn, target, them)
            told += _writes(conn, target, us, them)
        for nobody in ("", None):
            with _transaction(conn, nobody):
                if _count(conn, target.table, None):
                    told.append(f"{target.table}: seen without a tenant")
    return told


@contextmanager
def _transaction(conn: Plain, tenant: str | None) -> Generator[None]:
    """A transaction for the tenant (None: never set) that is rolled back whatever happens."""
    with conn.transaction(force_rollback=True):
        if tenant is not None:
            conn.execute("SELECT set_config('overround.tenant_id', %s, true)", [tenant])
        yield


def _count(conn: Plain, table: str, tenant: UUID | None) -> int:
    """The rows the login sees, of one tenant or all; none where it may not look."""
    query = sql.SQL("SELECT count(*) FROM {} WHERE %s::uuid IS NULL OR tenant_id = %s")
    try:
        with conn.transaction():
            return conn.execute(query.format(sql.Identifier(table)), [tenant, tenant]).fetchall()[
                0
            ][0]
    except errors.InsufficientPrivilege:
        return 0


def _reads(conn: Plain, target: Target, them: UUID) -> Iterator[str]:
    if _count(conn, target.table, them):
        yield f"{target.table}: their rows are seen"
    if _count(conn, target.table, None) not in (0, target.ours):
        yield f"{target.table}: more than our rows are seen"


def _writes(conn: Plain, target: Target, us: UUID, them: UUID) -> Iterator[str]:
    table = sql.Identifier(target.table)
    insertable = [sql.Identifier(name) for name in _columns(conn, target.table, "INSERT")]
    updatable = [sql.Identifier(name) for name in _columns(conn, target.table, "UPDATE")]
    if insertable:
        names = sql.SQL(", ").join(insertable)
        insert = sql.SQL(
            "INSERT INTO {0} ({1}) SELECT {1} FROM jsonb_populate_record(NULL::{0}, %s)"
        )
        if _happens(conn, insert.format(table, names), [Jsonb(target.their_row)]):
            yield f"{target.table}: a row of theirs is inserted"
    for column in updatable[:1]:
        touch = sql.SQL("UPDATE {0} SET {1} = {1} WHERE tenant_id = %s").format(table, column)
        if _happens(conn, touch, [them]):
            yield f"{target.table}: their rows are updated"
    give = sql.SQL("UPDATE {} SET tenant_id = %s WHERE tenant_id = %s").format(table)
    if _happens(conn, give, [them, us]):
        yield f"{target.table}: our row is given to them"
    delete = sql.SQL("DELETE FROM {} WHERE tenant_id = %s").format(table)
    if _happens(conn, delete, [them]):
        yield f"{target.table}: their rows are deleted"


def _columns(conn: Plain, table: str, privilege: str) -> list[str]:
    return [name for (name,) in conn.execute(_COLUMNS, [table, privilege]).fetchall()]


def _happens(conn: Plain, statement: sql.Composed, values: list[Any]) -> bool:
    """Whether the statement got past privileges and row security."""
    try:
        with conn.transaction(force_rollback=True):
            return conn.execute(statement, values).rowcount > 0
    except errors.InsufficientPrivilege:
        return False
    except errors.IntegrityError:
        # It reached the table: a unique or foreign key stopped it, not the tenant's wall.
        return True
