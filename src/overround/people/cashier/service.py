"""Use cases of the cashier, inside the caller's transaction.

A refusal for want of money is an answer: it is stored with the payment and given again to the same
key. So `deposit`, `withdraw` and `adjust` return it (`payment.refusal_code`) instead of raising;
the caller commits first and refuses then.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from uuid import UUID

from overround.core import ids
from overround.core.errors import Conflict, InsufficientFunds, Invalid, NotFound
from overround.core.principal import Principal
from overround.db import Connection, audit
from overround.kit.idempotency import KeyReused
from overround.kit.paging import Cursor
from overround.money import wallets
from overround.people import tenants, users
from overround.people.cashier import rules, store
from overround.people.cashier.model import Answer, Payment, PaymentStatus, Request

# A movement of a wallet: connection, tenant, user, amount, reference (the payment) and time.
Movement = Callable[[Connection, UUID, UUID, int, UUID, datetime], Awaitable[None]]


async def deposit(
    conn: Connection, principal: Principal, amount: str, key: str, body_sha256: bytes, at: datetime
) -> Answer:
    """Money in, by the demo method: paid at once.

    Raises Conflict `deposits_closed` where the tenant has not switched the method on, Invalid
    `invalid_number` or `amount_out_of_range`, and KeyReused.
    """
    tenant = await tenants.by_id(conn, principal.tenant_id)
    if not tenant.demo_deposits:
        raise Conflict("this operator takes no demo deposits", code="deposits_closed")
    amount_minor = rules.amount_minor(amount, tenant.currency)
    request = Request(
        principal.actor_id, "deposit", "demo", amount_minor, tenant.currency, "", key, body_sha256
    )
    return await _request(conn, principal, request, wallets.deposit, "paid", at)


async def withdraw(
    conn: Connection, principal: Principal, amount: str, key: str, body_sha256: bytes, at: datetime
) -> Answer:
    """Money out is asked for: it leaves the cash at once and waits for staff.

    Raises Invalid `invalid_number` or `amount_out_of_range`, and KeyReused.
    """
    tenant = await tenants.by_id(conn, principal.tenant_id)
    amount_minor = rules.amount_minor(amount, tenant.currency)
    request = Request(
        principal.actor_id,
        "withdrawal",
        "bank",
        amount_minor,
        tenant.currency,
        "",
        key,
        body_sha256,
    )
    return await _request(conn, principal, request, wallets.reserve_withdrawal, "requested", at)


async def adjust(
    conn: Connection,
    principal: Principal,
    user_id: UUID,
    amount: str,
    reason: str,
    key: str,
    body_sha256: bytes,
    at: datetime,
) -> Answer:
    """A correction of a player's cash by staff, up or down, with a reason and an audit row.

    Raises NotFound, Invalid `reason`, `invalid_number`, `amount_out_of_range` or `not_a_player`,
    and KeyReused.
    """
    tenant = await tenants.by_id(conn, principal.tenant_id)
    amount_minor = rules.signed_amount_minor(amount, tenant.currency)
    why = rules.reason(reason)
    user = await users.by_id(conn, principal.tenant_id, user_id)
    if user.kind != "player":
        raise Invalid("only a player has a wallet", code="not_a_player")
    request = Request(
        user_id, "adjustment", "staff", amount_minor, tenant.currency, why, key, body_sha256
    )
    answer = await _request(conn, principal, request, wallets.adjust, "paid", at)
    if not answer.replayed:
        await _audit(conn, principal, answer.payment, at)
    return answer


async def approve(
    conn: Connection, principal: Principal, payment_id: UUID, at: datetime
) -> Payment:
    """Staff agree to a withdrawal. Raises NotFound, and Conflict `payment_step`."""
    payment = await _decide(conn, principal, payment_id, "approved", "", at)
    await _audit(conn, principal, payment, at)
    return payment


async def pay(conn: Connection, principal: Principal, payment_id: UUID, at: datetime) -> Payment:
    """An approved withdrawal was paid out. Raises NotFound, and Conflict `payment_step`."""
    payment = await _decide(conn, principal, payment_id, "paid", "", at)
    await _move(conn, principal, payment, wallets.pay_withdrawal, at)
    await _audit(conn, principal, payment, at)
    return payment


async def refuse(
    conn: Connection, principal: Principal, payment_id: UUID, reason: str, at: datetime
) -> Payment:
    """Staff refuse a withdrawal; the money is cash again.

    Raises NotFound, Invalid `reason`, and Conflict `payment_step`.
    """
    why = rules.reason(reason)
    payment = await _decide(conn, principal, payment_id, "refused", why, at)
    await _move(conn, principal, payment, wallets.refuse_withdrawal, at)
    await _audit(conn, principal, payment, at)
    return payment


async def history(
    conn: Connection, principal: Principal, limit: int, after: Cursor | None
) -> list[Payment]:
    """The principal's own payments, newest first, below the cursor."""
    return await store.of_user(conn, principal.tenant_id, principal.actor_id, limit, after)


async def waiting(
    conn: Connection, principal: Principal, limit: int, after: Cursor | None
) -> list[Payment]:
    """The tenant's withdrawals that wait for a decision, oldest first, above the cursor."""
    return await store.waiting(conn, principal.tenant_id, limit, after)


async def _request(
    conn: Connection,
    principal: Principal,
    request: Request,
    movement: Movement,
    then: PaymentStatus,
    at: datetime,
) -> Answer:
    """Insert, move, and step to `then`; or the earlier answer of the same key."""
    payment_id, tenant_id = ids.new(at), principal.tenant_id
    if not await store.insert(conn, tenant_id, principal.actor_id, payment_id, request, at):
        return await _earlier(conn, principal, request)
    payment = await _by_id(conn, tenant_id, payment_id)
    try:
        # A savepoint: the refused movement leaves nothing, the payment that tells of it stays.
        async with conn.transaction():
            await _move(conn, principal, payment, movement, at)
    except InsufficientFunds:
        refused = await store.decide(
            conn, tenant_id, payment_id, "refused", "", "insufficient_funds", at
        )
        return Answer(refused or payment, replayed=False)
    if then != "requested":
        payment = await store.decide(conn, tenant_id, payment_id, then, "", None, at) or payment
    return Answer(payment, replayed=False)


async def _earlier(conn: Connection, principal: Principal, request: Request) -> Answer:
    payment = await store.by_key(conn, principal.tenant_id, principal.actor_id, request.key)
    if payment is None or payment.body_sha256 != request.body_sha256:
        raise KeyReused
    return Answer(rules.as_answered(payment), replayed=True)


async def _by_id(conn: Connection, tenant_id: UUID, payment_id: UUID) -> Payment:
    payment = await store.by_id(conn, tenant_id, payment_id)
    if payment is None:
        raise NotFound
    return payment


async def _decide(
    conn: Connection,
    principal: Principal,
    payment_id: UUID,
    status: PaymentStatus,
    reason: str,
    at: datetime,
) -> Payment:
    tenant_id = principal.tenant_id
    # Nobody but staff decides, and a deposit or an adjustment has nothing left to decide.
    if (await _by_id(conn, tenant_id, payment_id)).kind != "withdrawal":
        raise NotFound
    payment = await store.decide(conn, tenant_id, payment_id, status, reason, None, at)
    if payment is None:
        raise NotFound
    return payment


async def _move(
    conn: Connection, principal: Principal, payment: Payment, movement: Movement, at: datetime
) -> None:
    await movement(conn, principal.tenant_id, payment.user_id, payment.amount_minor, payment.id, at)


async def _audit(conn: Connection, principal: Principal, payment: Payment, at: datetime) -> None:
    after = {
        "status": payment.status,
        "amount_minor": payment.amount_minor,
        "currency": payment.currency,
        "user": str(payment.user_id),
        "reason": payment.reason,
    }
    action = f"{payment.kind}.{payment.status}"
    await audit.write(conn, principal, at, action, f"payment:{payment.id}", after=after)
