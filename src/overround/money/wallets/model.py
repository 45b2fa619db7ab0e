"""What an owner sees of his accounts. Amounts are minor units of `currency`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Balance:
    """A player's money by purpose, and what he owes the house."""

    cash_minor: int
    held_minor: int
    withdrawing_minor: int
    owed_minor: int
    currency: str


@dataclass(frozen=True, slots=True)
class StatementLine:
    """One movement of a player's cash, with the balance before and after it."""

    at: datetime
    code: str
    reference: UUID
    amount_minor: int
    balance_before_minor: int
    balance_after_minor: int


@dataclass(frozen=True, slots=True)
class StatementPage:
    """Lines newest first; `next_cursor` asks for the next page and is None at the end."""

    lines: tuple[StatementLine, ...]
    currency: str
    next_cursor: int | None
