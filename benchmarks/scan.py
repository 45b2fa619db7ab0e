"""The full scan of [30, 3, 100,000] prices against its one unavoidable pass, and against loops."""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from benchmarks import scanner_reference
from overround.odds.edges.scan import Candidates, scan

SOURCES: Final = 30
EVENTS: Final = 100_000
ROUNDS: Final = 25
LOOP_ROUNDS: Final = 3


def market(rng: np.random.Generator, events: int = EVENTS) -> NDArray[np.float32]:
    """Prices of three-way markets, [sources, sides, events]: margins of some 5 %, a scatter of 2 %
    about one opinion, and a tenth that nobody quotes."""
    chances = rng.dirichlet([4.0, 3.0, 3.0], events).T
    scatter = 0.952 + 0.017 * rng.standard_normal((SOURCES, 3, events))
    prices = (scatter / chances).clip(1.01, 500).astype(np.float32)
    prices[rng.random(prices.shape) < 0.1] = 0
    return prices


def found(candidates: Candidates) -> set[scanner_reference.Found]:
    """Candidates in the reference's words."""
    sources = candidates.sources.T.tolist()
    pairs = zip(candidates.events.tolist(), sources, strict=True)
    return {(event, tuple(by_side)) for event, by_side in pairs}


def measure() -> dict[str, Any]:
    """Interleaved: the scan, the one pass, and the loops."""
    prices = market(np.random.default_rng(1))
    quotes = prices.transpose(2, 1, 0).tolist()
    ours_s, pass_s, loops_s = list[float](), list[float](), list[float]()
    slow: set[scanner_reference.Found] = set()
    for n in range(ROUNDS):
        ours_s.append(_took_s(lambda: scan(prices)))
        pass_s.append(_took_s(lambda: prices.max(axis=0)))
        if n < LOOP_ROUNDS:
            began_s = time.process_time()
            slow = scanner_reference.found(quotes)
            loops_s.append(time.process_time() - began_s)
    ours, once = statistics.median(ours_s), statistics.median(pass_s)
    fast = found(scan(prices))
    return {
        "scan_ms": round(ours * 1_000, 2),
        "one_pass_ms": round(once * 1_000, 2),
        "loops_ms": round(statistics.median(loops_s) * 1_000, 1),
        "scan_to_one_pass": round(ours / once, 2),
        "loops_to_scan": round(statistics.median(loops_s) / ours, 1),
        "found": len(fast),
        "found_equal": fast == slow,
    }


def _took_s(work: Callable[[], object]) -> float:
    """Processor time: the machine's other work is not ours."""
    began_s = time.process_time()
    work()
    return time.process_time() - began_s


def main() -> None:
    """Print one JSON object."""
    print(json.dumps({"bench": "scan", **measure()}))


if __name__ == "__main__":
    main()
