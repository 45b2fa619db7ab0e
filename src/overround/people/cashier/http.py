"""Balance, statement, deposits and withdrawals, and the office's decisions about them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response
from pydantic import Field

from overround.core import money, reasons
from overround.core.errors import InsufficientFunds
from overround.core.principal import Principal
from overround.db.routes import Db
from overround.kit import paging, routes
from overround.kit.idempotency import request_sha256
from overround.kit.routes import (
    CursorText,
    IdempotencyKey,
    Input,
    Limit,
    Now,
    Output,
    Player,
    RouteTools,
    Tools,
)
from overround.money import wallets
from overround.people.cashier import service
from overround.people.cashier.model import Answer, Debtor, Payment, Waiting

router = APIRouter(prefix="/api/v1", tags=["cashier"])

# A decimal string; the currency's own decimals are checked where the currency is known.
AmountText = Annotated[str, Field(max_length=24, examples=["10.50"])]


class BalanceOut(Output):
    """A player's money: free, staked in open bets, on its way out; and what he owes the house."""

    cash: str
    held: str
    withdrawing: str
    owed: str
    currency: str


class StatementLineOut(Output):
    """One movement of the player's cash, with the balance before and after it."""

    at: datetime
    code: str
    reference: UUID
    amount: str
    balance_before: str
    balance_after: str


class StatementOut(Output):
    """A page, newest first."""

    items: list[StatementLineOut]
    currency: str
    next_cursor: str | None


class AmountIn(Input):
    """How much, in the tenant's currency."""

    amount: AmountText


class AdjustmentIn(Input):
    """Whose cash, by how much (a leading minus takes), and why."""

    user_id: Annotated[UUID, Field(strict=False)]
    amount: AmountText
    reason: Annotated[str, Field(max_length=reasons.LENGTH_MAX)]


class ReasonIn(Input):
    """Why."""

    reason: Annotated[str, Field(max_length=reasons.LENGTH_MAX)]


class PaymentOut(Output):
    """A payment."""

    id: UUID
    user_id: UUID
    kind: str
    status: str
    amount: str
    currency: str
    method: str
    reason: str
    created_at: datetime
    decided_at: datetime | None


class PaymentsOut(Output):
    """A page of payments."""

    items: list[PaymentOut]
    next_cursor: str | None


class WaitingOut(PaymentOut):
    """A withdrawal that waits for a decision: the player's name, what he owes now, and what of
    that it would repay if it were refused."""

    player: str
    owed: str
    repays: str


class WithdrawalsOut(Output):
    """A page of withdrawals."""

    items: list[WaitingOut]
    next_cursor: str | None


class DebtorOut(Output):
    """A player who owes the house, and since when."""

    user_id: UUID
    player: str
    owed: str
    currency: str
    since: datetime


class DebtorsOut(Output):
    """A page of those who owe."""

    items: list[DebtorOut]
    next_cursor: str | None


@router.get("/balance")
async def balance(caller: Player, db: Db) -> BalanceOut:
    """My money."""
    async with db.reading(caller.tenant_id) as conn:
        found = await wallets.balance(conn, caller.tenant_id, caller.actor_id)
    return BalanceOut(
        cash=money.to_text(found.cash_minor, found.currency),
        held=money.to_text(found.held_minor, found.currency),
        withdrawing=money.to_text(found.withdrawing_minor, found.currency),
        owed=money.to_text(found.owed_minor, found.currency),
        currency=found.currency,
    )


@router.get("/statement")
async def statement(
    caller: Player,
    db: Db,
    limit: Limit = paging.LIMIT_DEFAULT,
    cursor: Annotated[int | None, Query(ge=1, le=2**62)] = None,
) -> StatementOut:
    """Every movement of my cash, newest first."""
    async with db.reading(caller.tenant_id) as conn:
        page = await wallets.statement(conn, caller.tenant_id, caller.actor_id, limit, cursor)
    return StatementOut(
        items=[_line_out(line, page.currency) for line in page.lines],
        currency=page.currency,
        next_cursor=None if page.next_cursor is None else str(page.next_cursor),
    )


@router.post("/deposits", status_code=201)
async def deposit(
    body: AmountIn,
    caller: Player,
    key: IdempotencyKey,
    db: Db,
    now: Now,
    tools: Tools,
    response: Response,
) -> PaymentOut:
    """Pay in."""
    sha256 = request_sha256("deposits", body)
    async with db.transaction(caller.tenant_id) as conn:
        answer = await service.deposit(conn, caller, body.amount, key, sha256, now)
    return _answer(answer, response, caller, tools)


@router.post("/withdrawals", status_code=201)
async def withdraw(
    body: AmountIn,
    caller: Player,
    key: IdempotencyKey,
    db: Db,
    now: Now,
    tools: Tools,
    response: Response,
) -> PaymentOut:
    """Ask to be paid out."""
    sha256 = request_sha256("withdrawals", body)
    async with db.transaction(caller.tenant_id) as conn:
        answer = await service.withdraw(conn, caller, body.amount, key, sha256, now)
    return _answer(answer, response, caller, tools)


@router.get("/payments")
async def payments(
    caller: Player, db: Db, limit: Limit = paging.LIMIT_DEFAULT, cursor: CursorText = None
) -> PaymentsOut:
    """My payments, newest first."""
    after = paging.parse(cursor) if cursor else None
    async with db.reading(caller.tenant_id) as conn:
        found = await service.history(conn, caller, limit + 1, after)
    return _page(found, limit)


Decides = Annotated[Principal, Depends(routes.staff("payments.decide"))]
Adjusts = Annotated[Principal, Depends(routes.staff("payments.adjust"))]


@router.get("/office/withdrawals")
async def waiting(
    caller: Decides, db: Db, limit: Limit = paging.LIMIT_DEFAULT, cursor: CursorText = None
) -> WithdrawalsOut:
    """Withdrawals that wait for a decision, oldest first."""
    after = paging.parse(cursor) if cursor else None
    async with db.reading(caller.tenant_id) as conn:
        found = await service.waiting(conn, caller, limit + 1, after)
    shown, following = paging.cut(found, limit, _place)
    return WithdrawalsOut(items=[_waiting_out(one) for one in shown], next_cursor=following)


@router.get("/office/debts")
async def debts(
    caller: Decides, db: Db, limit: Limit = paging.LIMIT_DEFAULT, cursor: CursorText = None
) -> DebtorsOut:
    """Players who owe the house, the longest first."""
    after = paging.parse(cursor) if cursor else None
    async with db.reading(caller.tenant_id) as conn:
        found = await service.debtors(conn, caller, limit + 1, after)
    shown, following = paging.cut(found, limit, lambda one: (one.since, one.user_id))
    return DebtorsOut(items=[_debtor_out(one) for one in shown], next_cursor=following)


@router.post("/office/withdrawals/{payment_id}/approve")
async def approve(payment_id: UUID, caller: Decides, db: Db, now: Now, tools: Tools) -> PaymentOut:
    """Agree to a withdrawal."""
    async with db.transaction(caller.tenant_id) as conn:
        payment = await service.approve(conn, caller, payment_id, now)
    return _told(payment, caller, tools)


@router.post("/office/withdrawals/{payment_id}/pay")
async def pay(payment_id: UUID, caller: Decides, db: Db, now: Now, tools: Tools) -> PaymentOut:
    """Record that an approved withdrawal was paid out."""
    async with db.transaction(caller.tenant_id) as conn:
        payment = await service.pay(conn, caller, payment_id, now)
    return _told(payment, caller, tools)


@router.post("/office/withdrawals/{payment_id}/refuse")
async def refuse(
    payment_id: UUID, body: ReasonIn, caller: Decides, db: Db, now: Now, tools: Tools
) -> PaymentOut:
    """Refuse a withdrawal; the money is the player's cash again, less what was lent meanwhile."""
    async with db.transaction(caller.tenant_id) as conn:
        payment = await service.refuse(conn, caller, payment_id, body.reason, now)
    return _told(payment, caller, tools)


@router.post("/office/adjustments", status_code=201)
async def adjust(
    body: AdjustmentIn,
    caller: Adjusts,
    key: IdempotencyKey,
    db: Db,
    now: Now,
    tools: Tools,
    response: Response,
) -> PaymentOut:
    """Correct a player's cash."""
    sha256 = request_sha256("adjustments", body)
    async with db.transaction(caller.tenant_id) as conn:
        answer = await service.adjust(
            conn, caller, body.user_id, body.amount, body.reason, key, sha256, now
        )
    return _answer(answer, response, caller, tools)


def _answer(answer: Answer, response: Response, caller: Principal, tools: RouteTools) -> PaymentOut:
    # After the commit: the refusal is stored, and the same key gets it again.
    if answer.payment.refusal_code is not None:
        raise InsufficientFunds
    routes.mark_replayed(response, answer.replayed)
    return _told(answer.payment, caller, tools)


def _told(payment: Payment, caller: Principal, tools: RouteTools) -> PaymentOut:
    """The answer, once the player's open pages know that there is money to look at."""
    tools.tell(caller.tenant_id, [payment.user_id])
    return _payment_out(payment)


def _payment_out(payment: Payment) -> PaymentOut:
    return PaymentOut(
        id=payment.id,
        user_id=payment.user_id,
        kind=payment.kind,
        status=payment.status,
        amount=money.to_text(payment.amount_minor, payment.currency),
        currency=payment.currency,
        method=payment.method,
        reason=payment.reason,
        created_at=payment.created_at,
        decided_at=payment.decided_at,
    )


def _waiting_out(one: Waiting) -> WaitingOut:
    return WaitingOut(
        **_payment_out(one.payment).model_dump(),
        player=one.player,
        owed=money.to_text(one.owed_minor, one.payment.currency),
        repays=money.to_text(one.repays_minor, one.payment.currency),
    )


def _debtor_out(one: Debtor) -> DebtorOut:
    return DebtorOut(
        user_id=one.user_id,
        player=one.player,
        owed=money.to_text(one.owed_minor, one.currency),
        currency=one.currency,
        since=one.since,
    )


def _place(one: Waiting) -> tuple[datetime, UUID]:
    return one.payment.created_at, one.payment.id


def _page(found: list[Payment], limit: int) -> PaymentsOut:
    shown, following = paging.cut(found, limit, lambda payment: (payment.created_at, payment.id))
    return PaymentsOut(items=[_payment_out(payment) for payment in shown], next_cursor=following)


def _line_out(line: wallets.StatementLine, currency: str) -> StatementLineOut:
    return StatementLineOut(
        at=line.at,
        code=line.code,
        reference=line.reference,
        amount=money.to_text(line.amount_minor, currency),
        balance_before=money.to_text(line.balance_before_minor, currency),
        balance_after=money.to_text(line.balance_after_minor, currency),
    )
