"""A market's way from the board to what a book lays of it; pure, for the hub and for who looks."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID

import numpy as np

from overround.betting.offers import rules, watch
from overround.betting.offers.model import (
    Book,
    Offer,
    Playing,
    SeenMarket,
    SeenSelection,
    Setting,
    Terms,
    Why,
)
from overround.betting.offers.watch import Laying
from overround.core import grading
from overround.odds.board.memory import Board
from overround.odds.board.model import MarketCells
from overround.odds.catalogue.model import Event
from overround.odds.pricing import Integers, Method


@dataclass(frozen=True, slots=True)
class Market:
    """A market of the `n`th book, with what the book says of it; `own` is what people say of single
    answers, None where they say nothing. Prices that were seen before `since_us` are not laid."""

    n: int
    cells: MarketCells
    terms: Terms
    since_us: int
    own: tuple[Setting | None, ...] | None


@dataclass(frozen=True, slots=True)
class On:
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


class Found(NamedTuple):
    """One market as it would be laid, as it would be without what people say of its answers, as it
    was reckoned before the watch, and the others' best prices."""

    laying: Laying
    guarded_e4: list[int]
    reckoned_e4: Integers
    best_e4: Integers


def laid(
    books: Sequence[Book], board: Board, events: Mapping[UUID, tuple[str, str]], on: On
) -> list[tuple[Market, Found]]:
    """Every market of `events` (id -> sport, competition id) as each of the books would lay it."""
    return [
        pair
        for method, markets in _by_size(books, board, events, on)
        for pair in zip(markets, _priced(board, markets, method), strict=True)
    ]


def _by_size(
    books: Sequence[Book],
    board: Board,
    events: Mapping[UUID, tuple[str, str]],
    on: On,
) -> list[tuple[Method, list[Market]]]:
    """The markets of each book, together those of one size whose margin one method spreads."""
    sized: defaultdict[tuple[int, Method], list[Market]] = defaultdict(list)
    for event_id, (sport, competition) in events.items():
        markets = [m for m in board.markets_of(event_id) if _is_laid(m.market_type)]
        for n, book in enumerate(books):
            since_us = on.since_us(book, event_id, sport)
            if since_us is None:
                continue
            is_narrow = rules.has_narrow(book)
            of_event = rules.terms(book, sport, competition, str(event_id))
            for cells in markets:
                terms, own = of_event, None
                if is_narrow:
                    own = _own(book, cells)
                    if ("market", str(cells.market_id)) in book.settings:
                        terms = rules.terms(
                            book, sport, competition, str(event_id), str(cells.market_id)
                        )
                sized[len(cells.sides), terms.method].append(Market(n, cells, terms, since_us, own))
    return [(method, markets) for (_, method), markets in sized.items()]


def _is_laid(market_type: str) -> bool:
    return grading.can_be_laid(market_type) or market_type == grading.CONTEST


def _own(book: Book, cells: MarketCells) -> tuple[Setting | None, ...] | None:
    found = tuple(book.settings.get(("selection", str(key))) for key in cells.selection_ids)
    return found if any(found) else None


def _priced(board: Board, markets: Sequence[Market], method: Method) -> list[Found]:
    columns = np.stack([one.cells.columns for one in markets])
    # [sources, markets, sides] in one look, then market by market.
    prices = board.open_e4[: len(board.sources), columns].transpose(1, 0, 2)
    since_us = np.array([one.since_us for one in markets], np.int64)
    if since_us.any():
        seen_us = board.observed_us[: len(board.sources), columns].transpose(1, 0, 2)
        prices = np.where(seen_us >= since_us[:, None, None], prices, 0)
    guarded = rules.price(
        prices.astype(np.int64),
        np.array([one.terms.margin_bps for one in markets], np.int64),
        np.array([one.terms.multiplier_e4 for one in markets], np.int64),
        method,
        _factors(markets),
    )
    laid_e4: list[list[int]] = guarded.price_e4.tolist()
    did: list[list[int]] = guarded.did.tolist()
    rows = zip(markets, laid_e4, did, guarded.reckoned_e4, guarded.best_e4, strict=True)
    return [
        Found(
            _after_people(Laying(price_e4, done), one.own, best_e4), price_e4, reckoned_e4, best_e4
        )
        for one, price_e4, done, reckoned_e4, best_e4 in rows
    ]


def _factors(markets: Sequence[Market]) -> Integers | None:
    """Each answer's own factor, [markets, sides]; None where nobody has said any."""
    if not any(one.own for one in markets):
        return None
    ones = (None,) * len(markets[0].cells.sides)
    return np.array(
        [[10_000 if own is None else own.multiplier_e4 for own in one.own or ones]
         for one in markets],
        np.int64,
    )  # fmt: skip


def _after_people(
    found: Laying, own: tuple[Setting | None, ...] | None, best_e4: Integers
) -> Laying:
    """What nobody quotes whole, or the watch holds back, a person's price does not lay either."""
    if own is None or min(found.price_e4) == 0:
        return found
    return watch.with_own(found, own, best_e4.tolist())


def shut(book: Book, event: Event) -> Why | None:
    """Why nothing of an event is laid, whatever is quoted."""
    if event.status not in {"scheduled", "live", "postponed"}:
        return "over"
    return "not_in_play" if event.status == "live" and event.sport not in book.in_play else None


def seen(
    market: Market, found: Found, offers: Mapping[UUID, Offer], shut: Why | None
) -> SeenMarket:
    """A market as the office sees it, with the rows that are laid of it."""
    cells = market.cells
    return SeenMarket(
        cells.market_id,
        cells.market_type,
        cells.period,
        cells.line_q4,
        tuple(
            _seen(market, found, n, offers.get(selection_id), shut)
            for n, selection_id in enumerate(cells.selection_ids)
        ),
    )


def _seen(
    market: Market, found: Found, n: int, offer: Offer | None, shut: Why | None
) -> SeenSelection:
    own = None if market.own is None else market.own[n]
    why = shut or rules.why(
        offer,
        is_off=not market.terms.enabled or (own is not None and not own.enabled),
        reckoned_e4=int(found.reckoned_e4[n]),
        watched=watch.WORDS[found.laying.did[n]],
    )
    cells = market.cells
    return SeenSelection(
        cells.selection_ids[n],
        cells.sides[n],
        offer,
        int(found.reckoned_e4[n]) or None,
        int(found.best_e4[n]) or None,
        why,
    )
