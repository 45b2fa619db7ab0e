"""Offers: what a book stands ready to lay, computed by the hub from board and terms.

offer = consensus fair price x margin x multiplier, rounded down to the ladder. Invariants: a row is
written only when price or state differs; nobody but the hub computes a price; a bet re-checks the
row under its event's lock, so a stale reader can never sell an old price.
"""

from overround.betting.offers.model import (
    BoardLine,
    Book,
    Held,
    Laid,
    ListedCompetition,
    ListedEvent,
    Offer,
    OfferState,
    Scope,
    Search,
    Setting,
    Terms,
    Turn,
)
from overround.betting.offers.rules import held, price, terms
from overround.betting.offers.service import (
    MARGIN_BPS_MAX,
    MULTIPLIER_E4_MAX,
    MULTIPLIER_E4_MIN,
    OFFICE_BEHIND,
    Offers,
    book_of,
    listed,
    office_competitions,
    office_events,
    refresh_all,
    shown_since,
    switch,
)
from overround.betting.offers.store import (
    board,
    close_events,
    competitions_laid,
    main_lines,
    markets_laid,
    next_of_each,
    offers_of,
    revisions,
    turn,
)

__all__ = [
    "MARGIN_BPS_MAX",
    "MULTIPLIER_E4_MAX",
    "MULTIPLIER_E4_MIN",
    "OFFICE_BEHIND",
    "BoardLine",
    "Book",
    "Held",
    "Laid",
    "ListedCompetition",
    "ListedEvent",
    "Offer",
    "OfferState",
    "Offers",
    "Scope",
    "Search",
    "Setting",
    "Terms",
    "Turn",
    "board",
    "book_of",
    "close_events",
    "competitions_laid",
    "held",
    "listed",
    "main_lines",
    "markets_laid",
    "next_of_each",
    "offers_of",
    "office_competitions",
    "office_events",
    "price",
    "refresh_all",
    "revisions",
    "shown_since",
    "switch",
    "terms",
    "turn",
]
