"""Football: each side scores by a Poisson process of its own, 45 % of it in the first half.

theta is (log of home over away intensity, log of both against the format's means). So the score
after any minute is a pair of independent Poisson numbers, and the chances are exact: a side scores
more than 24 goals less often than once in 10^10 matches.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from overround.odds.feeds.model import FeedMarket
from overround.odds.feeds.simulator.model import (
    Chances,
    Floats,
    GoalsShape,
    Ints,
    Question,
    Scores,
    Support,
)
from overround.odds.feeds.simulator.shares import balanced_line

GOALS_MAX: Final = 24
FIRST_HALF_SHARE: Final = 0.45

_COUNTS: Final = np.arange(GOALS_MAX + 1, dtype=np.float64)
_LOG_FACTORIAL: Final = np.concatenate([[0.0], np.cumsum(np.log(_COUNTS[1:]))])
_GRID: Final[Support] = (
    np.repeat(_COUNTS, GOALS_MAX + 1),
    np.tile(_COUNTS, GOALS_MAX + 1),
)
_SUPPORTS: Final[Mapping[str, Support]] = {"ft": _GRID, "ht": _GRID}


@dataclass(frozen=True, slots=True)
class GoalsPlay:
    """A match as the minutes of its goals, counted from the start with the break in between."""

    shape: GoalsShape
    goals: tuple[tuple[float, int], ...]

    @property
    def minutes(self) -> float:
        """Two halves and the break."""
        return 2 * self.shape.half_min + self.shape.break_min

    @property
    def quoted_min(self) -> float:
        """Books quote until the end."""
        return self.minutes

    @property
    def incidents(self) -> tuple[float, ...]:
        """The goals."""
        return tuple(minute for minute, _ in self.goals)

    @property
    def supports(self) -> Mapping[str, Support]:
        """Every score of the match and of its first half."""
        return _SUPPORTS

    def steps(self, minutes: Floats) -> Ints:
        """The number of goals so far."""
        return np.searchsorted(np.asarray(self.incidents), minutes, side="right")

    def chances(self, theta: Floats, minutes: Floats, step: int) -> Chances:
        """The scores after 90 minutes and at half time, from `step` goals on."""
        means = intensities(self.shape, theta)
        half = self.shape.half_min
        first = FIRST_HALF_SHARE * (1 - np.clip(minutes / half, 0, 1))
        played = (minutes - half - self.shape.break_min) / half
        second = (1 - FIRST_HALF_SHARE) * (1 - np.clip(played, 0, 1))
        return {
            "ft": _scores(means * (first + second)[:, None], self._after(step)),
            "ht": _scores(means * first[:, None], self._after(min(step, self._before_break()))),
        }

    def questions(self, theta: Floats) -> tuple[Question, ...]:
        """1X2 and its kin, a ladder of handicaps and of totals, and the first half."""
        chances = self.chances(theta, np.zeros(1), 0)
        full, half = chances["ft"], chances["ht"]
        handicap = balanced_line("asian_handicap", _GRID, full, 0, 1)
        total = balanced_line("total", _GRID, full, 10, 4)
        half_total = balanced_line("total", _GRID, half, 6, 4)
        found = [
            Question(FeedMarket("1x2"), "ft", 0.107, "core"),
            Question(FeedMarket("draw_no_bet"), "ft", 0.074, "side"),
            Question(FeedMarket("double_chance"), "ft", 0.074, "side"),
            Question(FeedMarket("both_teams_to_score"), "ft", 0.078, "side"),
            Question(FeedMarket("odd_even"), "ft", 0.041, "side"),
            Question(FeedMarket("1x2", "ht"), "ht", 0.107, "half"),
            Question(FeedMarket("total", "ht", half_total), "ht", 0.064, "half"),
        ]
        for offset in (-2, -1, 0, 1, 2):
            line = FeedMarket("asian_handicap", "ft", handicap + offset)
            tier = "quarter" if offset else "half"
            found.append(Question(line, "ft", 0.060, tier))
        for offset in (-4, -1, 0, 1, 4):
            line = FeedMarket("total", "ft", total + offset)
            tier = "core" if not offset else "half" if offset % 4 == 0 else "quarter"
            found.append(Question(line, "ft", 0.064, tier))
        return tuple(q for q in found if q.market.market_type != "total" or _above_zero(q))

    def now(self, minutes: float) -> tuple[str, Scores]:
        """The running score is 'ft'; 'ht' stands once the first half is over."""
        half, pause = self.shape.half_min, self.shape.break_min
        scores: Scores = {"ft": self._after(int(self.steps(np.asarray([minutes]))[0]))}
        if minutes >= half:
            scores["ht"] = self._after(self._before_break())
        if half <= minutes < half + pause:
            return "HT", scores
        played = minutes if minutes < half else minutes - pause
        return f"{min(int(played) + 1, int(2 * half))}'", scores

    def result(self) -> Scores:
        """Half time and ninety minutes."""
        return {"ht": self._after(self._before_break()), "ft": self._after(len(self.goals))}

    def broken_off(self, minutes: float) -> Scores:
        """The score reached, and half time where it was."""
        return self.now(minutes)[1]

    def misreported(self) -> Scores:
        """A goal of the second half is missing; where there was none, one is invented."""
        half, full = self._after(self._before_break()), self._after(len(self.goals))
        if full[0] > half[0]:
            return {"ht": half, "ft": (full[0] - 1, full[1])}
        if full[1] > half[1]:
            return {"ht": half, "ft": (full[0], full[1] - 1)}
        return {"ht": half, "ft": (full[0] + 1, full[1])}

    def _before_break(self) -> int:
        return sum(minute < self.shape.half_min for minute, _ in self.goals)

    def _after(self, step: int) -> tuple[int, int]:
        away = sum(side for _, side in self.goals[:step])
        return step - away, away


def _above_zero(question: Question) -> bool:
    return (question.market.line_q4 or 0) > 0


def intensities(shape: GoalsShape, theta: Floats) -> Floats:
    """The mean goals (home, away) of a whole match, one row per theta."""
    strength, tempo = theta[:, 0], theta[:, 1]
    home = shape.home_goals * np.exp(tempo + strength / 2)
    away = shape.away_goals * np.exp(tempo - strength / 2)
    return np.stack([home, away], axis=1)


def _scores(means: Floats, so_far: tuple[int, int]) -> Floats:
    """Final scores over the grid, the goals `so_far` and Poisson ones with `means` (n, 2)."""
    # A mean of zero has all its chance on no goal; the floor keeps its logarithm finite.
    logs = np.log(np.maximum(means, 1e-300))
    pmf = np.exp(logs[:, :, None] * _COUNTS - means[:, :, None] - _LOG_FACTORIAL)
    rows: list[Floats] = []
    for side, scored in enumerate(so_far):
        shifted = np.zeros_like(pmf[:, side])
        shifted[:, scored:] = pmf[:, side, : GOALS_MAX + 1 - scored]
        rows.append(shifted)
    return (rows[0][:, :, None] * rows[1][:, None, :]).reshape(len(means), -1)


def play(shape: GoalsShape, theta: Floats, rng: np.random.Generator) -> GoalsPlay:
    """Draw a match of theta (2,): the goals of each half and side, each at an even minute."""
    means = intensities(shape, theta[None, :])[0]
    shares = (FIRST_HALF_SHARE, 1 - FIRST_HALF_SHARE)
    begins = (0.0, shape.half_min + shape.break_min)
    goals: list[tuple[float, int]] = []
    for share, begin in zip(shares, begins, strict=True):
        for side in (0, 1):
            count = min(int(rng.poisson(float(means[side]) * share)), GOALS_MAX // 2)
            minutes: list[float] = (begin + rng.random(count) * shape.half_min).tolist()
            goals.extend((minute, side) for minute in minutes)
    return GoalsPlay(shape, tuple(sorted(goals)))
