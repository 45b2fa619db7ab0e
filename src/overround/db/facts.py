"""What is asked of a server itself: settings, logins, connections, replicas, archiving."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from psycopg import AsyncConnection
    from psycopg.rows import TupleRow

NAMES: Final = (
    "server_version",
    "fsync",
    "synchronous_commit",
    "full_page_writes",
    "data_checksums",
    "max_connections",
    "max_locks_per_transaction",
    "shared_buffers",
    "port",
    "listen_addresses",
)

# The settings a person asks for first; missing_ok, for servers that lack or hide one.
SETTINGS: Final = "SELECT name, current_setting(name, true) FROM unnest(%s::text[]) AS name"

# Every login of ours with the rights that matter to row security.
LOGINS: Final = """
SELECT rolname, rolcanlogin, rolsuper, rolbypassrls, rolcreatedb, rolcreaterole
FROM pg_roles
WHERE rolname LIKE 'overround\\_%'
ORDER BY rolname
"""

# Who is connected beside the server's own workers, and how many may be; whether it is a replica;
# when its log was archived last, and how often that failed.
SERVER: Final = """
SELECT (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend') AS connections,
       current_setting('max_connections')::integer AS connections_max,
       pg_is_in_recovery() AS is_replica,
       a.last_archived_time AS archived_at, a.failed_count AS archive_failures
FROM pg_stat_archiver a"""

# The standbys. A login that may not see them sees that they are there; the worker may
# (`logins.ensure`). The lag is of what was replayed last: where nothing is replayed it stands
# still, and the bytes grow (test: a replica that stands still is named).
REPLICAS: Final = """
SELECT coalesce(application_name, 'standby') AS name, coalesce(state, 'hidden') AS state,
       coalesce(sync_state, 'hidden') AS sync,
       (extract(epoch FROM replay_lag) * 1000)::bigint AS behind_ms,
       pg_wal_lsn_diff(CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn()
                            ELSE pg_current_wal_lsn() END, replay_lsn)::bigint AS behind_bytes
FROM pg_stat_replication ORDER BY 1"""

# Rows that were ever inserted, as the server counts them for itself: nobody counts rows for it.
INSERTED: Final = """
SELECT relname, n_tup_ins FROM pg_stat_user_tables
WHERE relname IN ('bet', 'leg', 'transfer', 'entry', 'payment', 'price', 'edge', 'offer', 'audit')
ORDER BY relname"""


async def server(conn: AsyncConnection[TupleRow]) -> dict[str, Any]:
    """Connections, replication and archiving, as one object."""
    row = await (await conn.execute(SERVER)).fetchone()
    assert row is not None
    names = ("connections", "connections_max", "is_replica", "archived_at", "archive_failures")
    return dict(zip(names, row, strict=True))


async def replicas(
    conn: AsyncConnection[TupleRow],
) -> list[tuple[str, str, str, int | None, int | None]]:
    """Name, state, kind of synchrony and lag, in ms and in bytes, of each standby."""
    return await (await conn.execute(REPLICAS)).fetchall()


async def inserted(conn: AsyncConnection[TupleRow]) -> dict[str, int]:
    """By table, how many rows were inserted since the server began to count."""
    return dict(await (await conn.execute(INSERTED)).fetchall())


async def settings(conn: AsyncConnection[TupleRow]) -> dict[str, str | None]:
    """The settings by name; None for one that this server does not have."""
    rows = await (await conn.execute(SETTINGS, (list(NAMES),))).fetchall()
    return dict(rows)


async def logins(conn: AsyncConnection[TupleRow]) -> dict[str, list[str]]:
    """Our logins and the rights they have, as PostgreSQL spells them."""
    rows = await (await conn.execute(LOGINS)).fetchall()
    words = ("LOGIN", "SUPERUSER", "BYPASSRLS", "CREATEDB", "CREATEROLE")
    return {
        name: [word for word, has in zip(words, rights, strict=True) if has]
        for name, *rights in rows
    }
