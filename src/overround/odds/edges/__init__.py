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

from overround.odds.edges.lifecycle import NOBODY, Place, SecondLook, leg_of, place_of
from overround.odds.edges.model import (
    Arbitrage,
    ArbitrageKind,
    ArbitrageLeg,
    EdgeKind,
    EdgeStatus,
    Found,
    Leg,
    Policy,
    Scope,
    Sighting,
    Split,
    StoredEdge,
    Terms,
)
from overround.odds.edges.policy import policy_of
from overround.odds.edges.quoted import Quoted, quoted
from overround.odds.edges.rules import Quotes, arbitrage, best_prices, guarantee
from overround.odds.edges.service import (
    KEPT,
    CloseCount,
    Looked,
    count_closing,
    follow,
    look,
)
from overround.odds.edges.stakes import KELLY_PART, Placeable, placeable
from overround.odds.edges.standing import Standing
from overround.odds.edges.store import (
    Wanted,
    age,
    expire_events,
    one,
    open_events,
    page,
    search,
    statistics,
    waiting,
)

__all__ = [
    "KELLY_PART",
    "KEPT",
    "NOBODY",
    "Arbitrage",
    "ArbitrageKind",
    "ArbitrageLeg",
    "CloseCount",
    "EdgeKind",
    "EdgeStatus",
    "Found",
    "Leg",
    "Looked",
    "Place",
    "Placeable",
    "Policy",
    "Quoted",
    "Quotes",
    "Scope",
    "SecondLook",
    "Sighting",
    "Split",
    "Standing",
    "StoredEdge",
    "Terms",
    "Wanted",
    "age",
    "arbitrage",
    "best_prices",
    "count_closing",
    "expire_events",
    "follow",
    "guarantee",
    "leg_of",
    "look",
    "one",
    "open_events",
    "page",
    "place_of",
    "placeable",
    "policy_of",
    "quoted",
    "search",
    "statistics",
    "waiting",
]
