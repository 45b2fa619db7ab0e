"""How likely each score is: models that turn a few numbers into a table of probabilities.

Goals: two independent Poisson counts, whose difference is the Skellam distribution. Points: a
normal rounded to whole points, so that a line can be hit. Tables are cut where hardly anything is
left (nine standard deviations) and scaled to sum to one. Sources: M. J. Maher, "Modelling
association football scores" (1982); J. G. Skellam, "The frequency distribution of the difference
between two Poisson variates" (1946); H. Stern, "On the probability of winning a football game"
(1991), for normal margins.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import Final

import numpy as np

from overround.core.errors import Invalid
from overround.odds.pricing.model import Floats

MEAN_MAX: Final = 40.0
# Standard deviations kept on each side of a mean.
_REACH: Final = 9.0


@dataclass(frozen=True, slots=True)
class ScoreModel:
    """`table[h, a]` is the probability of h points at home and a away, up to an equal extent."""

    table: Floats

    @property
    def extent(self) -> int:
        """The most points of a side that the table has."""
        return len(self.table) - 1

    def listed(self, *, level: bool) -> Floats:
        """The probabilities score by score, home first, without the level ones unless `level`."""
        return self.table.ravel() if level else self.table[~np.eye(len(self.table), dtype=np.bool_)]


@dataclass(frozen=True, slots=True)
class Counts:
    """`probabilities[i]` is that of the whole number `lowest + i`: a total, or a margin."""

    lowest: int
    probabilities: Floats


def poisson(home: float, away: float) -> ScoreModel:
    """Independent Poisson goals with these means. Raises Invalid `probability_out_of_range`."""
    extent = max(_cut(home), _cut(away))
    table = np.outer(_poisson(home, extent), _poisson(away, extent))
    return ScoreModel(table / table.sum())


def poisson_total(mean: float) -> Counts:
    """The number of goals. Raises Invalid `probability_out_of_range`."""
    found = _poisson(mean, _cut(mean))
    return Counts(0, found / found.sum())


def skellam(home: float, away: float) -> Counts:
    """The goal margin, home less away. Raises Invalid `probability_out_of_range`."""
    model = poisson(home, away)
    margins = np.array([np.trace(model.table, -m) for m in range(-model.extent, model.extent + 1)])
    return Counts(-model.extent, margins)


def normal_points(mean: float, deviation: float) -> Counts:
    """A normal total or margin, rounded to whole points.

    Raises Invalid `probability_out_of_range` for a deviation that is not inside (0, 100] or a mean
    beyond 1,000.
    """
    if not (0.0 < deviation <= 100.0 and abs(mean) <= 1_000.0):
        raise Invalid("this is no distribution of points", code="probability_out_of_range")
    reach = math.ceil(_REACH * deviation) + 1
    lowest = math.floor(mean) - reach
    normal = NormalDist(mean, deviation)
    below = np.array([normal.cdf(point - 0.5) for point in range(lowest, lowest + 2 * reach + 2)])
    found = np.diff(below)
    return Counts(lowest, found / found.sum())


def _cut(mean: float) -> int:
    if not 0.0 < mean <= MEAN_MAX:
        raise Invalid("a mean of goals is above 0 and at most 40", code="probability_out_of_range")
    return math.ceil(mean + _REACH * math.sqrt(mean)) + 10


def _poisson(mean: float, extent: int) -> Floats:
    logs = [k * math.log(mean) - mean - math.lgamma(k + 1) for k in range(extent + 1)]
    return np.exp(np.array(logs))
