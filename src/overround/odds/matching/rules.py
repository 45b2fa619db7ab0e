"""Is their event our event? Decided from names, category, country and start; prices play no part.

One false pair can cost a whole stake and a missed one costs a chance, so both teams have to agree,
a category or country that disagrees is a veto, and what is not clear goes to a person.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Final, Protocol
from uuid import UUID

from rapidfuzz.distance import JaroWinkler

from overround.odds.catalogue import names
from overround.odds.feeds import FeedEvent
from overround.odds.matching.model import Aliases, Candidate, Decision, Reason, Score

# Starts this far apart are the same start; sources round and correct by minutes.
NEAR: Final = timedelta(minutes=15)
# Where the names leave no doubt a start may be off by a time zone.
WIDE: Final = timedelta(hours=3)
# And by more in sports whose sides never meet again within the day, for fixtures that were moved.
MOVED: Final = timedelta(hours=26)
_ONCE_A_DAY: Final = frozenset({"football", "american_football", "rugby"})
# Sports whose sides meet again on the same day: there the start is part of the name.
_ESPORTS: Final = "esports"
_SERIES_SPORTS: Final = frozenset({"baseball", _ESPORTS, "table_tennis", "darts"})

ACCEPT: Final = 0.60
STRONG: Final = 0.70
# One side beyond doubt, in the same slot and country: a team plays once at a time, so the other
# side needs to be possible only.
CERTAIN: Final = 0.97
POSSIBLE: Final = 0.30
# What words cost that stand against each other, and words that only one of two names has.
AGAINST_COST: Final = 1.2
AGAINST_LEAST: Final = 0.7
SLACK_COST: Final = 0.3
ALIKE_MOST: Final = 0.99

# Below this it is another event; between it and ACCEPT a person decides.
DOUBTFUL: Final = 0.48
MARGIN: Final = 0.08

_EXACT: Final = 1.0
_NO_LIKENESS: Final = 0.0
_NO_ID: Final = UUID(int=0)


class Fixture(Protocol):
    """What a feed's event and a candidate share."""

    @property
    def sport(self) -> str: ...
    @property
    def competition_name(self) -> str: ...
    @property
    def country(self) -> str: ...
    @property
    def home(self) -> str: ...
    @property
    def away(self) -> str: ...
    @property
    def starts_at(self) -> datetime: ...


def decide(event: FeedEvent, candidates: Sequence[Candidate], aliases: Aliases) -> Decision:
    """Which of `candidates` the feed's event is, if any.

    The caller gives every event of ours that starts within `window(sport)` of it: a decision on
    fewer may create an event twice.
    """
    home = names.team(event.home, event.competition_name)
    away = names.team(event.away, event.competition_name)
    if home.category.pseudo or (home.category.esports and event.sport != _ESPORTS):
        return Decision("unmatched", None, 0.0, "special_event")
    if not home.text or not away.text or home == away:
        return Decision("unmatched", None, 0.0, "no_name")
    ranked = sorted(
        ((score(event, candidate, aliases), candidate) for candidate in candidates),
        key=lambda pair: (_evidence(pair[0]) is not None, pair[0].value),
        reverse=True,
    )
    if not ranked:
        return Decision("new", None, 1.0, "no_candidate")
    best, candidate = ranked[0]
    reason = _evidence(best)
    if reason is None and best.reason != "one_team" and best.value < DOUBTFUL:
        return Decision("new", None, 1.0 - best.value, "no_candidate")
    if reason is None:
        return Decision("ambiguous", candidate.event_id, best.value, "weak_names", best.swapped)
    if any(best.value - other.value < MARGIN for other, _ in ranked[1:]):
        return Decision("ambiguous", candidate.event_id, best.value, "two_candidates", best.swapped)
    return Decision("matched", candidate.event_id, best.value, reason, best.swapped)


def same_event(ours: Fixture, theirs: Fixture) -> tuple[bool, float, str]:
    """Whether two fixtures are one event without any alias, how alike they are (0..1), and why."""
    candidate = Candidate(
        _NO_ID,
        ours.sport,
        ours.competition_name,
        ours.country,
        ours.home,
        ours.away,
        ours.starts_at,
    )
    found = score(theirs, candidate, {})
    reason = _evidence(found)
    return reason is not None, found.value, reason or found.reason


def window(sport: str) -> timedelta:
    """How far apart two starts may be at all: what a caller has to fetch candidates for."""
    if sport in _SERIES_SPORTS:
        return NEAR
    return MOVED if sport in _ONCE_A_DAY else WIDE


def score(theirs: Fixture, ours: Candidate, aliases: Aliases) -> Score:
    """How alike two fixtures are; all zero, with the reason, where something forbids it."""
    gap = abs(theirs.starts_at - ours.starts_at)
    if theirs.sport != ours.sport:
        return _forbidden("sport")
    if gap > window(theirs.sport):
        return _forbidden("start")
    places = {names.country_of(f.country, f.competition_name) for f in (theirs, ours)}
    if len(places - {""}) > 1:
        return _forbidden("country")
    found = max(
        (_sides(theirs, ours, aliases, swapped) for swapped in (False, True)),
        key=lambda sides: sides.value,
    )
    low, high = sorted((found.home, found.away))
    # At neutral venues sources disagree about who is at home; the other leg comes days later.
    if found.swapped and (gap > WIDE or low < STRONG or high < CERTAIN):
        return _forbidden("swapped")
    if gap > NEAR:
        return replace(found, moved=True) if low >= STRONG else _forbidden("start")
    if found.reason == "names" and low < ACCEPT and high >= CERTAIN and len(places) == 1:
        return replace(found, reason="one_team")
    return found


def _forbidden(reason: str) -> Score:
    return Score(_NO_LIKENESS, _NO_LIKENESS, reason)


def _evidence(found: Score) -> Reason | None:
    """The evidence that is enough, or None."""
    low, high = sorted((found.home, found.away))
    match found.reason:
        case "exact" | "alias" as reason:
            return reason
        case "names" if low >= ACCEPT:
            return "names"
        case "one_team" if low >= POSSIBLE and high >= CERTAIN:
            return "one_team"
        case _:
            return None


def _sides(theirs: Fixture, ours: Candidate, aliases: Aliases, swapped: bool) -> Score:
    """Team against team, the feed's sides as they stand or swapped."""
    their_sides = (theirs.away, theirs.home) if swapped else (theirs.home, theirs.away)
    likenesses: list[float] = []
    reason = "exact"
    for their_name, our_name, participant in zip(
        their_sides, (ours.home, ours.away), (ours.home_id, ours.away_id), strict=True
    ):
        their_team = names.team(their_name, theirs.competition_name)
        our_team = names.team(our_name, ours.competition_name)
        if not their_team.category.agrees(our_team.category):
            return Score(_NO_LIKENESS, _NO_LIKENESS, "category", swapped)
        known = aliases.get(their_team.identity) if participant is not None else None
        if their_team.text == our_team.text:
            likenesses.append(_EXACT)
        elif known is None:
            likenesses.append(likeness(their_team.text, our_team.text))
            reason = "names"
        elif known == participant:
            likenesses.append(_EXACT)
            reason = "alias" if reason == "exact" else reason
        else:
            # A spelling that is known to be another team's is evidence against, however alike.
            return Score(_NO_LIKENESS, _NO_LIKENESS, "other_team", swapped)
    return Score(likenesses[0], likenesses[1], reason, swapped)


@lru_cache(maxsize=262_144)
def likeness(a: str, b: str) -> float:
    """How alike two normalised names are, 0..1: matched weight over matched and unmatched weight.

    Words that only one of them has cost little ("crewe", "crewe alexandra"); words that stand
    against each other cost much ("manchester united", "manchester city").
    """
    if a == b:
        return _EXACT if a else _NO_LIKENESS
    if a.replace(" ", "") == b.replace(" ", ""):
        return _EXACT
    # Sorted, so that it does not matter which of the two is theirs.
    left, right = sorted((a.split(), b.split()))
    matched = _take_initials(left, right) + _take_initials(right, left)
    pairs = sorted(
        ((_alike(x, y), i, j) for i, x in enumerate(left) for j, y in enumerate(right)),
        reverse=True,
    )
    used_left, used_right = set[int](), set[int]()
    for alike, i, j in pairs:
        if alike > 0 and i not in used_left and j not in used_right:
            used_left.add(i)
            used_right.add(j)
            matched += alike * max(names.weight(left[i]), names.weight(right[j]))
    spare_left = sum(names.weight(x) for i, x in enumerate(left) if i not in used_left)
    spare_right = sum(names.weight(y) for j, y in enumerate(right) if j not in used_right)
    if matched == 0:
        return _NO_LIKENESS
    against = min(spare_left, spare_right)
    against = max(against, AGAINST_LEAST) if against else 0.0
    slack = abs(spare_left - spare_right)
    return min(matched / (matched + AGAINST_COST * against + SLACK_COST * slack), ALIKE_MOST)


def _take_initials(short: list[str], long: list[str]) -> float:
    """Match a word of initials with the words it stands for and remove both; the weight matched."""
    for i, word in enumerate(short):
        size = len(word)
        if not 2 <= size <= 4 or size > len(long):
            continue
        for start in range(len(long) - size + 1):
            if all(long[start + k][0] == letter for k, letter in enumerate(word)):
                found = sum(names.weight(w) for w in long[start : start + size])
                del long[start : start + size]
                del short[i]
                return max(found, 1.0) * 0.9
    return 0.0


def _alike(x: str, y: str) -> float:
    """How alike two words are: equal, a beginning, an end, a contraction, a misspelling; else 0."""
    if x == y:
        return 1.0
    short, long = sorted((x, y), key=len)
    if short.isdigit() or long.isdigit():
        return 0.0
    if len(short) >= 3 and long.startswith(short):
        return 0.9
    if len(short) >= 6 and long.endswith(short):
        return 0.9
    if len(short) >= 4 and short[0] == long[0] and short[-1] == long[-1] and _within(short, long):
        return 0.8
    if len(short) >= 4:
        similar = JaroWinkler.similarity(x, y)
        return similar * 0.95 if similar >= 0.88 else 0.0
    return 0.0


def _within(short: str, long: str) -> bool:
    """Whether the letters of `short` occur in `long` in their order."""
    letters = iter(long)
    return all(letter in letters for letter in short)
