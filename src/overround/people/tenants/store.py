"""The SQL of tenants. Reads may run without a tenant; writes, all but the looks, need the worker
login."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from overround.db import Connection
from overround.people.tenants.model import Tenant, TenantStatus

# Found by host on every request: one row by its unique subdomain, whatever its status.
_BY_SUBDOMAIN = """
SELECT id, subdomain, name, contact_email, currency, time_zone, status, payout_rounding,
       stake_min_minor, payout_max_minor, fee_bps, margin_bps, book_id, settings, created_at
FROM tenant WHERE subdomain = %s"""

# Found by id where a principal is already known.
_BY_ID = """
SELECT id, subdomain, name, contact_email, currency, time_zone, status, payout_rounding,
       stake_min_minor, payout_max_minor, fee_bps, margin_bps, book_id, settings, created_at
FROM tenant WHERE id = %s"""

# Operators are few (hundreds), so the list is whole and in the order a person reads.
_EVERYONE = """
SELECT id, subdomain, name, contact_email, currency, time_zone, status, payout_rounding,
       stake_min_minor, payout_max_minor, fee_bps, margin_bps, book_id, settings, created_at
FROM tenant ORDER BY subdomain"""

# A transaction that looks at what waits in every house lists them all, as the acceptor does.
_SEE_ALL = """
SELECT set_config('overround.tenant_id', (SELECT string_agg(id::text, ',') FROM tenant), true)"""

# A taken subdomain inserts nothing, which the caller reads as the refusal.
_INSERT = """
INSERT INTO tenant (id, subdomain, name, contact_email, currency, time_zone, status,
    payout_rounding, stake_min_minor, payout_max_minor, fee_bps, margin_bps, book_id, settings,
    created_at)
VALUES (%(id)s, %(subdomain)s, %(name)s, %(contact_email)s, %(currency)s, %(time_zone)s,
    %(status)s, %(payout_rounding)s, %(stake_min_minor)s, %(payout_max_minor)s, %(fee_bps)s,
    %(margin_bps)s, %(book_id)s, %(settings)s, %(created_at)s)
ON CONFLICT (subdomain) DO NOTHING"""

# Suspend, reopen or close; every session and host of the tenant follows from its next look-up.
_SET_STATUS = "UPDATE tenant SET status = %s WHERE id = %s"

# One key of the settings, merged in the database so that two changes at once both stay.
_MERGE_SETTINGS = "UPDATE tenant SET settings = settings || %s WHERE id = %s"

# The looks by a function, for the api may change nothing else of a tenant.
_SET_THEME = "SELECT tenant_theme_v1(%s, %s)"

# Up to how much settled money one person of the office moves by a ruling without another one.
_RULING_ALONE = "SELECT ruling_alone_max_minor FROM tenant WHERE id = %s"

# Another such amount, which holds for rulings from then on.
_SET_RULING_ALONE = "UPDATE tenant SET ruling_alone_max_minor = %s WHERE id = %s"

# The tenant's own accounts, in the currency of its row.
_OPEN_ACCOUNTS = "SELECT tenant_open_v1(%s, %s)"


async def by_subdomain(conn: Connection, subdomain: str) -> Tenant | None:
    """The tenant of that subdomain, whatever its status."""
    async with conn.cursor(row_factory=class_row(Tenant)) as cur:
        return await (await cur.execute(_BY_SUBDOMAIN, [subdomain])).fetchone()


async def by_id(conn: Connection, tenant_id: UUID) -> Tenant | None:
    """The tenant of that id, whatever its status."""
    async with conn.cursor(row_factory=class_row(Tenant)) as cur:
        return await (await cur.execute(_BY_ID, [tenant_id])).fetchone()


async def everyone(conn: Connection) -> list[Tenant]:
    """All tenants by subdomain."""
    async with conn.cursor(row_factory=class_row(Tenant)) as cur:
        return await (await cur.execute(_EVERYONE)).fetchall()


async def see_all(conn: Connection) -> None:
    """Let the transaction, which is of no tenant, read the rows of all."""
    await conn.execute(_SEE_ALL)


async def insert(conn: Connection, tenant: Tenant) -> bool:
    """Whether the tenant was inserted: False when its subdomain is taken."""
    cur = await conn.execute(
        _INSERT,
        {
            "id": tenant.id,
            "subdomain": tenant.subdomain,
            "name": tenant.name,
            "contact_email": tenant.contact_email,
            "currency": tenant.currency,
            "time_zone": tenant.time_zone,
            "status": tenant.status,
            "payout_rounding": tenant.payout_rounding,
            "stake_min_minor": tenant.stake_min_minor,
            "payout_max_minor": tenant.payout_max_minor,
            "fee_bps": tenant.fee_bps,
            "margin_bps": tenant.margin_bps,
            "book_id": tenant.book_id,
            "settings": Jsonb(dict(tenant.settings)),
            "created_at": tenant.created_at,
        },
    )
    return cur.rowcount == 1


async def open_accounts(conn: Connection, tenant_id: UUID, at: datetime) -> None:
    """Open the tenant's own accounts; again changes nothing."""
    await conn.execute(_OPEN_ACCOUNTS, [tenant_id, at])


async def set_status(conn: Connection, tenant_id: UUID, status: TenantStatus) -> None:
    """Write the status."""
    await conn.execute(_SET_STATUS, [status, tenant_id])


async def merge_settings(conn: Connection, tenant_id: UUID, changed: dict[str, object]) -> None:
    """Overlay the named settings."""
    await conn.execute(_MERGE_SETTINGS, [Jsonb(changed), tenant_id])


async def set_theme(conn: Connection, tenant_id: UUID, theme: dict[str, object]) -> object:
    """Put these looks in the place of those it had, which are returned; the transaction must be the
    tenant's."""
    row = await (await conn.execute(_SET_THEME, [tenant_id, Jsonb(theme)])).fetchone()
    return None if row is None else row[0]


async def ruling_alone_max_minor(conn: Connection, tenant_id: UUID) -> int:
    """Up to how much money one person of the office moves by a ruling alone."""
    row = await (await conn.execute(_RULING_ALONE, [tenant_id])).fetchone()
    assert row is not None
    return row[0]


async def set_ruling_alone_max(conn: Connection, tenant_id: UUID, amount_minor: int) -> None:
    """Write that amount."""
    await conn.execute(_SET_RULING_ALONE, [amount_minor, tenant_id])
