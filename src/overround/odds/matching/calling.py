"""What providers call teams: spellings by where they hold, and what a match says about them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from overround.odds.catalogue import names
from overround.odds.catalogue.model import Spelling
from overround.odds.feeds import FeedEvent


@dataclass(frozen=True, slots=True)
class Vote:
    """What a match says about the spelling of one side."""

    provider_event_id: str
    side: Literal["home", "away"]
    country: str
    category: str
    spelling: str
    participant_id: UUID

    @property
    def called(self) -> tuple[str, str, str]:
        """(country, category, spelling)."""
        return self.country, self.category, self.spelling


class Spellings:
    """A sport's spellings, by where they hold."""

    def __init__(self, known: Sequence[Spelling]) -> None:
        self.known = known
        self._by_country: defaultdict[str, dict[str, UUID]] = defaultdict(dict)
        self._scoped: defaultdict[tuple[str, str], dict[str, UUID]] = defaultdict(dict)
        everywhere: defaultdict[str, set[UUID]] = defaultdict(set)
        for one in known:
            identity = _identity(one)
            if one.scope:
                self._scoped[one.country, one.scope][identity] = one.participant_id
            else:
                self._by_country[one.country][identity] = one.participant_id
                everywhere[identity].add(one.participant_id)
        self._anywhere = {name: next(iter(p)) for name, p in everywhere.items() if len(p) == 1}
        self._competitions = {scope for _, scope in self._scoped}

    def has_scope(self, scope: str) -> bool:
        """Whether any spelling holds only there."""
        return scope in self._competitions

    def of(self, country: str, scopes: Iterable[str]) -> dict[str, UUID]:
        """identity -> participant as it holds in a country and some scopes, the narrowest first."""
        wide = self._by_country[""]
        found = {**self._anywhere, **wide} if not country else dict(wide)
        if country:
            found |= self._by_country[country]
        for scope in reversed(tuple(scopes)):
            found |= self._scoped.get((country, scope), {})
        return found

    def news(self, event: FeedEvent, ours: tuple[UUID, UUID], *, swapped: bool) -> list[Vote]:
        """What a match says that is not known yet: the feed's spelling of our teams."""
        country = place(event)
        participants = ours[::-1] if swapped else ours
        votes: list[Vote] = []
        sides: tuple[tuple[Literal["home", "away"], str], ...] = (
            ("home", event.home),
            ("away", event.away),
        )
        for (side, name), participant_id in zip(sides, participants, strict=True):
            spelt = names.team(name, event.competition_name)
            if self._by_country[country].get(spelt.identity) != participant_id:
                category = spelt.category.key
                votes.append(
                    Vote(
                        event.provider_event_id, side, country, category, spelt.text, participant_id
                    )
                )
        return votes


def _identity(one: Spelling) -> str:
    return f"{one.spelling}#{one.category}" if one.category else one.spelling


def place(event: FeedEvent) -> str:
    """The event's country, folded, as the feed or the competition's name says it."""
    return names.country_of(event.country, event.competition_name)
