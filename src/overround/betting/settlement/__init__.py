"""Settlement: results and rulings grade legs, graded legs pay bets, once per bet and version.

A pure function of (bet, newest results, the tenant's rulings), run over the bets of the events that
are due. Invariants: a missing fact leaves a bet open, never lost; a lost leg ends a combo at once;
whatever is known later moves the difference and nothing else; running again moves nothing.
"""

from overround.betting.settlement.model import (
    Asked,
    BetOn,
    Desk,
    Movement,
    Proposed,
    Ruling,
    StoredRuling,
    WaitsFor,
)
from overround.betting.settlement.service import (
    WAITING_BEHIND,
    bet_on,
    check_deep,
    decide,
    lift,
    preview,
    propose,
    rulings,
    settle_due,
    settle_events,
    waiting,
)

__all__ = [
    "WAITING_BEHIND",
    "Asked",
    "BetOn",
    "Desk",
    "Movement",
    "Proposed",
    "Ruling",
    "StoredRuling",
    "WaitsFor",
    "bet_on",
    "check_deep",
    "decide",
    "lift",
    "preview",
    "propose",
    "rulings",
    "settle_due",
    "settle_events",
    "waiting",
]
