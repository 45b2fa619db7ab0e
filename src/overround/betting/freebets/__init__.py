"""Free bets: stakes that a tenant gives to its players.

A grant is a promise: an amount for one bet, until a time, of such kinds and sports and at such
prices. It moves no money; the bet that uses it does (`bets`). Above what one person of the office
may move alone, a second one has to agree. Invariants: a grant is used by one bet at most; what was
used stays used, and who gets it back from a void bet gets another one.
"""

from overround.betting.freebets.model import Asked, FreeBet, Granted, State, Used
from overround.betting.freebets.service import (
    grant,
    mine,
    of_bets,
    of_player,
    office,
    settle_state,
)
from overround.betting.freebets.store import check

__all__ = [
    "Asked",
    "FreeBet",
    "Granted",
    "State",
    "Used",
    "check",
    "grant",
    "mine",
    "of_bets",
    "of_player",
    "office",
    "settle_state",
]
