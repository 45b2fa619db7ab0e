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

import numpy as np

from benchmarks.rounds import compare
from overround.core import grading, systems
from overround.core.facts import Facts
from overround.odds.pricing import Leg, cover, fair, surebet

Figures = dict[str, object]

LEGS = 40_000
SYSTEM_LEGS = 30
SMALL_SYSTEM_LEGS = 12
MARKETS = 100_000
SLOW_MARKETS = 2_000
SUREBETS = 100_000
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


def devig_against_the_shin_package() -> Figures:
    """Shin on many three-way markets against the `shin` package; power against a root finder."""
    import shin

    def package(rows: list[list[float]]) -> list[list[float]]:
        return [list(shin.calculate_implied_probabilities(row)) for row in rows]

    prices = np.random.default_rng(1).dirichlet(np.full(3, 6.0), MARKETS)
    prices = 1.0 / (1.05 * np.clip(prices, 0.01, 0.9))
    few = prices[:SLOW_MARKETS]
    ours = fair.devig(prices, "shin").probabilities
    theirs = np.array(package(few.tolist()))
    fast = median_rate(lambda: len(fair.devig(prices, "shin").probabilities))
    slow = median_rate(lambda: len(package(few.tolist())), rounds=3)
    power = median_rate(lambda: len(fair.devig(prices, "power").probabilities))
    halved = median_rate(lambda: len([_power_by_halving(row) for row in few.tolist()]), rounds=3)
    return {
        "shin_markets_per_s": round(fast),
        "shin_times_the_package": round(fast / slow, 1),
        "shin_difference_max": float(np.abs(ours[: len(few)] - theirs).max()),
        "power_markets_per_s": round(power),
        "power_times_one_by_one": round(power / halved, 1),
    }


def _power_by_halving(prices: list[float]) -> list[float]:
    """The plain way: halve an interval of the exponent, one market at a time."""
    shares = [1.0 / price for price in prices]
    low, high = 0.5, 5.0
    for _ in range(50):
        exponent = (low + high) / 2.0
        if sum(share**exponent for share in shares) > 1.0:
            low = exponent
        else:
            high = exponent
    return [share**low for share in shares]


def surebets_in_closed_form() -> Figures:
    """Two-leg surebets a second through `cover.divide`, each with a state that pushes."""
    random = np.random.default_rng(2)
    first, second = random.uniform(1.5, 3.0, (2, SUREBETS))
    returns = np.ones((SUREBETS, 3, 2))
    returns[:, 0] = np.stack([first, np.zeros(SUREBETS)], axis=-1)
    returns[:, 2] = np.stack([np.zeros(SUREBETS), second], axis=-1)
    rate = median_rate(lambda: len(cover.divide(returns).guaranteed))
    return {"surebets_of_two_legs_per_s": round(rate)}


def surebets_by_program() -> Figures:
    """One event of eleven legs across 1x2, handicaps and totals: the whole of `surebet.solve`."""
    quoted = [
        ("1x2", "home", None, "2.30"), ("1x2", "draw", None, "3.40"), ("1x2", "away", None, "3.30"),
        ("asian_handicap", "home", -1, "2.02"), ("asian_handicap", "away", -1, "1.90"),
        ("asian_handicap", "home", -3, "2.60"), ("asian_handicap", "away", -3, "1.52"),
        ("total", "over", 10, "1.95"), ("total", "under", 10, "1.95"),
        ("total", "over", 11, "2.20"), ("total", "under", 11, "1.72"),
    ]  # fmt: skip
    legs = [Leg(market, side, Fraction(price), line) for market, side, line, price in quoted]

    def once() -> int:
        surebet.solve(legs)
        return 1

    return {"surebet_program_ms": round(1_000 / median_rate(once, rounds=30), 3)}


def median_rate(path: Callable[[], int], rounds: int = ROUNDS) -> float:
    """Items a second, the median of some rounds after a first that does not count."""
    path()
    rates: list[float] = []
    for _ in range(rounds):
        began_s = time.perf_counter()
        items = path()
        rates.append(items / (time.perf_counter() - began_s))
    return statistics.median(rates)


PARTS: list[Callable[[], Figures]] = [
    grading_one_by_one,
    systems_without_lines,
    devig_against_the_shin_package,
    surebets_in_closed_form,
    surebets_by_program,
]


def main() -> None:
    """Print one JSON object."""
    figures: Figures = {"bench": "numbers"}
    for part in PARTS:
        figures |= part()
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
