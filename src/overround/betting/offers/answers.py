"""What a visitor is told of what the house lays: its board, an event's markets, events in play."""

from __future__ import annotations

from datetime import datetime
from itertools import groupby
from uuid import UUID

from overround.betting.offers.model import BoardLine
from overround.core import grading, line, price
from overround.kit.paging import Cursor
from overround.kit.shapes import Output
from overround.odds.catalogue.model import Event, LiveScore


class SelectionOut(Output):
    """One answer and what is laid for it; `selection_id` and `price` go on a slip."""

    selection_id: UUID
    side: str
    price: str
    state: str
    version: int


class MarketOut(Output):
    """One question; for an Asian handicap the line is the home side's. With `place_terms` a bet on
    it may be each way; the sides of a contest's `winner` are its runners, by name."""

    market_id: UUID
    market: str
    period: str
    line: str | None
    place_terms: str | None
    selections: list[SelectionOut]


class BoardEventOut(Output):
    """One event with everything laid on it."""

    id: UUID
    sport: str
    country: str
    competition: str
    home: str
    away: str
    starts_at: datetime
    markets: list[MarketOut]


class BoardOut(Output):
    """A page of coming events, by start."""

    items: list[BoardEventOut]
    next_cursor: str | None


class PlayingOut(BoardEventOut):
    """An event in play: the feed's clock and its scores by period, each (home, away)."""

    clock: str
    scores: dict[str, list[int]]


class PlayingsOut(Output):
    """The events in play on which something is laid, by start."""

    items: list[PlayingOut]


class OffersOut(Output):
    """What is laid now, as the stream says it: (selection id, price, state, changed at in ms)."""

    o: list[tuple[UUID, str, str, int]]


def page(events: list[Event], lines: list[BoardLine], more: bool) -> BoardOut:
    """The events, by start, with what is laid on each; `more` follow."""
    by_event = {key: list(group) for key, group in groupby(lines, key=lambda one: one.event_id)}
    last = events[-1] if events else None
    return BoardOut(
        # Read by several statements: of what was taken away between them nothing is shown.
        items=[event_out(event, by_event[event.id]) for event in events if event.id in by_event],
        next_cursor=Cursor(last.starts_at, last.id).to_text() if more and last else None,
    )


def event_out(event: Event, lines: list[BoardLine]) -> BoardEventOut:
    """One event with what is laid on it."""
    return BoardEventOut(
        id=event.id,
        sport=event.sport,
        country=event.country,
        competition=event.competition,
        home=event.home,
        away=event.away,
        starts_at=event.starts_at,
        markets=[
            _market_out(list(group)) for _, group in groupby(lines, key=lambda one: one.market_id)
        ],
    )


def playing_out(event: BoardEventOut, live: LiveScore | None) -> PlayingOut:
    """An event with how it stands; None where nobody has said so yet."""
    scores = {} if live is None else {key: list(said) for key, said in live.scores.items()}
    return PlayingOut(**dict(event), clock="" if live is None else live.clock, scores=scores)


def _market_out(lines: list[BoardLine]) -> MarketOut:
    first = lines[0]
    sides = grading.sides(first.market_type)
    return MarketOut(
        market_id=first.market_id,
        market=first.market_type,
        period=first.period,
        line=None if first.line_q4 is None else line.to_text(first.line_q4),
        place_terms=first.place_terms,
        selections=[
            SelectionOut(
                selection_id=one.selection_id,
                side=one.side,
                price=price.to_text(one.price_e4),
                state=one.state,
                version=one.version,
            )
            for one in sorted(
                lines, key=lambda one: sides.index(one.side) if sides else one.price_e4
            )
        ],
    )
