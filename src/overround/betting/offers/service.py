"""Offers computed for the touched events, written where they differ, in the hub's transaction."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

from overround.betting.offers import laying, rules, store, watch
from overround.betting.offers.laying import Found, Market, On
from overround.betting.offers.model import (
    HOUSE_KEY,
    Book,
    InPlay,
    ListedCompetition,
    ListedEvent,
    OfferState,
    Playing,
    Search,
    SeenMarket,
    Setting,
    Terms,
    WatchCount,
    Watched,
)
from overround.betting.offers.watch import Laying
from overround.core import grading
from overround.core.clock import millis
from overround.core.errors import Invalid, NotFound, at_field
from overround.db import Connection
from overround.odds import board as boards
from overround.odds import catalogue
from overround.odds.board import Board, MarketCells
from overround.odds.catalogue import Event
from overround.people import tenants
from overround.people.tenants import Tenant
from overround.storefront import Shown

MARGIN_BPS_MAX = 5_000
MULTIPLIER_E4_MIN, MULTIPLIER_E4_MAX = 5_000, 15_000
# What the highest price of the ladder on both answers would give: whoever says it bears anything.
SURE_PROFIT_BPS_MAX = 10_000_000
# What the office looks at: no match is in play for longer, and few prices are older than a month.
OFFICE_BEHIND = timedelta(hours=12)
OFFICE_AHEAD = timedelta(days=30)
_COMPETITIONS_MAX = 1_000


# (book, selection, price_e4, state, what the watch did): what a book lays from now on.
Row = tuple[UUID, UUID, int, OfferState, Watched | None]


class Offers:
    """What one book lays now, by selection: the hub's copy of its rows of `offer`."""

    def __init__(self, book: Book) -> None:
        self.book = book
        self._laid: dict[UUID, tuple[int, OfferState]] = {}
        self._watched: dict[UUID, Watched] = {}
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
            self._watched.pop(selection_id, None)

    async def load(self, conn: Connection, event_ids: Sequence[UUID]) -> None:
        """Read what the book lays on some events; what differs from the memory has moved."""
        found = await store.offers_of(conn, self.book.book_id, event_ids)
        for selection_id, offer in found.items():
            now = (offer.price_e4, offer.state)
            if self._laid.get(selection_id) != now:
                self._laid[selection_id] = now
                self._moved[selection_id] = offer.changed_at
            self._watch(selection_id, offer.watched)

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
                    yield self.book.book_id, selection_id, laid[0], state, None

    def note(self, cells: MarketCells, terms: Terms, found: Laying) -> list[Row]:
        """The selections of a market that would be laid otherwise than they are."""
        rows: list[Row] = []
        for selection_id, price_e4, did in zip(cells.selection_ids, *found, strict=True):
            before = self._laid.get(selection_id)
            if terms.enabled and price_e4:
                now: tuple[int, OfferState] = (price_e4, "open")
            elif before is None:
                continue
            else:
                now = (before[0], "suspended")
            watched = watch.WORDS[did] if terms.enabled else None
            if now != before or watched != self._watched.get(selection_id):
                rows.append((self.book.book_id, selection_id, now[0], now[1], watched))
        return rows

    def take(self, rows: Iterable[Row], at: datetime) -> None:
        """These rows are written."""
        for _, selection_id, price_e4, state, watched in rows:
            self._watch(selection_id, watched)
            if self._laid.get(selection_id) == (price_e4, state):
                continue
            self._laid[selection_id] = price_e4, state
            self._moved[selection_id] = at

    def _watch(self, selection_id: UUID, watched: Watched | None) -> None:
        if watched is None:
            self._watched.pop(selection_id, None)
        else:
            self._watched[selection_id] = watched

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
    on = On(playing or {}, round(at.timestamp() * 1_000_000))
    for one, found in laying.laid([offers.book for offers in books], board, events, on):
        changed[books[one.n]] += books[one.n].note(one.cells, one.terms, found.laying)
    return await _write_all(conn, changed, at)


async def _write_all(conn: Connection, changed: Mapping[Offers, list[Row]], at: datetime) -> int:
    # Written in key order, so that two books' writers never wait for each other in a circle.
    rows = sorted(row for of_book in changed.values() for row in of_book)
    if not rows:
        return 0
    for book, of_book in changed.items():
        book.take(of_book, at)
    return await store.write_all(conn, rows, at)


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
    if sport not in rules.IN_PLAY_SPORTS and not await store.is_scope(conn, "sport", sport):
        raise NotFound("no such sport", field="sport")
    if found is not None and await catalogue.is_raced(conn, sport):
        said = f"{sport} is raced and not played: a race has no score to lay it by"
        raise Invalid(said, code="not_played", field="sport")
    return await store.set_in_play(conn, tenant_id, sport, found, at)


async def switch(conn: Connection, tenant_id: UUID, setting: Setting, at: datetime) -> int:
    """Switch or price a scope; returns how many offers were suspended at once.

    Raises Invalid `margin_out_of_range`, `multiplier_out_of_range`, `price_out_of_range`,
    `sure_profit_out_of_range` and `setting_misplaced` (a selection with a margin, another scope
    with a price), NotFound for a scope that there is not, and PriceArbitraged for a person's price
    with which a bettor could make more for certain than the setting bears; its facts say how much.
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
    if not 0 <= (setting.sure_profit_max_bps or 0) <= SURE_PROFIT_BPS_MAX:
        said = "a sure profit is from 0 to 10,000,000 basis points"
        raise Invalid(said, code="sure_profit_out_of_range", field="sure_profit_max_bps")
    misplaced = rules.misplaced(setting)
    if misplaced is not None:
        said = "a margin is of a market or more, a price of one selection"
        raise Invalid(said, code="setting_misplaced", field=misplaced)
    if not await _is_known(conn, setting):
        raise NotFound(f"no such {setting.scope}", field="scope_key")
    if setting.enabled and setting.price_e4 is not None:
        await _check_profit(conn, tenant_id, setting, setting.price_e4)
    return await store.switch(conn, tenant_id, setting, at)


async def _check_profit(conn: Connection, tenant_id: UUID, setting: Setting, price_e4: int) -> None:
    """Look at a person's price on the board as it stands. Raises PriceArbitraged."""
    selection_id = UUID(setting.scope_key)
    book = await book_of(conn, await tenants.by_id(conn, tenant_id))
    book = replace(book, settings={**book.settings, (setting.scope, setting.scope_key): setting})
    events = await catalogue.events_by_id(conn, [await store.event_of(conn, selection_id)])
    for event in events.values():
        for market, found in await _look(conn, book, event):
            if market.own is None or selection_id not in market.cells.selection_ids:
                continue
            n = market.cells.selection_ids.index(selection_id)
            best_e4 = [int(one) for one in found.best_e4]
            ours_e4 = watch.placed(found.guarded_e4, market.own)
            profit_bps = watch.sure_profit_bps(ours_e4, best_e4)
            if price_e4 > best_e4[n] and profit_bps > (setting.sure_profit_max_bps or 0):
                raise rules.arbitraged(profit_bps, best_e4[n])


async def _look(conn: Connection, book: Book, event: Event) -> list[tuple[Market, Found]]:
    """How the book would lay an event by what stands in the journal now, in play too."""
    board = Board()
    await boards.reload(conn, board, [event.id])
    scopes = {event.id: (event.sport, str(event.competition_id))}
    return laying.laid([book], board, scopes, On({}, 0))


async def seen(conn: Connection, book: Book, event: Event) -> list[SeenMarket]:
    """Every market of an event that a book could lay, with why each answer of it is not laid, or is
    laid below what was reckoned."""
    offers = await store.offers_of(conn, book.book_id, [event.id])
    shut = laying.shut(book, event)
    return [
        laying.seen(market, found, offers, shut) for market, found in await _look(conn, book, event)
    ]


async def watched(conn: Connection, book_id: UUID) -> list[WatchCount]:
    """How much of what a book lays or holds back the arbitrage watch has touched."""
    return await store.watched(conn, book_id)


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
    if setting.scope == "house":
        return setting.scope_key == HOUSE_KEY
    if setting.scope == "sport":
        return await store.is_scope(conn, "sport", setting.scope_key)
    try:
        key = UUID(setting.scope_key)
    except ValueError:
        return False
    # The switch compares with the id's own text, so another spelling of it would switch nothing.
    return str(key) == setting.scope_key and await store.is_scope(conn, setting.scope, key)


async def office_events(
    conn: Connection,
    book: Book,
    search: Search,
    after: tuple[datetime, UUID],
    at: datetime,
    limit: int,
) -> list[ListedEvent]:
    """A page of the events that are in play or come within a month, by start."""
    found = await store.office_events(conn, book.book_id, search, after, at + OFFICE_AHEAD, limit)
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
            *counts.get(event.id, (0, 0, 0)),
        )
        for event in (events[key] for key in event_ids if key in events)
    ]


async def office_competitions(conn: Connection, at: datetime) -> list[ListedCompetition]:
    """The competitions with events in play or within a month, by sport, country and name."""
    return await store.office_competitions(
        conn, at - OFFICE_BEHIND, at + OFFICE_AHEAD, _COMPETITIONS_MAX
    )
