"""What `doctor` asks a server: its settings, and what the logins may do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

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
