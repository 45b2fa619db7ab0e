"""Arbitrages among what one batch quotes: of a capture of many books, without a board.

A price is as old as its own source's last word. Those older than wished take no part, so a stale
price that is higher hides none that is fresh; and what promises more than wished is set apart,
because a promise like that is a mistake of somebody's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from overround.core import grading
from overround.odds.edges import rules
from overround.odds.edges.model import Arbitrage
from overround.odds.feeds.model import FeedBatch, FeedEvent, FeedMarket, FeedPrice
from overround.odds.feeds.provider import SourceKind

AGE_MAX = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Quoted:
    """An arbitrage of one market of an event; `oldest` is the age of its oldest leg."""

    event: FeedEvent
    market: FeedMarket
    observed_at: datetime
    arbitrage: Arbitrage
    oldest: timedelta


def quoted(
    batch: FeedBatch, kind_of: Callable[[str], SourceKind], age_max: timedelta = AGE_MAX
) -> Iterator[Quoted]:
    """The arbitrages among the bookmakers' open prices of `batch` that were seen at most `age_max`
    before it."""
    fresh: dict[FeedMarket, dict[str, dict[str, FeedPrice]]] = {}
    for price in batch.prices:
        seen_at = price.seen_at or batch.observed_at
        if price.suspended or batch.observed_at - seen_at > age_max:
            continue
        if kind_of(price.source) == "bookmaker":
            by_side = fresh.setdefault(price.market, {}).setdefault(price.source, {})
            by_side[price.side] = price
    for market, by_source in fresh.items():
        words = market.market_type, market.period
        arbitrage = rules.arbitrage(
            market.market_type,
            market.line_q4,
            {
                source: {side: price.price_e4 for side, price in by_side.items()}
                for source, by_side in by_source.items()
            },
            level=grading.may_end_level(batch.event.sport, *words),
        )
        if arbitrage is not None:
            legs = (by_source[leg.source][leg.side] for leg in arbitrage.legs)
            first = min(leg.seen_at or batch.observed_at for leg in legs)
            oldest = batch.observed_at - first
            yield Quoted(batch.event, market, batch.observed_at, arbitrage, oldest)
