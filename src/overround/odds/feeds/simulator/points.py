"""Basketball: a game is a number of possessions, each worth none, one, two or three points.

theta is (log of home over away scoring, log of both against the usual). Points of a side are a sum
of independent possessions, so their distribution is a power of one characteristic function: margin
and total come exactly from a discrete Fourier transform of 512 points, overtimes included. In play
the state is how many pairs of possessions are over; a tie goes to overtimes until one is won.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from overround.odds.feeds.model import FeedMarket
from overround.odds.feeds.simulator.model import (
    Chances,
    Floats,
    Ints,
    PointsShape,
    Question,
    Scores,
    Support,
)
from overround.odds.feeds.simulator.shares import balanced_line

Complexes = NDArray[np.complex128]

CELLS: Final = 512
QUARTERS: Final = 4
# The chance of one, two and three points in a possession of an average side.
POINT_CHANCES: Final = (0.06, 0.36, 0.12)
_SCORING_MAX: Final = 1.7
_OVERTIMES_MAX: Final = 8

_CELL: Final[Floats] = np.arange(CELLS, dtype=np.float64)
_FREQUENCY: Final = np.exp(-2j * np.pi * np.arange(CELLS // 2 + 1) / CELLS)
_POINTS: Final[Complexes] = np.asarray(POINT_CHANCES) @ np.stack(
    [_FREQUENCY**points - 1 for points in (1, 2, 3)]
)
_ZERO: Final = np.zeros(CELLS)
# Negative margins stand in the upper half of the transform's cells.
_MARGINS: Final[Support] = (np.where(_CELL < CELLS // 2, _CELL, _CELL - CELLS), _ZERO)
_TOTALS: Final[Support] = (_CELL, _ZERO)
_SUPPORTS: Final[Mapping[str, Support]] = {
    "margin": _MARGINS,
    "total": _TOTALS,
    "ht_margin": _MARGINS,
    "ht_total": _TOTALS,
}


@dataclass(frozen=True, slots=True)
class PointsPlay:
    """A game as the running score after each pair of possessions, overtimes at the end."""

    shape: PointsShape
    home: tuple[int, ...]
    away: tuple[int, ...]

    @property
    def _regulation(self) -> int:
        return QUARTERS * self.shape.possessions

    @property
    def _overtimes(self) -> int:
        return (len(self.home) - 1 - self._regulation) // self.shape.overtime_possessions

    @property
    def quoted_min(self) -> float:
        """Books quote regulation; an overtime is too short for them."""
        return QUARTERS * self.shape.quarter_min + (QUARTERS - 1) * self.shape.break_min

    @property
    def minutes(self) -> float:
        """Four quarters, their breaks and the overtimes."""
        return self.quoted_min + self._overtimes * self.shape.overtime_min

    @property
    def incidents(self) -> tuple[float, ...]:
        """Nothing in particular: books move from basket to basket."""
        return ()

    @property
    def supports(self) -> Mapping[str, Support]:
        """Margins and totals, of the game and of its first half."""
        return _SUPPORTS

    def steps(self, minutes: Floats) -> Ints:
        """The pairs of possessions that are over."""
        span = self.shape.quarter_min + self.shape.break_min
        quarter = np.minimum(np.floor(np.maximum(minutes, 0) / span), QUARTERS - 1)
        share = np.clip((minutes - quarter * span) / self.shape.quarter_min, 0, 1)
        done = np.floor((quarter + share) * self.shape.possessions + 1e-9)
        over = np.floor(
            np.maximum(minutes - self.quoted_min, 0)
            / self.shape.overtime_min
            * self.shape.overtime_possessions
            + 1e-9
        )
        return np.minimum(done + over, len(self.home) - 1).astype(np.int64)

    def chances(self, theta: Floats, minutes: Floats, step: int) -> Chances:
        """Margin and total, final and at half time, from `step` pairs of possessions on."""
        del minutes
        sides = _characters(theta)
        left = max(self._regulation - step, 0)
        margin, total = self._final(sides, left, self._after(step))
        first = self._regulation // 2
        so_far = self._after(min(step, first))
        home, away = (c ** max(first - step, 0) for c in sides)
        return {
            "margin": margin,
            "total": total,
            "ht_margin": _back(home * np.conj(away) * _FREQUENCY ** (so_far[0] - so_far[1])),
            "ht_total": _back(home * away * _FREQUENCY ** sum(so_far)),
        }

    def _final(
        self, sides: tuple[Complexes, Complexes], left: int, so_far: tuple[int, int]
    ) -> tuple[Floats, Floats]:
        """The margin and the total with overtimes, after `left` more pairs of possessions.

        A tie of x each is a total of 2x; overtimes that tie repeat, which is a geometric series.
        """
        home, away = (c**left * _FREQUENCY**s for c, s in zip(sides, so_far, strict=True))
        margin, total = _back(home * np.conj(away)), home * away
        tied = _ties(home, away)
        extra_home, extra_away = (c**self.shape.overtime_possessions for c in sides)
        extra = _back(extra_home * np.conj(extra_away))
        still = _forth(_ties(extra_home, extra_away))
        decided = (extra_home * extra_away - still) / (1 - still)
        tie = margin[:, :1].copy()
        margin[:, 0] = 0
        extra_level = extra[:, :1].copy()
        extra[:, 0] = 0
        margin += tie * extra / (1 - extra_level)
        return margin, _back(total + _forth(tied) * (decided - 1))

    def questions(self, theta: Floats) -> tuple[Question, ...]:
        """The winner, a ladder of handicaps and of totals, and the first half."""
        chances = self.chances(theta, np.zeros(1), 0)

        def line(market_type: str, view: str) -> int:
            support, pmf = _SUPPORTS[view], chances[view]
            mean = round(float(pmf[0] @ support[0]))
            sign = -1 if market_type == "asian_handicap" else 1
            return balanced_line(market_type, support, pmf, sign * mean * 4 + 2, 4)

        handicap, total = line("asian_handicap", "margin"), line("total", "total")
        found = [Question(FeedMarket("moneyline", "final"), "margin", 0.060, "core")]
        for offset in (-4, -2, 0, 2, 4):
            tier = "core" if not offset else "half" if offset % 4 == 0 else "quarter"
            spread = FeedMarket("asian_handicap", "final", handicap + offset)
            points = FeedMarket("total", "final", total + offset)
            found.append(Question(spread, "margin", 0.060, tier))
            found.append(Question(points, "total", 0.064, tier))
        half_spread = FeedMarket("asian_handicap", "ht", line("asian_handicap", "ht_margin"))
        half_points = FeedMarket("total", "ht", line("total", "ht_total"))
        found.append(Question(half_spread, "ht_margin", 0.060, "side"))
        found.append(Question(half_points, "ht_total", 0.064, "side"))
        return tuple(found)

    def now(self, minutes: float) -> tuple[str, Scores]:
        """Quarters that have begun, 'ht' once it is over, and the running score as 'final'."""
        step = int(self.steps(np.asarray([minutes]))[0])
        scores = self._by_quarter(step)
        if step >= self._regulation // 2:
            scores["ht"] = self._after(self._regulation // 2)
        scores["final"] = self._after(step)
        if minutes >= self.quoted_min and self._overtimes:
            return "OT", scores
        span = self.shape.quarter_min + self.shape.break_min
        quarter = min(int(minutes // span), QUARTERS - 1)
        into = minutes - quarter * span
        if into >= self.shape.quarter_min and quarter == 1:
            return "HT", scores
        return f"Q{quarter + 1} {min(int(into), int(self.shape.quarter_min))}'", scores

    def result(self) -> Scores:
        """Every quarter, the first half, regulation, the overtimes and all of it."""
        last = len(self.home) - 1
        scores = self._by_quarter(self._regulation)
        scores["ht"] = self._after(self._regulation // 2)
        scores["ft"] = self._after(self._regulation)
        scores["final"] = self._after(last)
        if self._overtimes:
            scores["ot"] = self._between(self._regulation, last)
        return scores

    def broken_off(self, minutes: float) -> Scores:
        """The quarters and the half that had ended, and the score reached."""
        step = int(self.steps(np.asarray([minutes]))[0])
        ended = min(step, self._regulation) // self.shape.possessions
        scores = self._by_quarter(ended * self.shape.possessions) if ended else {}
        if ended >= QUARTERS // 2:
            scores["ht"] = self._after(self._regulation // 2)
        scores["ft"] = self._after(min(step, self._regulation))
        scores["final"] = self._after(step)
        return scores

    def misreported(self) -> Scores:
        """The winner has two points more than it scored, in its last period."""
        scores = self.result()
        home, away = scores["final"]
        more = (2, 0) if home > away else (0, 2)
        wrong = ("ot", "final") if self._overtimes else ("q4", "ft", "final")
        for period in wrong:
            scores[period] = (scores[period][0] + more[0], scores[period][1] + more[1])
        return scores

    def _after(self, step: int) -> tuple[int, int]:
        return self.home[step], self.away[step]

    def _between(self, begin: int, end: int) -> tuple[int, int]:
        return self.home[end] - self.home[begin], self.away[end] - self.away[begin]

    def _by_quarter(self, step: int) -> Scores:
        size = self.shape.possessions
        return {
            f"q{i + 1}": self._between(i * size, min(step, (i + 1) * size))
            for i in range(QUARTERS)
            if step > i * size or i == 0
        }


def _scoring(theta: Floats) -> Floats:
    """How much more than usual each side scores: columns home and away, one row per theta."""
    strength, tempo = theta[:, 0], theta[:, 1]
    factors = np.stack([tempo + strength / 2, tempo - strength / 2], axis=1)
    return np.minimum(np.exp(factors), _SCORING_MAX)


def _characters(theta: Floats) -> tuple[Complexes, Complexes]:
    """The transform of one possession's points, for the home and the away side."""
    scoring = _scoring(theta)
    return 1 + scoring[:, :1] * _POINTS, 1 + scoring[:, 1:] * _POINTS


def _back(characters: Complexes) -> Floats:
    return np.fft.irfft(characters, CELLS, axis=1)


def _forth(chances: Floats) -> Complexes:
    return np.fft.rfft(chances, axis=1)


def _ties(home: Complexes, away: Complexes) -> Floats:
    """The chance of x points each, standing at the total of 2x."""
    found = np.zeros((len(home), CELLS))
    found[:, ::2] = (_back(home) * _back(away))[:, : CELLS // 2]
    return found


def play(shape: PointsShape, theta: Floats, rng: np.random.Generator) -> PointsPlay:
    """Draw a game of theta (2,): every possession of both sides, overtimes until one is won."""
    scoring = _scoring(theta[None, :])[0]
    running = [np.zeros(1, np.int64), np.zeros(1, np.int64)]
    possessions = QUARTERS * shape.possessions
    for _ in range(_OVERTIMES_MAX):
        for side in (0, 1):
            odds = np.asarray(POINT_CHANCES) * scoring[side]
            drawn = rng.choice(4, possessions, p=[1 - odds.sum(), *odds])
            running[side] = np.concatenate([running[side], running[side][-1] + np.cumsum(drawn)])
        if running[0][-1] != running[1][-1]:
            break
        possessions = shape.overtime_possessions
    else:
        # Eight ties in a row are less likely than one in a million; one point ends them.
        running[0][-1] += 1
    home, away = (tuple(int(x) for x in side) for side in running)
    return PointsPlay(shape, home, away)
