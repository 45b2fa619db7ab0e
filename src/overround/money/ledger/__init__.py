"""The ledger: accounts, transfers between two of them, and the two entries of each transfer.

Invariants, which `check` recomputes from entries alone: the entries of a transfer sum to zero; a
player account never falls below zero, at no version; its versions have no gap; its balance is the
sum of its entries; everything of a tenant sums to zero in its currency. The only writer is the
schema function `ledger_post_v1`; nobody has the right to change or delete a row.
"""

from overround.money.ledger.model import (
    Account,
    Code,
    Entry,
    HouseKind,
    PlayerKind,
    Transfer,
    Violation,
)
from overround.money.ledger.rules import recompute
from overround.money.ledger.store import (
    accounts_of,
    check,
    check_deep,
    entry_count,
    open_account,
    post,
    roll_up,
    statement,
    total_minor,
)

__all__ = [
    "Account",
    "Code",
    "Entry",
    "HouseKind",
    "PlayerKind",
    "Transfer",
    "Violation",
    "accounts_of",
    "check",
    "check_deep",
    "entry_count",
    "open_account",
    "post",
    "recompute",
    "roll_up",
    "statement",
    "total_minor",
]
