"""Names, pure: which side of a club a name means, and the name in a form that can be compared.

The category (women, under 21, reserves, corners) is parsed out of the name and of the competition
and kept beside it; it is never deleted, for "Ajax", "Ajax (W)" and "Jong Ajax" are three teams.
Only then do club words (FC, SC) go, so that what is compared is what distinguishes.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final

from anyascii import anyascii

from overround.odds.catalogue.places import CODES, NOWHERE, PLACES, place_in
from overround.odds.catalogue.spellings import CLUB_WORDS, GENERIC, SHORT_FORMS, SYNONYMS

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

    def stands_in(self, other: Category) -> bool:
        """Whether one says "academy" without an age where the other says that it is the second
        team; against a first team both mean that one."""
        youth, reserve = sorted((self, other), key=lambda one: one.age is None)
        return youth == replace(reserve, age=ANY_AGE, reserve="") and reserve.reserve == "2"

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
    r"\b(?:women(?:'?s)?|womens|woman|ladies|girls|femenin[ao]s?|feminas|feminin[aeo]?s?|femminile|frauen|dames"
    r"|damer|damen|kvinner|kvinder|naiset|vrouwen|kobiet|zenski|zeny|wfc|wsl|nwsl|wnba)\b"
    r"|\(w\)|\[w\]|[ .\-]w$|\(f\)|\(fem\.?\)|[ ]fem\.?$"
)
_AGE: Final = re.compile(r"\b(?:u|under|sub)[ .\-_]?(1[2-9]|2[0-3])s?\b")
_YOUTH: Final = re.compile(r"\b(?:youth|juniors?|junioren|juvenil(?:es)?|primavera|academy)\b")
_RESERVE: Final = re.compile(
    r"\b(?:reserves?|res|amateure|reservas|castilla|mestalla)\b|(?<=\w )(?:ii|b|2)$"
    r"|\((?:b|ii|r|res)\)|^jong (?=\w)|(?<=\w )(?:iii|3)$|\((?:iii|c)\)"
)
_THIRD: Final = frozenset({"iii", "3", "(iii)", "(c)"})
_ESPORTS: Final = re.compile(
    r"\b(?:e-?sports?|e-?soccer|e-?football|cyber|fifa ?\d\d|srl|simulated)\b"
)
_PSEUDO: Final = re.compile(
    r"\b(corners?|bookings?|yellow cards|cards|shots on target|shots|fouls|offsides|throw-?ins"
    r"|goal kicks|to qualify|extra time|penalties|(?:1st|2nd|first|second) half"
    r"|(?:1st|2nd|3rd|4th) (?:quarter|period|set)|first 5 innings)\b"
)
_PSEUDO_WORDS: Final = {"corner": "corners", "booking": "bookings", "yellow cards": "bookings"}

# In a competition's name only whole words count: "Serie B" is played by first teams.
_COMPETITION_RESERVE: Final = re.compile(
    r"\b(?:reserves?|reservas|aspirantes|proyeccion|central league|next pro|development league"
    r"|premier league 2|pl2|amateur oberliga)\b"
)
# What the leagues of women are called where nothing else says it.
_COMPETITION_WOMEN: Final = re.compile(
    r"\b(?:damallsvenskan|elitettan|toppserien|kvindeligaen|elitedivisionen|nadeshiko|we league"
    r"|wk[- ]league|liga f|d1 arkema|arkema|swpl|faw?sl|elitedamer|femenil|kansallinen)\b"
)
# Clubs whose own name ends as a second team's does.
_NOT_RESERVES: Final = frozenset({"willem ii"})
_EMPTY_BRACKETS: Final = re.compile(r"\(\s*\)|\[\s*\]")
_TAG: Final = re.compile(r"[(\[]([a-z][a-z ]{0,20}|\d{1,2})[)\]]")
# How a player came into a draw; a number is a seed.
_ENTRIES: Final = frozenset({"wc", "q", "ll", "alt", "pr", "se"})
_NEUTRAL: Final = re.compile(r"\((?:n|neutral)\)")

FIRST_TEAM: Final = Category()
# Every pattern of a mark in a name at once.
_ANY_MARK: Final = re.compile(
    "|".join(f"(?:{p.pattern})" for p in (_WOMEN, _AGE, _YOUTH, _RESERVE, _ESPORTS, _PSEUDO))
)

_INITIALS: Final = re.compile(r"\b(?:[a-z]\.){1,3}[a-z]?\b\.?")
_APOSTROPHES: Final = re.compile(r"['`´’‘]")  # noqa: RUF001 (books write all of them)
_NOT_WORD: Final = re.compile(r"[^a-z0-9]+")


@dataclass(frozen=True, slots=True)
class TeamName:
    """A name ready to be compared: `text` is its tokens joined, `category` which side it means.

    `place` is the country that the name itself states, "(URU)"; mostly there is none.
    """

    text: str
    tokens: tuple[str, ...]
    category: Category
    place: str = ""

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
    folded = _tidy(_NEUTRAL.sub(" ", fold(name)))
    league = _category_of_competition(competition_name) if competition_name else FIRST_TEAM
    # Most names have no mark at all, and one look says so.
    if not _ANY_MARK.search(folded):
        return league, folded
    own, rest = _category_of_name(folded)
    return Category(
        women=own.women or league.women,
        age=league.age if own.age in (None, ANY_AGE) and league.age is not None else own.age,
        reserve=own.reserve or league.reserve,
        esports=own.esports or league.esports,
        pseudo=own.pseudo or league.pseudo,
    ), rest


def _category_of_name(folded: str) -> tuple[Category, str]:
    women, rest = _take(_WOMEN, folded)
    age_match = _AGE.search(rest)
    rest = _AGE.sub(" ", rest)
    youth, rest = _take(_YOUTH, rest)
    esports, rest = _take(_ESPORTS, rest)
    pseudo_match = _PSEUDO.search(rest)
    reserve, rest = _take_reserve(_tidy(_PSEUDO.sub(" ", rest)))
    age = int(age_match[1]) if age_match else ANY_AGE if youth else None
    return Category(women, age, reserve, esports, _pseudo(pseudo_match)), rest


@lru_cache(maxsize=_CACHE_SIZE)
def _category_of_competition(competition_name: str) -> Category:
    league = fold(competition_name.replace("_", " "))
    age_match = _AGE.search(league)
    return Category(
        women=bool(_WOMEN.search(league) or _COMPETITION_WOMEN.search(league)),
        age=int(age_match[1]) if age_match else ANY_AGE if _YOUTH.search(league) else None,
        reserve="2" if _COMPETITION_RESERVE.search(league) else "",
        esports=bool(_ESPORTS.search(league)),
        pseudo=_pseudo(_PSEUDO.search(league)),
    )


def _pseudo(match: re.Match[str] | None) -> str:
    return _PSEUDO_WORDS.get(match[1], match[1]) if match else ""


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
    return " ".join(_EMPTY_BRACKETS.sub(" ", text).split()).strip(" -.")


def _distinguished(folded: str) -> str:
    """The words of a name that distinguish it, in their order: "1. fc koln" is "koln".

    A name of club words only keeps them.
    """
    joined = _INITIALS.sub(lambda match: match[0].replace(".", "") + " ", folded)
    words = _NOT_WORD.sub(" ", joined.replace("&", " and ")).split()[:MAX_TOKENS]
    # Before the club words go: "Paris SG" and "Paris FC" are two clubs.
    if (whole := " ".join(words)) in SHORT_FORMS:
        return SHORT_FORMS[whole]
    # In front it is a kind of club ("Sp Gijon"), at the end a state of Brazil.
    if words[:1] == ["sp"]:
        words[0] = "sporting"
    # Saints come first: at the end of a name it is an American college's state.
    if words[1:] and words[-1] == "st":
        words[-1] = "state"
    kept = [word for word in words if word not in CLUB_WORDS] or words
    text = " ".join(SYNONYMS.get(word, word) for word in kept)
    return SHORT_FORMS.get(text, text)


@lru_cache(maxsize=_CACHE_SIZE)
def team(name: str, competition_name: str = "") -> TeamName:
    """A name as it is compared, within its competition."""
    category, rest = parse_category(name, competition_name)
    place = ""
    if "(" in rest or "[" in rest:
        place, rest = _take_tags(rest)
    text = _distinguished(rest)
    return TeamName(text, tuple(text.split()), category, place)


def _take_tags(text: str) -> tuple[str, str]:
    """The country that a tag in brackets states, and the text without that and without seeds."""
    places = [found for tag in _TAG.findall(text) if (found := _country_of_tag(tag))]
    rest = _tidy(_TAG.sub(lambda match: " " if _is_tag(match[1]) else match[0], text))
    return (places[0] if places else ""), rest or text


def _country_of_tag(tag: str) -> str:
    return CODES.get(tag) or PLACES.get(tag, "")


def _is_tag(tag: str) -> bool:
    return tag.isdigit() or tag in _ENTRIES or bool(_country_of_tag(tag))


def weight(word: str) -> float:
    """What a word says about which club it is, 0..1, where no names were counted."""
    if word.isdigit():
        return 0.1
    return 0.3 if word in GENERIC or len(word) <= 2 else 1.0


@lru_cache(maxsize=_CACHE_SIZE)
def country_of(country: str, competition_name: str) -> str:
    """The country, folded, as the feed or the competition's name says it; empty where unknown."""
    stated = fold(country)
    if stated and stated not in NOWHERE:
        return PLACES.get(stated, stated)
    match = place_in(fold(competition_name.replace("_", " ")))
    return PLACES[match[1]] if match else ""
