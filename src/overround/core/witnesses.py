"""For each kind of market, facts that between them show every combination of grades it can have.

Whoever reasons over outcomes (arbitrage, liability) grades these instead of all scores there are
(test: the states of a market are all its scores make of it). A level score stands for nothing but
level, so that it can be left out where an event cannot end so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from overround.core.facts import Facts, Goal, Score
from overround.core.line import QUARTERS

Witnesses = Callable[[int], Iterable[Facts]]


def of_score(home: int, away: int, half: Score | None = None) -> Facts:
    """Facts of a full-time score, with the half-time score where one is asked for."""
    return Facts({"ft": (home, away)} if half is None else {"ht": half, "ft": (home, away)})


def always(*facts: Facts) -> Witnesses:
    """Witnesses that are the same whatever the line."""
    return lambda _line_q4: facts


def scores(*pairs: Score) -> Witnesses:
    """Full-time scores, whatever the line."""
    return always(*(of_score(*pair) for pair in pairs))


def by_sets(witnesses: Witnesses) -> Witnesses:
    """The same scores, in sets won."""
    return lambda line_q4: (Facts({"sets": f.scores["ft"]}) for f in witnesses(line_q4))


def margins(line_q4: int) -> Iterable[Facts]:
    """Home margins about a home line."""
    # Two goals either side of the line reach past the quarters in which a grade can still change.
    middle = -line_q4 // QUARTERS
    for margin in range(middle - 2, middle + 4):
        yield of_score(max(margin, 0), max(-margin, 0))


def _points(line_q4: int) -> range:
    middle = line_q4 // QUARTERS
    return range(max(middle - 2, 0), max(middle + 4, 2))


def totals(line_q4: int) -> Iterable[Facts]:
    """Totals about a line, all by the home side."""
    return (of_score(points, 0) for points in _points(line_q4))


def home_totals(line_q4: int) -> Iterable[Facts]:
    """Totals of the home side about a line."""
    return (of_score(points, points + 1) for points in _points(line_q4))


def away_totals(line_q4: int) -> Iterable[Facts]:
    """Totals of the away side about a line."""
    return (of_score(points + 1, points) for points in _points(line_q4))


def results_and_totals(line_q4: int) -> Iterable[Facts]:
    """Totals about a line, reached with each result that allows them."""
    for points in _points(line_q4):
        yield of_score(points, 0)
        yield of_score(0, points)
        if points % 2 == 0:
            yield of_score(points // 2, points // 2)


def goal_number(line_q4: int) -> Iterable[Facts]:
    """Goal number `line`: not scored, by the home side, by the away side."""
    n = line_q4 // QUARTERS
    before = (Goal("home"),) * (n - 1)
    yield Facts({"ft": (n - 1, 0)}, before)
    yield Facts({"ft": (n, 0)}, (*before, Goal("home")))
    yield Facts({"ft": (n - 1, n + 1)}, before + (Goal("away"),) * (n + 1))


NONE: Final = always()
EACH_WINNER: Final = scores((1, 0), (0, 0), (0, 1))
# Three goals later any lead of one can have been kept, lost or turned.
EACH_TURN: Final = always(
    *(of_score(*full, half)
      for half in ((1, 0), (0, 0), (0, 1)) for full in ((3, 1), (1, 1), (1, 3)))
)  # fmt: skip
EACH_HALF: Final = always(of_score(1, 0, (1, 0)), of_score(2, 0, (1, 0)), of_score(1, 0, (0, 0)))
EACH_GOAL: Final = always(
    Facts({"ft": (0, 0)}, ()),
    Facts({"ft": (1, 0)}, (Goal("home"),)),
    Facts({"ft": (0, 1)}, (Goal("away"),)),
)
EACH_QUALIFIER: Final = always(Facts({"advanced": (1, 0)}), Facts({"advanced": (0, 1)}))
