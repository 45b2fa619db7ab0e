"""The board's arrays: equal to a board that is kept cell by cell, silence, order, what is told."""

from __future__ import annotations

from uuid import UUID

import numpy as np
import pytest
from benchmarks import board_updates, scan, scanner_reference
from benchmarks.board_reference import SlowBoard

from overround.odds.board import Board, CellState, Change, wire
from overround.odds.edges import scan as scanning
from tests.odds_store.test_board_memory import add, board_with, quote

SECOND_US = 1_000_000
SOURCES, EVENTS, BATCH = 12, 80, 200


def say(board: Board, row: int, column: int, price_e4: int, at_us: int) -> Change:
    """One source says an open price for one selection."""
    return board.apply(
        np.array([row]),
        np.array([column]),
        np.array([price_e4], np.int32),
        np.array([CellState.OPEN], np.int8),
        np.array([at_us]),
    )


@pytest.mark.parametrize("seed", range(5))
def test_the_board_equals_one_that_is_kept_cell_by_cell(seed: int) -> None:
    rng = np.random.default_rng(seed)
    fast, slow = board_updates.board(SOURCES, EVENTS), SlowBoard(SOURCES)
    said = board_updates.batches(rng, SOURCES, EVENTS * 3, BATCH, 40)
    for n, batch in enumerate(said):
        change = batch.onto(fast)
        assert board_updates.rows_of(change) == slow.apply(batch.said())
        if n % 8 == 7:
            row, at_us = n % SOURCES, n * 1_000
            change = fast.silence(np.array([row]), at_us)
            assert board_updates.rows_of(change) == slow.silence(row, at_us)
    assert board_updates.differences(fast, slow) == 0


def test_a_board_grows_and_keeps_what_it_holds() -> None:
    board = board_with("one")
    first = board.market(add(board, 1))
    quote(board, first, 0, [20_000, 19_000], at=5)
    for n in range(40):
        board.add_source(n + 2, "feed", f"more {n}", "bookmaker")
    for event in range(2, 900):
        add(board, event)
    last = board.market(add(board, 900))
    quote(board, last, 40, [21_000, 18_000], at=6)
    assert board.quotes(first) == {"one": {"over": 20_000, "under": 19_000}}
    assert board.quotes(last) == {"more 39": {"over": 21_000, "under": 18_000}}
    assert board.best_row[0, last.columns].tolist() == [40, 40]
    assert board.best_e4[:, first.columns].tolist() == [[20_000, 19_000], [0, 0]]


def test_the_best_two_follow_what_is_to_be_had() -> None:
    board = board_with("one", "two", "three")
    cells = board.market(add(board, 1))
    quote(board, cells, 0, [20_000, 19_000], at=1)
    quote(board, cells, 1, [21_000, 19_000], at=1)
    quote(board, cells, 2, [20_500, 18_000], at=1)
    assert board.best_e4[:, cells.columns].tolist() == [[21_000, 19_000], [20_500, 19_000]]
    # Of equal prices the first source's counts.
    assert board.best_row[:, cells.columns].tolist() == [[1, 0], [2, 1]]
    board.silence(board.rows_of("feed", "two"), 2)
    assert board.best_row[:, cells.columns].tolist() == [[2, 0], [0, 2]]
    board.drop(UUID(int=1))
    assert not board.best_e4.any()
    assert (board.best_row == -1).all()


def test_a_silent_source_opens_nothing_before_a_snapshot() -> None:
    board = board_with("one", "two")
    cells = board.market(add(board, 1))
    quote(board, cells, 0, [20_000, 19_000], at=1)
    quote(board, cells, 1, [20_100, 18_900], at=1)
    assert board.silence(board.rows_of("feed", "one"), 2).count == 2
    assert set(board.quotes(cells)) == {"two"}
    # A change without the whole is taken in, and shown to nobody.
    quote(board, cells, 0, [20_200, 18_800], at=3)
    assert set(board.quotes(cells)) == {"two"}
    assert board.price_e4[0, cells.columns].tolist() == [20_200, 18_800]
    board.complete("elsewhere", UUID(int=1))
    quote(board, cells, 0, [20_200, 18_800], at=4)
    assert set(board.quotes(cells)) == {"two"}
    board.complete("feed", UUID(int=1))
    quote(board, cells, 0, [20_200, 18_800], at=5)
    assert board.quotes(cells)["one"] == {"over": 20_200, "under": 18_800}


def test_who_speaks_at_his_own_pace_is_not_silent() -> None:
    board = board_with("quick", "slow", "once")
    cells = board.market(add(board, 1))
    column = int(cells.columns[0])
    say(board, 2, column, 20_000, 0)
    for second in range(61):
        say(board, 0, column, 20_000, second * SECOND_US)
        if second % 20 == 0:
            say(board, 1, column, 20_000, second * SECOND_US)
    pace = board.pace
    assert pace.fallen_silent(74 * SECOND_US).tolist() == []
    # Twenty seconds are the slow one's pace; who spoke once has none.
    assert pace.fallen_silent(75 * SECOND_US).tolist() == [0]
    assert pace.fallen_silent(76 * SECOND_US).tolist() == []
    assert pace.fallen_silent(141 * SECOND_US).tolist() == [1]
    say(board, 0, column, 20_000, 80 * SECOND_US)
    assert pace.fallen_silent(81 * SECOND_US).tolist() == []


def test_an_age_is_scored_by_the_pace_of_its_source() -> None:
    board = board_with("quick", "slow", "new")
    cells = board.market(add(board, 1))
    column = int(cells.columns[0])
    for second in range(61):
        say(board, 0, column, 20_000, second * SECOND_US)
        if second % 20 == 0:
            say(board, 1, column, 20_000, second * SECOND_US)
    say(board, 2, column, 20_000, 0)
    rows = np.arange(3)
    observed = board.observed_us[:3, column]
    on_time = board.pace.score(rows, observed, 61 * SECOND_US)
    late = board.pace.score(rows, observed, 66 * SECOND_US)
    assert on_time.tolist() == [0.0, -3.8, 0.0]
    assert late[0] > 3 > 0 > late[1]
    # Nothing is held against a source whose pace is not known.
    assert late[2] == 0


def test_a_price_that_others_have_passed_by_is_told_apart() -> None:
    board = board_with("still", "one", "two", "shut")
    cells = board.market(add(board, 1))
    for row in range(4):
        quote(board, cells, row, [20_000, 19_000], at=1)
    board.silence(np.array([3]), 2)
    for at in (3, 4):
        # The same again refreshes, and does not move.
        quote(board, cells, 0, [20_000, 19_000], at=at)
        quote(board, cells, 1, [20_000 + at, 19_000], at=at)
    quote(board, cells, 2, [20_100, 19_000], at=5)
    assert board.passed_by(cells.columns)[:4].tolist() == [[2, 0], [1, 0], [0, 0], [0, 0]]


def test_the_full_scan_finds_what_the_cheap_bound_finds() -> None:
    rng = np.random.default_rng(3)
    board = board_with("one", "two", "three")
    for event in range(1, 200):
        cells = board.market(add(board, event))
        for row in range(3):
            quote(board, cells, row, rng.integers(18_500, 20_600, 2).tolist(), at=event)
    by_event = board.short(board.event_ids())
    assert board.short() == by_event
    assert 0 < len(by_event) < 199
    board.drop(by_event[0].event_id)
    assert board.short() == by_event[1:]


def test_the_scan_finds_what_the_loops_find() -> None:
    prices = scan.market(np.random.default_rng(2), events=3_000)
    found = scan.found(scanning.scan(prices))
    assert found == scanner_reference.found(prices.transpose(2, 1, 0).tolist())
    assert len(found) > 10
    whole = np.rint(prices.astype(np.float64) * 10_000).astype(np.int32)
    assert scan.found(scanning.scan(whole, 10_000)) == found


def test_a_scan_without_sources_finds_nothing() -> None:
    assert len(scanning.scan(np.zeros((0, 3, 5), np.float32)).events) == 0
    assert len(scanning.scan(np.zeros((2, 3, 5), np.float32)).events) == 0


def test_a_change_travels_with_its_number() -> None:
    board = board_with("one", "two")
    cells = board.market(add(board, 1))
    quote(board, cells, 0, [20_000, 19_000], at=1)
    change = say(board, 1, int(cells.columns[1]), 19_500, 7)
    seq, rows = wire.unpack(board.delta(change))
    assert seq == 2
    selection = cells.selection_ids[1].bytes
    assert [(row["selection"].tobytes(), *row.tolist()[1:]) for row in rows] == [
        (selection, 2, CellState.OPEN, 19_500, 7)
    ]
    # What changes nothing has no number of its own.
    assert say(board, 1, int(cells.columns[1]), 19_500, 8).seq == 2
    for cut in (b"", board.delta(change)[:-1]):
        with pytest.raises(ValueError, match="change"):
            wire.unpack(cut)
