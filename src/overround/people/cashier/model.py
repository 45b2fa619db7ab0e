"""The words of the cashier. Amounts are minor units of `currency`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

PaymentKind = Literal["deposit", "withdrawal", "adjustment"]
PaymentStatus = Literal["requested", "approved", "paid", "refused"]
PaymentMethod = Literal["demo", "simulated", "bank", "staff"]
RefusalCode = Literal["insufficient_funds"]


@dataclass(frozen=True, slots=True)
class Payment:
    """A deposit, withdrawal or adjustment as it stands; below zero only for an adjustment."""

    id: UUID
    user_id: UUID
    kind: PaymentKind
    status: PaymentStatus
    amount_minor: int
    currency: str
    method: PaymentMethod
    actor_id: UUID
    reason: str
    refusal_code: RefusalCode | None
    body_sha256: bytes
    created_at: datetime
    decided_at: datetime | None


@dataclass(frozen=True, slots=True)
class Waiting:
    """A withdrawal that waits for a decision: whose by name, what he owes now, and what of that it
    would repay if it were refused."""

    payment: Payment
    player: str
    owed_minor: int
    repays_minor: int


@dataclass(frozen=True, slots=True)
class Debtor:
    """A player who owes the house, and since when."""

    user_id: UUID
    player: str
    owed_minor: int
    currency: str
    since: datetime


@dataclass(frozen=True, slots=True)
class Request:
    """Who asks for what: `key` is his Idempotency-Key, `body_sha256` what it stands for."""

    user_id: UUID
    kind: PaymentKind
    amount_minor: int
    reason: str
    key: str
    body_sha256: bytes


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to a request for a payment, and whether it was given before."""

    payment: Payment
    replayed: bool
