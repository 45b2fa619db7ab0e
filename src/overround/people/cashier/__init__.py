"""The cashier: money that crosses the edge of the product, and corrections by staff.

Words: a *payment* is a deposit, a withdrawal or an adjustment; it is requested, approved, paid or
refused. Invariants, of which `check` recomputes the first: each step posts its movement in the
ledger, in the same schema function, and no login can move money without a payment; the same
key from the same person is one payment; a player cannot take a withdrawal back, only staff decide
it; an adjustment names its reason and its actor; what comes back from a withdrawal pays first what
was lent to the player while it was under way.
"""

from overround.people.cashier.model import (
    Answer,
    Debtor,
    Payment,
    PaymentKind,
    PaymentStatus,
    Waiting,
)
from overround.people.cashier.service import (
    adjust,
    approve,
    debtors,
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
    "Debtor",
    "Payment",
    "PaymentKind",
    "PaymentStatus",
    "Waiting",
    "adjust",
    "approve",
    "check",
    "debtors",
    "deposit",
    "history",
    "pay",
    "refuse",
    "simulate_deposit",
    "waiting",
    "withdraw",
]
