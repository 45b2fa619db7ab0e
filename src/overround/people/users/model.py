"""The words of a user."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal
from uuid import UUID

UserKind = Literal["player", "staff"]
UserStatus = Literal["active", "disabled"]

# What staff may be allowed to do; `*` is everything. A route names the one that it asks for.
SCOPES: Final = frozenset(
    {
        "*",
        "bets.read",
        "events.manage",
        "offers.manage",
        "offers.read",
        "payments.adjust",
        "payments.decide",
        "promotions.manage",
        "promotions.read",
        "settlement.manage",
        "settlement.read",
        "reports.read",
        "results.enter",
        "risk.manage",
        "risk.read",
        "site.manage",
        "site.read",
        "status.read",
        "users.manage",
    }
)


@dataclass(frozen=True, slots=True)
class User:
    """An account. The password hash is no part of it, so that it cannot be shown by mistake."""

    tenant_id: UUID
    id: UUID
    kind: UserKind
    email: str
    display_name: str
    status: UserStatus
    scopes: Sequence[str]
    last_login_at: datetime | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class NewUser:
    """What is asked for a player."""

    email: str
    display_name: str


@dataclass(frozen=True, slots=True)
class NewStaff:
    """What is asked for someone who works for the tenant."""

    email: str
    display_name: str
    scopes: frozenset[str]
