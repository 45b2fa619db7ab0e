"""What a wallet holds and what happened to it, read inside the caller's transaction.

Errors: NotFound (no wallet was opened for this owner).
"""

from __future__ import annotations

from uuid import UUID

from overround.core.errors import NotFound
from overround.db import Connection
from overround.money import ledger
from overround.money.wallets import store
from overround.money.wallets.model import Balance, StatementLine, StatementPage

_NEWEST = 2**62


async def balance(conn: Connection, tenant_id: UUID, user_id: UUID) -> Balance:
    """The player's money now, and his debt."""
    accounts = await ledger.accounts_of(conn, tenant_id, user_id)
    if "cash" not in accounts:
        raise NotFound("this user has no wallet")
    return Balance(
        cash_minor=accounts["cash"].balance_minor,
        held_minor=accounts["held"].balance_minor,
        withdrawing_minor=accounts["withdrawing"].balance_minor,
        owed_minor=await store.owed_minor(conn, tenant_id, user_id),
        currency=accounts["cash"].currency,
    )


async def statement(
    conn: Connection, tenant_id: UUID, user_id: UUID, limit: int, cursor: int | None = None
) -> StatementPage:
    """A page of the player's cash movements, newest first."""
    accounts = await ledger.accounts_of(conn, tenant_id, user_id)
    if "cash" not in accounts:
        raise NotFound("this user has no wallet")
    cash = accounts["cash"]
    entries = await ledger.statement(
        conn, tenant_id, cash.account_id, _NEWEST if cursor is None else cursor, limit + 1
    )
    lines = tuple(
        StatementLine(
            at=entry.at,
            code=entry.code,
            reference=entry.reference,
            amount_minor=entry.amount_minor,
            balance_before_minor=entry.balance_before_minor,
            balance_after_minor=entry.balance_after_minor,
        )
        for entry in entries[:limit]
    )
    more = len(entries) > limit
    return StatementPage(lines, cash.currency, entries[limit - 1].version if more else None)
