"""The board's promises in one run, a key for each line: ingest, apply, detection, scan, live out.

`updates_per_s` is line 6's. `memory` is what the arrays of 100,000 events and 30 sources take, and
the process with them. On two processors that have nothing else to do it takes three minutes.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np
import psutil

from benchmarks import (
    board_apply,
    board_ingest,
    board_updates,
    fanout,
    scan,
    scanner_reference,
    worker_line,
)
from overround.kit import logs
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


def found() -> dict[str, Any]:
    """Lines 7 and 8, and the memory: the same events and prices."""
    detected, memory = detection()
    scanned = scan.measure()
    detected["from_bare_prices"] = scanned["loops_to_scan"]
    return {"line_7_detection": detected, "line_8_scan": scanned, "memory": memory}


def told() -> dict[str, Any]:
    """Lines 9 and 10: from a worker to the cache and to pages, and from one api to thousands."""
    many = fanout.run()
    few = {name: many.pop(f"few_{name}") for name in ("clients", "p50_ms", "p99_ms")}
    live = worker_line.run() | {"cache_to_clients": few}
    return {"line_9_live": live, "line_10_fanout": many}


PARTS: Final[Mapping[str, Callable[[], dict[str, Any]]]] = {
    "line 6, apply": lambda: {"line_6_apply": board_apply.measure()},
    "line 5, ingest": lambda: {"line_5_ingest": board_ingest.run()},
    "lines 7 and 8, detection": found,
    "lines 9 and 10, streams": told,
}


def measure() -> tuple[dict[str, Any], bool]:
    """Every figure, and whether every part came to its end: one that fails costs its own alone."""
    figures: dict[str, Any] = {"updates_per_s": None}
    failed: list[str] = []
    for name, part in PARTS.items():
        began_s = time.monotonic()
        try:
            figures |= part()
        except Exception as error:  # noqa: BLE001  (the other lines are still worth knowing)
            failed.append(f"{name}: {type(error).__name__}: {error}"[:300])
        sys.stderr.write(f"{name}: {time.monotonic() - began_s:.0f} s\n")
    figures["updates_per_s"] = figures.get("line_6_apply", {}).get("updates_per_s")
    return figures | ({"failed": failed} if failed else {}), not failed


def main() -> None:
    """Print one JSON object."""
    logs.configure("warning")
    figures, is_whole = measure()
    print(json.dumps({"bench": "board", **figures}))
    sys.exit(0 if is_whole else 1)


if __name__ == "__main__":
    main()
