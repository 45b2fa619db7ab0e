"""What twelve books quote on one fixture at any minute: a function of the seed and the minute.

A book looks at a match now and then. What it then believes is the theta of a while ago (its lag),
off by its bias and by a noise that wanders; it prices the exact model with that, adds its margin
and rounds down. Lag and bias are what arbitrage comes from. Nothing here depends on when it was
asked before (test: prices do not depend on how often they are asked for).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from overround.odds.feeds.simulator.books import BOOKS, rounded_down
from overround.odds.feeds.simulator.model import (
    Bools,
    Chances,
    Fixture,
    Floats,
    Ints,
    Ladder,
    Play,
    Question,
    Support,
    Tier,
)
from overround.odds.feeds.simulator.shares import SIDES, WINNERS, shares

_LAG: Final = np.asarray([book.lag_min for book in BOOKS])
_EVERY: Final = np.asarray([book.every_min for book in BOOKS])
_LADDERS: Final[tuple[Ladder, ...]] = tuple(book.ladder for book in BOOKS)
_LIVE: Final = np.asarray([book.live for book in BOOKS])

# Share of a captured feed's selections that were stopped (13.6 %), less those out of range here.
STOPPED_SHARE: Final = 0.12
# What is quoted once a match is on; everything else stops with its start.
LIVE_TIERS: Final[frozenset[Tier]] = frozenset({"core", "half"})
# In play everyone charges more.
_LIVE_MARGIN: Final = 0.02
# A side outside of these chances is as good as decided: the market is closed.
_CHANCE_MIN, _CHANCE_MAX = 0.012, 0.975
_PRICE_MIN, _PRICE_MAX = 1.02, 100.0

_PATH_NODES: Final = 24
# One match in three has news on the way that moves it at once by this many drifts.
_NEWS_CHANCE: Final = 0.35
_NEWS_SIZE: Final = 0.6
_MOOD_MIN: Final = 10.0
_MOOD_KEPT: Final = 0.75
# A market that a book has stopped stays so for this many moods.
_STOP_MOODS: Final = 2


class Board:
    """The columns of a fixture's price table: one per side of each of its questions."""

    def __init__(self, questions: tuple[Question, ...], supports: dict[str, Support]) -> None:
        """`supports` by view; the columns stand in the order of the questions and their sides."""
        self.questions = questions
        sides = [SIDES[q.market.market_type] for q in questions]
        self.cells = tuple(
            (question.market, side)
            for question, names in zip(questions, sides, strict=True)
            for side in names
        )
        counts = np.asarray([len(names) for names in sides])
        self.of = np.repeat(np.arange(len(questions)), counts)
        self._starts = np.concatenate([[0], np.cumsum(counts)[:-1]])
        winners = [WINNERS.get(q.market.market_type, 1) for q in questions]
        self.winners = np.asarray(winners, np.float64)[self.of]
        self.overround = np.asarray([q.overround for q in questions])[self.of]
        self.even = self.winners / counts[self.of]
        self._views: list[tuple[str, Ints, Floats]] = []
        for view, support in supports.items():
            asked = [i for i, q in enumerate(questions) if q.view == view]
            if asked:
                table = np.hstack([shares(questions[i].market, support) for i in asked])
                self._views.append((view, np.flatnonzero(np.isin(self.of, asked)), table))

    def fair(self, chances: Chances) -> Floats:
        """The fair probability of every column, one row per row of the chances.

        One over it is the price at which a stake returns itself on average, voids included. NaN
        where every stake would be returned.
        """
        won = np.empty((len(next(iter(chances.values()))), len(self.cells)))
        for view, columns, table in self._views:
            won[:, columns] = chances[view] @ table
        # The transform leaves chances a hair below zero.
        np.maximum(won, 0, out=won)
        total = np.add.reduceat(won, self._starts, axis=1)[:, self.of]
        with np.errstate(invalid="ignore"):
            return np.asarray(np.where(total > 1e-9, won / total, np.nan) * self.winners)

    def markets_with(self, cells: Bools) -> Bools:
        """Every cell of a market of which one cell is set."""
        return np.logical_or.reduceat(cells, self._starts, axis=1)[:, self.of]


@dataclass(frozen=True, slots=True)
class Path:
    """The theta that is believed of a match, from its first price to its start."""

    minutes: Floats
    thetas: Floats

    def at(self, minutes: Floats) -> Floats:
        """Theta at each of the minutes, (n, 2); it stands still before and after the path."""
        columns = [np.interp(minutes, self.minutes, self.thetas[:, i]) for i in (0, 1)]
        return np.stack(columns, axis=1)


def path(fixture: Fixture, rng: np.random.Generator) -> Path:
    """A random walk that ends in the theta the match is played with, sometimes with a jump."""
    shown, start = fixture.shown_min, fixture.start_min
    minutes = np.linspace(shown, start, _PATH_NODES + 1)
    share = (start - shown) / fixture.format.shown_before_min
    drift = np.asarray(fixture.format.drift) * np.sqrt(share)
    steps = rng.normal(0, 1, (_PATH_NODES, 2)) * drift / np.sqrt(_PATH_NODES)
    node, news, sizes = int(rng.integers(_PATH_NODES)), rng.random(), rng.normal(0, 1, 2)
    if news < _NEWS_CHANCE:
        steps[node] += sizes * drift * _NEWS_SIZE
    # What is still to come at each node is taken off the end.
    to_come = np.concatenate([np.cumsum(steps[::-1], axis=0)[::-1], np.zeros((1, 2))])
    return Path(minutes, np.asarray(fixture.theta) - to_come)


class Quotes:
    """The books' prices on one fixture, by minute."""

    def __init__(
        self, fixture: Fixture, play: Play, way: Path, quiet_min: float, rng: np.random.Generator
    ) -> None:
        """`quiet_min` is when the last book stops; `rng` draws what the books think and do."""
        self._fixture, self._play, self._path = fixture, play, way
        opening = way.at(np.asarray([fixture.shown_min]))
        self.board = Board(play.questions(opening), dict(play.supports))
        self._pace = fixture.format.pace
        self._period = _EVERY * self._pace
        self._phase = fixture.shown_min + rng.random(len(BOOKS)) * self._period
        live = _LIVE if fixture.format.live_every_min else np.zeros(len(BOOKS), np.bool_)
        self._limit = np.where(live, quiet_min, min(fixture.start_min, quiet_min))
        self._draw_beliefs(rng, quiet_min)
        self._windows = self._suspensions(rng)
        self._margin = np.asarray([[book.margin] for book in BOOKS]) * self.board.overround
        self._longshot = np.asarray([[book.longshot] for book in BOOKS])
        tiers = [q.tier for q in self.board.questions]
        quoted = np.asarray([[tier in book.tiers for tier in tiers] for book in BOOKS])
        self.quoted: Bools = quoted[:, self.board.of]
        only_before = np.asarray([tier not in LIVE_TIERS for tier in tiers])
        self._only_before: Bools = only_before[self.board.of]

    def _draw_beliefs(self, rng: np.random.Generator, quiet_min: float) -> None:
        """Each book's error in theta, and which markets it has stopped, a mood at a time."""
        scale = np.asarray(self._fixture.format.noise)
        self._mood_min = _MOOD_MIN * self._pace
        moods = int((quiet_min - self._fixture.shown_min) / self._mood_min) + 2
        noise = np.asarray([book.noise for book in BOOKS])[:, None] * scale
        bias = rng.normal(0, 1, (len(BOOKS), 2)) * noise
        bias *= np.asarray([book.bias for book in BOOKS])[:, None]
        error = rng.normal(0, 1, (moods, len(BOOKS), 2)) * noise
        for mood in range(1, moods):
            fresh = np.sqrt(1 - _MOOD_KEPT**2) * error[mood]
            error[mood] = _MOOD_KEPT * error[mood - 1] + fresh
        self._error = error + bias
        stops = moods // _STOP_MOODS + 1
        drawn = rng.random((stops, len(BOOKS), len(self.board.questions)))
        self._stopped: Bools = (drawn < STOPPED_SHARE)[:, :, self.board.of]

    def _suspensions(self, rng: np.random.Generator) -> tuple[Floats, Floats]:
        """When each book suspends for an incident and opens again, (books, incidents) each.

        The slower a book is, the longer its old price stands and the later it comes back. Windows
        that touch are one. What is left of the room is at infinity.
        """
        incidents = self._fixture.start_min + np.asarray(self._play.incidents)
        begins = np.full((len(BOOKS), len(incidents) + 1), np.inf)
        ends = begins.copy()
        for b, book in enumerate(BOOKS):
            react = (0.02 + 0.03 * book.lag_min) * self._pace
            hold = (0.15 + 0.05 * book.lag_min + 0.1 * rng.random()) * self._pace
            used = 0
            for incident in incidents:
                if used and incident + react <= ends[b, used - 1]:
                    ends[b, used - 1] = incident + react + hold
                    continue
                begins[b, used], ends[b, used] = incident + react, incident + react + hold
                used += 1
        return begins, ends

    def moments(self, minute: float) -> tuple[Floats, Bools]:
        """When each book last looked at the match, and whether it has suspended all of it."""
        begins, ends = self._windows
        now = np.minimum(minute, self._limit)
        books = np.arange(len(BOOKS))
        last: Ints = np.count_nonzero(begins <= now[:, None], axis=1) - 1
        inside = (last >= 0) & (now < ends[books, last])
        seen = np.where(inside, begins[books, last], now)
        opened = np.where(inside, last - 1, last)
        opened_min = np.where(opened >= 0, ends[books, opened], -np.inf)
        looked = np.maximum(self._looked(seen), opened_min)
        return looked, inside | (minute >= self._limit)

    def _looked(self, minutes: Floats) -> Floats:
        """The last time in the book's own rhythm: before the start its own, then everybody's."""
        shown, start = self._fixture.shown_min, self._fixture.start_min
        turns = np.floor((minutes - self._phase) / self._period)
        before = np.maximum(shown, self._phase + turns * self._period)
        every = self._fixture.format.live_every_min
        if every is None:
            return before
        live = start + np.floor((minutes - start) / every) * every
        return np.where(minutes < start, before, live)

    def next_change(self, minute: float) -> float:
        """A minute after `minute` before which nothing changes; infinity when it is all over."""
        if minute >= self._limit.max():
            return float(np.inf)
        start = self._fixture.start_min
        turns = np.floor((minute - self._phase) / self._period) + 1
        due = [self._phase + turns * self._period, self._limit]
        every = self._fixture.format.live_every_min
        if every is not None:
            live = start + max(0.0, np.floor((minute - start) / every) + 1) * every
            due.append(np.asarray([start, live]))
        due.extend(times.ravel() for times in self._windows)
        times = np.concatenate(due)
        return float(times[times > minute].min())

    def prices(self, books: Ints, looked: Floats) -> tuple[Ints, Bools]:
        """The price_e4 of every column and whether it is stopped, for `books` that looked then.

        A stopped side keeps a price inside the ladder's bounds; it is nobody's to take.
        """
        fair, live = self._believed(books, looked)
        mood = self._mood(looked)
        margin = self._margin[books] + _LIVE_MARGIN * live[:, None]
        spread = self._longshot[books]
        with np.errstate(invalid="ignore"):
            implied = fair * (1 + margin * (1 - spread)) + margin * spread * self.board.even
            decided = ~((fair > _CHANCE_MIN) & (fair < _CHANCE_MAX) & (implied * _PRICE_MIN < 1))
        stopped = self.board.markets_with(decided) | self._stopped[mood // _STOP_MOODS, books]
        stopped |= live[:, None] & self._only_before
        prices = 1 / np.clip(np.nan_to_num(implied, nan=1.0), 1 / _PRICE_MAX, 1 / _PRICE_MIN)
        rows = [rounded_down(_LADDERS[int(b)], prices[i]) for i, b in enumerate(books)]
        return np.stack(rows), stopped

    def _mood(self, looked: Floats) -> Ints:
        return ((looked - self._fixture.shown_min) / self._mood_min).astype(np.int64)

    def _believed(self, books: Ints, looked: Floats) -> tuple[Floats, Bools]:
        """What each book holds to be fair, and for which of them the match is on."""
        minutes = np.maximum(looked - self._fixture.start_min, 0)
        theta = self._path.at(looked - _LAG[books] * self._pace)
        theta += self._error[self._mood(looked), books]
        steps = self._play.steps(minutes)
        fair = np.empty((len(books), len(self.board.cells)))
        for step in np.unique(steps):
            at = steps == step
            fair[at] = self.board.fair(self._play.chances(theta[at], minutes[at], int(step)))
        return fair, looked >= self._fixture.start_min

    def true(self, minute: float) -> Floats:
        """The fair probability of every column by the path itself, at a minute before the start."""
        theta = self._path.at(np.asarray([minute]))
        return self.board.fair(self._play.chances(theta, np.zeros(1), 0))[0]
