"""The SQL of users. Every query names the tenant, although row security would hide the others."""

from __future__ import annotations

import sys
from datetime import datetime
from uuid import UUID

from psycopg.rows import class_row

from overround.db import Connection
from overround.kit.paging import Cursor
from overround.people.users.model import User, UserKind, UserStatus

# The account of an id.
_BY_ID = """
SELECT tenant_id, id, kind, email, display_name, status, scopes, last_login_at, created_at
FROM users WHERE tenant_id = %s AND id = %s"""

# The account of an address, compared as it is stored (lower case).
_BY_EMAIL = """
SELECT tenant_id, id, kind, email, display_name, status, scopes, last_login_at, created_at
FROM users WHERE tenant_id = %s AND email = %s"""

# Read alone and only by a log-in, so that no other query carries a hash about.
_HASH = "SELECT password_hash FROM users WHERE tenant_id = %s AND id = %s"

# Newest first by keyset; the nil cursor is the first page.
_LISTING = """
SELECT tenant_id, id, kind, email, display_name, status, scopes, last_login_at, created_at
FROM users
WHERE tenant_id = %(tenant_id)s AND (%(kind)s::text IS NULL OR kind = %(kind)s)
  AND (%(at)s::timestamptz IS NULL OR (created_at, id) < (%(at)s, %(id)s::uuid))
ORDER BY created_at DESC, id DESC LIMIT %(limit)s"""

# Players whose name or address begins with a text, the nearest first: who is called just so stands
# at the head of his range. Each range is read from an index, and no more of it than is shown;
# compared byte by byte, so that the end of the range is a text that no name reaches.
_NAMED = """
(SELECT tenant_id, id, kind, email, display_name, status, scopes, last_login_at, created_at
 FROM users
 WHERE tenant_id = %(tenant_id)s AND kind = 'player'
   AND email ~>=~ %(begins)s AND email ~<~ %(ends)s
 ORDER BY email USING ~<~ LIMIT %(limit)s)
UNION
(SELECT tenant_id, id, kind, email, display_name, status, scopes, last_login_at, created_at
 FROM users
 WHERE tenant_id = %(tenant_id)s AND kind = 'player'
   AND name_lower ~>=~ %(begins)s AND name_lower ~<~ %(ends)s
 ORDER BY name_lower USING ~<~ LIMIT %(limit)s)"""

# A taken address inserts nothing, which the caller reads as the refusal. Kind and scopes are left
# to their defaults: the api's login has no right to name them.
_INSERT_PLAYER = """
INSERT INTO users (tenant_id, id, email, display_name, password_hash, created_at)
VALUES (%s, %s, %s, %s, %s, %s) ON CONFLICT (tenant_id, email) DO NOTHING"""

# Staff are made by the worker login alone.
_INSERT_STAFF = """
INSERT INTO users (tenant_id, id, kind, email, display_name, password_hash, scopes, created_at)
VALUES (%s, %s, 'staff', %s, %s, %s, %s, %s) ON CONFLICT (tenant_id, email) DO NOTHING"""

# Enable or disable; the session look-up joins this column.
_SET_STATUS = "UPDATE users SET status = %s WHERE tenant_id = %s AND id = %s"

# A good log-in, with the hash made anew where its cost had become too low.
_RECORD_LOGIN = """
UPDATE users SET last_login_at = %(at)s,
       password_hash = coalesce(%(password_hash)s, password_hash)
WHERE tenant_id = %(tenant_id)s AND id = %(id)s"""

# A player's accounts, in the tenant's currency.
_OPEN_WALLET = "SELECT player_open_v1(%s, %s, %s)"


async def by_id(conn: Connection, tenant_id: UUID, user_id: UUID) -> User | None:
    """The user of that id."""
    async with conn.cursor(row_factory=class_row(User)) as cur:
        return await (await cur.execute(_BY_ID, [tenant_id, user_id])).fetchone()


async def by_email(conn: Connection, tenant_id: UUID, email: str) -> User | None:
    """The user of that lower-case address."""
    async with conn.cursor(row_factory=class_row(User)) as cur:
        return await (await cur.execute(_BY_EMAIL, [tenant_id, email])).fetchone()


async def password_hash(conn: Connection, tenant_id: UUID, user_id: UUID) -> str | None:
    """The stored hash; None for a user who cannot log in by password."""
    row = await (await conn.execute(_HASH, [tenant_id, user_id])).fetchone()
    return row[0] if row else None


async def listing(
    conn: Connection, tenant_id: UUID, kind: UserKind | None, limit: int, after: Cursor | None
) -> list[User]:
    """Up to `limit` users, newest first, below the cursor."""
    async with conn.cursor(row_factory=class_row(User)) as cur:
        await cur.execute(
            _LISTING,
            {
                "tenant_id": tenant_id,
                "kind": kind,
                "at": after.at if after else None,
                "id": after.id if after else None,
                "limit": limit,
            },
        )
        return await cur.fetchall()


async def named(conn: Connection, tenant_id: UUID, text: str, limit: int) -> list[User]:
    """Up to `limit` players whose name or address begins with the text, in lower case; who is
    called just so first."""
    words = {"begins": text, "ends": text + chr(sys.maxunicode), "limit": limit}
    async with conn.cursor(row_factory=class_row(User)) as cur:
        await cur.execute(_NAMED, {"tenant_id": tenant_id, **words})
        found = await cur.fetchall()

    def place(one: User) -> tuple[bool, bool, str, str]:
        name = one.display_name.lower()
        return one.email != text, name != text, name, str(one.id)

    return sorted(found, key=place)[:limit]


async def insert_player(
    conn: Connection,
    tenant_id: UUID,
    user_id: UUID,
    email: str,
    display_name: str,
    password_hash: str | None,
    at: datetime,
) -> bool:
    """Whether the player was inserted: False when the address is taken."""
    values = [tenant_id, user_id, email, display_name, password_hash, at]
    return (await conn.execute(_INSERT_PLAYER, values)).rowcount == 1


async def open_wallet(conn: Connection, tenant_id: UUID, user_id: UUID, at: datetime) -> None:
    """Open a player's cash, held and withdrawing accounts; again changes nothing."""
    await conn.execute(_OPEN_WALLET, [tenant_id, user_id, at])


async def insert_staff(
    conn: Connection,
    tenant_id: UUID,
    user_id: UUID,
    email: str,
    display_name: str,
    password_hash: str,
    scopes: list[str],
    at: datetime,
) -> bool:
    """Whether the member of staff was inserted: False when the address is taken."""
    values = [tenant_id, user_id, email, display_name, password_hash, scopes, at]
    return (await conn.execute(_INSERT_STAFF, values)).rowcount == 1


async def set_status(conn: Connection, tenant_id: UUID, user_id: UUID, status: UserStatus) -> None:
    """Write the status."""
    await conn.execute(_SET_STATUS, [status, tenant_id, user_id])


async def record_login(
    conn: Connection, tenant_id: UUID, user_id: UUID, password_hash: str | None, at: datetime
) -> None:
    """Write the time of a log-in, and a new hash when there is one."""
    await conn.execute(
        _RECORD_LOGIN,
        {"at": at, "password_hash": password_hash, "tenant_id": tenant_id, "id": user_id},
    )
