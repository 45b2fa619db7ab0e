"""The truth behind the replica books: matches, moving prices, planted arbitrages.

A book's price is always a little below fair, so the three of them never make an arbitrage by
themselves, whatever moves; the planted ones are known to the millisecond. Times are seconds of the
caller's clock.
"""

from __future__ import annotations

import threading
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import Final, Literal

Question = Literal["hdp", "ou"]
Side = Literal["first", "second"]

BOOKS: Final = ("sbo", "ibc", "cmd")
# Home and away, or over and under.
_SIDES: Final[tuple[Side, Side]] = ("first", "second")
# What a book keeps of each fair price, in basis points.
_MARGIN_BPS: Final = {"sbo": 260, "ibc": 310, "cmd": 340}
# Nearly even: a planted leg raises one price of a book, and where that side is the likelier one by
# far the book could be arbitraged by itself. The hub holds such a book suspect, and rightly.
_CHANCE_BPS: Final = (4_700, 5_300)
_STEP_BPS: Final = 12

_MATCHES: Final = (
    ("Harbour League", "Northbridge Rovers", "Port Alder", -3, 10),
    ("Harbour League", "Kestrel Town", "Saltmarsh Athletic", 2, 9),
    ("Harbour League", "Lowmoor City", "Vane United", 0, 11),
    ("Valley Cup", "Millbrook", "Ashgrove Wanderers", -1, 8),
    ("Valley Cup", "Dunmere Albion", "Corran Thistle", 1, 12),
    ("Valley Cup Women", "Northbridge Rovers (W)", "Tarnside (W)", -5, 10),
)


@dataclass(slots=True)
class Match:
    """One match: what it is, and the chance of its first side in each question, in basis points."""

    id: int
    competition: str
    home: str
    away: str
    starts_at: datetime
    hdp_q4: int
    total_q4: int
    chance_bps: dict[Question, int]
    suspended: set[str] = field(default_factory=set[str])


@dataclass(slots=True)
class Planted:
    """An arbitrage put into two books: the first side's price of one, the second's of the other.

    `first_at_s` is when the first leg is shown, `second_at_s` the second, `ends_at_s` when both are
    as they were. It counts unless something else went on in one of the books.
    """

    number: int
    match_id: int
    question: Question
    books: tuple[str, str]
    margin_bps: int
    first_at_s: float
    second_at_s: float
    ends_at_s: float
    counts: bool = True

    def is_on(self, leg: int, now_s: float) -> bool:
        """Whether the leg (0 or 1) is shown."""
        return (self.first_at_s, self.second_at_s)[leg] <= now_s < self.ends_at_s


class Market:
    """What the three books quote. `tick` moves it; everything else reads."""

    def __init__(self, seed: int, at: datetime) -> None:
        self._random = Random(seed)
        self._lock = threading.Lock()
        self.planted: list[Planted] = []
        self._ticks_s: list[float] = []
        # The first is that before the first tick.
        self._chances: dict[tuple[int, Question], list[int]] = {}
        day = at.replace(minute=0, second=0, microsecond=0) + timedelta(hours=20)
        self.matches = [
            Match(
                7_001 + n, competition, home, away, day + timedelta(minutes=30 * n), hdp, total,
                {"hdp": 5_000, "ou": 5_000},
            )
            for n, (competition, home, away, hdp, total) in enumerate(_MATCHES)
        ]  # fmt: skip
        for match in self.matches:
            for question, chance in match.chance_bps.items():
                self._chances[match.id, question] = [chance]

    def tick(self, now_s: float) -> None:
        """Every chance moves a little and stays within bounds."""
        low, high = _CHANCE_BPS
        with self._lock:
            self._ticks_s.append(now_s)
            for match in self.matches:
                for question, chance in match.chance_bps.items():
                    moved = chance + self._random.randint(-_STEP_BPS, _STEP_BPS)
                    match.chance_bps[question] = min(max(moved, low), high)
                    self._chances[match.id, question].append(match.chance_bps[question])

    def plant(
        self,
        match_id: int,
        question: Question,
        books: tuple[str, str],
        now_s: float,
        *,
        margin_bps: int = 180,
        apart_s: float = 0.5,
        for_s: float = 4.0,
    ) -> Planted:
        """Both prices of an arbitrage, the second leg `apart_s` after the first."""
        with self._lock:
            second_at_s = now_s + apart_s
            planted = Planted(
                len(self.planted) + 1, match_id, question, books, margin_bps,
                now_s, second_at_s, second_at_s + for_s,
            )  # fmt: skip
            self.planted.append(planted)
            return planted

    def price_e4(
        self, book: str, match: Match, question: Question, side: Side, now_s: float
    ) -> int:
        """What the book quotes at a time: the fair price less its margin, or a planted one."""
        with self._lock:
            chance = self._chances[match.id, question][bisect_right(self._ticks_s, now_s)]
        own = chance if side == "first" else 10_000 - chance
        leg = _SIDES.index(side)
        keep_bps = _MARGIN_BPS[book]
        for planted in self._planted_at(match, question):
            if planted.books[leg] == book and planted.is_on(leg, now_s):
                # Both legs this far above fair: the booksum is below one by about as much.
                keep_bps = -planted.margin_bps
        return 10_000 * 10_000 * (10_000 - keep_bps) // (own * 10_000)

    def spans(
        self, book: str, match: Match, question: Question, side: Side, from_s: float, to_s: float
    ) -> Iterator[tuple[float, int]]:
        """What the book quoted in that time, the newest first: each price with when it ended."""
        own = [one for one in self._planted_at(match, question) if book in one.books]
        turns = [at_s for one in own for at_s in (one.first_at_s, one.second_at_s, one.ends_at_s)]
        with self._lock:
            turns += self._ticks_s[bisect_right(self._ticks_s, from_s) :]
        ended_s = to_s
        for at_s in sorted((one for one in turns if from_s < one <= to_s), reverse=True):
            yield ended_s, self.price_e4(book, match, question, side, at_s)
            ended_s = at_s
        yield ended_s, self.price_e4(book, match, question, side, from_s)

    def _planted_at(self, match: Match, question: Question) -> Iterator[Planted]:
        wanted = match.id, question
        return (one for one in self.planted if (one.match_id, one.question) == wanted)
