"""Where the time of a worker's frame goes, from its send until the cache tells its price.

The hub of `worker_line` with a stamp at each of its steps. A stamp costs a microsecond or two, so
the sum is a little more than `worker_line` says without. Steps are told in the order in which a
frame goes through them; what waits behind another frame's tick is `waits`.
"""

from __future__ import annotations

import functools
import json
import time
from bisect import bisect_left
from collections.abc import Callable, Generator, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from overround.betting import offers
from overround.betting.offers import store as offer_store
from overround.odds.board import store as board_store
from overround.odds.feeds import FeedBatch
from overround.odds.feeds import worker as protocol
from overround.odds.feeds.worker import Sites
from overround.roles.hub.live import Live
from overround.storefront import Publisher

FILE: Final = "phases.jsonl"
# Of so many frames one is among the slowest.
_SLOWEST: Final = 10
_MARKER: Final = protocol.provider_of("marker")
# (the step's stamp, what lies before it)
_STEPS: Final = (
    ("read", "on its way"),
    ("parsed", "read"),
    ("drain", "waits"),
    ("drained", "merged by site"),
    ("turn.", "begin"),
    ("turned", "whose turn"),
    ("journal.", "put on the board"),
    ("offers.", "journal and offers' prices"),
    ("written", "offers written"),
    ("told.", "the rest, commit"),
    ("send.", "given to the publisher"),
)


class Stamps:
    """Stamps of a hub, written to a file of the state."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("w")

    def put(self, step: str, at_s: float | None = None) -> None:
        """This step is reached now, or was then."""
        self._file.write(json.dumps([at_s or time.monotonic(), step]) + "\n")

    def flush(self) -> None:
        """What was put can be read."""
        self._file.flush()

    def around(self, owner: Any, name: str, before: str, after: str = "") -> None:
        """Stamp before a coroutine function of an owner, and after it."""
        function: Callable[..., Any] = getattr(owner, name)

        @functools.wraps(function)
        async def stamped(*given: Any, **named: Any) -> Any:
            self.put(before)
            try:
                return await function(*given, **named)
            finally:
                if after:
                    self.put(after)

        setattr(owner, name, stamped)


def stamp(state: Path) -> None:
    """Stamp every step of the hub that runs in this process."""
    stamps = Stamps(state / FILE)
    stamps.around(offers, "turn", "turn.", "turned")
    stamps.around(board_store, "write_changes", "journal.")
    stamps.around(offer_store, "write_all", "offers.", "written")
    stamps.around(Publisher, "publish", "told.")
    stamps.around(Publisher, "_send", "send.")
    by_parts, drain, tick = protocol.message_by_parts, Sites.drain, Live.tick

    def reads(frame: str | bytes, at: datetime) -> Generator[None, None, protocol.Message]:
        is_marker = '"w-marker"' in str(frame) and "odds:update" in str(frame)
        if is_marker:
            stamps.put("read")
        found = yield from by_parts(frame, at)
        if is_marker:
            stamps.put("parsed")
        return found

    def drains(self: Sites, at: datetime) -> list[FeedBatch]:
        began_s = time.monotonic()
        found = drain(self, at)
        if any(batch.event.provider == _MARKER for batch in found):
            stamps.put("drain", began_s)
            stamps.put("drained")
        return found

    async def ticks(self: Live, publisher: Publisher) -> None:
        await tick(self, publisher)
        stamps.flush()

    protocol.message_by_parts, Sites.drain, Live.tick = reads, drains, ticks


def table(state: Path, marks: Sequence[tuple[float, float]]) -> dict[str, dict[str, float]]:
    """Milliseconds of each step, of frames that were sent and told at those times; and of the
    slowest tenth of them, which says where a long wait comes from."""
    lines = [json.loads(line) for line in (state / FILE).read_text().splitlines()]
    at_s = [line[0] for line in lines]
    frames: list[list[tuple[str, float]]] = []
    for sent_s, told_s in marks:
        place, before_s = bisect_left(at_s, sent_s), sent_s
        steps: list[tuple[str, float]] = []
        with suppress(StopIteration):
            for step, name in _STEPS:
                place = next(n for n in range(place, len(lines)) if lines[n][1] == step)
                steps.append((name, (lines[place][0] - before_s) * 1_000))
                before_s = lines[place][0]
            if before_s <= told_s:
                frames.append([*steps, ("in the cache and heard", (told_s - before_s) * 1_000)])
    frames.sort(key=lambda steps: sum(took for _, took in steps))
    slowest = frames[-max(len(frames) // _SLOWEST, 1) :]
    return {
        name: {
            "mean_ms": round(sum(times) / len(times), 2),
            "p90_ms": round(sorted(times)[int(len(times) * 0.9)], 2),
            "of_slowest_ms": round(sum(steps[n][1] for steps in slowest) / len(slowest), 2),
        }
        for n, name in enumerate(name for name, _ in frames[0])
        if (times := [steps[n][1] for steps in frames])
    }
