"""Who may enter the catalogue: an event that is nowhere yet, and the teams it names.

A team is never made from an unknown spelling silently: what may be a team that is there under
another name is that team where the names leave little doubt, and a person's question where they
leave some. One provider does not name one team two ways, so what it names already is no answer to
another of its spellings.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final, Literal
from uuid import UUID

from overround.odds.catalogue.model import Spelling
from overround.odds.catalogue.names import TeamName
from overround.odds.matching.likeness import likeness

# `authority`: what it names is there, also where a team looks like another one. `contributor`:
# what it names is there where nothing looks like it. `follower`: it has to match.
Standing = Literal["authority", "contributor", "follower"]
STANDING_OF_OTHERS: Final[Standing] = "contributor"

# From here on two spellings in one country are one team, where the provider does not name it yet.
ONE_TEAM: Final = 0.80
# From here on they may be.
MAYBE: Final = 0.60
# What the best has to be better by than the next.
MARGIN: Final = 0.08

# How near two events of the same two teams may be without being doubted: in most sports, in those
# whose sides meet once in a while, and in those that play series.
_AGAIN: Final = timedelta(hours=20)
_AGAIN_RARELY: Final = timedelta(days=3)
_AGAIN_SOON: Final = timedelta(hours=3)
_RARELY: Final = frozenset({"football", "american_football", "rugby", "rugby_league"})
_SERIES: Final = frozenset({"baseball", "esports", "table_tennis", "darts"})

_STEM: Final = 3

# (country, category, spelling): what a provider calls a team.
Called = tuple[str, str, str]


def again(sport: str) -> timedelta:
    """Within which time a second event of the same two teams is doubted."""
    if sport in _SERIES:
        return _AGAIN_SOON
    return _AGAIN_RARELY if sport in _RARELY else _AGAIN


@dataclass(frozen=True, slots=True)
class Found:
    """The team that a spelling means: one that is there, or none; `maybe` is one that it may be,
    as it is spelt."""

    participant_id: UUID | None
    maybe: Spelling | None = None


_NOBODY: Final = Found(None)


@dataclass(slots=True)
class Teams:
    """The teams of a sport by their spellings, as one provider may mean them.

    `named` are those that the provider names already, `called` what it calls them where a match
    said so.
    """

    named: set[UUID]
    called: dict[Called, UUID]
    _exact: dict[tuple[str, str, str, str], UUID] = field(
        default_factory=dict[tuple[str, str, str, str], UUID]
    )
    _anywhere: defaultdict[tuple[str, str], set[UUID]] = field(
        default_factory=lambda: defaultdict[tuple[str, str], set[UUID]](set)
    )
    _stems: defaultdict[tuple[str, str], list[Spelling]] = field(
        default_factory=lambda: defaultdict[tuple[str, str], list[Spelling]](list)
    )

    def add(self, spellings: Iterable[Spelling]) -> None:
        """Know these spellings too."""
        for one in spellings:
            key = (one.country, one.category, one.spelling, one.scope)
            self._exact.setdefault(key, one.participant_id)
            if not one.scope:
                self._anywhere[one.category, one.spelling].add(one.participant_id)
                for stem in _stems(one.spelling):
                    self._stems[one.category, stem].append(one)

    def call(self, spelt: TeamName, country: str, participant_id: UUID) -> None:
        """The provider calls the team so: the next time it is the same, and another spelling of
        the provider is another team."""
        self.called[country, spelt.category.key, spelt.text] = participant_id
        self.named.add(participant_id)

    def find(self, spelt: TeamName, country: str, scopes: Iterable[str]) -> Found:
        """Whom `spelt` means in a country (folded, empty where unknown) and some scopes,
        the narrowest first."""
        category, text = spelt.category.key, spelt.text
        for scope in scopes:
            known = self._exact.get((country, category, text, scope))
            if known is not None:
                return Found(known)
        known = self.called.get((country, category, text))
        if known is not None:
            return Found(known)
        return self._of_that_name(category, text, country) or self._alike(category, text, country)

    def _of_that_name(self, category: str, text: str, country: str) -> Found | None:
        """The one team of that name, where one side does not say its country."""
        if country:
            known = self._exact.get(("", category, text, ""))
            return None if known is None else Found(known)
        everywhere = self._anywhere.get((category, text))
        if not everywhere:
            return None
        # Liverpool is a club in two countries: where none is said, it is a third one until
        # somebody says which. What is named apart can never be taken for another.
        return Found(next(iter(everywhere))) if len(everywhere) == 1 else _NOBODY

    def _alike(self, category: str, text: str, country: str) -> Found:
        best: dict[UUID, tuple[float, Spelling]] = {}
        for stem in _stems(text):
            for one in self._stems.get((category, stem), ()):
                if one.country != country or one.participant_id in self.named:
                    continue
                alike = likeness(text, one.spelling)
                if alike >= MAYBE and alike > best.get(one.participant_id, (0.0, one))[0]:
                    best[one.participant_id] = (alike, one)
        ranked = sorted(best.values(), key=lambda pair: pair[0], reverse=True)
        if not ranked:
            return _NOBODY
        alike, one = ranked[0]
        rival = ranked[1][0] if len(ranked) > 1 else 0.0
        if alike < ONE_TEAM or alike - rival < MARGIN:
            return Found(None, one)
        return Found(one.participant_id)


def _stems(text: str) -> set[str]:
    """The beginnings of the words: names that share none are not alike."""
    return {word[:_STEM] for word in text.split()}
