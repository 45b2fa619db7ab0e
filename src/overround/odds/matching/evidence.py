"""What besides two names says whether two fixtures are one: competitions, rosters and prices."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final, Protocol
from uuid import UUID

from overround.odds.catalogue import names
from overround.odds.catalogue.places import place_in
from overround.odds.catalogue.spellings import (
    COMPETITION_NOISE,
    COMPETITION_SYNONYMS,
    GENERIC,
    TIERS,
)
from overround.odds.matching.likeness import ASSUMED, Words, learn_words, likeness
from overround.odds.matching.marks import asked_by, marks_of

# Below this a competition's roster is too short to say that somebody is not in it.
ROSTER_LEAST: Final = 6
# So much of the shorter of two rosters is in the other if both are of one competition.
ROSTER_SHARED: Final = 0.5
# From here on a name of a roster is taken to be meant.
CLAIMED: Final = 0.60
COMPETITIONS_ALIKE: Final = 0.80

# Who named the events of the catalogue.
OURS: Final = ""

# Probabilities that sum to 1: home, draw where there is one, away.
Fair = Sequence[float]
# Half the sum of differences: sources of one match differ by a few hundredths.
PRICES_AGREE: Final = 0.06
PRICES_DIFFER: Final = 0.30

_DIGITS: Final = re.compile(r"(?<=[a-z])(?=\d)|(?<=\d)(?=[a-z])")
_NO_WORD: Final = re.compile(r"[^a-z0-9]+")
_YEARS: Final = re.compile(r"\b(?:19|20)\d\d(?:[/-]\d{2,4})?\b")


class Named(Protocol):
    """What learning needs of a fixture."""

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


@dataclass(frozen=True, eq=False)
class Roster:
    """The normalised names that one namer uses in one competition, and where to find the like."""

    names: frozenset[str]
    by_mark: Mapping[str, Sequence[str]]

    def like(self, name: str) -> set[str]:
        """The names that may be alike."""
        return {other for mark in asked_by(name) for other in self.by_mark.get(mark, ())}

    def shared(self, other: Roster) -> float:
        """The share of our names that the other has, or has with one of their telling words."""
        words = {word for name in other.names for word in name.split()} - GENERIC
        known = sum(
            name in other.names or not words.isdisjoint(name.split()) for name in self.names
        )
        return known / len(self.names)


def roster(texts: Iterable[str]) -> Roster:
    """A roster of normalised names."""
    held = frozenset(texts)
    by_mark: defaultdict[str, list[str]] = defaultdict(list)
    for text in sorted(held):
        for mark in marks_of(text):
            by_mark[mark].append(text)
    return Roster(held, dict(by_mark))


_NOBODY: Final = roster(())


@dataclass(frozen=True, eq=False)
class Knowledge:
    """What the catalogue's own events teach: the weight of words, and who plays where.

    A roster is the normalised names seen in one competition as one side calls it, by
    `roster_key`; ours and the feed's own lie side by side.
    """

    words: Words = ASSUMED
    rosters: Mapping[str, Roster] = field(default_factory=dict[str, Roster])
    # What was found about two rosters; it goes with the knowledge.
    _compared: dict[tuple[str, str], tuple[Roster, Roster] | None] = field(
        default_factory=dict[tuple[str, str], "tuple[Roster, Roster] | None"],
        init=False,
        repr=False,
    )

    def same_team(self, their_key: str, their_name: str, our_name: str) -> bool:
        """Whether a name of theirs that is like one of ours can be nobody else there.

        Theirs is in the roster of `their_key`, ours in one of our rosters of the same competition.
        """
        return any(
            our_name in ours.names
            and (pair := self.of_one_competition(their_key, our_key)) is not None
            and nobody_else(their_name, our_name, *pair, self.words)
            for our_key, ours in self.rosters.items()
            if our_key.startswith(f"{OURS}|")
        )

    def of_one_competition(self, their_key: str, our_key: str) -> tuple[Roster, Roster] | None:
        """Their roster and ours where both are of one competition, else None.

        They are if most of the shorter one is in the other; one that is too short tells nothing.
        """
        key = their_key, our_key
        if key not in self._compared:
            theirs, ours = (self.rosters.get(one, _NOBODY) for one in key)
            short, long = sorted((theirs, ours), key=lambda each: len(each.names))
            is_one = len(short.names) >= ROSTER_LEAST and short.shared(long) >= ROSTER_SHARED
            self._compared[key] = (theirs, ours) if is_one else None
        return self._compared[key]


NOTHING_KNOWN: Final = Knowledge()


@dataclass(frozen=True, slots=True)
class Prices:
    """Fair probabilities of the match odds: theirs by `FeedEvent.key`, ours by event."""

    theirs: Mapping[tuple[str, str], Fair] = field(default_factory=dict[tuple[str, str], Fair])
    ours: Mapping[UUID, Fair] = field(default_factory=dict[UUID, Fair])


NO_PRICES: Final = Prices()


def learn(named: Mapping[str, Iterable[Named]]) -> Knowledge:
    """Count the words and the rosters of fixtures by who named them; no labels, no pairs.

    Our own are named by "" (`OURS`), a feed's by its provider: one namer spells a club one way, so
    what is frequent in its words is common to clubs, not to the spellings of one.
    """
    rosters: defaultdict[str, set[str]] = defaultdict(set)
    spelt: list[set[str]] = []
    for source, fixtures in named.items():
        texts = set[str]()
        for fixture in fixtures:
            competition = fixture.competition_name
            key = roster_key(source, fixture.sport, fixture.country, competition)
            both = {names.team(name, competition).text for name in (fixture.home, fixture.away)}
            rosters[key] |= both
            texts |= both
        spelt.append(texts)
    return Knowledge(learn_words(spelt), {key: roster(texts) for key, texts in rosters.items()})


@lru_cache(maxsize=16_384)
def roster_key(source: str, sport: str, country: str, competition_name: str) -> str:
    """Where a roster is kept: who names it, the sport, the competition as it is spelt there."""
    place = names.country_of(country, competition_name)
    return f"{source}|{sport}|{place}|{names.fold(competition_name)}"


@lru_cache(maxsize=16_384)
def competition_words(competition_name: str) -> tuple[str, int | None]:
    """A competition's words without its place and season, and its tier where a number tells it."""
    text = _YEARS.sub(" ", names.fold(competition_name.replace("_", " ")))
    place = place_in(text)
    if place is not None:
        text = text.replace(place[0], " ")
    words = _NO_WORD.sub(" ", _DIGITS.sub(" ", text)).split()
    tier = next((TIERS[word] for word in words if word in TIERS), None)
    kept = [
        COMPETITION_SYNONYMS.get(word, word)
        for word in words
        if word not in COMPETITION_NOISE and word not in TIERS
    ]
    return " ".join(kept), tier


@lru_cache(maxsize=65_536)
def competitions_agree(theirs: str, ours: str) -> bool | None:
    """Whether two names mean one competition: yes, no (their tiers differ), or not known."""
    (their_words, their_tier), (our_words, our_tier) = map(competition_words, (theirs, ours))
    if None not in (their_tier, our_tier) and their_tier != our_tier:
        return False
    if their_words == our_words:
        return True if (their_tier or 1) == (our_tier or 1) else None
    return True if likeness(their_words, our_words) >= COMPETITIONS_ALIKE else None


def nobody_else(
    their_name: str, our_name: str, their_roster: Roster, our_roster: Roster, words: Words
) -> bool:
    """Whether two unlike names may be one team: neither fits another name of the other's roster.

    "Sheffield United" is not our "Sheffield Wednesday" where our roster has both.
    """
    least = max(CLAIMED, likeness(their_name, our_name, words))
    return not any(
        member != other and likeness(name, member, words) >= least
        for name, other, others in (
            (their_name, our_name, our_roster),
            (our_name, their_name, their_roster),
        )
        for member in others.like(name)
    )


def price_gap(theirs: Fair, ours: Fair) -> float:
    """Half the sum of differences of two vectors of probabilities, 0..1; 1 if the shapes differ."""
    if len(theirs) != len(ours):
        return 1.0
    return sum(abs(a - b) for a, b in zip(theirs, ours, strict=True)) / 2


def prices_forbid(theirs: Fair, ours: Fair, swapped: bool) -> bool:
    """Whether the prices contradict the sides as the names have them: only turned round they agree.

    Markets that differ by themselves (two ways against three) say nothing.
    """
    if len(theirs) != len(ours):
        return False
    told = list(reversed(theirs)) if swapped else list(theirs)
    as_named, turned = price_gap(told, ours), price_gap(list(reversed(told)), ours)
    return as_named >= PRICES_DIFFER or (as_named > 2 * PRICES_AGREE and turned <= PRICES_AGREE)
