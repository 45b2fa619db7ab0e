"""A replay's timeline: what happens when, from what the feeds say. Pure; the same files and seed
give the same steps in the same order, so a replay that was stopped goes on at its step number."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Final, Literal, TypeVar

from overround.odds.feeds import FeedBatch, FeedEvent, FeedResult
from overround.roles.archive.players import Plan, Window

# Told how far a long work is: done, of how many.
Progress = Callable[[int, int], None]
_SLIPS_PER_STEP: Final = 64


@dataclass(frozen=True, slots=True)
class Step:
    """Something that happens at one moment, in one transaction.

    `starts` and `opens` are places in the list of events.
    """

    at: datetime
    kind: Literal["start", "prices", "results", "bets"]
    starts: tuple[int, ...] = ()
    batches: tuple[FeedBatch, ...] = ()
    results: tuple[FeedResult, ...] = ()
    bets: tuple[Plan, ...] = ()


@dataclass(frozen=True, slots=True)
class Season:
    """All that the files say, each event once, in order of start."""

    events: tuple[FeedEvent, ...]
    batches: tuple[FeedBatch, ...]
    results: tuple[FeedResult, ...]

    def places(self) -> dict[tuple[str, str], int]:
        """(provider, provider_event_id) -> place in `events`."""
        return {event.key: n for n, event in enumerate(self.events)}


def windows(season: Season) -> list[Window]:
    """When each event with prices can be bet on."""
    places = season.places()
    seen: defaultdict[int, list[datetime]] = defaultdict(list)
    for batch in season.batches:
        if batch.prices:
            seen[places[batch.event.key]].append(batch.observed_at)
    return [
        Window(place, min(moments), max(moments), season.events[place].starts_at)
        for place, moments in sorted(seen.items())
    ]


def steps(season: Season, plans: Sequence[Plan]) -> Iterator[Step]:
    """The steps in order. At one moment starts come first, then prices, results and bets."""
    moments = _moments(season)
    bets = iter(sorted(plans, key=lambda p: (p.at, p.n)))
    waiting: list[Plan] = []
    following = next(bets, None)
    for at, step in moments:
        while following is not None and following.at < at:
            waiting.append(following)
            following = next(bets, None)
            if len(waiting) == _SLIPS_PER_STEP:
                yield Step(waiting[-1].at, "bets", bets=tuple(waiting))
                waiting = []
        if waiting:
            yield Step(waiting[-1].at, "bets", bets=tuple(waiting))
            waiting = []
        yield step


def _moments(season: Season) -> list[tuple[datetime, Step]]:
    found: list[tuple[datetime, Step]] = []
    starts = sorted((event.starts_at, n) for n, event in enumerate(season.events))
    for at, group in groupby(starts, key=lambda pair: pair[0]):
        found.append((at, Step(at, "start", starts=tuple(n for _, n in group))))
    for at, batches in _by_time(season.batches).items():
        found.append((at, Step(at, "prices", batches=tuple(batches))))
    for at, results in _by_time(season.results).items():
        found.append((at, Step(at, "results", results=tuple(results))))
    order: Mapping[str, int] = {"start": 0, "prices": 1, "results": 2}
    return sorted(found, key=lambda pair: (pair[0], order[pair[1].kind]))


_Said = TypeVar("_Said", FeedBatch, FeedResult)


def _by_time(said: Sequence[_Said]) -> dict[datetime, list[_Said]]:
    grouped: defaultdict[datetime, list[_Said]] = defaultdict(list)
    for one in said:
        grouped[one.observed_at].append(one)
    return grouped
