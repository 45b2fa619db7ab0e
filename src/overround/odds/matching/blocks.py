"""Our events where a feed's event finds the few it may be, without looking at the others.

A block holds the events of one sport that a start may mean. In it every word of a team's name has
an entry for how it begins, how it ends and which letters carry it, and an entry is the set of the
block's events as the bits of one integer: the events that share something with both teams are an
`and` of two `or`s.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from overround.odds.matching.marks import asked_by, marks_of
from overround.odds.matching.model import Aliases, Candidate
from overround.odds.matching.rules import NEAR, Read, read_ours, window

_DAY_S: Final = 86_400
_SLOT_S: Final = int(NEAR.total_seconds())

# One of our events, as it is compared.
Option = tuple[UUID, Read]


@dataclass(slots=True)
class _Block:
    events: list[Option] = field(default_factory=list[Option])
    alive: int = 0
    homes: dict[str, int] = field(default_factory=dict[str, int])
    aways: dict[str, int] = field(default_factory=dict[str, int])
    # Events by country; those of no known country are in every country's.
    places: dict[str, int] = field(default_factory=dict[str, int])

    def add(self, event_id: UUID, ours: Read) -> int:
        """Index an event; its bit."""
        bit = 1 << len(self.events)
        self.events.append((event_id, ours))
        self.alive |= bit
        self.places[ours.place] = self.places.get(ours.place, 0) | bit
        for marks, team, participant in (
            (self.homes, ours.home, ours.home_id),
            (self.aways, ours.away, ours.away_id),
        ):
            for mark in marks_of(team.text):
                marks[mark] = marks.get(mark, 0) | bit
            if participant is not None:
                marks[participant.hex] = marks.get(participant.hex, 0) | bit
        return bit

    def of_place(self, place: str) -> int:
        """The events that may be of that country."""
        if not place:
            return self.alive
        return (self.places.get(place, 0) | self.places.get("", 0)) & self.alive


class Blocks:
    """Our events of any number of sports; built once, then kept up to date one by one.

    An event stands in the slots around its start, and in its day for fixtures that were moved.
    """

    def __init__(self, candidates: Iterable[Candidate] = ()) -> None:
        """Index `candidates`; a later one of the same id takes the earlier one's place."""
        self._slots: dict[tuple[str, int], _Block] = {}
        self._days: dict[tuple[str, int], _Block] = {}
        self._places: dict[UUID, list[tuple[_Block, int]]] = {}
        for candidate in candidates:
            self.add(candidate)

    def __len__(self) -> int:
        return len(self._places)

    def add(self, candidate: Candidate) -> None:
        """Index one event, or index it again after its start or its names have changed."""
        self.discard(candidate.event_id)
        ours = read_ours(candidate)
        slot, sport = ours.starts_s // _SLOT_S, ours.sport
        blocks = [
            self._slots.setdefault((sport, near), _Block()) for near in (slot - 1, slot, slot + 1)
        ]
        blocks.append(self._days.setdefault((sport, ours.starts_s // _DAY_S), _Block()))
        self._places[candidate.event_id] = [
            (block, block.add(candidate.event_id, ours)) for block in blocks
        ]

    def discard(self, event_id: UUID) -> None:
        """Forget an event; one that is not there is no error."""
        for block, bit in self._places.pop(event_id, ()):
            block.alive &= ~bit

    def same_slot(self, theirs: Read, aliases: Aliases) -> list[Option]:
        """Our events that start when theirs does and begin a word as both of its teams do.

        That is the first score: where one is found that passes, nothing else is looked at.
        """
        block = self._slots.get((theirs.sport, theirs.starts_s // _SLOT_S))
        if block is None:
            return []
        home, away = theirs.home_begins, theirs.away_begins
        if aliases:
            home, away = _with_participants(theirs, aliases, home, away)
        # Written out: most events need nothing else, sixty thousand at a time.
        homes = 0
        for mark in home:
            homes |= block.homes.get(mark, 0)
        if not homes:
            return []
        aways = 0
        for mark in away:
            aways |= block.aways.get(mark, 0)
        found = homes & aways
        return _of(block, found & block.of_place(theirs.place)) if found else []

    def less_alike(self, theirs: Read, aliases: Aliases) -> list[Option]:
        """Our events that start when theirs does and share anything with a team of it.

        Sides that are swapped are among them, and those that `same_slot` has found already.
        """
        block = self._slots.get((theirs.sport, theirs.starts_s // _SLOT_S))
        if block is None:
            return []
        home, away = _asked(theirs, aliases)
        turned = _any(block.aways, home) & _any(block.homes, away)
        found = _any(block.homes, home) | _any(block.aways, away) | turned
        return _of(block, found & block.of_place(theirs.place))

    def moved(self, theirs: Read, aliases: Aliases) -> list[Option]:
        """Our events further off, within the sport's window, that share both teams with theirs."""
        apart_s = int(window(theirs.sport).total_seconds())
        home, away = _asked(theirs, aliases)
        found: list[Option] = []
        first, last = theirs.starts_s - apart_s, theirs.starts_s + apart_s
        for day in range(first // _DAY_S, last // _DAY_S + 1):
            if (block := self._days.get((theirs.sport, day))) is None:
                continue
            straight = _any(block.homes, home) & _any(block.aways, away)
            turned = _any(block.aways, home) & _any(block.homes, away)
            shared = _of(block, (straight | turned) & block.of_place(theirs.place))
            found += [
                o for o in shared if _SLOT_S < abs(o[1].starts_s - theirs.starts_s) <= apart_s
            ]
        return found


def _asked(theirs: Read, aliases: Aliases) -> tuple[Sequence[str], Sequence[str]]:
    """What theirs is looked up by, each side, where its words' beginnings were not enough."""
    home, away = asked_by(theirs.home.text), asked_by(theirs.away.text)
    return _with_participants(theirs, aliases, home, away)


def _with_participants(
    theirs: Read, aliases: Aliases, home: tuple[str, ...], away: tuple[str, ...]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The marks of both sides, and the participants that their names are known to mean."""
    home_id, away_id = aliases.get(theirs.home.identity), aliases.get(theirs.away.identity)
    return (
        home if home_id is None else (*home, home_id.hex),
        away if away_id is None else (*away, away_id.hex),
    )


def _any(marks: dict[str, int], asked: Sequence[str]) -> int:
    found = 0
    for mark in asked:
        if mark in marks:
            found |= marks[mark]
    return found


def _of(block: _Block, found: int) -> list[Option]:
    """The events whose bits are set."""
    options: list[Option] = []
    while found:
        lowest = found & -found
        options.append(block.events[lowest.bit_length() - 1])
        found ^= lowest
    return options
