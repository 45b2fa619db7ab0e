"""The board in memory: columns that are given back, and the cheap bound over them."""

from __future__ import annotations

import random
from uuid import UUID

import numpy as np

from overround.core import grading
from overround.odds.board import Board, CellState, MarketCells
from overround.odds.edges import rules

BOOKS = 4


def board_with(*books: str) -> Board:
    board = Board()
    for n, book in enumerate(books):
        board.add_source(n + 1, "feed", book, "bookmaker")
    return board


def add(board: Board, event: int, market_type: str = "total", line_q4: int | None = 10) -> UUID:
    """A market of an event, with ids that follow from the event's number."""
    market_id = UUID(int=event * 100)
    sides = {
        side: UUID(int=event * 100 + n + 1) for n, side in enumerate(grading.sides(market_type))
    }
    board.add_market(market_id, UUID(int=event), market_type, "ft", line_q4, sides)
    return market_id


def quote(board: Board, cells: MarketCells, row: int, prices: list[int], at: int) -> None:
    """One book's prices for all sides of a market."""
    size = len(prices)
    board.apply(
        np.full(size, row, np.int64),
        cells.columns,
        np.array(prices, np.int32),
        np.full(size, CellState.OPEN, np.int8),
        np.full(size, at, np.int64),
    )


def test_a_dropped_event_leaves_nothing_in_its_columns() -> None:
    board = board_with("one", "two")
    first = board.market(add(board, 1))
    quote(board, first, 0, [20_000, 19_000], at=5)
    board.drop(UUID(int=1))
    assert board.event_ids() == []
    assert not board.has_market(first.market_id)
    assert board.cells_of(first.selection_ids[0]) is None
    second = board.market(add(board, 2))
    assert board.columns == 2
    assert sorted(second.columns.tolist()) == [0, 1]
    assert not board.open_prices(second).any()
    # What was seen of the old event is not newer than what the new one says.
    quote(board, second, 1, [21_000, 18_000], at=1)
    assert board.quotes(second) == {"two": {"over": 21_000, "under": 18_000}}
    found = board.cells_of(second.selection_ids[1])
    assert found is second


def test_dropping_what_is_not_there_changes_nothing() -> None:
    board = board_with("one")
    add(board, 1)
    board.drop(UUID(int=9))
    assert board.event_ids() == [UUID(int=1)]


def test_the_cheap_bound_misses_no_arbitrage() -> None:
    rng = random.Random(5)
    found = 0
    for n in range(2_000):
        board = board_with(*(f"book{row}" for row in range(BOOKS)))
        market_type, line_q4 = rng.choice([("1x2", None), ("total", 10), ("asian_handicap", -1)])
        cells = board.market(add(board, n + 1, market_type, line_q4))
        fair = 10_000 * len(cells.sides)
        for row in range(BOOKS):
            prices = [
                rng.choice((0, round(fair * rng.uniform(0.85, 1.15)))) if rng.random() < 0.1
                else round(fair * rng.uniform(0.85, 1.15))
                for _ in cells.sides
            ]  # fmt: skip
            for side, price_e4 in enumerate(prices):
                if price_e4:
                    board.apply(
                        np.array([row], np.int64),
                        cells.columns[side : side + 1],
                        np.array([price_e4], np.int32),
                        np.array([CellState.OPEN], np.int8),
                        np.array([1], np.int64),
                    )
        exact = rules.arbitrage(market_type, line_q4, board.quotes(cells))
        if exact is not None:
            found += 1
            assert [one.market_id for one in board.short()] == [cells.market_id]
    assert found > 100
