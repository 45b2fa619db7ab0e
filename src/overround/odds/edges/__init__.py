"""Edges: what the board lets a bettor win without being right about the match.

Words: an `arbitrage` is a set of best prices of two or more sources on one market that loses in no
state; it is `sure` where it gains in every state and a `free_roll` where it only gives stakes back
in some. `naive_margin` is 1/booksum - 1; `guaranteed` is what the worst state really pays.
Invariant: states and payoffs are those of `core.grading` and `core.payoff`, so what is called
guaranteed here is what settlement pays.
"""

from overround.odds.edges.model import (
    Arbitrage,
    ArbitrageKind,
    ArbitrageLeg,
    Split,
    StoredEdge,
)
from overround.odds.edges.quoted import Quoted, quoted
from overround.odds.edges.rules import Quotes, arbitrage, best_prices, guarantee
from overround.odds.edges.service import CloseCount, count_closing, detect
from overround.odds.edges.store import expire_events, page

__all__ = [
    "Arbitrage",
    "ArbitrageKind",
    "ArbitrageLeg",
    "CloseCount",
    "Quoted",
    "Quotes",
    "Split",
    "StoredEdge",
    "arbitrage",
    "best_prices",
    "count_closing",
    "detect",
    "expire_events",
    "guarantee",
    "page",
    "quoted",
]
