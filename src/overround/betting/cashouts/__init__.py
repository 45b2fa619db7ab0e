"""Cash-outs: an open bet, or a part of it, ended early at an agreed amount.

A quote is what the bet is worth by the book's own offers, less the tenant's margin; it is bound to
the bet's version, the offers' versions and an expiry, and reckoned again under the locks before it
is paid. Invariants, which `check` recomputes: a part is paid once and for good; what is left is a
bet on the rest of the stake; a bet's parts and its rest never pay more than it could.
"""

from overround.betting.cashouts.model import (
    Asked,
    Decision,
    Order,
    Policy,
    Quote,
    Shown,
    Terms,
    Valuation,
)
from overround.betting.cashouts.rules import REFUSALS, SHARES_BPS, WHOLE_BPS, read, written
from overround.betting.cashouts.service import (
    BETS_MAX,
    carry_out,
    cash_out,
    drop_order,
    order,
    ripe,
    set_terms,
    terms_of,
    value,
    values,
)
from overround.betting.cashouts.store import check

__all__ = [
    "BETS_MAX",
    "REFUSALS",
    "SHARES_BPS",
    "WHOLE_BPS",
    "Asked",
    "Decision",
    "Order",
    "Policy",
    "Quote",
    "Shown",
    "Terms",
    "Valuation",
    "carry_out",
    "cash_out",
    "check",
    "drop_order",
    "order",
    "read",
    "ripe",
    "set_terms",
    "terms_of",
    "value",
    "values",
    "written",
]
