"""Cash-outs: an open bet, or a part of it, ended early at an agreed amount.

A quote is what the bet is worth by the book's own offers, less the tenant's margin; it is sealed,
bound to the bet's version, the offers' versions and an expiry, and reckoned again under the locks
before it is paid. What is asked while an event of the bet is being played first stands the delay
that a bet on it would. Invariants, which `check` recomputes: a part is paid once and for good, to a
request of its own; what is left is a bet on the rest of the stake; a bet's parts and its rest never
pay more than it could.
"""

from overround.betting.cashouts.model import (
    Asked,
    Backlog,
    Decision,
    ListedOrder,
    ListedRequest,
    Order,
    Policy,
    Quote,
    Request,
    RequestState,
    Terms,
    Valuation,
)
from overround.betting.cashouts.rules import REFUSALS, SHARES_BPS, WHOLE_BPS, written
from overround.betting.cashouts.service import (
    BETS_MAX,
    asked,
    cash_out,
    drop_order,
    listed,
    listed_orders,
    order,
    pay_due,
    set_terms,
    terms_of,
    value,
    values,
)
from overround.betting.cashouts.store import backlog, check

__all__ = [
    "BETS_MAX",
    "REFUSALS",
    "SHARES_BPS",
    "WHOLE_BPS",
    "Asked",
    "Backlog",
    "Decision",
    "ListedOrder",
    "ListedRequest",
    "Order",
    "Policy",
    "Quote",
    "Request",
    "RequestState",
    "Terms",
    "Valuation",
    "asked",
    "backlog",
    "cash_out",
    "check",
    "drop_order",
    "listed",
    "listed_orders",
    "order",
    "pay_due",
    "set_terms",
    "terms_of",
    "value",
    "values",
    "written",
]
