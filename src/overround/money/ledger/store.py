"""The ledger's statements, inside the caller's transaction. No login may post: `ledger_post_v1` is
called by the schema functions that know what the money moves for."""

from __future__ import annotations

from uuid import UUID

from psycopg.rows import class_row

from overround.db import Connection
from overround.money.ledger.model import Account, Entry, RawEntry, Violation
from overround.money.ledger.rules import recompute

# Fold the tenant's own accounts so that reading them stays quick.
ROLL_UP = "SELECT ledger_roll_up_v1(%s)"

# One owner's accounts, or the tenant's own where the owner is NULL.
ACCOUNTS = """
SELECT account_id, owner_id, kind, currency, balance_minor FROM account_balance
WHERE tenant_id = %s AND owner_id IS NOT DISTINCT FROM %s ORDER BY kind"""

# A page of one account's history, newest first; the version is the cursor.
STATEMENT = """
SELECT e.version, e.at, e.code, e.reference, e.amount_minor, e.balance_after_minor
FROM entry e
WHERE e.tenant_id = %s AND e.account_id = %s AND e.version < %s
ORDER BY e.version DESC LIMIT %s"""

# Everything of a tenant: the ledger's first invariant says 0.
TOTAL = "SELECT coalesce(sum(amount_minor), 0)::bigint FROM entry WHERE tenant_id = %s"

# How many entries a check has looked at.
COUNT = "SELECT count(*) FROM entry WHERE tenant_id = %s"

# A transfer has two entries, of its own amount, on its own two accounts.
CHECK_TRANSFERS = """
SELECT 'a transfer is two entries of its amount',
       (t.reference || ' ' || t.code || ' v' || t.version), count(e.*)::text
FROM transfer t LEFT JOIN entry e ON e.tenant_id = t.tenant_id AND e.reference = t.reference
    AND e.code = t.code AND e.transfer_version = t.version AND e.at = t.at
    AND ((e.account_id = t.from_id AND e.amount_minor = -t.amount_minor)
      OR (e.account_id = t.to_id AND e.amount_minor = t.amount_minor))
WHERE t.tenant_id = %s GROUP BY t.reference, t.code, t.version
HAVING count(e.*) <> 2 OR count(DISTINCT e.account_id) <> 2 LIMIT 20"""

# No entry stands without its transfer, and all of them together are as many as the transfers ask.
CHECK_ENTRIES = """
SELECT 'entries = 2 x transfers', %(tenant)s::text, (e.n || ' entries, ' || t.n || ' transfers')
FROM (SELECT count(*) AS n FROM entry WHERE tenant_id = %(tenant)s) e,
     (SELECT count(*) AS n FROM transfer WHERE tenant_id = %(tenant)s) t
WHERE e.n <> 2 * t.n"""

# A player account holds the sum of its entries, and as many versions as entries.
CHECK_BALANCES = """
SELECT 'balance and version = entries', a.id::text,
       (a.balance_minor || ' v' || a.version || ' instead of ' || coalesce(e.total,
       0) || ' v' || coalesce(e.n, 0))
FROM account a LEFT JOIN (
    SELECT account_id, sum(amount_minor) AS total, count(*) AS n, max(version) AS top
    FROM entry WHERE tenant_id = %(tenant)s AND version IS NOT NULL
    GROUP BY account_id) e ON e.account_id = a.id
WHERE a.tenant_id = %(tenant)s AND a.owner_id IS NOT NULL
  AND (a.balance_minor <> coalesce(e.total, 0) OR a.version <> coalesce(e.n,
  0) OR a.version <> coalesce(e.top, 0))
LIMIT 20"""

# Each running balance is the one before it plus the entry, and none was ever below zero.
CHECK_RUNNING = """
SELECT 'the running balance follows its entries', account_id::text, ('v' || version) FROM (
    SELECT account_id, version, amount_minor, balance_after_minor,
           lag(balance_after_minor, 1, 0) OVER w AS before, lag(version, 1,
           0) OVER w AS version_before
    FROM entry WHERE tenant_id = %s AND version IS NOT NULL
    WINDOW w AS (PARTITION BY account_id ORDER BY version)) r
WHERE before + amount_minor <> balance_after_minor OR version <> version_before + 1
   OR balance_after_minor < 0
LIMIT 20"""

# The tenant's own accounts: roll-up and later entries together are all entries.
CHECK_ROLLUPS = """
SELECT 'roll-up + later entries = entries', b.account_id::text,
       (b.balance_minor || ' instead of ' || e.total)
FROM account_balance b JOIN (
    SELECT account_id, sum(amount_minor)::bigint AS total FROM entry
    WHERE tenant_id = %(tenant)s GROUP BY account_id) e ON e.account_id = b.account_id
WHERE b.tenant_id = %(tenant)s AND b.balance_minor <> e.total LIMIT 20"""

# Both accounts of a transfer exist and speak its currency (there is no foreign key that says so).
CHECK_ACCOUNTS = """
SELECT 'both accounts exist, in one currency', t.reference::text, t.code
FROM transfer t
LEFT JOIN account f ON f.tenant_id = t.tenant_id AND f.id = t.from_id
LEFT JOIN account o ON o.tenant_id = t.tenant_id AND o.id = t.to_id
WHERE t.tenant_id = %s
  AND (f.id IS NULL OR o.id IS NULL OR f.currency <> t.currency OR o.currency <> t.currency)
  LIMIT 20"""

# The whole ledger in the order the recomputation wants it.
RAW_ENTRIES = """
SELECT reference, code, transfer_version, account_id, amount_minor, version, balance_after_minor
FROM entry
WHERE tenant_id = %s ORDER BY account_id, version"""

# What the product says every account holds.
ALL_BALANCES = (
    "SELECT account_id, owner_id, balance_minor FROM account_balance WHERE tenant_id = %s"
)


async def roll_up(conn: Connection, tenant_id: UUID) -> int:
    """Fold the tenant's own accounts; returns how many moved."""
    row = await (await conn.execute(ROLL_UP, [tenant_id])).fetchone()
    assert row is not None
    return row[0]


async def accounts_of(
    conn: Connection, tenant_id: UUID, owner_id: UUID | None
) -> dict[str, Account]:
    """An owner's accounts by kind; the tenant's own for `owner_id` None."""
    async with conn.cursor(row_factory=class_row(Account)) as cursor:
        await cursor.execute(ACCOUNTS, [tenant_id, owner_id])
        return {account.kind: account for account in await cursor.fetchall()}


async def statement(
    conn: Connection, tenant_id: UUID, account_id: UUID, before_version: int, limit: int
) -> list[Entry]:
    """At most `limit` entries of an account older than `before_version`, newest first."""
    async with conn.cursor(row_factory=class_row(Entry)) as cursor:
        await cursor.execute(STATEMENT, [tenant_id, account_id, before_version, limit])
        return await cursor.fetchall()


async def total_minor(conn: Connection, tenant_id: UUID) -> int:
    """The sum of all entries of the tenant; anything but 0 is a broken ledger."""
    row = await (await conn.execute(TOTAL, [tenant_id])).fetchone()
    assert row is not None
    return row[0]


async def entry_count(conn: Connection, tenant_id: UUID) -> int:
    """How many entries the tenant has."""
    row = await (await conn.execute(COUNT, [tenant_id])).fetchone()
    assert row is not None
    return row[0]


async def check(conn: Connection, tenant_id: UUID) -> list[Violation]:
    """The ledger's invariants, each by its own statement; an empty list is a sound ledger."""
    found: list[Violation] = []
    by_position = (CHECK_TRANSFERS, CHECK_RUNNING, CHECK_ACCOUNTS)
    by_name = (CHECK_ENTRIES, CHECK_BALANCES, CHECK_ROLLUPS)
    for statement_text in by_position:
        cursor = await conn.execute(statement_text, [tenant_id])
        found += [Violation(*row) for row in await cursor.fetchall()]
    for statement_text in by_name:
        cursor = await conn.execute(statement_text, {"tenant": tenant_id})
        found += [Violation(*row) for row in await cursor.fetchall()]
    total = await total_minor(conn, tenant_id)
    if total:
        found.append(Violation("everything sums to zero", str(tenant_id), str(total)))
    return found


async def check_deep(conn: Connection, tenant_id: UUID) -> list[Violation]:
    """Recompute the whole ledger from its entries outside the database and compare."""
    balances: dict[UUID, int] = {}
    players: set[UUID] = set()
    for account_id, owner_id, balance_minor in await (
        await conn.execute(ALL_BALANCES, [tenant_id])
    ).fetchall():
        balances[account_id] = balance_minor
        if owner_id is not None:
            players.add(account_id)
    async with conn.cursor(row_factory=class_row(RawEntry)) as cursor:
        await cursor.execute(RAW_ENTRIES, [tenant_id])
        return recompute(await cursor.fetchall(), balances, frozenset(players))
