"""What people are shown of the hub's books, as the cache is told it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from uuid import UUID

from overround.betting.offers import Offers
from overround.core import grading
from overround.core.clock import millis
from overround.roles.hub.writer import Hub
from overround.storefront import Shown


def moved(hub: Hub) -> list[tuple[UUID, list[Shown]]]:
    """Each book with what differs since the last call."""
    found: list[tuple[UUID, list[Shown]]] = []
    for book in hub.books:
        changed = book.moved()
        shown = [one for key, at in changed.items() if (one := _shown(hub, book, key, at))]
        if shown:
            found.append((book.book.book_id, shown))
    return found


def everything(hub: Hub, book_id: UUID, at: datetime) -> Iterator[Shown]:
    """All that a book lays now, for a reader who has lost it."""
    book = next(one for one in hub.books if one.book.book_id == book_id)
    for event_id in hub.board.event_ids():
        for cells in hub.board.markets_of(event_id):
            for selection_id in cells.selection_ids:
                shown = _shown(hub, book, selection_id, at)
                if shown is not None:
                    yield shown


def _shown(hub: Hub, book: Offers, selection_id: UUID, at: datetime) -> Shown | None:
    laid = book.get(selection_id)
    cells = hub.board.cells_of(selection_id)
    if laid is None or cells is None:
        return None
    main = grading.main_market(hub.sport_of(cells.event_id))
    return Shown(
        selection_id,
        cells.event_id,
        (cells.market_type, cells.period) == main,
        laid[0],
        laid[1],
        millis(at),
    )
