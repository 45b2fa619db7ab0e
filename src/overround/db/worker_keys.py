"""The keys of scrapers and of the platform's people: made and revoked on the command line, looked
up by the hub.

A token is shown once and kept as its SHA-256 alone; it is random enough that a slow hash would
protect nothing more. Revoking is for good: a new key has a new name.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal
from uuid import UUID

from psycopg.rows import class_row

from overround.core import ids
from overround.core.errors import Conflict, Invalid, NotFound
from overround.db.pools import Connection

# So that a token that leaked is known for what it is.
_BEGINS: Final = {"worker": "ovw_", "platform": "ovp_"}
_TOKEN_BYTES: Final = 32
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,79}")
_SITE: Final = re.compile(r"[a-z][a-z0-9_]{0,39}")

# A name that is taken adds nothing, whether its key is revoked or not.
_ADD = """
INSERT INTO worker_key (id, kind, name, site, token_sha256, created_at)
VALUES (%s, %s, %s, %s, %s, %s)
ON CONFLICT ON CONSTRAINT worker_key_name_once DO NOTHING"""

# All there ever were of a kind, for a person.
_ALL = """
SELECT id, name, site, created_at, revoked_at FROM worker_key WHERE kind = %s ORDER BY name"""

# What the hub lets in now, by the hash that it makes of what it is shown.
_VALID = """
SELECT token_sha256, id, name, site FROM worker_key
WHERE kind = 'worker' AND revoked_at IS NULL"""

# Whose word it is that decides about a match; asked each time, so a revoked key ends at once.
_PERSON = """
SELECT name FROM worker_key
WHERE kind = 'platform' AND token_sha256 = %s AND revoked_at IS NULL"""

# Once; a second time finds nothing.
_REVOKE = """
UPDATE worker_key SET revoked_at = %s WHERE kind = %s AND name = %s AND revoked_at IS NULL
RETURNING id, name, site, created_at, revoked_at"""

Kind = Literal["worker", "platform"]


@dataclass(frozen=True, slots=True)
class WorkerKey:
    """A key as people see it; `site` is None where it is no scraper's."""

    id: UUID
    name: str
    site: str | None
    created_at: datetime
    revoked_at: datetime | None = None


def hashed(token: str) -> bytes:
    """What is kept of a token."""
    return hashlib.sha256(token.encode()).digest()


async def add(conn: Connection, name: str, site: str, at: datetime) -> tuple[WorkerKey, str]:
    """A new key for a site, and its token, which nobody can read again.

    Raises Invalid `key_name_invalid`, `site_invalid`, and Conflict `key_name_taken`.
    """
    if _SITE.fullmatch(site) is None:
        raise Invalid("a site is a lower case word of at most 40 characters", code="site_invalid")
    return await _add(conn, "worker", name, site, at)


async def add_person(conn: Connection, name: str, at: datetime) -> tuple[WorkerKey, str]:
    """A new key for one of the platform's people, and its token, which nobody can read again.

    Raises Invalid `key_name_invalid`, and Conflict `key_name_taken`.
    """
    return await _add(conn, "platform", name, None, at)


async def _add(
    conn: Connection, kind: Kind, name: str, site: str | None, at: datetime
) -> tuple[WorkerKey, str]:
    if _NAME.fullmatch(name) is None:
        raise Invalid("a name has 1 to 80 of A-Z a-z 0-9 _ . -", code="key_name_invalid")
    token = _BEGINS[kind] + secrets.token_urlsafe(_TOKEN_BYTES)
    key = WorkerKey(ids.new(at), name, site, at)
    cursor = await conn.execute(_ADD, [key.id, kind, name, site, hashed(token), at])
    if not cursor.rowcount:
        raise Conflict("there was a key of this name; take another", code="key_name_taken")
    return key, token


async def everyone(conn: Connection, kind: Kind = "worker") -> list[WorkerKey]:
    """Every key of a kind, the revoked ones too, by name."""
    async with conn.cursor(row_factory=class_row(WorkerKey)) as cursor:
        await cursor.execute(_ALL, [kind])
        return await cursor.fetchall()


async def person(conn: Connection, token: str) -> str | None:
    """The name of the platform's key that the token is of, if it is valid now."""
    row = await (await conn.execute(_PERSON, [hashed(token)])).fetchone()
    return None if row is None else row[0]


async def valid(conn: Connection) -> dict[bytes, tuple[UUID, str, str]]:
    """Hash of the token -> (id, name, site) of the keys that are not revoked."""
    cursor = await conn.execute(_VALID)
    return {bytes(row[0]): (row[1], row[2], row[3]) for row in await cursor.fetchall()}


async def revoke(conn: Connection, name: str, at: datetime, kind: Kind = "worker") -> WorkerKey:
    """End a key; the hub closes its connections within seconds.

    Raises NotFound when no key of that name is valid.
    """
    async with conn.cursor(row_factory=class_row(WorkerKey)) as cursor:
        await cursor.execute(_REVOKE, [at, kind, name])
        key = await cursor.fetchone()
    if key is None:
        raise NotFound("there is no such key")
    return key
