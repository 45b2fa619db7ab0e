"""What is being played: since when, when it was last spoken of, and when its score changed.

What a source quoted before a start, or before a goal, is nobody's price any more, and an event of
which nobody speaks has no price at all. The books decide by these three times
(`betting.offers.Playing`); here they are kept.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final
from uuid import UUID

from overround.betting.offers import STALE_MS_MAX, STALE_MS_MIN, Playing
from overround.db import Connection
from overround.odds import board as boards
from overround.odds import catalogue
from overround.odds.catalogue import LiveScore
from overround.odds.feeds import FeedScore
from overround.odds.matching import Resolved

# What counts to the end, as far as it is told; parts of it only follow.
_WHOLE: Final = ("final", "ft", "et", "ot", "pen")
_NONE: Final = (0, 0)

FeedKey = tuple[str, str]
Scores = Mapping[str, Sequence[int]]


@dataclass(slots=True)
class InPlay:
    """The events in play of one hub. `loaded_us` is when it was loaded: what stood in the journal
    then is believed when it is said again (test: what is laid in play)."""

    loaded_us: int = 0
    on: dict[UUID, Playing] = field(default_factory=dict[UUID, Playing])
    _scores: dict[UUID, Scores] = field(default_factory=dict[UUID, Scores])

    def begin(self, starts: Mapping[UUID, datetime]) -> None:
        """These events have started, at their times."""
        for event_id, starts_at in starts.items():
            since_us = max(boards.to_us(starts_at), self.loaded_us)
            self.on.setdefault(event_id, Playing(since_us, since_us))

    def heard(self, event_ids: Iterable[UUID], at: datetime) -> None:
        """Somebody has spoken of these events."""
        for event_id in event_ids:
            one = self.on.get(event_id)
            if one is not None:
                self.on[event_id] = replace(one, heard_us=max(one.heard_us, boards.to_us(at)))

    def scored(self, score: LiveScore) -> bool:
        """Take where an event stands; whether that is another score than before."""
        one = self.on.get(score.event_id)
        told = score.scores
        now = {key: tuple(told[key]) for key in _WHOLE if key in told} or dict(told)
        before, self._scores[score.event_id] = self._scores.get(score.event_id), now
        if one is None or before is None or _same(before, now):
            return False
        self.on[score.event_id] = replace(one, scored_us=boards.to_us(score.observed_at))
        return True

    def forget(self, *event_ids: UUID) -> None:
        """These are played no more."""
        for event_id in event_ids:
            self.on.pop(event_id, None)
            self._scores.pop(event_id, None)

    def quiet(self, at: datetime) -> list[UUID]:
        """The events of which nobody has spoken for so long that some book may lay them no more."""
        at_us = boards.to_us(at)
        return [
            event_id
            for event_id, one in self.on.items()
            if STALE_MS_MIN * 1000 < at_us - one.heard_us < (STALE_MS_MAX + 5_000) * 1000
        ]


def _same(before: Scores, now: Scores) -> bool:
    return all(before.get(key, _NONE) == now.get(key, _NONE) for key in {*before, *now})


async def take_scores(
    conn: Connection,
    playing: InPlay,
    scores: Sequence[FeedScore],
    known: Mapping[FeedKey, Resolved],
) -> list[UUID]:
    """Write where events in play stand: of each the newest word, whoever says it; returns those
    whose score is another one now, and those of which nobody had spoken for a while."""
    live: dict[UUID, LiveScore] = {}
    for score in sorted(scores, key=lambda one: one.observed_at):
        ours = known.get(score.key)
        if ours is not None:
            told = oriented(score.scores, swapped=ours.swapped)
            live[ours.event_id] = LiveScore(
                ours.event_id, score.clock[:40], told, score.observed_at
            )
    if not live:
        return []
    await catalogue.record_scores(conn, list(live.values()))
    # Of whom nobody had spoken for a while something may be laid again.
    at = max(one.observed_at for one in live.values())
    other = set(playing.quiet(at))
    for one in live.values():
        playing.heard([one.event_id], one.observed_at)
    changed = {one.event_id for one in live.values() if playing.scored(one)}
    return [key for key in live if key in changed or key in other]


def oriented(scores: Mapping[str, tuple[int, int]], *, swapped: bool) -> dict[str, tuple[int, int]]:
    """The score from our home side's view."""
    if not swapped:
        return dict(scores)
    return {period: (away, home) for period, (home, away) in scores.items()}
