"""`Board.apply` on batches of 1,000 updates against the same question asked cell by cell.

A million updates: what changed, when, the best two of each selection, suspension of silent sources,
freshness and the encoded delta. Both end in the same state, and it is compared.
"""

from __future__ import annotations

import json
import statistics
import time
from typing import Any, Final

import numpy as np

from benchmarks import board_updates
from benchmarks.board_reference import SlowBoard
from overround.odds.board import Board

SOURCES: Final = 30
EVENTS: Final = 2_000
BATCH: Final = 1_000
BATCHES: Final = 1_000
# Every so many batches a source falls silent.
SILENT_EVERY: Final = 100
ROUND: Final = 50


def measure() -> dict[str, Any]:
    """Updates a second of both, the ratio, and in how many places they differ."""
    rng = np.random.default_rng(1)
    said = board_updates.batches(rng, SOURCES, EVENTS * 3, BATCH, BATCHES)
    fast, slow = board_updates.board(SOURCES, EVENTS), SlowBoard(SOURCES)
    fast_s, slow_s = list[float](), list[float]()
    unlike = 0
    delta_bytes = 0
    for first in range(0, BATCHES, ROUND):
        began_s = time.perf_counter()
        changes = [_apply(fast, batch) for batch in said[first : first + ROUND]]
        fast_s.append(time.perf_counter() - began_s)
        delta_bytes += sum(size for _, size in changes)
        began_s = time.perf_counter()
        expected = [slow.apply(batch.said()) for batch in said[first : first + ROUND]]
        slow_s.append(time.perf_counter() - began_s)
        pairs = zip(changes, expected, strict=True)
        unlike += sum(rows != board_updates.rows_of(change) for (change, _), rows in pairs)
        if (first + ROUND) % SILENT_EVERY == 0:
            row, at_us = first // ROUND % SOURCES, (first + ROUND) * 1_000
            change = fast.silence(np.array([row]), at_us)
            unlike += slow.silence(row, at_us) != board_updates.rows_of(change)
    done = BATCH * ROUND
    return {
        "updates": BATCH * BATCHES,
        "updates_per_s": round(done / statistics.median(fast_s)),
        "updates_per_s_min": round(done / max(fast_s)),
        "reference_per_s": round(done / statistics.median(slow_s)),
        "delta_bytes_per_update": round(delta_bytes / (BATCH * BATCHES), 1),
        "unlike": unlike + board_updates.differences(fast, slow),
    }


def _apply(board: Board, batch: board_updates.Batch) -> tuple[Any, int]:
    """A batch as the hub takes it: apply, who has fallen silent, the delta's bytes."""
    change = batch.onto(board)
    board.pace.fallen_silent(int(batch.observed_us[0]))
    return change, len(board.delta(change))


def main() -> None:
    """Print one JSON object."""
    print(json.dumps({"bench": "board_apply", **measure()}))


if __name__ == "__main__":
    main()
