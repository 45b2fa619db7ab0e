"""A day of revenue. Amounts are minor units of the tenant's currency."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True)
class RevenueDay:
    """One local day of a tenant; `ggr_minor` may be negative, `fee_minor` may not. `bonus_minor`
    is what free bets cost: stakes that were given and are not back."""

    day: date
    currency: str
    handle_minor: int
    payout_minor: int
    ggr_minor: int
    fee_minor: int
    bonus_minor: int = 0

    @property
    def ngr_minor(self) -> int:
        """GGR less what was given away and the platform's fee."""
        return self.ggr_minor - self.bonus_minor - self.fee_minor


@dataclass(frozen=True, slots=True)
class DayFigures:
    """What the transfers of a day say; `fee_bps` is the share the day has, None for a new day."""

    day: date
    handle_minor: int
    payout_minor: int
    fee_bps: int | None
    bonus_minor: int = 0
