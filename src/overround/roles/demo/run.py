"""A run of the demonstration: what its processes have in common, kept in `<state>/demo.json`.

The command writes it before it starts the roles; the hub makes its simulator from it and the
players read where to go. A role that is started again finds the same run.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Final, cast

from overround.core.errors import SettingsError
from overround.kit import processes
from overround.odds.feeds.simulator import Simulator

_FILE: Final = "demo.json"
_TRUTH: Final = "demo-truth.json"


@dataclass(frozen=True, slots=True)
class Staff:
    """The log-in of the office of one tenant."""

    email: str
    password: str


@dataclass(frozen=True, slots=True)
class Truth:
    """What a run with an end has said when it is over: events named, and events with a result."""

    events: int
    decided: int


@dataclass(frozen=True, slots=True)
class DemoRun:
    """One run: simulated minute m happens at `origin` + m / `speed`; players come to `port`.

    `ends_after_min` is None for a run without an end; `prices_before` are the prices of its feed
    that had changed when it began. The file holds passwords, so nobody else may read it.
    """

    run: str
    seed: int
    speed: float
    origin: datetime
    port: int
    ends_after_min: float | None
    staff: dict[str, Staff]
    prices_before: int = 0

    @classmethod
    def begin(
        cls, seed: int, speed: float, origin: datetime, port: int, for_s: float | None
    ) -> DemoRun:
        """A new run from `origin` on, named by it."""
        ends_after_min = None if for_s is None else for_s * speed / 60
        run = f"{origin:%Y%m%dT%H%M%S}{origin.microsecond // 1000:03}"
        return cls(run, seed, speed, origin, port, ends_after_min, {})

    @property
    def key_prefix(self) -> str:
        """How the idempotency key of every bet of the run begins."""
        return f"demo:{self.run}:"

    def with_staff(self, staff: dict[str, Staff]) -> DemoRun:
        """The run with the log-ins of its offices."""
        return replace(self, staff=staff)

    def after(self, prices: int) -> DemoRun:
        """The run when so many prices of its feed had changed before it."""
        return replace(self, prices_before=prices)

    def simulator(self) -> Simulator:
        """The run's feed, from its beginning."""
        return Simulator(
            self.seed,
            self.origin,
            self.speed,
            ends_after_min=self.ends_after_min,
            has_races=True,
        )


def write(state: Path, run: DemoRun) -> None:
    """Make it the present run."""
    content = {**asdict(run), "origin": run.origin.isoformat()}
    processes.write_atomically(state / _FILE, json.dumps(content, indent=1))


def write_truth(state: Path, run: DemoRun) -> Truth:
    """Put down what will truly happen, for tests and reports alone; it takes a few seconds."""
    truth = run.simulator().truth()
    processes.write_atomically(state / _TRUTH, json.dumps(truth))
    events = cast("dict[str, Any]", truth["events"])
    ends_min = run.ends_after_min or 0.0
    decided = [e for e in events.values() if any(r["minute"] <= ends_min for r in e["results"])]
    races = cast("dict[str, Any]", truth["races"])
    run_in = [race for race in races.values() if race["minute"] <= ends_min]
    return Truth(len(events) + len(races), len(decided) + len(run_in))


def read(state: Path) -> DemoRun:
    """The present run. Raises SettingsError when there is none that can be read."""
    try:
        content = cast("dict[str, Any]", json.loads((state / _FILE).read_text(encoding="utf-8")))
        content["origin"] = datetime.fromisoformat(content["origin"])
        content["staff"] = {name: Staff(**one) for name, one in content["staff"].items()}
        return DemoRun(**content)
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        raise SettingsError(f"{state / _FILE} names no demonstration") from None


def before(state: Path) -> DemoRun | None:
    """The run that was the present one before this command, if there was any."""
    try:
        return read(state)
    except SettingsError:
        return None
