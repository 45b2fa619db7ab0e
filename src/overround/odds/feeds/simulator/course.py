"""How a fixture goes: whether it is played to its end, until when, and what is reported when."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from overround.odds.feeds.simulator.model import Fixture, Play, Scores

Status = Literal["finished", "abandoned", "postponed"]


@dataclass(frozen=True, slots=True)
class Report:
    """What is said of a fixture's end, in the minute it is said."""

    minute: float
    status: Status
    scores: Scores


@dataclass(frozen=True, slots=True)
class Course:
    """`over_min` is when play stops, `quiet_min` from when no book quotes; reports in their order.

    The last report is right. A fixture that is postponed is never played: it is over as it starts.
    """

    over_min: float
    quiet_min: float
    reports: tuple[Report, ...]

    @property
    def ends_min(self) -> float:
        """When the last word is said."""
        return self.reports[-1].minute


def course(fixture: Fixture, play: Play, rng: np.random.Generator) -> Course:
    """The fixture's course by its fate; `rng` says how long reporters take."""
    start, delay, later, share = fixture.start_min, *(float(x) for x in rng.random(3))
    over = start + play.minutes
    told = over + 0.3 + 1.2 * delay
    if fixture.fate == "postponed":
        said = max(fixture.shown_min, start - 0.5 - 2 * share)
        return Course(start, said, (Report(said, "postponed", {}),))
    if fixture.fate == "abandoned":
        stopped = start + play.minutes * (0.2 + 0.6 * share)
        reached = play.broken_off(stopped - start)
        report = Report(stopped + 0.5 + delay, "abandoned", reached)
        return Course(stopped, min(stopped, start + play.quoted_min), (report,))
    reports = (Report(told, "finished", play.result()),)
    if fixture.fate == "corrected":
        wrong = Report(told, "finished", play.misreported())
        reports = (wrong, Report(told + 2 + 4 * later, "finished", play.result()))
    return Course(over, start + play.quoted_min, reports)
