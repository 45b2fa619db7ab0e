"""The simulator's words: formats, fixtures, books, and what each kind of play can say.

Times are simulated minutes. `theta` is what decides a match: two numbers, the home side's strength
over the away side and the tempo; each kind of play says what they mean to it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from overround.odds.feeds.model import FeedMarket

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
Scores = dict[str, tuple[int, int]]
# Every (home, away) that a view of the match can end in, as two columns.
Support = tuple[Floats, Floats]
# view -> one row per theta: the probabilities of its support's cells.
Chances = Mapping[str, Floats]

Tier = Literal["core", "half", "quarter", "side"]
Ladder = Literal["cents", "steps", "thousandths"]
Fate = Literal["played", "corrected", "postponed", "abandoned"]


@dataclass(frozen=True, slots=True)
class GoalsShape:
    """Two halves of goals; `home_goals` and `away_goals` are the means of two equal sides."""

    half_min: float
    break_min: float
    home_goals: float
    away_goals: float


@dataclass(frozen=True, slots=True)
class PointsShape:
    """Four quarters; in each of them both sides have the ball `possessions` times."""

    quarter_min: float
    break_min: float
    possessions: int
    overtime_possessions: int
    overtime_min: float


@dataclass(frozen=True, slots=True)
class SetsShape:
    """Sets of games; the side that serves wins a game with its own probability.

    A set goes to the first side with `games` won, `clear` ahead; at `decider_at` all, one more game
    decides it. `pairs` says that serve changes after the first game and then after every second.
    """

    sets_to_win: int
    games: int
    clear: int
    decider_at: int
    pairs: bool
    serve_logit: float
    game_min: float
    set_break_min: float


@dataclass(frozen=True, slots=True)
class Format:
    """One stream of fixtures of one kind, endless: one every `every_min` from `first_min` on.

    `shown_before_min` is how long before its start a fixture comes on the board. `pace` stretches
    the lag of books and the time between their prices; `drift` and `noise` are standard deviations
    of theta: of its way from the first price to the start, and of what a book believes of it.
    """

    sport: str
    competitions: tuple[str, ...]
    first_min: float
    every_min: float
    shown_before_min: float
    shape: GoalsShape | PointsShape | SetsShape
    pace: float
    live_every_min: float | None
    spread: tuple[float, float]
    drift: tuple[float, float]
    noise: tuple[float, float]


@dataclass(frozen=True, slots=True)
class Fixture:
    """Fixture `n` of a seed: who meets when, and the theta that the match is played with."""

    n: int
    format: Format
    competition: str
    home: str
    away: str
    shown_min: float
    start_min: float
    theta: tuple[float, float]
    fate: Fate


@dataclass(frozen=True, slots=True)
class Book:
    """One source. `margin` is a share of the usual overround, `lag_min` how late it follows.

    `longshot` is the share of the overround that is spread evenly over the sides, which falls on
    the outsiders; the rest is in proportion to the probability.
    """

    key: str
    kind: Literal["bookmaker", "exchange"]
    margin: float
    lag_min: float
    every_min: float
    noise: float
    bias: float
    longshot: float
    ladder: Ladder
    tiers: frozenset[Tier]
    live: bool


@dataclass(frozen=True, slots=True)
class Question:
    """A market of an event, the view it is asked of, and the overround that is usual for it."""

    market: FeedMarket
    view: str
    overround: float
    tier: Tier


class Play(Protocol):
    """One match as it is going to be played; minutes count from its start."""

    @property
    def minutes(self) -> float:
        """How long it lasts."""
        ...

    @property
    def quoted_min(self) -> float:
        """Until when books can quote it."""
        ...

    @property
    def incidents(self) -> tuple[float, ...]:
        """When books suspend."""
        ...

    @property
    def supports(self) -> Mapping[str, Support]:
        """What each view can end in; the same at every moment."""
        ...

    def steps(self, minutes: Floats) -> Ints:
        """Which state of the score each moment belongs to."""
        ...

    def chances(self, theta: Floats, minutes: Floats, step: int) -> Chances:
        """Exact probabilities from state `step` on, one row per row of theta (n, 2)."""
        ...

    def questions(self, theta: Floats) -> tuple[Question, ...]:
        """The markets books open on the match, their lines chosen at the theta (1, 2)."""
        ...

    def now(self, minutes: float) -> tuple[str, Scores]:
        """The clock's text and the score so far."""
        ...

    def result(self) -> Scores:
        """How it ends."""
        ...

    def broken_off(self, minutes: float) -> Scores:
        """What is known when it stops there: the score reached, and the parts that had ended."""
        ...

    def misreported(self) -> Scores:
        """A score that a hurried reporter could send instead: possible, and wrong."""
        ...
