"""Reading what a provider sent, in a process of its own: bytes in, letters out.

A parser that never ends, or takes all memory, takes its process with it and nothing else
(test: a parser that never ends costs one answer); and a body of many megabytes is read beside the
hub and not in it. The child is this module: a line of JSON and a body on its standard input, a line
of JSON and the letters on its standard output, until the input is closed.
"""

from __future__ import annotations

import asyncio
import json
import resource
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, BinaryIO, Final

from overround.core.errors import OverroundError
from overround.odds import feeds
from overround.odds.feeds import PROVIDERS, FeedBatch, Parsed, Provider, Received

_LINE_BYTES_MAX: Final = 4_000_000
# A result may come, and be mended, this long after the start.
_PAST: Final = timedelta(days=4)
# The child's own alarm, should the parent be gone that would have ended it.
_ALARM_GRACE_S: Final = 2.0


@dataclass(frozen=True, slots=True)
class Read:
    """What became of a body: `state` is "ok" or a named reason, the counts are of what it said.

    `starts` are the first starts ahead.
    """

    state: str
    detail: str = ""
    rows: int = 0
    events: int = 0
    prices: int = 0
    rejected: Mapping[str, int] = field(default_factory=dict[str, int])
    starts: tuple[datetime, ...] = ()
    letters: tuple[bytes, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class Bounds:
    """Seconds and bytes of memory for one body."""

    parse_s: float
    bytes_max: int


class Readers:
    """Some reading processes, each started when it is first needed and again when it has ended."""

    def __init__(self, count: int, bounds: Bounds) -> None:
        self._bounds = bounds
        self._idle: asyncio.LifoQueue[Process | None] = asyncio.LifoQueue()
        for _ in range(count):
            self._idle.put_nowait(None)

    def bound(self, bounds: Bounds) -> None:
        """Other seconds from the next body on, and other memory for the next process."""
        self._bounds = bounds

    async def read(self, provider: str, name: str, body: bytes, received: Received) -> Read:
        """Have a body read. Raises nothing but a cancellation."""
        process = await self._idle.get()
        kept: Process | None = None
        try:
            if process is None or process.returncode is not None:
                process = await self._start()
            async with asyncio.timeout(self._bounds.parse_s):
                found = await _asked(process, provider, name, body, received)
            kept = process
        except TimeoutError:
            return Read("parse_timed_out", f"not read in {self._bounds.parse_s:g} s")
        except (OSError, EOFError, ValueError) as error:
            return Read("parse_died", type(error).__name__)
        finally:
            # Whatever is not known to be at rest is not used again, a cancelled one neither.
            if kept is None and process is not None:
                _kill(process)
            self._idle.put_nowait(kept)
        return found

    async def close(self) -> None:
        """End the processes that are at rest; whoever still reads ends its own."""
        while not self._idle.empty():
            process = self._idle.get_nowait()
            if process is not None:
                _kill(process)
                await process.wait()

    async def _start(self) -> Process:
        return await asyncio.create_subprocess_exec(
            sys.executable, "-P", "-m", "overround.roles.pull.reader",
            str(self._bounds.parse_s + _ALARM_GRACE_S), str(self._bounds.bytes_max),
            stdin=PIPE,
            stdout=PIPE,
            limit=_LINE_BYTES_MAX,
            start_new_session=True,
        )  # fmt: skip


def _kill(process: Process) -> None:
    with suppress(ProcessLookupError):
        process.kill()


async def _asked(
    process: Process, provider: str, name: str, body: bytes, received: Received
) -> Read:
    """One question to the child and its answer. Raises EOFError when the child ends meanwhile."""
    assert process.stdin is not None
    assert process.stdout is not None
    asked = {
        "provider": provider,
        "name": name,
        "at": received.at.isoformat(),
        "delta": received.delta,
        "size": len(body),
    }
    process.stdin.write(json.dumps(asked).encode() + b"\n")
    process.stdin.write(body)
    await process.stdin.drain()
    line = await process.stdout.readline()
    if not line.endswith(b"\n"):
        raise EOFError
    said: dict[str, Any] = json.loads(line)
    letters = [await process.stdout.readexactly(size) for size in said["letters"]]
    return Read(
        said["state"],
        said["detail"],
        said["rows"],
        said["events"],
        said["prices"],
        said["rejected"],
        tuple(datetime.fromisoformat(start) for start in said["starts"]),
        tuple(letters),
    )


def parsed(provider: Provider, name: str, body: bytes, received: Received) -> Read:
    """Read a body here and now; refusals of the whole body are a state and no error."""
    try:
        if provider.asks is not None:
            found = provider.asks.parse(name, body, received)
        else:
            found = provider.parse(name, body)
        found = as_of(found, received.at)
        letters = tuple(feeds.letters_of(name, found, received.at))
    except OverroundError as error:
        return Read(f"unreadable_{error.code}"[:60], error.detail[:200])
    except MemoryError:
        return Read("parse_memory", "more memory than it may have")
    except Exception as error:  # noqa: BLE001  (a guest's fault costs the body it was reading)
        return Read("provider_failed", f"{type(error).__name__}: {error}"[:200])
    rejected = Counter(one.reason for one in found.rejected)
    said = [*found.batches, *found.quotes]
    return Read(
        "ok",
        "",
        found.rows,
        len(found.events),
        sum(len(one.prices) for one in said),
        dict(rejected),
        feeds.starts_kept([event.starts_at for event in found.events], received.at),
        letters,
    )


def as_of(found: Parsed, at: datetime) -> Parsed:
    """What a body says of the present, for it was asked for at `at`.

    Prices that it dates ahead of a match to come are those of now: the first of an event that are.
    What is over for long is left out, for a schedule brings nothing new of it; whole seasons are
    what `import` is for.
    """
    recent = {event.key for event in found.events if event.starts_at > at - _PAST}
    batches: list[FeedBatch] = []
    dated_ahead: set[tuple[str, str]] = set()
    for batch in sorted(found.batches, key=lambda one: one.observed_at):
        key = batch.event.key
        if batch.observed_at <= at:
            if batch.event.starts_at > at - feeds.IN_PLAY:
                batches.append(batch)
        elif batch.event.starts_at > at and key not in dated_ahead:
            dated_ahead.add(key)
            batches.append(replace(batch, observed_at=at))
    return replace(
        found,
        events=[event for event in found.events if event.key in recent],
        batches=batches,
        quotes=[replace(one, observed_at=min(one.observed_at, at)) for one in found.quotes],
        results=[result for result in found.results if result.observed_at > at - _PAST],
        scores=[score for score in found.scores if score.observed_at <= at],
    )


def _serve(asked: BinaryIO, answers: BinaryIO, alarm_s: float) -> None:
    """The child's life: one body after the other until the input is closed."""
    providers = {provider.key: provider for provider in PROVIDERS}
    while line := asked.readline(_LINE_BYTES_MAX):
        question: dict[str, Any] = json.loads(line)
        body = asked.read(question["size"])
        received = Received(datetime.fromisoformat(question["at"]), question["delta"])
        signal.setitimer(signal.ITIMER_REAL, alarm_s)
        provider = providers.get(question["provider"])
        if provider is None:
            read = Read("provider_unknown", question["provider"])
        else:
            read = parsed(provider, question["name"], body, received)
        signal.setitimer(signal.ITIMER_REAL, 0)
        said = {
            "state": read.state,
            "detail": read.detail,
            "rows": read.rows,
            "events": read.events,
            "prices": read.prices,
            "rejected": dict(read.rejected),
            "starts": [start.isoformat() for start in read.starts],
            "letters": [len(letter) for letter in read.letters],
        }
        answers.write(json.dumps(said).encode() + b"\n")
        answers.writelines(read.letters)
        answers.flush()


def main(arguments: list[str]) -> None:
    """Be the child: the seconds and the bytes of memory that one body may take."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    bytes_max = int(arguments[1])
    resource.setrlimit(resource.RLIMIT_AS, (bytes_max, bytes_max))
    # What a parser prints must not stand among the answers.
    answers, sys.stdout = sys.stdout.buffer, sys.stderr
    _serve(sys.stdin.buffer, answers, float(arguments[0]))


if __name__ == "__main__":
    main(sys.argv[1:])
