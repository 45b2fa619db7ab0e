"""Whether a connection keeps statements in the server: decided here for every one that is made.

A statement that is prepared once saves its planning ever after, in the server that works for this
connection. A pooler in transaction mode lends that server to the next client, whose statement of
the same name would be ours. So nobody prepares behind one: whoever would gain by it asks the
connection itself whether the server that it was introduced to is the one that works for it
(test: behind a pooler nothing is prepared, whatever was hoped for).
"""

from __future__ import annotations

from typing import Any, Final, Literal

import psycopg
from psycopg.rows import TupleRow

# A number of uses, "direct" for a few where no pooler stands between, None for never.
Prepare = int | Literal["direct"] | None

# What "direct" means: statements that are asked once, as a command's are, are not worth it.
DIRECT_THRESHOLD: Final = 3

# The server's own number for the process that works for us now.
_WORKER = "SELECT pg_backend_pid()"


async def connect(
    url: str, *, prepares: bool, timeout_s: int = 2
) -> psycopg.AsyncConnection[TupleRow]:
    """A connection of its own, which commits each statement by itself.

    With `prepares` a statement is prepared at its first use, unless a pooler stands between.
    Raises what psycopg raises.
    """
    conn = await psycopg.AsyncConnection.connect(
        url, autocommit=True, prepare_threshold=None, connect_timeout=timeout_s
    )
    try:
        if prepares and not await is_pooled(conn):
            conn.prepare_threshold = 0
    except BaseException:
        await conn.close()
        raise
    return conn


async def where_direct(conn: psycopg.AsyncConnection[Any]) -> None:
    """Let a pool's new connection prepare if no pooler stands between."""
    conn.prepare_threshold = None if await is_pooled(conn) else DIRECT_THRESHOLD
    await conn.rollback()


async def is_pooled(conn: psycopg.AsyncConnection[Any]) -> bool:
    """Whether whoever answers is not the server that works for us.

    A pooler gives each client a key of its own making to cancel by, and with it a number that is no
    server's process.
    """
    row = await (await conn.execute(_WORKER)).fetchone()
    return row is None or conn.pgconn.backend_pid != row[0]
