"""Interleaved rounds: A, B, A, B, ...; medians, and the ratio round by round."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

Path = Callable[[], int]


def compare(ours: Path, reference: Path, rounds: int = 5) -> dict[str, float]:
    """Run both paths in turn; each says how many items it did.

    Returns items a second of both (medians) and the median of the rounds' ratios, ours over the
    reference's.
    """
    ours()
    reference()
    fast, slow = list[float](), list[float]()
    for _ in range(rounds):
        fast.append(_rate(ours))
        slow.append(_rate(reference))
    ratios = [a / b for a, b in zip(fast, slow, strict=True)]
    return {
        "ours_per_s": round(statistics.median(fast)),
        "reference_per_s": round(statistics.median(slow)),
        "ratio": round(statistics.median(ratios), 2),
        "ratio_min": round(min(ratios), 2),
        "ratio_max": round(max(ratios), 2),
    }


def _rate(path: Path) -> float:
    began_s = time.perf_counter()
    items = path()
    return items / (time.perf_counter() - began_s)
