"""How a match ended, from its score and those of its parts: "0:3, 0:1", "(1:0, 1:0)", "7:64"."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final

from overround.core import facts
from overround.odds.feeds import body as bodies
from overround.odds.feeds.reading import EventRefused

Scores = dict[str, tuple[int, int]]

_PART: Final = re.compile(r"([0-9]{1,3}):([0-9]{1,3})")
# The parts of each sport that has any, and the period that all of them are.
_PARTS: Final[Mapping[str, tuple[Sequence[str], str]]] = {
    "basketball": (facts.FOUR_QUARTERS, "ft"),
    "american_football": (facts.FOUR_QUARTERS, "ft"),
    "ice_hockey": (facts.THREE_THIRDS, "ft"),
    "baseball": (facts.NINE_INNINGS, "ft"),
}
_IN_HALVES: Final = frozenset({"football", "handball"})
_TENNIS: Final = "tennis"


def scores_of(sport: str, home: str, away: str, parts: str) -> Scores:
    """The facts of a match that is over. Raises EventRefused `result_incomplete` (extra time may be
    in a score that has no parts), `result_inconsistent`."""
    whole = bodies.points(home, away)
    if whole is None:
        raise EventRefused("result_incomplete", f"{home}:{away}")
    found = [(one[1], one[2]) for one in _PART.finditer(parts)]
    if sport == _TENNIS:
        scores = _tennis(whole, found)
    elif sport in _IN_HALVES:
        scores = _halves(whole, [(int(a), int(b)) for a, b in found])
    else:
        scores = _others(sport, whole, [(int(a), int(b)) for a, b in found])
    wrong = facts.contradiction(scores)
    if wrong is not None:
        raise EventRefused("result_inconsistent", wrong)
    return scores


def _tennis(sets: tuple[int, int], parts: list[tuple[str, str]]) -> Scores:
    scores: Scores = {"sets": sets}
    games = [(_games(home), _games(away)) for home, away in parts]
    scores |= dict(zip(facts.FIVE_SETS, games, strict=False))
    if games:
        scores["final"] = _sum(games)
    return scores


def _games(text: str) -> int:
    """The games of one side: "64" is six, and four points of the tie-break."""
    return int(text[0]) if text.startswith("6") else int(text)


def _halves(whole: tuple[int, int], parts: list[tuple[int, int]]) -> Scores:
    if len(parts) != 2 or _sum(parts) != whole:
        raise EventRefused("result_incomplete", f"{len(parts)} parts")
    return {"ht": parts[0], "ft": whole}


def _others(sport: str, whole: tuple[int, int], parts: list[tuple[int, int]]) -> Scores:
    scores: Scores = {"final": whole}
    names, all_of_them = _PARTS.get(sport, ((), ""))
    if names and len(parts) >= len(names):
        scores |= dict(zip(names, parts, strict=False))
        scores[all_of_them] = _sum(parts[: len(names)])
    return scores


def _sum(parts: list[tuple[int, int]]) -> tuple[int, int]:
    return sum(home for home, _ in parts), sum(away for _, away in parts)
