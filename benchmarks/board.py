"""The board's promises in one run, a key for each line: apply, ingest, detection, scan, fan-out.

`memory` is what the arrays of 100,000 events and 30 sources take, and the process with them.
"""

from __future__ import annotations

import json
import statistics
import time
from typing import Any, Final

import numpy as np
import psutil

from benchmarks import board_apply, board_ingest, board_updates, fanout, scan, scanner_reference
from overround.odds.board import Board, CellState

SOURCES: Final = 30
EVENTS: Final = 100_000
ROUNDS: Final = 15


def detection() -> tuple[dict[str, Any], dict[str, Any]]:
    """(The hub's detection against loops over the same prices, memory): all events at once, from
    the best prices that the board keeps."""
    before = psutil.Process().memory_info().rss
    board = board_updates.board(SOURCES, EVENTS)
    prices = np.rint(scan.market(np.random.default_rng(1)).astype(np.float64) * 10_000)
    _fill(board, prices.astype(np.int32))
    held = psutil.Process().memory_info().rss - before
    memory = {"arrays_mb": board.bytes_held() >> 20, "process_mb": held >> 20}
    fast = _found(board)
    took_s = list[float]()
    for _ in range(ROUNDS):
        began_s = time.process_time()
        board.short()
        took_s.append(time.process_time() - began_s)
    quotes = (prices / 10_000).transpose(2, 1, 0).tolist()
    began_s = time.process_time()
    slow = scanner_reference.found(quotes)
    loops_s = time.process_time() - began_s
    figures = {
        "from_kept_best_ms": round(statistics.median(took_s) * 1_000, 2),
        "loops_ms": round(loops_s * 1_000, 1),
        "ratio": round(loops_s / statistics.median(took_s)),
        "found": len(fast),
        "found_equal": fast == slow,
    }
    return figures, memory


def _fill(board: Board, price_e4: np.ndarray[Any, np.dtype[np.int32]]) -> None:
    """One batch a source, all it quotes; `price_e4` is [sources, sides, events]."""
    for row, own in enumerate(price_e4):
        # Columns are numbered event by event.
        by_column = own.T.reshape(-1)
        columns = np.flatnonzero(by_column)
        size = len(columns)
        board.apply(
            np.full(size, row, np.int64),
            columns,
            by_column[columns],
            np.full(size, CellState.OPEN, np.int8),
            np.full(size, 1, np.int64),
        )


def _found(board: Board) -> set[scanner_reference.Found]:
    return {
        (int(cells.columns[0]) // 3, tuple(board.best_row[0, cells.columns].tolist()))
        for cells in board.short()
    }


def measure() -> dict[str, Any]:
    """Every figure."""
    applied = board_apply.measure()
    ingest = board_ingest.run()
    found, memory = detection()
    return {
        "updates_per_s": applied["updates_per_s"],
        "line_5_ingest": ingest,
        "line_6_apply": applied,
        "line_7_detection": found,
        "line_8_scan": scan.measure(),
        "line_9_and_10_fanout": fanout.run(),
        "memory": memory,
    }


def main() -> None:
    """Print one JSON object."""
    print(json.dumps({"bench": "board", **measure()}))


if __name__ == "__main__":
    main()
