"""The numbers: grading, systems, fair prices and surebets, each against a reference or a second.

`overround bench numbers` prints it. A part is a function that returns its figures; all of them are
taken in one run.
"""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable
from fractions import Fraction
from itertools import combinations

from benchmarks.rounds import compare
from overround.core import grading, systems
from overround.core.facts import Facts

Figures = dict[str, object]

LEGS = 40_000
SYSTEM_LEGS = 30
SMALL_SYSTEM_LEGS = 12
ROUNDS = 5


def grading_one_by_one() -> Figures:
    """Legs a second through `grading.grade`, each a call of its own, over markets that are laid."""
    asked: list[tuple[str, str, int | None, str]] = [
        ("1x2", "ft", None, "home"),
        ("asian_handicap", "ft", -3, "away"),
        ("total", "ft", 10, "over"),
        ("both_teams_to_score", "ft", None, "yes"),
        ("draw_no_bet", "ft", None, "home"),
        ("double_chance", "ft", None, "1X"),
        ("correct_score", "ft", None, "2:1"),
        ("total", "2h", 5, "under"),
    ]
    scores = [(home, away) for home in range(5) for away in range(5)]
    facts = [Facts({"ft": score, "ht": (score[0] // 2, score[1] // 2)}) for score in scores]
    work = [(*asked[n % len(asked)], facts[n % len(facts)]) for n in range(LEGS)]

    def once() -> int:
        for market_type, period, line_q4, side, known in work:
            grading.grade(market_type, period, line_q4, side, known)
        return LEGS

    return {"grading_legs_per_s": round(median_rate(once))}


def systems_without_lines() -> Figures:
    """A system of thirty legs in all sizes; and one of twelve against its lines, one by one."""
    legs = [(19_090 + 137 * n, 10_000) for n in range(SYSTEM_LEGS)]
    few = legs[:SMALL_SYSTEM_LEGS]
    every = range(1, SYSTEM_LEGS + 1)
    sizes = range(1, SMALL_SYSTEM_LEGS + 1)

    def large() -> int:
        systems.total(legs, every)
        return 1

    def ours() -> int:
        systems.total(few, sizes)
        return 1

    def line_by_line() -> int:
        paid = Fraction(0)
        for size in sizes:
            for chosen in combinations(few, size):
                line = Fraction(1)
                for above, below in chosen:
                    line *= Fraction(above, below)
                paid += line
        return 1

    return {
        "system_30_legs_ms": round(1_000 / median_rate(large, rounds=20), 3),
        "system_12_legs": compare(ours, line_by_line),
    }


def median_rate(path: Callable[[], int], rounds: int = ROUNDS) -> float:
    """Items a second, the median of some rounds after a first that does not count."""
    path()
    rates: list[float] = []
    for _ in range(rounds):
        began_s = time.perf_counter()
        items = path()
        rates.append(items / (time.perf_counter() - began_s))
    return statistics.median(rates)


PARTS: list[Callable[[], Figures]] = [grading_one_by_one, systems_without_lines]


def main() -> None:
    """Print one JSON object."""
    figures: Figures = {"bench": "numbers"}
    for part in PARTS:
        figures |= part()
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
