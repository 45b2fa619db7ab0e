"""Names, pure: which side of a club a name means, and the name in a form that can be compared.

The category (women, under 21, reserves, corners) is parsed out of the name and of the competition
and kept beside it; it is never deleted, for "Ajax", "Ajax (W)" and "Jong Ajax" are three teams.
Only then do club words (FC, SC) go, so that what is compared is what distinguishes.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from anyascii import anyascii

from overround.odds.catalogue.spellings import (
    CLUB_WORDS,
    GENERIC,
    PLACES,
    SHORT_FORMS,
    SYNONYMS,
)

MAX_NAME_LENGTH: Final = 200
MAX_TOKENS: Final = 12
_CACHE_SIZE: Final = 65_536

# A youth side of which no age is told; it agrees with every age.
ANY_AGE: Final = 0


@dataclass(frozen=True, slots=True)
class Category:
    """Which of the teams under one name is meant.

    `age` is the upper age, `ANY_AGE` for youth without one, None for adults; `reserve` is "2", "3"
    or "" for the first team; `pseudo` names what is counted where it is not goals ("corners").
    """

    women: bool = False
    age: int | None = None
    reserve: str = ""
    esports: bool = False
    pseudo: str = ""

    def agrees(self, other: Category) -> bool:
        """Whether both can mean the same team; an unstated youth age agrees with a stated one."""
        ages = self.age == other.age or (
            None not in (self.age, other.age) and ANY_AGE in (self.age, other.age)
        )
        mine = (self.women, self.reserve, self.esports, self.pseudo)
        return ages and mine == (other.women, other.reserve, other.esports, other.pseudo)

    @property
    def key(self) -> str:
        """A short stable text, empty for an adult men's first team: "w", "u21", "w.u19.2"."""
        parts = (
            "w" if self.women else "",
            "" if self.age is None else f"u{self.age or 'x'}",
            self.reserve,
            "e" if self.esports else "",
            self.pseudo,
        )
        return ".".join(part for part in parts if part)


_WOMEN: Final = re.compile(
    r"\b(?:women(?:'?s)?|womens|woman|ladies|girls|femenin[ao]s?|feminin[aeo]?s?|femminile|frauen"
    r"|damer|damen|kvinner|kvinder|naiset|vrouwen|kobiet|zenski|zeny|wfc|wsl|nwsl|wnba)\b"
    r"|\(w\)|\[w\]|[ .\-]w$|\(f\)|\(fem\.?\)|[ ]fem\.?$"
)
_AGE: Final = re.compile(r"\b(?:u|under|sub)[ .\-_]?(1[2-9]|2[0-3])s?\b")
_YOUTH: Final = re.compile(r"\b(?:youth|juniors?|junioren|juvenil(?:es)?|primavera|academy)\b")
_RESERVE: Final = re.compile(
    r"\b(?:reserves?|res|amateure|reservas)\b|(?<=\w )(?:ii|b|2)$|\((?:b|ii|r|res)\)"
    r"|^jong (?=\w)|(?<=\w )(?:iii|3)$|\((?:iii|c)\)"
)
_THIRD: Final = frozenset({"iii", "3", "(iii)", "(c)"})
_ESPORTS: Final = re.compile(
    r"\b(?:e-?sports?|e-?soccer|e-?football|cyber|fifa ?\d\d|srl|simulated)\b"
)
_PSEUDO: Final = re.compile(
    r"\b(corners?|bookings?|yellow cards|cards|shots on target|shots|fouls|offsides|throw-?ins"
    r"|goal kicks|to qualify|extra time|penalties)\b"
)
_PSEUDO_WORDS: Final = {"corner": "corners", "booking": "bookings", "yellow cards": "bookings"}

# In a competition's name only whole words count: "Serie B" is played by first teams.
_COMPETITION_RESERVE: Final = re.compile(r"\b(?:reserves?|reserve league|reservas)\b")
# Clubs whose own name ends as a second team's does.
_NOT_RESERVES: Final = frozenset({"willem ii"})
_NEUTRAL: Final = re.compile(r"\((?:n|neutral)\)")

_INITIALS: Final = re.compile(r"\b(?:[a-z]\.){1,3}[a-z]?\b\.?")
_APOSTROPHES: Final = re.compile(r"['`´’‘]")  # noqa: RUF001 (books write all of them)
_NOT_WORD: Final = re.compile(r"[^a-z0-9]+")


@dataclass(frozen=True, slots=True)
class TeamName:
    """A name ready to be compared: `text` is its tokens joined, `category` which side it means."""

    text: str
    tokens: tuple[str, ...]
    category: Category

    @property
    def identity(self) -> str:
        """The text by which spellings are remembered; another category is another identity."""
        return f"{self.text}#{self.category.key}" if self.category.key else self.text


def fold(name: str) -> str:
    """Lower-case ASCII with single spaces; compatibility forms, accents, scripts are spelt out."""
    # Apostrophes go first: NFKC would make a space of the free-standing acute accent.
    plain = _APOSTROPHES.sub("", name[:MAX_NAME_LENGTH])
    text = anyascii(unicodedata.normalize("NFKC", plain)).casefold()
    return " ".join(_APOSTROPHES.sub("", text).split())


@lru_cache(maxsize=_CACHE_SIZE)
def parse_category(name: str, competition_name: str = "") -> tuple[Category, str]:
    """The category that a name and its competition state, and the folded name without its marks.

    The competition says what the names often leave out ("U21 Premier League 2"); what either of
    them says counts.
    """
    rest = _NEUTRAL.sub(" ", fold(name))
    league = fold(competition_name.replace("_", " "))
    women, rest = _take(_WOMEN, rest)
    age_match = _AGE.search(rest) or _AGE.search(league)
    rest = _AGE.sub(" ", rest)
    youth, rest = _take(_YOUTH, rest)
    esports, rest = _take(_ESPORTS, rest)
    pseudo_match = _PSEUDO.search(rest) or _PSEUDO.search(league)
    rest = _tidy(_PSEUDO.sub(" ", rest))
    reserve, rest = _take_reserve(rest)
    if not reserve and _COMPETITION_RESERVE.search(league):
        reserve = "2"
    age = int(age_match[1]) if age_match else None
    if age is None and (youth or _YOUTH.search(league)):
        age = ANY_AGE
    pseudo = pseudo_match[1] if pseudo_match else ""
    category = Category(
        women=women or bool(_WOMEN.search(league)),
        age=age,
        reserve=reserve,
        esports=esports or bool(_ESPORTS.search(league)),
        pseudo=_PSEUDO_WORDS.get(pseudo, pseudo),
    )
    return category, rest


def _take(pattern: re.Pattern[str], text: str) -> tuple[bool, str]:
    """Whether the pattern occurs, and the text without it; a name is never emptied."""
    rest = _tidy(pattern.sub(" ", text))
    return (True, rest) if rest and pattern.search(text) else (False, text)


def _take_reserve(text: str) -> tuple[str, str]:
    if text in _NOT_RESERVES:
        return "", text
    match = _RESERVE.search(text)
    rest = _tidy(_RESERVE.sub(" ", text))
    if match is None or not rest:
        return "", text
    return ("3" if match[0] in _THIRD else "2"), rest


def _tidy(text: str) -> str:
    return " ".join(re.sub(r"\(\s*\)|\[\s*\]", " ", text).split()).strip(" -.")


@lru_cache(maxsize=_CACHE_SIZE)
def normalise(name: str) -> str:
    """The words of a name that distinguish it, folded, in their order: "1. FC Köln" is "koln".

    Category marks are words like others here: take them off with `parse_category` first. A name of
    club words only keeps them.
    """
    folded = fold(name)
    joined = _INITIALS.sub(lambda match: match[0].replace(".", "") + " ", folded)
    words = _NOT_WORD.sub(" ", joined.replace("&", " and ")).split()[:MAX_TOKENS]
    # Before the club words go: "Paris SG" and "Paris FC" are two clubs.
    if (whole := " ".join(words)) in SHORT_FORMS:
        return SHORT_FORMS[whole]
    kept = [word for word in words if word not in CLUB_WORDS] or words
    text = " ".join(SYNONYMS.get(word, word) for word in kept)
    return SHORT_FORMS.get(text, text)


@lru_cache(maxsize=_CACHE_SIZE)
def team(name: str, competition_name: str = "") -> TeamName:
    """A name as it is compared, within its competition."""
    category, rest = parse_category(name, competition_name)
    text = normalise(rest)
    return TeamName(text, tuple(text.split()), category)


def tokens(name: str) -> tuple[str, ...]:
    """The tokens of a name without its category marks, for counting and for blocking."""
    return team(name).tokens


def weight(word: str) -> float:
    """What a word says about which club it is, 0..1, where no names were counted."""
    if word.isdigit():
        return 0.1
    return 0.3 if word in GENERIC or len(word) <= 2 else 1.0


def weights(names: Iterable[str]) -> dict[str, float]:
    """Inverse document frequency of the tokens of many names, scaled to at most 1.

    A token that every name has weighs nothing, one that only one name has weighs 1.
    """
    counts: Counter[str] = Counter()
    total = 0
    for name in names:
        total += 1
        counts.update(set(tokens(name)))
    scale = math.log(total + 1) or 1.0
    return {token: math.log((total + 1) / count) / scale for token, count in counts.items()}


# Longer names first: "northern ireland" is not Ireland.
_PLACE: Final = re.compile(r"\b(" + "|".join(sorted(PLACES, key=len, reverse=True)) + r")\b")


@lru_cache(maxsize=_CACHE_SIZE)
def country_of(country: str, competition_name: str) -> str:
    """The country, folded, as the feed or the competition's name says it; empty where unknown."""
    stated = fold(country)
    if stated:
        return PLACES.get(stated, stated)
    match = _PLACE.search(fold(competition_name.replace("_", " ")))
    return PLACES[match[1]] if match else ""
