"""The board's promises in one run, a key for each line: ingest, apply, detection, scan, live out.

`updates_per_s` is line 6's. `memory` is what the arrays of 100,000 events and 30 sources take, and
the process with them. `targets` holds each figure against what was promised of it. On two
processors that have nothing else to do it takes three minutes; a part that takes longer than its
share of four is stopped, and costs its own line alone.
"""

from __future__ import annotations

import json
import operator
import signal
import statistics
import sys
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType
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


def live() -> dict[str, Any]:
    """Line 9: from a worker to the cache and to pages."""
    return {"line_9_live": worker_line.run()}


def fanned_out() -> dict[str, Any]:
    """Line 10: from one api to thousands; and to hundreds, from the cache alone."""
    many = fanout.run()
    few = {name: many.pop(f"few_{name}") for name in ("clients", "p50_ms", "p99_ms")}
    return {"line_10_fanout": many, "cache_to_clients": few}


@dataclass(frozen=True, slots=True)
class Part:
    """Some lines, and the seconds that they may take."""

    name: str
    measure: Callable[[], dict[str, Any]]
    limit_s: float


PARTS: Final = (
    Part("line 6, apply", lambda: {"line_6_apply": board_apply.measure()}, 40.0),
    Part("line 5, ingest", lambda: {"line_5_ingest": board_ingest.run()}, 50.0),
    Part("lines 7 and 8, detection", found, 40.0),
    Part("line 10, fan-out", fanned_out, 45.0),
    Part("line 9, live", live, 60.0),
)

# Where a figure is, and what was promised of it.
TARGETS: Final[tuple[tuple[tuple[str, ...], str, float], ...]] = (
    (("line_5_ingest", "all_changed", "ratio"), ">=", 0.08),
    (("line_5_ingest", "a_tenth_changed", "ratio"), ">=", 0.35),
    (("line_6_apply", "updates_per_s"), ">=", 300_000),
    (("line_6_apply", "unlike"), "<=", 0),
    (("line_7_detection", "ratio"), ">=", 100),
    (("line_8_scan", "scan_to_one_pass"), "<=", 2),
    (("line_9_live", "prices_per_s"), ">=", 4_500),
    (("line_9_live", "to_cache", "p99_ms"), "<=", 10),
    (("line_9_live", "to_clients", "p50_ms"), "<=", 40),
    (("line_9_live", "to_clients", "p99_ms"), "<=", 120),
    (("line_10_fanout", "ratio"), "<=", 2.3),
    (("line_10_fanout", "sigterm_s"), "<=", 3),
)
_HOLDS: Final[Mapping[str, Callable[[float, float], bool]]] = {
    ">=": operator.ge,
    "<=": operator.le,
}


def against_targets(figures: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Each promised figure, the promise, and whether it is kept; a figure that is not there is
    not."""
    held: dict[str, dict[str, Any]] = {}
    for path, sign, bound in TARGETS:
        figure = _at(figures, path)
        held[" ".join(path)] = {
            "is": figure,
            "target": f"{sign} {bound:g}",
            "met": figure is not None and _HOLDS[sign](figure, bound),
        }
    return held


def _at(figures: Mapping[str, Any], path: Sequence[str]) -> float | None:
    *outer, last = path
    for name in outer:
        figures = figures.get(name) or {}
    return figures.get(last)


@contextmanager
def at_most(limit_s: float) -> Generator[None]:
    """Interrupt the block when it takes longer: Ctrl-C is what everything here ends by."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        del number, frame
        signal.raise_signal(signal.SIGINT)

    before = signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, limit_s)
    began_s = time.monotonic()
    try:
        yield
    except KeyboardInterrupt:
        if time.monotonic() - began_s < limit_s:
            raise
        raise TimeoutError(f"not done after {limit_s:.0f} s") from None
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def measure() -> tuple[dict[str, Any], bool]:
    """Every figure, and whether every part came to its end: one that fails costs its own alone."""
    figures: dict[str, Any] = {"updates_per_s": None}
    failed: list[str] = []
    for number, part in enumerate(PARTS, start=1):
        sys.stderr.write(f"{number} of {len(PARTS)}: {part.name} ... ")
        sys.stderr.flush()
        began_s = time.monotonic()
        try:
            with at_most(part.limit_s):
                figures |= part.measure()
        except Exception as error:  # noqa: BLE001  (the other lines are still worth knowing)
            failed.append(f"{part.name}: {type(error).__name__}: {error}"[:300])
        sys.stderr.write(f"{time.monotonic() - began_s:.0f} s\n")
    figures["updates_per_s"] = figures.get("line_6_apply", {}).get("updates_per_s")
    figures["targets"] = against_targets(figures)
    return figures | ({"failed": failed} if failed else {}), not failed


def main() -> None:
    """Print one JSON object."""
    logs.configure("warning")
    figures, is_whole = measure()
    print(json.dumps({"bench": "board", **figures}))
    sys.exit(0 if is_whole else 1)


if __name__ == "__main__":
    main()
