"""The storefront: what the public sees of a book, answered without a database.

Words: what is *shown* for a selection; a book's *snapshot* and its numbered changes in the cache;
a *view*, one process's copy; a *hint*, which tells a page to look again. Invariants: a missed
message is noticed; the loss of the cache costs time alone and never delays the hub; the row of
`offer` stays the truth, which a bet is checked against.
"""

from overround.storefront.feed import OfferFeed, Poll
from overround.storefront.hints import Hint, Hints, listen
from overround.storefront.model import Shown, ShownState
from overround.storefront.publisher import Publisher
from overround.storefront.view import BookView

__all__ = [
    "BookView",
    "Hint",
    "Hints",
    "OfferFeed",
    "Poll",
    "Publisher",
    "Shown",
    "ShownState",
    "listen",
]
