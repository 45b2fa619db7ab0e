"""The ledger: accounts, transfers between two of them, and the two entries of each transfer.

Invariants, which `check` recomputes from entries alone: the entries of a transfer sum to zero; a
player account never falls below zero, at no version; its versions have no gap; its balance is the
sum of its entries; everything of a tenant sums to zero in its currency. The only writer is the
schema function `ledger_post_v1`, which no login may call: the functions of payments, bets and
revenue days do. Nobody has the right to change or delete a row.
"""

from overround.money.ledger.model import Account, Entry, Violation
from overround.money.ledger.rules import recompute
from overround.money.ledger.store import (
    accounts_of,
    check,
    check_deep,
    entry_count,
    roll_up,
    statement,
    total_minor,
)

__all__ = [
    "Account",
    "Entry",
    "Violation",
    "accounts_of",
    "check",
    "check_deep",
    "entry_count",
    "recompute",
    "roll_up",
    "statement",
    "total_minor",
]
