"""A board with prices of several sources, for tests that read it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from overround.core import line, price
from overround.odds.feeds import FeedBatch, FeedEvent, FeedMarket, FeedPrice
from overround.roles.hub.writer import Hub
from tests.support.edge import AT, Edge

SIDES = {
    "1x2": ("home", "draw", "away"),
    "moneyline": ("home", "away"),
    "total": ("over", "under"),
    "asian_handicap": ("home", "away"),
}
# source -> "market line" -> prices of its sides; "-" is no price.
Said = Mapping[str, Mapping[str, Sequence[str]]]

THREE: Said = {
    "bet365": {
        "1x2": ("2.10", "3.40", "3.60"),
        "total 2.5": ("1.90", "1.95"),
        "asian_handicap -0.75": ("2.04", "1.86"),
    },
    "pinnacle": {
        "1x2": ("2.14", "3.30", "3.75"),
        "total 2.5": ("1.95", "1.92"),
        "total 3.5": ("3.10", "1.38"),
    },
    "draftkings": {"1x2": ("2.14", "3.25", "3.50")},
}


def event(
    name: str = "one", *, hours: float = 24, sport: str = "football",
    provider: str = "football_data",
    competition: tuple[str, str, str] = ("E0", "Premier League", "England"),
) -> FeedEvent:  # fmt: skip
    """An event some hours ahead."""
    key, title, country = competition
    return FeedEvent(
        provider, name, sport, key, title, country, f"Home {name}", f"Away {name}",
        AT + timedelta(hours=hours),
    )  # fmt: skip


def prices(said: Said, period: str = "ft") -> tuple[FeedPrice, ...]:
    """What the sources say, as a feed."""
    found: list[FeedPrice] = []
    for source, markets in said.items():
        for market, texts in markets.items():
            market_type, _, line_text = market.partition(" ")
            fed = FeedMarket(market_type, period, line.parse(line_text) if line_text else None)
            found += [
                FeedPrice(source, fed, side, price.parse_decimal(text), text)
                for side, text in zip(SIDES[market_type], texts, strict=True)
                if text != "-"
            ]
    return tuple(found)


async def say(
    edge: Edge, hub: Hub, asked: FeedEvent, said: Said, at: datetime = AT, period: str = "ft"
) -> UUID:
    """The hub takes a snapshot of what the sources say on an event; returns our id of it."""
    batch = FeedBatch(asked, at, prices(said, period), snapshot=True)
    async with edge.worker_db.transaction(None) as conn:
        await hub.prices(conn, [batch], {}, at)
    return hub.events[asked.key].event_id
