"""Which fixtures a seed has: an endless calendar, around the clock, each a function of its number.

Fixture `n` belongs to stream `n % len(FORMATS)` and is that stream's fixture `n // len(FORMATS)`.
The teams of a competition meet in rounds, so nobody plays twice at a time
(test: no team plays two matches at once).
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

import numpy as np

from overround.odds.feeds.simulator import goals, points, sets
from overround.odds.feeds.simulator.model import (
    Fate,
    Fixture,
    Floats,
    Format,
    GoalsShape,
    Ints,
    Play,
    PointsShape,
    SetsShape,
)
from overround.odds.feeds.simulator.names import TEAMS, teams

# Of a thousand fixtures; the rest is played and reported once.
_FATES_PER_MILLE: Final[tuple[tuple[Fate, int], ...]] = (
    ("postponed", 25),
    ("abandoned", 20),
    ("corrected", 45),
)

FORMATS: Final[tuple[Format, ...]] = (
    Format("football", ("e-night", "e-arena"), 4, 2, 30, GoalsShape(4, 1, 1.7, 1.5), 1, 1.5,
           (0.35, 0.12), (0.08, 0.04), (0.018, 0.009)),
    Format("tennis", ("tens-gold", "tens-blue"), 5, 2, 30,
           SetsShape(1, 10, 1, 9, True, 0.62, 0.42, 0), 1, None,
           (0.22, 0.1), (0.03, 0.02), (0.009, 0.02)),
    Format("basketball", ("e-hoops",), 6, 4, 32, PointsShape(5, 1, 12, 6, 3), 1, 2.0,
           (0.07, 0.03), (0.015, 0.007), (0.0038, 0.0019)),
    Format("football", ("northern", "islands", "southern"), 18, 15, 180,
           GoalsShape(45, 15, 1.5, 1.2), 3, 3.0, (0.35, 0.12), (0.08, 0.04), (0.018, 0.009)),
    Format("basketball", ("lakeland",), 24, 30, 180, PointsShape(20, 4, 20, 10, 10), 3, 4.0,
           (0.05, 0.02), (0.011, 0.006), (0.0028, 0.0014)),
    Format("tennis", ("harbour",), 32, 30, 180, SetsShape(2, 6, 2, 6, False, 1.15, 3.6, 2), 3, 8.0,
           (0.30, 0.2), (0.05, 0.05), (0.012, 0.03)),
)  # fmt: skip

# What a fixture's numbers are drawn for; each purpose has a stream of its own, so that another
# number of draws for one changes nothing of the others.
_MATCH, _PLAY, _PATH, _BOOKS, _COURSE, _LEAGUE = range(6)


def _rng(seed: int, *key: int) -> np.random.Generator:
    return np.random.default_rng([seed, *key])


def path_rng(seed: int, n: int) -> np.random.Generator:
    """Random numbers for the way of fixture `n`'s theta to its start."""
    return _rng(seed, _PATH, n)


def books_rng(seed: int, n: int) -> np.random.Generator:
    """Random numbers for what the books think of fixture `n`."""
    return _rng(seed, _BOOKS, n)


def course_rng(seed: int, n: int) -> np.random.Generator:
    """Random numbers for when fixture `n` is stopped and reported."""
    return _rng(seed, _COURSE, n)


def first_after(stream: int, start_min: float) -> int:
    """The index in its stream of the first fixture that starts at or after `start_min`."""
    format_ = FORMATS[stream]
    return max(0, int(np.ceil((start_min - format_.first_min) / format_.every_min)))


def fixture(seed: int, stream: int, index: int) -> Fixture:
    """The stream's fixture `index`, from the seed alone."""
    format_ = FORMATS[stream]
    n = index * len(FORMATS) + stream
    start_min = format_.first_min + index * format_.every_min
    number, competition_index = divmod(index, len(format_.competitions))
    competition = format_.competitions[competition_index]
    names, ratings = _league(seed, stream, competition_index)
    home, away = _pairing(number)
    rng = _rng(seed, _MATCH, n)
    form, tempo = rng.normal(0, 0.3), rng.normal(0, 1)
    strength = (ratings[home] - ratings[away] + form) * format_.spread[0]
    return Fixture(
        n,
        format_,
        competition,
        names[home],
        names[away],
        max(0.0, start_min - format_.shown_before_min),
        start_min,
        (float(strength), float(tempo * format_.spread[1])),
        _fate(int(rng.integers(1000))),
    )


def _fate(drawn: int) -> Fate:
    for fate, per_mille in _FATES_PER_MILLE:
        if drawn < per_mille:
            return fate
        drawn -= per_mille
    return "played"


@lru_cache(maxsize=64)
def _league(seed: int, stream: int, competition_index: int) -> tuple[tuple[str, ...], Floats]:
    """A competition's names in the order of the draw, and how good each is."""
    names = teams(FORMATS[stream].competitions[competition_index])
    rng = _rng(seed, _LEAGUE, stream, competition_index)
    order: Ints = rng.permutation(TEAMS)
    return tuple(names[int(i)] for i in order), rng.normal(0, 0.8, TEAMS)


def _pairing(number: int) -> tuple[int, int]:
    """Who meets in match `number`: rounds by the circle, one team stays and the others turn."""
    round_, slot = divmod(number, TEAMS // 2)
    circle = [0, *(1 + (i + round_) % (TEAMS - 1) for i in range(TEAMS - 1))]
    one, other = circle[slot], circle[TEAMS - 1 - slot]
    return (one, other) if (round_ + slot) % 2 else (other, one)


def play(seed: int, fixture: Fixture) -> Play:
    """The match as it is going to be played."""
    rng = _rng(seed, _PLAY, fixture.n)
    theta = np.asarray(fixture.theta)
    shape = fixture.format.shape
    if isinstance(shape, GoalsShape):
        return goals.play(shape, theta, rng)
    if isinstance(shape, PointsShape):
        return points.play(shape, theta, rng)
    return sets.play(shape, theta, rng)
