"""How alike two normalised names are, word by word; what each word weighs is learnt or assumed."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Set
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

from rapidfuzz.distance import JaroWinkler

from overround.odds.catalogue import names
from overround.odds.catalogue.spellings import GENERIC

# What words cost that stand against each other, and words that only one of two names has.
AGAINST_COST: Final = 1.2
AGAINST_LEAST: Final = 0.7
SLACK_COST: Final = 0.3
ALIKE_MOST: Final = 0.99
ALONE_LEAST: Final = 0.8
# What a match is worth that is not of the same letters.
BEGINNING: Final = 0.9
CONTRACTION: Final = 0.8
INITIALS: Final = 0.9
TRANSLITERATION: Final = 0.85
TRANSLITERATED_LEAST: Final = 5
SKELETON_LEAST: Final = 3
MISSPELT_LEAST: Final = 0.88
MISSPELT_SHARE: Final = 0.95

# How many likenesses are kept by the same words.
COMPARED_MOST: Final = 262_144
# Fewer names say nothing about which words are common.
LEARNT_LEAST: Final = 200

# Letters that one alphabet's spelling has and another's leaves out.
_SOFT: Final = str.maketrans("", "", "aeiouyhw")
_DOUBLED: Final = re.compile(r"(.)\1+")

_EXACT: Final = 1.0
_NO_LIKENESS: Final = 0.0


@dataclass(frozen=True, eq=False)
class Words:
    """What words say about which club is meant, 0..1; counted over the catalogue's names.

    What was compared by them is kept with them and goes with them; `ASSUMED` stays, and bounds it.
    """

    learnt: dict[str, float] = field(default_factory=dict[str, float])
    compared: dict[tuple[str, str], float] = field(default_factory=dict[tuple[str, str], float])

    def weight(self, word: str) -> float:
        """Its learnt weight, but never more than what the tables of common words grant it."""
        assumed = names.weight(word)
        return min(assumed, self.learnt.get(word, assumed))


ASSUMED: Final = Words()


def learn_words(namers: Iterable[Set[str]]) -> Words:
    """Inverse frequency of the words in names, log(N / n) / log(N): at most 1, 0 if all have it.

    `namers` are the normalised names that one namer each uses; a word counts as often as with the
    namer that has it most, and says less the more names it is in.
    """
    learnt: dict[str, float] = {}
    for texts in namers:
        if len(texts) < LEARNT_LEAST:
            continue
        counts = Counter(word for text in texts for word in set(text.split()))
        scale = math.log(len(texts))
        for word, n in counts.items():
            if n > 1:
                learnt[word] = min(learnt.get(word, 1.0), math.log(len(texts) / n) / scale)
    return Words(learnt) if learnt else ASSUMED


def likeness(a: str, b: str, words: Words = ASSUMED) -> float:
    """How alike two normalised names are, 0..1: matched weight over matched and unmatched weight.

    Words that only one of them has cost little ("crewe", "crewe alexandra"); words that stand
    against each other cost much ("manchester united", "manchester city").
    """
    kept = words.compared
    known = kept.get((a, b))
    if known is None:
        if len(kept) >= COMPARED_MOST:
            kept.clear()
        known = kept[a, b] = _compare(a, b, words)
    return known


def _compare(a: str, b: str, words: Words) -> float:
    if a == b:
        return _EXACT if a else _NO_LIKENESS
    left, right = a.split(), b.split()
    if "".join(left) == "".join(right):
        return _EXACT
    matched = whole = 0.0
    # A name that is one short word ("KR", "AZ") is all the name there is.
    least = ALONE_LEAST if min(len(left), len(right)) == 1 else 0.0
    for word in [word for word in left if word in right]:
        if word in right:
            left.remove(word)
            right.remove(word)
            whole += words.weight(word) if word in GENERIC else max(words.weight(word), least)
    matched = whole
    if left and right:
        # In a fixed order, so that it does not matter which of the two is theirs.
        left, right = (left, right) if left < right else (right, left)
        for found, full in (
            _take_initials(left, right, words),
            _take_initials(right, left, words),
            _take_joined(left, right, words),
            _take_joined(right, left, words),
            *_take_alike(left, right, words),
        ):
            matched += found
            whole += full
    if matched == 0:
        return _NO_LIKENESS
    spare_left = sum(map(words.weight, left))
    spare_right = sum(map(words.weight, right))
    against = min(spare_left, spare_right)
    # A year that only one of them has stands against nothing ("darmstadt 98").
    if all(map(str.isdigit, left)) or all(map(str.isdigit, right)):
        against = 0.0
    elif against:
        against = max(against, AGAINST_LEAST)
    slack = abs(spare_left - spare_right)
    return min(matched / (whole + AGAINST_COST * against + SLACK_COST * slack), ALIKE_MOST)


def rivals(a: str, b: str) -> bool:
    """Whether two names are of one town's two clubs: what they share is set apart by club words.

    "Manchester United" and "Manchester City"; not "Airdrie United" and "Airdrieonians".
    """
    left, right = set(a.split()), set(b.split())
    only_left, only_right = left - right, right - left
    return bool(left & right and only_left and only_right and (only_left | only_right) <= GENERIC)


def _take_initials(short: list[str], long: list[str], words: Words) -> tuple[float, float]:
    """Match a word of initials with the words it stands for and remove both; the weights."""
    for i, word in enumerate(short):
        size = len(word)
        if not 2 <= size <= 4 or size > len(long):
            continue
        for start in range(len(long) - size + 1):
            if all(long[start + k][0] == letter for k, letter in enumerate(word)):
                full = max(sum(map(words.weight, long[start : start + size])), 1.0)
                del long[start : start + size]
                del short[i]
                return INITIALS * full, full
    return 0.0, 0.0


def _take_joined(one: list[str], many: list[str], words: Words) -> tuple[float, float]:
    """Match a word with two or three that it is written together of, and remove them."""
    for i, word in enumerate(one):
        for start in range(len(many) - 1):
            for end in (start + 2, start + 3):
                if word == "".join(many[start:end]):
                    full = words.weight(word)
                    del many[start:end]
                    del one[i]
                    return full, full
    return 0.0, 0.0


def _take_alike(left: list[str], right: list[str], words: Words) -> list[tuple[float, float]]:
    """Match the words that are left by likeness, the most alike first, and remove them."""
    pairs = sorted(
        (
            (found, x, y)
            for x in left
            for y in right
            if (found := _alike(x, y, words.weight(x) + words.weight(y))) > 0
        ),
        key=lambda pair: (-pair[0], *sorted(pair[1:])),
    )
    taken: list[tuple[float, float]] = []
    for found, x, y in pairs:
        if x in left and y in right:
            left.remove(x)
            right.remove(y)
            full = max(words.weight(x), words.weight(y))
            taken.append((found * full, full))
    return taken


def _alike(x: str, y: str, weight: float) -> float:
    """How alike two words are: equal, a beginning, an end, a contraction, a misspelling; else 0."""
    short, long = (x, y) if len(x) <= len(y) else (y, x)
    size = len(short)
    if size == 1 and long.startswith(short):
        return BEGINNING
    if size < 3 or short.isdigit() or long.isdigit() or not weight:
        return 0.0
    if long.startswith(short):
        return BEGINNING
    if size >= 6 and long.endswith(short):
        return BEGINNING
    if size < 4:
        return 0.0
    if short[0] == long[0] and short[-1] == long[-1] and _within(short, long):
        return CONTRACTION
    if size >= TRANSLITERATED_LEAST and skeleton(short) == skeleton(long):
        return TRANSLITERATION
    similar = JaroWinkler.similarity(short, long, score_cutoff=MISSPELT_LEAST)
    return similar * MISSPELT_SHARE


@lru_cache(maxsize=65_536)
def skeleton(word: str) -> str:
    """Its consonants, doubles once: what transliterations of one word share; itself if too few."""
    found = _DOUBLED.sub(r"\1", word.translate(_SOFT))
    return found if len(found) >= SKELETON_LEAST else word


def _within(short: str, long: str) -> bool:
    """Whether the letters of `short` occur in `long` in their order."""
    letters = iter(long)
    return all(letter in letters for letter in short)
