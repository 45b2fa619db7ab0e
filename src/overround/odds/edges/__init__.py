"""Edges: what the board lets a bettor win, or expect to win, at prices that are there now.

Words: an `arbitrage` loses in no state: it is `sure` where it gains in every state and a
`free_roll` where it only gives stakes back in some; it lies inside one market or across several. A
`value` price is above what the other sources believe; a `middle` wins both its legs between two
lines; a `low_hold` costs next to nothing. `naive_margin` is 1/booksum - 1; `guaranteed` is what the
worst state really pays. An edge is `detected` at one look, `verified` when every leg stood at a
second one and nothing speaks against it, `stale` when its prices are too old, `expired` when gone.
Invariants: states and payoffs are those of `core.grading` and `core.payoff`, so what is called
guaranteed here is what settlement pays; the same board at the same times gives the same edges
under the same ids.
"""

from overround.odds.edges.lifecycle import leg_of
from overround.odds.edges.model import (
    Arbitrage,
    ArbitrageKind,
    ArbitrageLeg,
    EdgeKind,
    EdgeStatus,
    Leg,
    Policy,
    Scope,
    Sighting,
    Split,
    StoredEdge,
    Terms,
)
from overround.odds.edges.quoted import Quoted, quoted
from overround.odds.edges.rules import Quotes, arbitrage, best_prices, guarantee
from overround.odds.edges.service import (
    CloseCount,
    Confirm,
    confirmed,
    count_closing,
    detect,
    forget,
    look,
)
from overround.odds.edges.store import Wanted, age, expire_events, page, search, statistics, waiting

__all__ = [
    "Arbitrage",
    "ArbitrageKind",
    "ArbitrageLeg",
    "CloseCount",
    "Confirm",
    "EdgeKind",
    "EdgeStatus",
    "Leg",
    "Policy",
    "Quoted",
    "Quotes",
    "Scope",
    "Sighting",
    "Split",
    "StoredEdge",
    "Terms",
    "Wanted",
    "age",
    "arbitrage",
    "best_prices",
    "confirmed",
    "count_closing",
    "detect",
    "expire_events",
    "forget",
    "guarantee",
    "leg_of",
    "look",
    "page",
    "quoted",
    "search",
    "statistics",
    "waiting",
]
