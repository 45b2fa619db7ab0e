"""A day of revenue. Amounts are minor units of the tenant's currency."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True)
class RevenueDay:
    """One local day of a tenant; `ggr_minor` may be negative, `fee_minor` may not."""

    day: date
    currency: str
    handle_minor: int
    payout_minor: int
    ggr_minor: int
    fee_minor: int


@dataclass(frozen=True, slots=True)
class DayFigures:
    """What the transfers of a day say; `fee_bps` is the share the day has, None for a new day."""

    day: date
    handle_minor: int
    payout_minor: int
    fee_bps: int | None
