"""A provider that names the away side first: every kind of market is turned round with it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace

from overround.core import price
from overround.db.logins import Role
from overround.odds.feeds import FeedMarket, FeedPrice
from tests.odds_store.feed import Feed, feed_of
from tests.stories.world import AT, opened

Urls = Mapping[Role, str]


def test_team_totals_and_results_in_halves_are_turned_round(database_urls: Urls) -> None:
    said = [
        ("home_total", "ft", 6, "over", "1.50"),
        ("handicap_1x2", "ft", -4, "draw", "3.40"),
        ("half_time_full_time", "ft", None, "home/draw", "15.00"),
        ("double_chance", "ht", None, "1X", "1.25"),
    ]
    ours = {
        ("away_total", "ft", 6, "over"): 15_000,
        ("handicap_1x2", "ft", 4, "draw"): 34_000,
        ("half_time_full_time", "ft", None, "away/draw"): 150_000,
        ("double_chance", "ht", None, "X2"): 12_500,
    }

    async def story() -> None:
        async with opened(database_urls) as world:
            feed = await feed_of(world)
            event = replace(
                feed.event, provider="elsewhere", provider_event_id="r1",
                home=feed.event.away, away=feed.event.home,
            )  # fmt: skip
            async with world.worker.transaction(None) as conn:
                await world.hub.know(conn, [event], AT)
            theirs = Feed(world, event)
            assert theirs.event_id == feed.event_id
            prices = [
                FeedPrice("two", FeedMarket(market, period, line_q4), side,
                          price.parse_decimal(text), text)
                for market, period, line_q4, side, text in said
            ]  # fmt: skip
            await theirs.say(AT, prices)
            shown = {
                (cells.market_type, cells.period, cells.line_q4, side): price_e4
                for cells in world.hub.board.markets_of(feed.event_id)
                for by_side in world.hub.board.quotes(cells).values()
                for side, price_e4 in by_side.items()
            }
            assert shown == ours

    asyncio.run(story())
