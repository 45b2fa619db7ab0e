"""The storefront: what the public sees of a book, answered without a database.

Words: what is *shown* for a selection; a book's *snapshot* and its numbered changes in the cache;
a *view*, one process's copy; a *hint*, which tells a page to look again. What a tenant shows
beside its prices (looks, first page, fixtures) are *snapshots* too: whole answers, on a *shelf*.
Invariants: a missed message is noticed; the loss of the cache costs time alone and never delays the
hub; the row of `offer` stays the truth, which a bet is checked against; the shelf answers
everybody, with a copy, with one that says it is stale, or with defaults.
"""

from overround.storefront.answers import (
    BOARD_VIEW,
    FIXTURES_VIEW,
    Answer,
    ShownName,
    answer,
    at_hand,
    default,
    default_theme,
    label_at,
    load,
    shown_at,
)
from overround.storefront.feed import OfferFeed, Poll
from overround.storefront.hints import Hint, Hints, listen
from overround.storefront.model import Shown, ShownState
from overround.storefront.publisher import Publisher
from overround.storefront.shelf import Shelf
from overround.storefront.shop import is_open, shop
from overround.storefront.snapshots import Snapshot, publish
from overround.storefront.view import BookView

__all__ = [
    "BOARD_VIEW",
    "FIXTURES_VIEW",
    "Answer",
    "BookView",
    "Hint",
    "Hints",
    "OfferFeed",
    "Poll",
    "Publisher",
    "Shelf",
    "Shown",
    "ShownName",
    "ShownState",
    "Snapshot",
    "answer",
    "at_hand",
    "default",
    "default_theme",
    "is_open",
    "label_at",
    "listen",
    "load",
    "publish",
    "shop",
    "shown_at",
]
