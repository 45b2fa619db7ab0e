"""Leases: one holder per name, fenced by a token.

The holder renews on the database's clock; every transaction that writes for the lease calls
`guard` first, so a holder that was stopped past its lease finds itself refused and writes nothing.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from uuid import UUID

import psycopg

from overround.core.errors import Unavailable
from overround.db.pools import Connection, Database

TTL_S = 6
_RENEW_EVERY_S = 2.0

# Take a free or expired lease; a live one is left alone.
_TAKE = """
INSERT INTO lease AS l (name, token, holder, expires_at)
VALUES (%(name)s, %(token)s, %(holder)s, clock_timestamp() + make_interval(secs => %(ttl)s))
ON CONFLICT (name) DO UPDATE
SET token = EXCLUDED.token, holder = EXCLUDED.holder, expires_at = EXCLUDED.expires_at
WHERE l.expires_at < clock_timestamp()
RETURNING token"""

# Who holds it, and how long a new holder would have to wait if it is not renewed.
_HELD_BY = "SELECT holder, expires_at FROM lease WHERE name = %s"

# Only the holder of the token prolongs it. A lease that ran out is still ours while nobody took it:
# a step that guarded it for longer than the lease lasts has kept everybody out.
_RENEW = """
UPDATE lease SET expires_at = clock_timestamp() + make_interval(secs => %(ttl)s)
WHERE name = %(name)s AND token = %(token)s
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


async def take(db: Database, name: str, holder: str) -> Lease:
    """Take the lease, waiting out a holder that died without giving it back.

    Raises Unavailable when the holder renews: it is alive.
    """
    token = UUID(bytes=secrets.token_bytes(16))
    first_expiry: object = None
    for _ in range(int((TTL_S + 2) / 0.25)):
        async with db.transaction(None) as conn:
            given = await (
                await conn.execute(
                    _TAKE, {"name": name, "token": token, "holder": holder, "ttl": TTL_S}
                )
            ).fetchone()
            if given is not None:
                return Lease(name, token)
            held = await (await conn.execute(_HELD_BY, [name])).fetchone()
        if held is not None:
            if first_expiry is not None and held[1] != first_expiry:
                raise Unavailable(f"the {name} lease is held by {held[0]}")
            first_expiry = held[1]
        await asyncio.sleep(0.25)
    raise Unavailable(f"the {name} lease is held")


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
