"""The keys of scrapers: made and revoked on the command line, looked up by the hub.

A token is shown once and kept as its SHA-256 alone; it is random enough that a slow hash would
protect nothing more. Revoking is for good: a new key has a new name.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from psycopg.rows import class_row

from overround.core import ids
from overround.core.errors import Conflict, Invalid, NotFound
from overround.db.pools import Connection

# So that a token that leaked is known for what it is.
_BEGINS: Final = "ovw_"
_TOKEN_BYTES: Final = 32
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,79}")
_SITE: Final = re.compile(r"[a-z][a-z0-9_]{0,39}")

# A name that is taken adds nothing, whether its key is revoked or not.
_ADD = """
INSERT INTO worker_key (id, name, site, token_sha256, created_at) VALUES (%s, %s, %s, %s, %s)
ON CONFLICT ON CONSTRAINT worker_key_name_once DO NOTHING"""

# All there ever were, for a person.
_ALL = "SELECT id, name, site, created_at, revoked_at FROM worker_key ORDER BY name"

# What the hub lets in now, by the hash that it makes of what it is shown.
_VALID = "SELECT token_sha256, id, name, site FROM worker_key WHERE revoked_at IS NULL"

# Once; a second time finds nothing.
_REVOKE = """
UPDATE worker_key SET revoked_at = %s WHERE name = %s AND revoked_at IS NULL
RETURNING id, name, site, created_at, revoked_at"""


@dataclass(frozen=True, slots=True)
class WorkerKey:
    """A key as people see it."""

    id: UUID
    name: str
    site: str
    created_at: datetime
    revoked_at: datetime | None = None


def hashed(token: str) -> bytes:
    """What is kept of a token."""
    return hashlib.sha256(token.encode()).digest()


async def add(conn: Connection, name: str, site: str, at: datetime) -> tuple[WorkerKey, str]:
    """A new key for a site, and its token, which nobody can read again.

    Raises Invalid `key_name_invalid`, `site_invalid`, and Conflict `key_name_taken`.
    """
    if _NAME.fullmatch(name) is None:
        raise Invalid("a name has 1 to 80 of A-Z a-z 0-9 _ . -", code="key_name_invalid")
    if _SITE.fullmatch(site) is None:
        raise Invalid("a site is a lower case word of at most 40 characters", code="site_invalid")
    token = _BEGINS + secrets.token_urlsafe(_TOKEN_BYTES)
    key = WorkerKey(ids.new(at), name, site, at)
    cursor = await conn.execute(_ADD, [key.id, name, site, hashed(token), at])
    if not cursor.rowcount:
        raise Conflict("there was a key of this name; take another", code="key_name_taken")
    return key, token


async def everyone(conn: Connection) -> list[WorkerKey]:
    """Every key, the revoked ones too, by name."""
    async with conn.cursor(row_factory=class_row(WorkerKey)) as cursor:
        await cursor.execute(_ALL)
        return await cursor.fetchall()


async def valid(conn: Connection) -> dict[bytes, tuple[UUID, str, str]]:
    """Hash of the token -> (id, name, site) of the keys that are not revoked."""
    cursor = await conn.execute(_VALID)
    return {bytes(row[0]): (row[1], row[2], row[3]) for row in await cursor.fetchall()}


async def revoke(conn: Connection, name: str, at: datetime) -> WorkerKey:
    """End a key; the hub closes its connections within seconds.

    Raises NotFound when no key of that name is valid.
    """
    async with conn.cursor(row_factory=class_row(WorkerKey)) as cursor:
        await cursor.execute(_REVOKE, [at, name])
        key = await cursor.fetchone()
    if key is None:
        raise NotFound("there is no such key")
    return key
