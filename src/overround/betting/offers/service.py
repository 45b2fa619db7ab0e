"""Offers computed for the touched events, written where they differ, in the hub's transaction."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import numpy as np

from overround.betting.offers import rules, store
from overround.betting.offers.model import (
    Book,
    InPlay,
    ListedCompetition,
    ListedEvent,
    OfferState,
    Playing,
    Search,
    Setting,
    Terms,
)
from overround.core import grading
from overround.core.clock import millis
from overround.core.errors import Invalid, NotFound, at_field
from overround.db import Connection
from overround.odds import catalogue
from overround.odds.board import Board, MarketCells
from overround.odds.pricing import Integers, Method
from overround.people.tenants import Tenant
from overround.storefront import Shown

MARGIN_BPS_MAX = 5_000
MULTIPLIER_E4_MIN, MULTIPLIER_E4_MAX = 5_000, 15_000
# What the office looks at: no match is in play for longer, and few prices are older than a month.
OFFICE_BEHIND = timedelta(hours=12)
OFFICE_AHEAD = timedelta(days=30)
_COMPETITIONS_MAX = 1_000


# (book, selection, price_e4, state): what a book lays from now on.
Row = tuple[UUID, UUID, int, OfferState]


class Offers:
    """What one book lays now, by selection: the hub's copy of its rows of `offer`."""

    def __init__(self, book: Book) -> None:
        self.book = book
        self._laid: dict[UUID, tuple[int, OfferState]] = {}
        self._moved: dict[UUID, datetime] = {}

    def get(self, selection_id: UUID) -> tuple[int, OfferState] | None:
        """(price_e4, state) of a selection that was ever laid."""
        return self._laid.get(selection_id)

    def moved(self) -> dict[UUID, datetime]:
        """What differs since the last call, each with when: for whoever shows it to people."""
        moved, self._moved = self._moved, {}
        return moved

    def forget(self, selection_ids: Iterable[UUID]) -> None:
        """These are laid no more and nobody asks for them again."""
        for selection_id in selection_ids:
            self._laid.pop(selection_id, None)

    async def load(self, conn: Connection, event_ids: Sequence[UUID]) -> None:
        """Read what the book lays on some events; what differs from the memory has moved."""
        found = await store.offers_of(conn, self.book.book_id, event_ids)
        for selection_id, offer in found.items():
            now = (offer.price_e4, offer.state)
            if self._laid.get(selection_id) != now:
                self._laid[selection_id] = now
                self._moved[selection_id] = offer.changed_at

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
        return await refresh_all(conn, [self], board, events, at)

    async def close(
        self, conn: Connection, board: Board, event_ids: Iterable[UUID], at: datetime
    ) -> int:
        """The events are over: nothing of theirs is laid any more."""
        closing = [row for key in event_ids for row in self._shut(board, key, "closed")]
        return await self._write(conn, closing, at)

    async def begin(
        self, conn: Connection, board: Board, sports: Mapping[UUID, str], at: datetime
    ) -> int:
        """The events (id -> sport) have started: nothing is laid any more at the prices of before,
        and nothing at all of a sport that the book does not lay in play."""
        shut: list[Row] = []
        for event_id, sport in sports.items():
            state: OfferState = "suspended" if sport in self.book.in_play else "closed"
            shut += self._shut(board, event_id, state)
        return await self._write(conn, shut, at)

    def _shut(self, board: Board, event_id: UUID, state: OfferState) -> Iterator[Row]:
        for cells in board.markets_of(event_id):
            for selection_id in cells.selection_ids:
                laid = self._laid.get(selection_id)
                if laid is not None and laid[1] not in ("closed", state):
                    yield self.book.book_id, selection_id, laid[0], state

    def note(self, cells: MarketCells, terms: Terms, prices_e4: Sequence[int]) -> list[Row]:
        """The selections of a market that would be laid otherwise at these prices."""
        is_laid = terms.enabled and min(prices_e4) > 0
        if is_laid and rules.has_narrow(self.book):
            settings = self.book.settings
            prices_e4 = [
                rules.own_price(settings.get(("selection", str(selection_id))), price_e4)
                for selection_id, price_e4 in zip(cells.selection_ids, prices_e4, strict=True)
            ]
        rows: list[Row] = []
        for selection_id, price_e4 in zip(cells.selection_ids, prices_e4, strict=True):
            before = self._laid.get(selection_id)
            if is_laid and price_e4:
                now: tuple[int, OfferState] = (price_e4, "open")
            elif before is None:
                continue
            else:
                now = (before[0], "suspended")
            if now != before:
                rows.append((self.book.book_id, selection_id, now[0], now[1]))
        return rows

    def take(self, rows: Iterable[Row], at: datetime) -> None:
        """These rows are written."""
        for _, selection_id, price_e4, state in rows:
            self._laid[selection_id] = price_e4, state
            self._moved[selection_id] = at

    async def _write(self, conn: Connection, rows: list[Row], at: datetime) -> int:
        return await _write_all(conn, {self: rows}, at)


async def refresh_all(
    conn: Connection,
    books: Sequence[Offers],
    board: Board,
    events: Mapping[UUID, tuple[str, str]],
    at: datetime,
    playing: Mapping[UUID, Playing] | None = None,
) -> int:
    """`Offers.refresh` of several books in one go; returns rows written.

    Of the `events` those that are in `playing` have begun: books that lay their sport in play price
    them by what was seen since.
    """
    changed: dict[Offers, list[Row]] = {book: [] for book in books}
    on = _On(playing or {}, round(at.timestamp() * 1_000_000))
    for method, markets in _by_size(books, board, events, on):
        prices: list[list[int]] = _priced(board, markets, method).tolist()
        for one, row in zip(markets, prices, strict=True):
            changed[one.offers] += one.offers.note(one.cells, one.terms, row)
    return await _write_all(conn, changed, at)


async def _write_all(conn: Connection, changed: Mapping[Offers, list[Row]], at: datetime) -> int:
    # Written in key order, so that two books' writers never wait for each other in a circle.
    rows = sorted(row for of_book in changed.values() for row in of_book)
    if not rows:
        return 0
    for book, of_book in changed.items():
        book.take(of_book, at)
    return await store.write_all(conn, rows, at)


@dataclass(frozen=True, slots=True)
class _Market:
    """A market of a book, with what the book says of it."""

    offers: Offers
    cells: MarketCells
    terms: Terms
    since_us: int = 0


@dataclass(frozen=True, slots=True)
class _On:
    """The events in play, and the time."""

    playing: Mapping[UUID, Playing]
    at_us: int

    def since_us(self, book: Book, event_id: UUID, sport: str) -> int | None:
        """From which time on prices are laid; None where the book lays nothing of the event."""
        one = self.playing.get(event_id)
        if one is None:
            return 0
        terms = book.in_play.get(sport)
        return None if terms is None else rules.believed_since(terms, one, self.at_us)


def _by_size(
    books: Sequence[Offers],
    board: Board,
    events: Mapping[UUID, tuple[str, str]],
    on: _On,
) -> list[tuple[Method, list[_Market]]]:
    """The markets of each book, together those of one size whose margin one method spreads."""
    sized: defaultdict[tuple[int, Method], list[_Market]] = defaultdict(list)
    for event_id, (sport, competition) in events.items():
        markets = [m for m in board.markets_of(event_id) if _is_laid(m.market_type)]
        for offers in books:
            book = offers.book
            since_us = on.since_us(book, event_id, sport)
            if since_us is None:
                continue
            is_narrow = rules.has_narrow(book)
            of_event = rules.terms(book, sport, competition, str(event_id))
            for cells in markets:
                terms = of_event
                if is_narrow and ("market", str(cells.market_id)) in book.settings:
                    terms = rules.terms(
                        book, sport, competition, str(event_id), str(cells.market_id)
                    )
                sized[len(cells.sides), terms.method].append(
                    _Market(offers, cells, terms, since_us)
                )
    return [(method, markets) for (_, method), markets in sized.items()]


def _is_laid(market_type: str) -> bool:
    return grading.can_be_laid(market_type) or market_type == grading.CONTEST


def _priced(board: Board, markets: Sequence[_Market], method: Method) -> Integers:
    columns = np.stack([one.cells.columns for one in markets])
    # [sources, markets, sides] in one look, then market by market.
    prices = board.open_e4[: len(board.sources), columns].transpose(1, 0, 2)
    since_us = np.array([one.since_us for one in markets], np.int64)
    if since_us.any():
        seen_us = board.observed_us[: len(board.sources), columns].transpose(1, 0, 2)
        prices = np.where(seen_us >= since_us[:, None, None], prices, 0)
    return rules.price(
        prices.astype(np.int64),
        np.array([one.terms.margin_bps for one in markets], np.int64),
        np.array([one.terms.multiplier_e4 for one in markets], np.int64),
        method,
    )


async def book_of(conn: Connection, tenant: Tenant) -> Book:
    """The tenant's book with its settings; read with the tenant's own rows visible."""
    found = await store.settings(conn, tenant.id)
    settings = {(setting.scope, setting.scope_key): setting for setting in found}
    in_play = {one.sport: one for one in await store.in_play(conn, tenant.id)}
    return Book(tenant.book_id, tenant.id, tenant.margin_bps, settings, in_play)


async def set_in_play(
    conn: Connection, tenant_id: UUID, sport: str, found: InPlay | None, at: datetime
) -> int:
    """Lay a sport in play, or no longer (None); returns how many offers were closed at once.

    Raises Invalid `delay_out_of_range`, `stale_out_of_range`, `not_played` for a sport of races,
    and NotFound for one that there is not.
    """
    if found is not None:
        rules.check_in_play(found)
    if sport not in rules.IN_PLAY_SPORTS and not await store.is_scope(conn, sport=sport):
        raise NotFound("no such sport", field="sport")
    if found is not None and await catalogue.is_raced(conn, sport):
        said = f"{sport} is raced and not played: a race has no score to lay it by"
        raise Invalid(said, code="not_played", field="sport")
    return await store.set_in_play(conn, tenant_id, sport, found, at)


async def switch(conn: Connection, tenant_id: UUID, setting: Setting, at: datetime) -> int:
    """Switch or price a scope; returns how many offers were suspended at once.

    Raises Invalid `margin_out_of_range`, `multiplier_out_of_range`, `price_out_of_range`, for a
    selection with a margin or another scope with a price `setting_misplaced`, and NotFound for a
    scope that there is not.
    """
    if setting.margin_bps is not None and not 0 <= setting.margin_bps <= MARGIN_BPS_MAX:
        said = "a margin is from 0 to 50 %"
        raise Invalid(said, code="margin_out_of_range", field="margin_bps")
    if not MULTIPLIER_E4_MIN <= setting.multiplier_e4 <= MULTIPLIER_E4_MAX:
        said = "a multiplier is from 0.5 to 1.5"
        raise Invalid(said, code="multiplier_out_of_range", field="multiplier_e4")
    if setting.price_e4 is not None:
        with at_field("price"):
            rules.check_own(setting.price_e4)
    misplaced = rules.misplaced(setting)
    if misplaced is not None:
        said = "a margin is of a market or more, a price of one selection"
        raise Invalid(said, code="setting_misplaced", field=misplaced)
    if not await _is_known(conn, setting):
        raise NotFound(f"no such {setting.scope}", field="scope_key")
    return await store.switch(conn, tenant_id, setting, at)


async def shown_since(conn: Connection, book_id: UUID, seq: int) -> list[tuple[int, Shown]]:
    """What the public sees of the rows with a number above `seq`, each with its number."""
    return [
        (
            row.seq,
            Shown(
                row.selection_id,
                row.event_id,
                (row.market_type, row.period) == grading.main_market(row.sport),
                row.price_e4,
                row.state,
                millis(row.changed_at),
            ),
        )
        for row in await store.changed_since(conn, book_id, seq)
    ]


async def newest(conn: Connection, book_ids: Sequence[UUID]) -> dict[UUID, int]:
    """book id -> a number that grows with every offer that is laid or changed there."""
    return await store.newest(conn, book_ids)


async def _is_known(conn: Connection, setting: Setting) -> bool:
    if setting.scope == "sport":
        return await store.is_scope(conn, sport=setting.scope_key)
    try:
        key = UUID(setting.scope_key)
    except ValueError:
        return False
    # The switch compares with the id's own text, so another spelling of it would switch nothing.
    if str(key) != setting.scope_key:
        return False
    return await store.is_scope(
        conn,
        competition_id=key if setting.scope == "competition" else None,
        event_id=key if setting.scope == "event" else None,
        market_id=key if setting.scope == "market" else None,
        selection_id=key if setting.scope == "selection" else None,
    )


async def office_events(
    conn: Connection,
    book: Book,
    search: Search,
    after: tuple[datetime, UUID],
    at: datetime,
    limit: int,
) -> list[ListedEvent]:
    """A page of the events that are in play or come within a month, by start."""
    found = await store.office_events(conn, search, after, at + OFFICE_AHEAD, limit)
    return await listed(conn, book, found)


async def listed(conn: Connection, book: Book, event_ids: Sequence[UUID]) -> list[ListedEvent]:
    """Some events as the office sees them, in the order given; one that is not there is absent."""
    events = await catalogue.events_by_id(conn, event_ids)
    counts = await store.laid_counts(conn, book.book_id, event_ids)
    return [
        ListedEvent(
            event,
            rules.held(book, event.sport, str(event.competition_id), str(event.id)),
            book.settings.get(("event", str(event.id))),
            *counts.get(event.id, (0, 0)),
        )
        for event in (events[key] for key in event_ids if key in events)
    ]


async def office_competitions(conn: Connection, at: datetime) -> list[ListedCompetition]:
    """The competitions with events in play or within a month, by sport, country and name."""
    return await store.office_competitions(
        conn, at - OFFICE_BEHIND, at + OFFICE_AHEAD, _COMPETITIONS_MAX
    )
