"""When a provider is asked about a sport: intervals that tighten towards the start, a spread, and
patience after failures. Plain values; chance comes in as a `Random`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Final

# An interval is drawn from this much of itself to that much: many who ask alike do not ask at once.
SPREAD: Final = (0.5, 1.5)
# An event counts as under way, and its prices as worth the tightest interval, for this long.
IN_PLAY: Final = timedelta(hours=3)
# How many starts are remembered: the first ones are what the interval depends on.
STARTS_MAX: Final = 50
_DOUBLINGS_MAX: Final = 16


@dataclass(frozen=True, slots=True)
class Window:
    """From `within_s` before the first start on, ask every `every_s`."""

    within_s: int
    every_s: int


@dataclass(frozen=True, slots=True)
class Plan:
    """How often one sport of one provider is asked; `back_off_s_max` bounds the patience."""

    every_s: int
    windows: tuple[Window, ...] = ()
    back_off_s_max: int = 3_600


def interval_s(plan: Plan, starts: Sequence[datetime], at: datetime) -> float:
    """Seconds between two questions at `at`, where events are known to start at `starts`.

    The tightest window that holds counts. An event under way holds every window.
    """
    first = next_start(starts, at)
    if first is None:
        return plan.every_s
    ahead_s = (first - at).total_seconds()
    return min([plan.every_s, *(w.every_s for w in plan.windows if ahead_s <= w.within_s)])


def next_start(starts: Sequence[datetime], at: datetime) -> datetime | None:
    """The first start that is ahead, or that of an event under way; None where none is known."""
    return min((start for start in starts if start > at - IN_PLAY), default=None)


def starts_kept(starts: Sequence[datetime], at: datetime) -> tuple[datetime, ...]:
    """The starts worth remembering at `at`: the first ones that are not over."""
    ahead = sorted({start for start in starts if start > at - IN_PLAY})
    return tuple(ahead[:STARTS_MAX])


def after_success(plan: Plan, starts: Sequence[datetime], at: datetime, chance: Random) -> datetime:
    """When to ask again after an answer at `at`.

    A window that opens before then is not slept through: from its opening its own interval counts
    (test: a window that opens is not slept through).
    """
    spread = chance.uniform(*SPREAD)
    asked_at = at + timedelta(seconds=interval_s(plan, starts, at) * spread)
    first = next_start(starts, at)
    for window in plan.windows if first is not None else ():
        opens_at = first - timedelta(seconds=window.within_s) if first is not None else at
        if at < opens_at < asked_at:
            into_it = timedelta(seconds=window.every_s * (spread - SPREAD[0]))
            asked_at = min(asked_at, opens_at + into_it)
    return asked_at


def after_failure(
    plan: Plan,
    starts: Sequence[datetime],
    at: datetime,
    failures: int,
    chance: Random,
    not_before: datetime | None = None,
) -> datetime:
    """When to ask again after `failures` in a row: twice as late each time, up to the bound.

    Never before `not_before`, which is what the provider asked for.
    """
    base_s = interval_s(plan, starts, at)
    patience_s = min(base_s * 2 ** min(failures, _DOUBLINGS_MAX), max(plan.back_off_s_max, base_s))
    asked_at = at + timedelta(seconds=patience_s * chance.uniform(*SPREAD))
    if not_before is None or asked_at >= not_before:
        return asked_at
    # A little later than asked for, each by its own chance: all who wait for it come at once else.
    return not_before + timedelta(seconds=base_s * chance.uniform(0.0, 0.1))
