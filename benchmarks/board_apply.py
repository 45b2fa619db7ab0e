"""`Board.apply` on batches of 1,000 cells against the same question asked cell by cell."""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime

import numpy as np

from benchmarks.rounds import compare
from overround.core import ids
from overround.core.grading import sides
from overround.odds.board import Board

SOURCES, MARKETS, BATCH, BATCHES = 30, 2_000, 1_000, 50


def board() -> Board:
    """An empty board of 30 sources and 2,000 three-way markets."""
    made = Board()
    for n in range(SOURCES):
        made.add_source(n, "bench", f"source {n}", "bookmaker")
    at = datetime(2026, 1, 1, tzinfo=UTC)
    for n in range(MARKETS):
        event = ids.derived(at, "event", str(n))
        selections = {side: ids.below(event, side) for side in sides("1x2")}
        made.add_market(ids.below(event, "market"), event, "1x2", "ft", None, selections)
    return made


def main() -> None:
    """Print one JSON object."""
    rng = random.Random(1)
    fast, cells = board(), dict[tuple[int, int], tuple[int, int, int]]()
    moment = [0]

    def batch() -> list[tuple[int, int, int]]:
        places = rng.sample(range(SOURCES * MARKETS * 3), BATCH)
        return [(p % SOURCES, p // SOURCES, 10_100 + rng.randrange(2)) for p in places]

    batches = [batch() for _ in range(BATCHES)]
    columns = [np.array(b, np.int64).T for b in batches]

    def ours() -> int:
        for rows, cols, prices in columns:
            moment[0] += 1
            fast.apply(
                rows,
                cols,
                prices.astype(np.int32),
                np.ones(BATCH, np.int8),
                np.full(BATCH, moment[0], np.int64),
            )
        return BATCH * BATCHES

    def reference() -> int:
        for said in batches:
            moment[0] += 1
            changed: list[tuple[int, int]] = []
            for row, column, price_e4 in said:
                before = cells.get((row, column))
                if before is None or (before[1] <= moment[0] and before[0] != price_e4):
                    changed.append((row, column))
                    cells[row, column] = (price_e4, moment[0], moment[0])
                else:
                    cells[row, column] = (price_e4, moment[0], before[2])
        return BATCH * BATCHES

    print(json.dumps({"bench": "board_apply", **compare(ours, reference)}))


if __name__ == "__main__":
    main()
