"""What is known of an event: scores by period, and for some sports who scored when.

Scores are (home, away). Football: 'ht', 'ft' (ninety minutes), 'et' (goals of extra time alone),
'pen' (the shoot-out), and the counts 'corners', 'corners_ht', 'cards', 'cards_ht'. Basketball and
American football: 'q1' to 'q4', 'ht', 'ft' (regulation), 'ot', 'final'. Ice hockey: 'p1' to 'p3',
'ft' (sixty minutes), 'ot', 'final' (shoot-out included). Baseball: 'i1' to 'i9', 'ft' (nine
innings), 'final'. Tennis: 's1' to 's5' (games), 'sets' (sets won), 'final' (games in all).
'final' includes everything. 'advanced' is (1, 0) where the home side goes through, (0, 1) where the
away side does.

Of an event that was broken off, 'ft', 'final', 'sets' and the counts are those reached by then, and
a part (a half, quarter, inning) is told only if it had ended. Tennis sets are the exception: those
that had ended are as many as 'sets' adds up to.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

Score = tuple[int, int]

FOUR_QUARTERS: Final = ("q1", "q2", "q3", "q4")
THREE_THIRDS: Final = ("p1", "p2", "p3")
NINE_INNINGS: Final = tuple(f"i{n}" for n in range(1, 10))
FIVE_SETS: Final = tuple(f"s{n}" for n in range(1, 6))
COUNTS: Final = ("corners", "corners_ht", "cards", "cards_ht")
PARTS: Final = ("ht", *FOUR_QUARTERS, *THREE_THIRDS, *NINE_INNINGS, "corners_ht", "cards_ht")

# Every key that facts may have.
KEYS: Final = frozenset(
    {"ft", "final", "et", "ot", "pen", "sets", "advanced", *FIVE_SETS, *COUNTS, *PARTS}
)
# The widest score that can be: an innings of cricket stays below it.
POINTS_MAX: Final = 999

FIRST_INNINGS: Final = ("i1_3", "i1_5", "i1_7")

# Periods that are sums of others; the first list of which every part is known counts.
_SUMS: Final[Mapping[str, tuple[Sequence[str], ...]]] = {
    "ht": (FOUR_QUARTERS[:2],),
    "ft": (FOUR_QUARTERS, THREE_THIRDS, NINE_INNINGS),
    "i1_3": (NINE_INNINGS[:3],),
    "i1_5": (NINE_INNINGS[:5],),
    "i1_7": (NINE_INNINGS[:7],),
}
# Play of these begins when regulation time is over.
_AFTER_FULL_TIME: Final = ("et", "ot", "pen")


@dataclass(frozen=True, slots=True)
class Goal:
    """One goal of the ninety minutes: for whom it counts, who shot it (where known) and when."""

    team: Literal["home", "away"]
    scorer: str | None = None
    minute: int | None = None
    own: bool = False


@dataclass(frozen=True, slots=True)
class Facts:
    """Scores by period; `goals` of the ninety minutes in order, None where not told.

    `came_on` says of every player who took part in which minute, 0 for those who began. `positions`
    are how the runners of a contest came in (`core.positions`).
    """

    scores: Mapping[str, Score]
    goals: tuple[Goal, ...] | None = None
    came_on: Mapping[str, int] | None = None
    positions: Mapping[str, int] | None = None

    def score(self, period: str) -> Score | None:
        """The score of a period; None where a part is missing or the parts contradict each other.

        '2h' is full time less half-time. What is not told is added up from its parts.
        """
        told = self.scores.get(period)
        if told is not None:
            return told
        if period == "2h":
            return self._second_half()
        for parts in _SUMS.get(period, ()):
            found = [self.scores[part] for part in parts if part in self.scores]
            if len(found) == len(parts):
                return sum(home for home, _ in found), sum(away for _, away in found)
        return None

    def _second_half(self) -> Score | None:
        half, full = self.score("ht"), self.score("ft")
        if half is None or full is None or half[0] > full[0] or half[1] > full[1]:
            return None
        return full[0] - half[0], full[1] - half[1]

    def goals_told(self) -> tuple[Goal, ...] | None:
        """The goals, if they are all there: as many for each side as the full-time score says."""
        full = self.score("ft")
        if self.goals is None or full is None:
            return None
        home = sum(goal.team == "home" for goal in self.goals)
        return self.goals if (home, len(self.goals) - home) == full else None

    def has_ended(self, period: str) -> bool:
        """Whether a period of an event that was broken off had been played to its end."""
        if period in FIVE_SETS:
            return sum(self.scores.get("sets", (0, 0))) > FIVE_SETS.index(period)
        if period in PARTS or period in FIRST_INNINGS:
            return self.score(period) is not None
        if period in ("ft", "2h", "corners", "cards"):
            return any(after in self.scores for after in _AFTER_FULL_TIME)
        return False

    def broken_off(self, period: str) -> Facts:
        """The same facts with what was reached in a period that had not ended.

        What had not ended began after the parts that are told, so everything since then belongs to
        the first part that is not told, and the later ones had not begun.
        """
        reached = None if period in self.scores else self._reached(period)
        if reached is None:
            return self
        return Facts({**self.scores, period: reached}, self.goals, self.came_on)

    def _reached(self, period: str) -> Score | None:
        whole = self.score("ft") or self.score("final")
        if whole is None or period in ("ft", "final", "ht", *FIRST_INNINGS):
            return whole
        if period == "2h":
            return self._second_half() or (0, 0)
        for parts in _SEQUENCES:
            if period in parts:
                return self._since(parts[: parts.index(period)], whole)
        return None

    def _since(self, before: Sequence[str], whole: Score) -> Score:
        """What was reached since the parts `before`; nothing, where one of those had not ended."""
        if any(part not in self.scores for part in before):
            return 0, 0
        return whole[0] - self._added(before, 0), whole[1] - self._added(before, 1)

    def _added(self, parts: Sequence[str], side: int) -> int:
        return sum(self.scores[part][side] for part in parts)


def contradiction(scores: Mapping[str, Sequence[int]]) -> str | None:
    """Why these scores cannot be, in a few words; None where nothing speaks against them.

    A key nobody knows, a score that is no pair of 0 to 999, a part that is more than the whole,
    parts that do not add up, sets that were won by others than their games say.
    """
    for key, score in scores.items():
        if key not in KEYS or len(score) != 2 or not 0 <= min(score) <= max(score) <= POINTS_MAX:
            return f"{key} {list(score)} is no score"
    if "advanced" in scores and sorted(scores["advanced"]) != [0, 1]:
        return "one side advances"
    for part, whole in _WITHIN:
        if part in scores and whole in scores and _exceeds(scores[part], scores[whole]):
            return f"{part} is more than {whole}"
    for parts, whole in _ADDED:
        if whole in scores and not _adds_up([scores.get(part) for part in parts], scores[whole]):
            return f"{parts[0]} to {parts[-1]} do not add up to {whole}"
    return None if _sets_agree(scores) else "the sets were won by others"


_SEQUENCES: Final = (FOUR_QUARTERS, THREE_THIRDS, NINE_INNINGS)
_ADDED: Final = ((FOUR_QUARTERS[:2], "ht"), *((parts, "ft") for parts in _SEQUENCES))
_WITHIN: Final = (
    ("ht", "ft"),
    ("ft", "final"),
    ("corners_ht", "corners"),
    ("cards_ht", "cards"),
    *((part, "final") for part in FIVE_SETS),
)


def _exceeds(part: Sequence[int], whole: Sequence[int]) -> bool:
    return part[0] > whole[0] or part[1] > whole[1]


def _adds_up(parts: Sequence[Sequence[int] | None], whole: Sequence[int]) -> bool:
    """Whether the parts are the whole, or no more than it where some are not told."""
    told = [part for part in parts if part is not None]
    added = [sum(part[side] for part in told) for side in (0, 1)]
    return added == list(whole) if len(told) == len(parts) else not _exceeds(added, whole)


def _sets_agree(scores: Mapping[str, Sequence[int]]) -> bool:
    won = scores.get("sets", (0, 0))
    ended = [scores[key] for key in FIVE_SETS[: sum(won)] if key in scores]
    if len(ended) < sum(won):
        return True
    return [sum(s[0] > s[1] for s in ended), sum(s[1] > s[0] for s in ended)] == list(won)
