"""Offers computed for the touched events, written where they differ, in the hub's transaction."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from uuid import UUID

import numpy as np

from overround.betting.offers import rules, store
from overround.betting.offers.model import Book, OfferState, Setting, Terms
from overround.core import grading
from overround.core.errors import Invalid
from overround.db import Connection
from overround.odds.board import Board, MarketCells
from overround.odds.pricing import Integers

_MARGIN_BPS_MAX = 5_000
_MULTIPLIER_E4 = (5_000, 15_000)


class Offers:
    """What one book lays now, by selection: the hub's copy of its rows of `offer`."""

    def __init__(self, book: Book) -> None:
        self.book = book
        self._laid: dict[UUID, tuple[int, OfferState]] = {}

    def get(self, selection_id: UUID) -> tuple[int, OfferState] | None:
        """(price_e4, state) of a selection that was ever laid."""
        return self._laid.get(selection_id)

    async def load(self, conn: Connection, event_ids: Sequence[UUID]) -> None:
        """Read what the book lays on some events."""
        found = await store.offers_of(conn, self.book.book_id, event_ids)
        self._laid |= {key: (offer.price_e4, offer.state) for key, offer in found.items()}

    async def refresh(
        self,
        conn: Connection,
        board: Board,
        events: Mapping[UUID, tuple[str, str]],
        at: datetime,
    ) -> int:
        """Price the markets of `events` (id -> sport, competition id) anew; returns rows written.

        A market that no source quotes whole, or whose event is switched off, is suspended at its
        last price.
        """
        changed: list[tuple[UUID, int, OfferState]] = []
        for sized, sized_terms in _by_size(self.book, board, events):
            prices = _priced(board, sized, sized_terms)
            for cells, its_terms, row in zip(sized, sized_terms, prices, strict=True):
                laid = its_terms.enabled and bool((row > 0).all())
                for selection_id, price_e4 in zip(cells.selection_ids, row.tolist(), strict=True):
                    self._note(changed, selection_id, price_e4 if laid else 0)
        return await self._write(conn, changed, at)

    async def close(
        self, conn: Connection, board: Board, event_ids: Iterable[UUID], at: datetime
    ) -> int:
        """The events have started: nothing of theirs is laid any more."""
        closing: list[tuple[UUID, int, OfferState]] = []
        for event_id in event_ids:
            for cells in board.markets_of(event_id):
                for selection_id in cells.selection_ids:
                    laid = self._laid.get(selection_id)
                    if laid is not None and laid[1] != "closed":
                        closing.append((selection_id, laid[0], "closed"))
        return await self._write(conn, closing, at)

    def _note(
        self, changed: list[tuple[UUID, int, OfferState]], selection_id: UUID, price_e4: int
    ) -> None:
        before = self._laid.get(selection_id)
        if price_e4:
            now: tuple[int, OfferState] = (price_e4, "open")
        elif before is None:
            return
        else:
            now = (before[0], "suspended")
        if now != before:
            changed.append((selection_id, now[0], now[1]))

    async def _write(
        self, conn: Connection, changed: list[tuple[UUID, int, OfferState]], at: datetime
    ) -> int:
        if not changed:
            return 0
        # Written in key order, so that two books' writers never wait for each other in a circle.
        changed.sort()
        self._laid |= {key: (price_e4, state) for key, price_e4, state in changed}
        return await store.write(conn, self.book.book_id, changed, at)


def _by_size(
    book: Book, board: Board, events: Mapping[UUID, tuple[str, str]]
) -> list[tuple[list[MarketCells], list[Terms]]]:
    sized: defaultdict[int, tuple[list[MarketCells], list[Terms]]] = defaultdict(lambda: ([], []))
    for event_id, (sport, competition) in events.items():
        its_terms = rules.terms(book, sport, competition, str(event_id))
        for cells in board.markets_of(event_id):
            if grading.sides(cells.market_type) == cells.sides:
                markets, their_terms = sized[len(cells.sides)]
                markets.append(cells)
                their_terms.append(its_terms)
    return list(sized.values())


def _priced(board: Board, markets: Sequence[MarketCells], their_terms: Sequence[Terms]) -> Integers:
    return rules.price(
        np.stack([board.open_prices(cells) for cells in markets]).astype(np.int64),
        np.array([t.margin_bps for t in their_terms], np.int64),
        np.array([t.multiplier_e4 for t in their_terms], np.int64),
    )


async def book_of(conn: Connection, *, book_id: UUID, tenant_id: UUID, margin_bps: int) -> Book:
    """The tenant's book with its settings; read with the tenant's own rows visible."""
    found = await store.settings(conn, tenant_id)
    return Book(book_id, tenant_id, margin_bps, {(s.scope, s.scope_key): s for s in found})


async def switch(conn: Connection, tenant_id: UUID, setting: Setting, at: datetime) -> int:
    """Switch or price a scope; returns how many offers were suspended at once.

    Raises Invalid `margin_out_of_range`, `multiplier_out_of_range`.
    """
    if setting.margin_bps is not None and not 0 <= setting.margin_bps <= _MARGIN_BPS_MAX:
        raise Invalid("a margin is from 0 to 50 %", code="margin_out_of_range")
    if not _MULTIPLIER_E4[0] <= setting.multiplier_e4 <= _MULTIPLIER_E4[1]:
        raise Invalid("a multiplier is from 0.5 to 1.5", code="multiplier_out_of_range")
    return await store.switch(conn, tenant_id, setting, at)
