"""What one transaction of an import takes. Pure: the same steps give the same portions.

A portion is bounded, so that no lock is held for long and a live hub gets its turn between two.
Moments so long ago that nobody looks between them are written as one: first all prices, then the
starts, then the results. A portion of the past ends where that order would matter
(test: what comes after its start is another portion).
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from overround.odds.feeds import FeedBatch, FeedEvent
from overround.roles.archive.timeline import Step

# A moment with more prices than these is torn between its batches; a batch never is.
_PRICES_PER_STEP: Final = 10_000
# So many moments are a transaction: of those that are looked at one by one, and of the past.
STEPS_TOGETHER: Final = 25
PAST_TOGETHER: Final = 1_000
_PRICES_TOGETHER: Final = 5_000

# In which order a portion of the past is written. Of two results each is a version, so the second
# one waits until the first is there.
_RANK: Final = {"prices": 0, "start": 1, "results": 2}
_RANK_BEFORE_MAX: Final = {"prices": 0, "start": 1, "results": 1}
_NOTHING_SAID: Final = -1

FeedKey = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Portion:
    """Steps of one transaction; of the `past` they are written as one, else one by one.

    `over` is how many steps are done with it.
    """

    steps: tuple[Step, ...]
    past: bool
    over: int


def portions(
    steps: Iterable[Step],
    events: Sequence[FeedEvent],
    event_of: Callable[[FeedKey], Hashable],
    past_until: datetime,
) -> Iterator[Portion]:
    """The steps in portions; what is before `past_until` is past.

    `events` are those that the starts of steps count by; `event_of` says which event of ours a feed
    event is, for two feed events may be one.
    """
    filled = _Filled(past=True)
    over = 0
    for n, step in enumerate(steps):
        for part in _parts(step):
            past = part.at < past_until
            named = {event_of(key) for key in _keys(part, events)}
            if past != filled.past or not filled.has_room(part, named):
                if filled.steps:
                    yield Portion(tuple(filled.steps), filled.past, over)
                filled = _Filled(past)
            filled.add(part, named)
        over = n + 1
    if filled.steps:
        yield Portion(tuple(filled.steps), filled.past, over)


@dataclass(slots=True)
class _Filled:
    """A portion while it is filled; `rank_of` is what was last said of each event."""

    past: bool
    steps: list[Step] = field(default_factory=list[Step])
    prices: int = 0
    rank_of: dict[Hashable, int] = field(default_factory=dict[Hashable, int])

    def has_room(self, step: Step, named: Iterable[Hashable]) -> bool:
        """Whether the step may be written together with those that are here."""
        if not self.steps:
            return True
        most = PAST_TOGETHER if self.past else STEPS_TOGETHER
        if len(self.steps) >= most or self.prices + _prices(step) > _PRICES_TOGETHER:
            return False
        before_max = _RANK_BEFORE_MAX[step.kind]
        return not self.past or all(
            self.rank_of.get(event, _NOTHING_SAID) <= before_max for event in named
        )

    def add(self, step: Step, named: Iterable[Hashable]) -> None:
        """Take the step."""
        self.steps.append(step)
        self.prices += _prices(step)
        self.rank_of |= dict.fromkeys(named, _RANK[step.kind])


def _keys(step: Step, events: Sequence[FeedEvent]) -> Iterator[FeedKey]:
    """Whom the step is about."""
    yield from (batch.event.key for batch in step.batches)
    yield from (events[n].key for n in step.starts)
    yield from (result.key for result in step.results)


def _prices(step: Step) -> int:
    return sum(len(batch.prices) for batch in step.batches)


def _parts(step: Step) -> Iterator[Step]:
    """The step, or one with very many prices in parts of a bounded size."""
    batches: list[FeedBatch] = []
    prices = 0
    for batch in step.batches:
        if batches and prices + len(batch.prices) > _PRICES_PER_STEP:
            yield replace(step, batches=tuple(batches))
            batches, prices = [], 0
        batches.append(batch)
        prices += len(batch.prices)
    yield replace(step, batches=tuple(batches))
