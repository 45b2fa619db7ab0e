"""The movements a wallet knows. Each posts through the ledger inside the caller's transaction.

Errors: NotFound (no wallet was opened for this owner), InsufficientFunds, Conflict with code
`already_posted` (the same reference moved this way before).
"""

from __future__ import annotations

from datetime import datetime
from typing import get_args
from uuid import UUID

from overround.core.errors import Invalid, NotFound
from overround.db import Connection
from overround.money import ledger
from overround.money.ledger import Code, HouseKind, PlayerKind
from overround.money.wallets.model import Balance, StatementLine, StatementPage

_NEWEST = 2**62


async def open_tenant(conn: Connection, tenant_id: UUID, currency: str, at: datetime) -> None:
    """Open the tenant's own accounts; opening them again changes nothing."""
    for kind in get_args(HouseKind):
        await ledger.open_account(conn, tenant_id, None, kind, currency, at)


async def open_player(
    conn: Connection, tenant_id: UUID, user_id: UUID, currency: str, at: datetime
) -> None:
    """Open a player's cash, held and withdrawing accounts; again changes nothing."""
    for kind in get_args(PlayerKind):
        await ledger.open_account(conn, tenant_id, user_id, kind, currency, at)


async def deposit(
    conn: Connection,
    tenant_id: UUID,
    user_id: UUID,
    amount_minor: int,
    reference: UUID,
    at: datetime,
) -> None:
    """Money arrived from outside: bank to cash."""
    await _move(conn, tenant_id, user_id, "bank", "cash", "deposit", amount_minor, reference, at)


async def reserve_withdrawal(
    conn: Connection,
    tenant_id: UUID,
    user_id: UUID,
    amount_minor: int,
    reference: UUID,
    at: datetime,
) -> None:
    """A withdrawal was asked for: cash to withdrawing, where no bet can reach it."""
    await _move(
        conn,
        tenant_id,
        user_id,
        "cash",
        "withdrawing",
        "withdrawal_reserve",
        amount_minor,
        reference,
        at,
    )


async def pay_withdrawal(
    conn: Connection,
    tenant_id: UUID,
    user_id: UUID,
    amount_minor: int,
    reference: UUID,
    at: datetime,
) -> None:
    """The withdrawal was paid out: withdrawing to bank."""
    await _move(
        conn,
        tenant_id,
        user_id,
        "withdrawing",
        "bank",
        "withdrawal_pay",
        amount_minor,
        reference,
        at,
    )


async def refuse_withdrawal(
    conn: Connection,
    tenant_id: UUID,
    user_id: UUID,
    amount_minor: int,
    reference: UUID,
    at: datetime,
) -> None:
    """The withdrawal was refused: withdrawing back to cash."""
    await _move(
        conn,
        tenant_id,
        user_id,
        "withdrawing",
        "cash",
        "withdrawal_refuse",
        amount_minor,
        reference,
        at,
    )


async def adjust(
    conn: Connection,
    tenant_id: UUID,
    user_id: UUID,
    amount_minor: int,
    reference: UUID,
    at: datetime,
) -> None:
    """A correction by staff: `amount_minor` above zero to the player, below zero from him.

    Raises Invalid for zero, InsufficientFunds when he has less.
    """
    if amount_minor == 0:
        raise Invalid("an adjustment of zero moves nothing", code="amount_out_of_range")
    source, target = ("adjustment", "cash") if amount_minor > 0 else ("cash", "adjustment")
    await _move(
        conn, tenant_id, user_id, source, target, "adjustment", abs(amount_minor), reference, at
    )


async def balance(conn: Connection, tenant_id: UUID, user_id: UUID) -> Balance:
    """The player's money now."""
    accounts = await ledger.accounts_of(conn, tenant_id, user_id)
    if "cash" not in accounts:
        raise NotFound("this user has no wallet")
    return Balance(
        cash_minor=accounts["cash"].balance_minor,
        held_minor=accounts["held"].balance_minor,
        withdrawing_minor=accounts["withdrawing"].balance_minor,
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


async def _move(
    conn: Connection,
    tenant_id: UUID,
    user_id: UUID,
    source: str,
    target: str,
    code: Code,
    amount_minor: int,
    reference: UUID,
    at: datetime,
) -> None:
    own = await ledger.accounts_of(conn, tenant_id, user_id)
    house = await ledger.accounts_of(conn, tenant_id, None)
    accounts = {**house, **own}
    if "cash" not in own:
        raise NotFound("this user has no wallet")
    await ledger.post(
        conn,
        tenant_id,
        [
            ledger.Transfer(
                at=at,
                reference=reference,
                code=code,
                from_id=accounts[source].account_id,
                to_id=accounts[target].account_id,
                amount_minor=amount_minor,
            )
        ],
    )
