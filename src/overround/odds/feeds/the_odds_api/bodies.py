"""The provider's JSON -> games: versions 3 and 4, the historical wrapper, events and scores.

Version 4 names every answer; version 3 writes a list of prices in the order of `teams`, which is
alphabetical, so who is at home stands in `home_team` alone. No body says whether its prices are
decimal or American: none is American that is between -100 and 100, and none decimal below 0.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Final, cast

from overround.core.errors import ProviderDataError
from overround.odds.feeds import reading
from overround.odds.feeds.reading import Node
from overround.odds.feeds.the_odds_api.model import Capture, Game, Group, Outcome

MAX_BODY_BYTES: Final = 64_000_000
MAX_GAMES: Final = 20_000
_LAYOUTS: Final = frozenset({"sport_key", "home_team", "commence_time"})


def read(body: bytes, seen_at: datetime | None) -> Capture:
    """The games of a JSON body, seen at `seen_at`, or when the body says its newest price was.

    Raises ProviderDataError `body_too_large` (64 MB), `not_json`, `unknown_layout`,
    `too_many_games` (20,000).
    """
    found = reading.json_of(body, MAX_BODY_BYTES)
    wrapper = reading.node_of(found)
    data: object = wrapper.get("data", found)
    nodes = reading.nodes_of(data)
    if len(nodes) > MAX_GAMES:
        raise ProviderDataError("the body has too many games", code="too_many_games")
    if (nodes or not isinstance(data, list)) and not _LAYOUTS & set(nodes[0] if nodes else {}):
        raise ProviderDataError("the body has no events of this feed", code="unknown_layout")
    # One event alone is asked for its further markets, a list for everything that is featured.
    complete = isinstance(data, list)
    games = [_game(node, complete) for node in nodes]
    at = reading.moment(reading.text(wrapper, "timestamp")) or seen_at or _newest(games)
    for game in games:
        game.seen_at = at
    return Capture(games, _odds_format(games), len(nodes))


def _game(node: Node, complete: bool) -> Game:
    home = reading.text(node, "home_team")
    teams = reading.texts_of(node.get("teams"))
    others = [team for team in teams if team != home]
    away = reading.text(node, "away_team") or (others[0] if len(teams) == 2 and others else "")
    sport_key, starts = reading.text(node, "sport_key"), reading.text(node, "commence_time")
    groups: list[Group] | None = None
    if "bookmakers" in node:
        groups = list(_groups(node))
    elif "sites" in node:
        groups = list(_site_groups(node, teams))
    at = reading.moment(starts)
    # Version 3 has no ids; the day it is played on keeps two matches of the same teams apart.
    day = at.date().isoformat() if at else ""
    told = reading.text(node, "id")
    game_id = told or f"{sport_key[:80]}:{day}:{home[:200]}:{away[:200]}"
    scores = [
        (reading.text(one, "name"), reading.text(one, "score"))
        for one in reading.nodes_of(node.get("scores"))
    ]
    return Game(
        game_id,
        sport_key,
        reading.text(node, "sport_title", "sport_nice"),
        starts,
        home,
        away,
        groups=groups,
        complete=complete,
        completed=node.get("completed") is True,
        scored=reading.text(node, "last_update"),
        is_named=not told,
        scores=scores,
    )


def _groups(game: Node) -> Iterator[Group]:
    for book in reading.nodes_of(game.get("bookmakers")):
        for market in reading.nodes_of(book.get("markets")):
            stamp = reading.text(market, "last_update") or reading.text(book, "last_update")
            outcomes = [
                Outcome(
                    reading.text(one, "name"),
                    reading.text(one, "price"),
                    reading.text(one, "point"),
                    reading.text(one, "description"),
                )
                for one in reading.nodes_of(market.get("outcomes"))
            ]
            yield Group(reading.text(book, "key"), reading.text(market, "key"), stamp, outcomes)


def _site_groups(game: Node, teams: list[str]) -> Iterator[Group]:
    """The layout of version 3: {"h2h": [2.1, 3.5, 3.2], "spreads": {"odds": …, "points": …}}."""
    for site in reading.nodes_of(game.get("sites")):
        stamp = reading.text(site, "last_update")
        for key, found in reading.node_of(site.get("odds")).items():
            names, points = [*teams, "Draw"], [""] * 3
            prices = reading.texts_of(found)
            if isinstance(found, dict):
                inner = reading.node_of(cast("object", found))
                prices = reading.texts_of(inner.get("odds"))
                points = reading.texts_of(inner.get("points"))
                names = reading.texts_of(inner.get("position")) or teams
            outcomes = [
                Outcome(name, price, point)
                for name, price, point in zip(names, prices, points, strict=False)
            ]
            if len(outcomes) < len(prices):
                # What has no name stays to be counted.
                outcomes += [Outcome("", price) for price in prices[len(outcomes) :]]
            yield Group(reading.text(site, "site_key"), key[:80], stamp, outcomes)


def _newest(games: list[Game]) -> datetime | None:
    stamps = {group.stamp for game in games for group in game.groups or ()}
    return max((at for stamp in stamps if (at := reading.moment(stamp))), default=None)


def _odds_format(games: list[Game]) -> str:
    texts = {
        outcome.price for game in games for group in game.groups or () for outcome in group.outcomes
    }
    wholes = [text.partition(".")[0] for text in texts if len(text) <= 24]
    if any(whole.startswith("-") for whole in wholes):
        return "american"
    sizes = [int(whole) for whole in wholes if whole.isascii() and whole.isdigit()]
    return "american" if sizes and min(sizes) >= 100 else "decimal"
