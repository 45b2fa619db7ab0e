"""A table of college baseball's lines as somebody saved it from the site: one game a record."""

from __future__ import annotations

from collections.abc import Iterator

from overround.odds.feeds import reading
from overround.odds.feeds.model import FeedEvent, FeedMarket
from overround.odds.feeds.reading import Node, Quote


def event(node: Node, provider: str) -> FeedEvent:
    """The game of a record; nobody numbered it, so its day and teams are its id.

    Raises EventRefused as `reading.sides_of` and `reading.start_of` do.
    """
    home, away = reading.sides_of(reading.text(node, "home_team"), reading.text(node, "away_team"))
    starts_at = reading.start_of(reading.text(node, "game_time"))
    event_id = f"college_baseball:{starts_at.date().isoformat()}:{away}@{home}"
    return FeedEvent(
        provider,
        event_id,
        "baseball",
        "college_baseball",
        "College Baseball",
        "USA",
        home,
        away,
        starts_at,
    )


def quotes(node: Node, source: str) -> Iterator[Quote]:
    """The prices of a record; its spread is the visitors'."""
    spread, total = (reading.line_of(reading.text(node, k)) for k in ("run_line_spread", "total"))
    handicap = "line_invalid" if spread is None else _final("asian_handicap", -spread)
    totals = "line_invalid" if total is None else _final("total", total)
    for column, market, side in (
        ("home_ml", _final("moneyline", None), "home"),
        ("away_ml", _final("moneyline", None), "away"),
        ("home_rl_odds", handicap, "home"),
        ("away_rl_odds", handicap, "away"),
        ("over_odds", totals, "over"),
        ("under_odds", totals, "under"),
    ):
        price = reading.text(node, column)
        if price:
            yield Quote(source, column, column, market, side, price, "american")


def _final(market_type: str, line_q4: int | None) -> FeedMarket | str | None:
    return reading.market_of(market_type, "final", line_q4)
