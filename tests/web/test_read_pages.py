"""Pages of prices, written by the column: the same words as everywhere else."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import numpy as np

from overround.odds.board import from_us, to_us
from overround.trading.screen import rendering, shapes
from overround.trading.screen.model import Listed, Page, Side, Teller

AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
EVENTS = [
    Listed(UUID(int=n), "football", UUID(int=9), 'Liga "A"', "AT", "Älta", "Öst", AT, "scheduled")
    for n in (1, 2, 3)
]
TELLERS = [
    Teller(4, "bet365", "bookmaker", "one"),
    Teller(9, "bet365", "bookmaker", "two"),
    Teller(2, "betfair", "exchange", "one"),
]
SIDES = [
    Side(0, "a", "1x2", "ft", None, "away"),
    Side(0, "d", "1x2", "ft", None, "draw"),
    Side(0, "h", "1x2", "ft", None, "home"),
    Side(0, "o", "total", "ft", 10, "over"),
    Side(2, "x", "correct_score", "ft", None, '"0:0"'),
]
# side, teller, price_e4, is_open, observed, changed
CELLS = [
    (0, 0, 40_000, 1, AT, AT),
    (1, 1, 36_000, 1, AT, AT),
    (2, 0, 21_000, 1, AT, AT - timedelta(microseconds=1)),
    (2, 1, 21_000, 1, AT, AT),
    (2, 2, 22_500, 0, AT, AT),
    (4, 2, 1_000_100, 0, AT + timedelta(microseconds=120), AT),
]


def page(cells: list[tuple[int, int, int, int, datetime, datetime]]) -> Page:
    """The cells as columns."""
    columns = list(zip(*cells, strict=True)) or [()] * 6
    whole = [np.array(column, np.int64) for column in columns[:4]]
    times = [np.array([to_us(at) for at in column], np.int64) for column in columns[4:]]
    return Page(SIDES, TELLERS, *whole, *times)


def read(items: list[str]) -> Any:
    """The page as a client reads it."""
    body = json.loads(shapes.listing(items, "next"))
    assert body["next_cursor"] == "next"
    return body["items"]


def test_a_page_of_odds_says_each_price_in_its_place() -> None:
    first, second, third = read(list(rendering.odds(EVENTS, page(CELLS))))
    assert first | {"markets": []} == shapes.event(EVENTS[0]) | {"markets": []}
    (winner,) = first["markets"]
    assert (winner["market"], winner["period"], winner["line"]) == ("1x2", "ft", None)
    # The answers in the order of the board, the sources in their own; what nobody quotes is out.
    assert [one["side"] for one in winner["selections"]] == ["home", "draw", "away"]
    home = winner["selections"][0]
    assert [(one["source"], one["price"], one["state"]) for one in home["prices"]] == [
        ("bet365", "2.10", "open"), ("bet365", "2.10", "open"), ("betfair", "2.25", "suspended"),
    ]  # fmt: skip
    assert home["prices"][2]["source_kind"] == "exchange"
    assert second["markets"] == []
    (odd,) = third["markets"]
    assert odd["selections"][0]["side"] == '"0:0"'
    assert odd["selections"][0]["prices"][0]["price"] == "100.01"


def test_a_page_of_best_prices_names_all_who_quote_them() -> None:
    first, _, third = read(list(rendering.best(EVENTS, page(CELLS))))
    (winner,) = first["markets"]
    best = {one["side"]: (one["price"], one["sources"]) for one in winner["selections"]}
    # Suspended is nobody's to take, and a book through two providers is one name.
    assert best == {
        "home": ("2.10", ["bet365"]), "draw": ("3.60", ["bet365"]), "away": ("4.00", ["bet365"]),
    }  # fmt: skip
    assert winner["overround"] == "0.003968"
    assert third["markets"][0]["selections"] == []
    assert third["markets"][0]["overround"] is None


def test_a_page_says_times_as_all_others_do() -> None:
    moments = [AT, AT + timedelta(microseconds=1), AT + timedelta(milliseconds=120), from_us(0)]
    shown = read(list(rendering.odds(EVENTS, page([(2, 0, 21_000, 1, at, at) for at in moments]))))
    prices = shown[0]["markets"][0]["selections"][0]["prices"]
    assert [one["observed_at"] for one in prices] == [shapes.stamp(at) for at in moments]
    assert [one["changed_at"] for one in prices] == [shapes.stamp(at) for at in moments]


def test_an_empty_page_is_its_events_alone() -> None:
    assert [one["markets"] for one in read(list(rendering.odds(EVENTS, page([]))))] == [[], [], []]
    assert [one["markets"] for one in read(list(rendering.best(EVENTS, page([]))))] == [[], [], []]
