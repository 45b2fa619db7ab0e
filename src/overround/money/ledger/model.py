"""The ledger's words. Amounts are minor units of the account's currency."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Account:
    """An account with its balance now; `owner_id` is None for the tenant's own."""

    account_id: UUID
    owner_id: UUID | None
    kind: str
    currency: str
    balance_minor: int


@dataclass(frozen=True, slots=True)
class Entry:
    """One side of a transfer on a player account, with the balance it left behind."""

    version: int
    at: datetime
    code: str
    reference: UUID
    amount_minor: int
    balance_after_minor: int

    @property
    def balance_before_minor(self) -> int:
        """The balance before this entry."""
        return self.balance_after_minor - self.amount_minor


@dataclass(frozen=True, slots=True)
class RawEntry:
    """An entry as it is stored, for the recomputation; house entries carry no running balance."""

    reference: UUID
    code: str
    transfer_version: int
    account_id: UUID
    amount_minor: int
    version: int | None
    balance_after_minor: int | None


@dataclass(frozen=True, slots=True)
class Violation:
    """A broken invariant: which, where, and what was found."""

    invariant: str
    subject: str
    found: str
