"""Revenue: what the sportsbook earned, by the tenant's local day, recomputed from transfers.

handle = stakes that left `held` for `house`; payout = what `house` paid; ggr = handle - payout
(a voided bet is in neither); fee = the platform's share of a day's ggr, none on a loss, at the rate
of the time the day was first written. A closed day moves ggr - fee to `revenue` and fee to `fee`; a
day that changes later moves the difference.
"""

from overround.money.revenue.model import RevenueDay
from overround.money.revenue.rules import fee_minor
from overround.money.revenue.service import close_days, days, first_open_day, totals
from overround.money.revenue.store import check

__all__ = [
    "RevenueDay",
    "check",
    "close_days",
    "days",
    "fee_minor",
    "first_open_day",
    "totals",
]
