"""Leases: one holder per name, fenced by a token.

The holder renews on the database's clock; every transaction that writes for the lease calls
`guard` first, so a holder that was stopped past its lease finds itself refused and writes nothing.
A holder also says which process it is, so that on one machine a successor need not wait for the
clock: it asks the kernel whether that process has ended (test: a killed holder is replaced at
once). The token fences all the same.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import LiteralString
from uuid import UUID

import psycopg

from overround.core.errors import Unavailable
from overround.db import holders
from overround.db.pools import Connection, Database

# A holder on another machine is replaced within five seconds of its death.
TTL_S = 4
_RENEW_EVERY_S = 1.0
_POLL_S = 0.25

# Take a free or expired lease; a live one is left alone.
_TAKE = """
INSERT INTO lease AS l (name, token, holder, expires_at)
VALUES (%(name)s, %(token)s, %(holder)s, clock_timestamp() + make_interval(secs => %(ttl)s))
ON CONFLICT (name) DO UPDATE
SET token = EXCLUDED.token, holder = EXCLUDED.holder, expires_at = EXCLUDED.expires_at
WHERE l.expires_at < clock_timestamp()
RETURNING token"""

# Who holds it, by which token, and how long a new holder would have to wait without a renewal.
_HELD_BY = "SELECT holder, token, expires_at FROM lease WHERE name = %s"

# Who holds it and renews it.
_HOLDER_NOW = "SELECT holder FROM lease WHERE name = %s AND expires_at > clock_timestamp()"

# Take it from a holder that is known to have ended, unless somebody was quicker.
_SUCCEED = """
UPDATE lease SET token = %(token)s, holder = %(holder)s,
    expires_at = clock_timestamp() + make_interval(secs => %(ttl)s)
WHERE name = %(name)s AND token = %(ended)s
RETURNING token"""

# Only the holder of the token prolongs it. A lease that ran out is still ours while nobody took it:
# a step that guarded it for longer than the lease lasts has kept everybody out. Whoever guards it
# waits for this, so it does not wait for the disk: a renewal that the power took is made again.
_RENEW = """
WITH quick AS MATERIALIZED (SELECT set_config('synchronous_commit', 'off', true))
UPDATE lease SET expires_at = clock_timestamp() + make_interval(secs => %(ttl)s)
FROM quick WHERE name = %(name)s AND token = %(token)s
RETURNING token"""

# Give it back, so that the next holder need not wait.
_RELEASE = "DELETE FROM lease WHERE name = %s AND token = %s"

# The share lock keeps another holder from taking over until this transaction ends, so the token
# alone says whose it is.
_GUARD = "SELECT 1 FROM lease WHERE name = %s AND token = %s FOR SHARE"


@dataclass(frozen=True, slots=True)
class Lease:
    """A lease that was taken: prove it with `guard` in each writing transaction."""

    name: str
    token: UUID

    async def guard(self, conn: Connection) -> None:
        """Raises Unavailable when the lease is not ours now (test: a stalled holder is fenced)."""
        row = await (await conn.execute(_GUARD, [self.name, self.token])).fetchone()
        if row is None:
            raise Unavailable(f"the lease {self.name} was lost")


async def take(db: Database, name: str, holder: str, ttl_s: int | None = None) -> Lease:
    """Take the lease: at once from nobody or from a process of this machine that has ended, else
    after waiting out a holder that does not renew. It lasts `ttl_s` (by default `TTL_S`) unless it
    is renewed, and so long a holder is waited out.

    Raises Unavailable when the holder renews: it is alive.
    """
    token = UUID(bytes=secrets.token_bytes(16))
    ttl_s = TTL_S if ttl_s is None else ttl_s
    asked: dict[str, object] = {
        "name": name,
        "token": token,
        "holder": holders.signed(holder),
        "ttl": ttl_s,
    }
    first_expiry: object = None
    for _ in range(int((ttl_s + 2) / _POLL_S)):
        async with db.transaction(None) as conn:
            if await _was_given(conn, _TAKE, asked):
                return Lease(name, token)
            held = await (await conn.execute(_HELD_BY, [name])).fetchone()
            if held is not None and holders.has_ended(held[0]):
                if await _was_given(conn, _SUCCEED, {**asked, "ended": held[1]}):
                    return Lease(name, token)
                continue
        if held is not None:
            if first_expiry is not None and held[2] != first_expiry:
                raise Unavailable(f"the {name} lease is held by {held[0]}")
            first_expiry = held[2]
        await asyncio.sleep(_POLL_S)
    raise Unavailable(f"the {name} lease is held")


async def holder_of(conn: Connection, name: str) -> str | None:
    """The name of who holds the lease now; None when nobody does, or its holder has ended."""
    held = await (await conn.execute(_HOLDER_NOW, [name])).fetchone()
    if held is None or holders.has_ended(held[0]):
        return None
    return holders.name_of(held[0])


async def _was_given(conn: Connection, statement: LiteralString, asked: dict[str, object]) -> bool:
    return await (await conn.execute(statement, asked)).fetchone() is not None


async def keep(db: Database, lease: Lease) -> None:
    """Renew until cancelled; returns when the lease was lost.

    A database that is away is tried again: the lease is lost only when somebody could take it.
    """
    while True:
        await asyncio.sleep(_RENEW_EVERY_S)
        try:
            async with db.transaction(None) as conn:
                row = await (
                    await conn.execute(
                        _RENEW, {"name": lease.name, "token": lease.token, "ttl": TTL_S}
                    )
                ).fetchone()
        except (psycopg.OperationalError, Unavailable):
            continue
        if row is None:
            return


@asynccontextmanager
async def held(db: Database, name: str, holder: str) -> AsyncGenerator[Lease]:
    """The lease for the length of the block: taken, renewed beside the work, given back.

    Raises Unavailable while a living holder has it. A database that is away at the end keeps the
    lease until it runs out.
    """
    lease = await take(db, name, holder)
    keeper = asyncio.create_task(keep(db, lease))
    try:
        yield lease
    finally:
        keeper.cancel()
        with suppress(psycopg.OperationalError, Unavailable):
            await release(db, lease)


async def release(db: Database, lease: Lease) -> None:
    """Give the lease back."""
    async with db.transaction(None) as conn:
        await conn.execute(_RELEASE, [lease.name, lease.token])
