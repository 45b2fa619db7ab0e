"""Tennis: sets of games, and the side that serves wins a game with its own probability.

theta is (strength of the home side, what serving is worth more than usual), both in logits: a
server wins with logistic(serve +- strength). Games are independent, so sets and matches are sums
over finitely many paths, and the chances are exact. In a tie-break match a "game" is one point.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final

import numpy as np

from overround.odds.feeds.model import FeedMarket
from overround.odds.feeds.simulator.model import (
    Chances,
    Floats,
    Ints,
    Question,
    Scores,
    SetsShape,
    Support,
)
from overround.odds.feeds.simulator.shares import balanced_line

_WINNER: Final[Support] = (np.asarray([1.0, 0.0]), np.asarray([0.0, 1.0]))
# The longest match of three sets has 39 games.
_GAMES_MAX: Final = 40
_GAMES: Final[Support] = (np.arange(_GAMES_MAX, dtype=np.float64), np.zeros(_GAMES_MAX))


@dataclass(frozen=True, slots=True)
class State:
    """Where a match stands: its sets so far, the games of the one that is on, who served first.

    `first` is the side (0 home, 1 away) that serves first in the set that is on.
    """

    done: tuple[tuple[int, int], ...] = ()
    games: tuple[int, int] = (0, 0)
    first: int = 0

    @property
    def sets(self) -> tuple[int, int]:
        """Sets won."""
        home = sum(h > a for h, a in self.done)
        return home, len(self.done) - home

    @property
    def all_games(self) -> tuple[int, int]:
        """Games won in all."""
        every = (*self.done, self.games)
        return sum(h for h, _ in every), sum(a for _, a in every)


@dataclass(frozen=True, slots=True)
class SetsPlay:
    """A match as its state after each game and the minute in which that game ended."""

    shape: SetsShape
    ends: tuple[float, ...]
    states: tuple[State, ...]

    @property
    def minutes(self) -> float:
        """Until the last game is over."""
        return self.ends[-1]

    @property
    def quoted_min(self) -> float:
        """Books quote until the end."""
        return self.minutes

    @property
    def incidents(self) -> tuple[float, ...]:
        """The end of every game."""
        return self.ends

    @property
    def supports(self) -> Mapping[str, Support]:
        """Who wins, the games in all, and the score of the first set."""
        return {"winner": _WINNER, "games": _GAMES, "s1": _set_support(self.shape)}

    def steps(self, minutes: Floats) -> Ints:
        """The number of games that are over."""
        return np.searchsorted(np.asarray(self.ends), minutes, side="right")

    def chances(self, theta: Floats, minutes: Floats, step: int) -> Chances:
        """Winner, games in all and first set, from `step` games on."""
        del minutes
        serve = serving(self.shape, theta)
        state = self.states[step]
        first_set = (
            _certain(self.shape, state.done[0], len(theta))
            if state.done
            else _set_chances(self.shape, serve, state.first, state.games)
        )
        winner, games = _match_chances(self.shape, serve, state)
        return {"winner": winner, "games": games, "s1": first_set}

    def questions(self, theta: Floats) -> tuple[Question, ...]:
        """The winner, a ladder of totals, and where there is more than one the first set."""
        chances = self.chances(theta, np.zeros(1), 0)
        total = balanced_line("total", _GAMES, chances["games"], 82, 4)
        found = [Question(FeedMarket("moneyline", "final"), "winner", 0.060, "core")]
        for offset in (-8, -4, 0, 4, 8):
            tier = "half" if offset else "core"
            found.append(
                Question(FeedMarket("total", "final", total + offset), "games", 0.064, tier)
            )
        if self.shape.sets_to_win > 1:
            set_total = balanced_line("total", _set_support(self.shape), chances["s1"], 38, 4)
            found.append(Question(FeedMarket("moneyline", "s1"), "s1", 0.060, "half"))
            found.append(Question(FeedMarket("total", "s1", set_total), "s1", 0.064, "side"))
        return tuple(found)

    def now(self, minutes: float) -> tuple[str, Scores]:
        """The games of every set, the sets won, and the games in all as 'final'."""
        state = self.states[int(self.steps(np.asarray([minutes]))[0])]
        over = max(state.sets) == self.shape.sets_to_win
        number = len(state.done) + (not over)
        return f"Set {number}", _scores(state, running=not over)

    def result(self) -> Scores:
        """Every set, the sets won, the games in all."""
        return _scores(self.states[-1], running=False)

    def broken_off(self, minutes: float) -> Scores:
        """The sets that had ended, how many each side won, and all games."""
        return _scores(self.states[int(self.steps(np.asarray([minutes]))[0])], running=False)

    def misreported(self) -> Scores:
        """The loser of the last set is given one game less or, without any, one more."""
        state = self.states[-1]
        home, away = state.done[-1]
        loser = min(home, away)
        # At 7-6 and 7-5 the next possible score is the other of the two.
        if max(home, away) > self.shape.games and self.shape.clear > 1:
            wrong = 11 - loser
        else:
            wrong = loser - 1 if loser else 1
        changed = (home, wrong) if home > away else (wrong, away)
        return _scores(replace(state, done=(*state.done[:-1], changed)), running=False)


def _scores(state: State, *, running: bool) -> Scores:
    every = (*state.done, state.games) if running else state.done
    scores = {f"s{number}": games for number, games in enumerate(every, 1)}
    return {**scores, "sets": state.sets, "final": state.all_games}


def serving(shape: SetsShape, theta: Floats) -> Floats:
    """The chance that home wins a game: columns home serves, away serves, and the decider."""
    strength, serve = theta[:, 0], shape.serve_logit + theta[:, 1]
    logits = np.stack([serve + strength, strength - serve, strength], axis=1)
    return 1 / (1 + np.exp(-logits))


def _is_set(shape: SetsShape, home: int, away: int) -> bool:
    most = max(home, away)
    return (most >= shape.games and abs(home - away) >= shape.clear) or (
        home + away == 2 * shape.decider_at + 1
    )


def _width(shape: SetsShape) -> int:
    return shape.decider_at + 2


def _set_support(shape: SetsShape) -> Support:
    counts = np.arange(_width(shape), dtype=np.float64)
    return np.repeat(counts, len(counts)), np.tile(counts, len(counts))


def _certain(shape: SetsShape, score: tuple[int, int], rows: int) -> Floats:
    found = np.zeros((rows, _width(shape) ** 2))
    found[:, score[0] * _width(shape) + score[1]] = 1
    return found


@lru_cache(maxsize=8)
def _diagonals(shape: SetsShape) -> tuple[tuple[Ints, Ints, int], ...]:
    """By games played in a set: the home scores that end it, their cells, who serves the next.

    The last number is 0 where the side that served first serves, 1 where the other does, and 2 for
    the decider: then every other score has ended the set already.
    """
    width, found = _width(shape), list[tuple[Ints, Ints, int]]()
    for played in range(2 * shape.decider_at + 2):
        over = [
            home
            for home in range(max(0, played - width + 1), min(played, width - 1) + 1)
            if _is_set(shape, home, played - home)
        ]
        homes = np.asarray(over, np.int64)
        turn = ((played + 1) // 2 if shape.pairs else played) % 2
        decider = played == 2 * shape.decider_at and not shape.pairs
        found.append((homes, homes * width + played - homes, 2 if decider else turn))
    return tuple(found)


def _home_wins(shape: SetsShape, serve: Floats, first: int, played: int) -> Floats:
    """The chance that home wins the game after `played` ones of a set, by row of `serve`."""
    turn = _diagonals(shape)[played][2]
    return serve[:, turn if turn == 2 else (first + turn) % 2]


def _set_chances(shape: SetsShape, serve: Floats, first: int, score: tuple[int, int]) -> Floats:
    """The final scores of a set that stands at `score`, over the support of a set.

    One step is a game: the chances of all scores with as many games played, by the home side's.
    """
    width = _width(shape)
    ended = np.zeros((len(serve), width * width))
    reach = np.zeros((len(serve), width))
    reach[:, score[0]] = 1
    for played in range(sum(score), 2 * shape.decider_at + 2):
        homes, cells, _ = _diagonals(shape)[played]
        ended[:, cells] = reach[:, homes]
        reach[:, homes] = 0
        win = _home_wins(shape, serve, first, played)[:, None]
        won = reach * win
        reach -= won
        reach[:, 1:] += won[:, :-1]
    return ended


def _match_chances(shape: SetsShape, serve: Floats, state: State) -> tuple[Floats, Floats]:
    """Who wins and the number of games in all, summed over every way to play the sets left."""
    rows = len(serve)
    winner, games = np.zeros((rows, 2)), np.zeros((rows, _GAMES_MAX))
    start = np.zeros((rows, _GAMES_MAX))
    start[:, sum(h + a for h, a in state.done)] = 1
    if max(state.sets) == shape.sets_to_win:
        winner[:, int(state.sets[1] > state.sets[0])] = 1
        return winner, start
    # (sets of home, sets of away, who serves first) -> chances by the games before that set.
    paths: dict[tuple[int, int, int], Floats] = {(*state.sets, state.first): start}
    score = state.games
    while paths:
        following: defaultdict[tuple[int, int, int], Floats] = defaultdict(
            lambda: np.zeros((rows, _GAMES_MAX))
        )
        for (home, away, first), before in paths.items():
            for length, side, chance in _set_lengths(shape, serve, first, score):
                after = before[:, : _GAMES_MAX - length] * chance[:, None]
                sets = (home + 1 - side, away + side)
                if max(sets) == shape.sets_to_win:
                    winner[:, side] += after.sum(axis=1)
                    games[:, length:] += after
                else:
                    following[*sets, (first + length) % 2][:, length:] += after
        paths, score = following, (0, 0)
    return winner, games


def _set_lengths(
    shape: SetsShape, serve: Floats, first: int, score: tuple[int, int]
) -> Iterator[tuple[int, int, Floats]]:
    """Each way a set can end: the games in it, who wins it (0 home, 1 away), how likely it is."""
    chances = _set_chances(shape, serve, first, score)
    for homes, cells, _ in _diagonals(shape):
        for home, cell in zip(homes.tolist(), cells.tolist(), strict=True):
            away = cell - home * _width(shape)
            yield home + away, int(away > home), chances[:, cell]


def play(shape: SetsShape, theta: Floats, rng: np.random.Generator) -> SetsPlay:
    """Draw a match of theta (2,): who serves first, every game and how long it takes."""
    serve = serving(shape, theta[None, :])
    state = State(first=int(rng.integers(2)))
    minute, ends, states = 0.0, list[float](), [state]
    while max(state.sets) < shape.sets_to_win:
        home, away = state.games
        wins = rng.random() < _home_wins(shape, serve, state.first, home + away)[0]
        minute += shape.game_min * (0.7 + 0.6 * rng.random())
        ends.append(minute)
        games = (home + 1, away) if wins else (home, away + 1)
        if _is_set(shape, *games):
            state = State((*state.done, games), (0, 0), (state.first + sum(games)) % 2)
            minute += shape.set_break_min
        else:
            state = replace(state, games=games)
        states.append(state)
    return SetsPlay(shape, tuple(ends), tuple(states))
