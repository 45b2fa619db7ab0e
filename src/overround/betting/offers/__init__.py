"""Offers: what a book stands ready to lay, computed by the hub from board and terms.

offer = consensus fair price x margin x multiplier, rounded down to the ladder. Invariants: a row is
written only when price or state differs; nobody but the hub computes a price; a bet re-checks the
row under its event's lock, so a stale reader can never sell an old price.
"""

from overround.betting.offers.model import BoardLine, Book, Offer, OfferState, Setting, Terms
from overround.betting.offers.rules import price, terms
from overround.betting.offers.service import Offers, book_of, switch
from overround.betting.offers.store import board, close_events, offers_of

__all__ = [
    "BoardLine",
    "Book",
    "Offer",
    "OfferState",
    "Offers",
    "Setting",
    "Terms",
    "board",
    "book_of",
    "close_events",
    "offers_of",
    "price",
    "switch",
    "terms",
]
