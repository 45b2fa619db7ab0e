"""The words of a tenant."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal
from uuid import UUID

TenantStatus = Literal["active", "suspended", "closed"]
PayoutRounding = Literal["down", "half_even"]


@dataclass(frozen=True, slots=True)
class Tenant:
    """An operator. Amounts are minor units of `currency`; shares are basis points."""

    id: UUID
    subdomain: str
    name: str
    contact_email: str
    currency: str
    time_zone: str
    status: TenantStatus
    payout_rounding: PayoutRounding
    stake_min_minor: int
    payout_max_minor: int
    fee_bps: int
    margin_bps: int
    book_id: UUID
    settings: Mapping[str, object]
    created_at: datetime

    @property
    def demo_deposits(self) -> bool:
        """Whether players may deposit without paying: a setting for demonstrations and tests."""
        return self.settings.get("demo_deposits") is True


@dataclass(frozen=True, slots=True)
class NewTenant:
    """What is asked for a new operator; the amounts default to 0.10 and 100,000 of the currency."""

    subdomain: str
    name: str
    contact_email: str
    currency: str
    time_zone: str
    payout_rounding: PayoutRounding = "down"
    stake_min_minor: int | None = None
    payout_max_minor: int | None = None
    fee_bps: int = 1000
    margin_bps: int = 600
    settings: Mapping[str, object] = field(default_factory=dict[str, object])
