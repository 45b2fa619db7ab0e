"""The cashier: money that crosses the edge of the product, and corrections by staff.

Words: a *payment* is a deposit, a withdrawal or an adjustment; it is requested, approved, paid or
refused. Invariants, of which `check` recomputes the first: each step posts its movement in the
ledger, in the same schema function, and no login can move money without a payment; the same
key from the same person is one payment; a player cannot take a withdrawal back, only staff decide
it; an adjustment names its reason and its actor.
"""

from overround.people.cashier.model import Answer, Payment, PaymentKind, PaymentStatus
from overround.people.cashier.service import (
    adjust,
    approve,
    deposit,
    history,
    pay,
    refuse,
    simulate_deposit,
    waiting,
    withdraw,
)
from overround.people.cashier.store import check

__all__ = [
    "Answer",
    "Payment",
    "PaymentKind",
    "PaymentStatus",
    "adjust",
    "approve",
    "check",
    "deposit",
    "history",
    "pay",
    "refuse",
    "simulate_deposit",
    "waiting",
    "withdraw",
]
