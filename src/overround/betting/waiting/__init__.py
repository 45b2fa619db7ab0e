"""Slips that wait: because their player asked for it, for a person of the house, or for a while.

A slip that waits holds no money and no liability; it has its key, and a place in its tenant's
queue. Any number of processes place what is due, each slip under the lock of its row and in the
transaction that ends it: a slip becomes one bet or one refusal, never none and never two, whatever
is killed meanwhile. It is looked at again as if it had just been sent: offers, caps, the session
and the account count as they are then. Invariants, which `check` recomputes: who waits has his key
and nobody else a key that waits; a slip that was accepted is a bet by its own id.
"""

from overround.betting.waiting.model import (
    Alternative,
    AskedLeg,
    Asking,
    Backlog,
    Given,
    Place,
    Verdict,
    WaitingSlip,
)
from overround.betting.waiting.rules import (
    OFFER_S,
    OFFER_S_MAX,
    OFFER_S_MIN,
    REFUSALS,
    alternative_of,
)
from overround.betting.waiting.service import (
    accept,
    answer,
    approvals,
    backlog,
    enter,
    legs_of,
    mine,
    my_slip,
    place_due,
    slip_of,
    tenants_due,
    withdraw,
)
from overround.betting.waiting.store import check

__all__ = [
    "OFFER_S",
    "OFFER_S_MAX",
    "OFFER_S_MIN",
    "REFUSALS",
    "Alternative",
    "AskedLeg",
    "Asking",
    "Backlog",
    "Given",
    "Place",
    "Verdict",
    "WaitingSlip",
    "accept",
    "alternative_of",
    "answer",
    "approvals",
    "backlog",
    "check",
    "enter",
    "legs_of",
    "mine",
    "my_slip",
    "place_due",
    "slip_of",
    "tenants_due",
    "withdraw",
]
