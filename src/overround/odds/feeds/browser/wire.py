"""What a page said -> a match of the worker protocol."""

from __future__ import annotations

from overround.core import line as core_line
from overround.core import price
from overround.odds.feeds.model import FeedBatch, FeedMarket, FeedPrice
from overround.odds.feeds.worker import words
from overround.odds.feeds.worker.model import Match, Row


def match_of(batch: FeedBatch) -> Match:
    """One event as the hub is told it: prices decimal, a row a line.

    A line of which one side is stopped is stopped: half a line is nobody's bet.
    """
    event = batch.event
    rows: dict[FeedMarket, list[FeedPrice]] = {}
    for one in batch.prices:
        rows.setdefault(one.market, []).append(one)
    return Match(
        home=event.home,
        away=event.away,
        league=event.competition_name,
        rows=tuple(_row(market, prices) for market, prices in rows.items()),
        event_id=event.provider_event_id,
        starts_at=event.starts_at,
        sport=event.sport,
    )


def _row(market: FeedMarket, prices: list[FeedPrice]) -> Row:
    return Row(
        words.name_of(market.market_type, market.period),
        {one.side: price.to_text(one.price_e4) for one in prices},
        "" if market.line_q4 is None else core_line.to_text(market.line_q4),
        any(one.suspended for one in prices),
    )
