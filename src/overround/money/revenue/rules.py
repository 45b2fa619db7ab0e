"""The arithmetic of a day."""

from __future__ import annotations

from overround.money.revenue.model import DayPosting


def fee_minor(ggr_minor: int, fee_bps: int) -> int:
    """The platform's share of a day, rounded down to the minor unit; a losing day owes none."""
    return max(0, ggr_minor) * fee_bps // 10_000


def movements(day: DayPosting) -> tuple[int, int]:
    """What must still leave `house` for (`fee`, `revenue`); negative comes back."""
    fee = day.fee_minor - day.posted_fee_minor
    net = (day.ggr_minor - day.fee_minor) - day.posted_net_minor
    return fee, net
