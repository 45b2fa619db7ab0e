"""Where on an event a price belongs."""

from __future__ import annotations

from overround.core import grading
from overround.odds.feeds.model import FeedPrice
from overround.odds.matching.model import Resolved


def placed(price: FeedPrice, ours: Resolved) -> tuple[str, str, int | None, str]:
    """The market and side in our event's orientation: a swapped event mirrors both."""
    market = price.market
    if not ours.swapped:
        return market.market_type, market.period, market.line_q4, price.side
    market_type, line_q4, side = grading.mirrored(market.market_type, market.line_q4, price.side)
    return market_type, market.period, line_q4, side
