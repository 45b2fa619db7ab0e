"""Fuzz every provider's parser for a while: what it finds is written down as a file to repeat.

    python -m benchmarks.fuzz_feeds [--seconds 300] [--seed N] [--data FOLDER] [PROVIDER...]

Bodies are the providers' samples, and what else of the sample data they recognise, mutated. A body
that makes a parser raise anything but ProviderDataError, say what does not hold, take over a second
or over 100 MB is kept in the system's directory for temporary files, and the command fails.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
import traceback
import tracemalloc
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from overround.core.errors import ProviderDataError
from overround.odds import feeds
from overround.odds.feeds import Provider, Rejected
from overround.odds.feeds.registry import BUILT_IN
from tests.feeds.conformance import check_bytes
from tests.feeds.mutation import mutated

FEEDS: Final = Path(__file__).parents[1] / "src/overround/odds/feeds"
KEPT: Final = Path(tempfile.gettempdir()) / "overround-fuzz"
BYTES_MAX: Final = 100_000_000
SECONDS_MAX: Final = 1.0
# Small real bodies, and the first lines of large tables: quick enough to try many. A tree that is
# cut off is refused at its end and teaches nothing.
REAL_BYTES_MAX: Final = 60_000
REAL_FILES_MAX: Final = 20
# Tracing memory makes everything three times as slow, so not every body is traced.
TRACED_EVERY: Final = 20
LARGE_EVERY: Final = 200


@dataclass(slots=True)
class Run:
    """What became of one provider's bodies; `worst_s` and `worst_bytes` are the most one took."""

    provider: Provider
    bodies: int = 0
    refused: int = 0
    worst_s: float = 0.0
    worst_bytes: int = 0
    failures: list[str] = field(default_factory=list[str])

    def line(self) -> str:
        """The run in one line."""
        return (
            f"{self.provider.key:16}{self.bodies:>9,} bodies {self.refused:>9,} refused whole"
            f"  worst {1000 * self.worst_s:6.0f} ms {self.worst_bytes / 1e6:6.1f} MB"
            f"  {len(self.failures)} failures"
        )


def corpus(provider: Provider, data: Path | None) -> list[bytes]:
    """The provider's samples, and the beginnings of real bodies where there are some."""
    folder = FEEDS / provider.key / "samples"
    bodies = [path.read_bytes() for path in sorted(folder.iterdir())]
    return [*bodies, *_real(provider, data)] if data is not None else bodies


def _real(provider: Provider, data: Path) -> Iterator[bytes]:
    taken = 0
    for one in feeds.payloads(data, [provider]):
        if isinstance(one, Rejected):
            continue
        body = one[1].body
        if len(body) > REAL_BYTES_MAX and body.lstrip()[:1] in b"[{<":
            continue
        yield body[:REAL_BYTES_MAX]
        taken += 1
        if taken == REAL_FILES_MAX:
            return


def fuzz(provider: Provider, bodies: Sequence[bytes], seconds: float, rng: random.Random) -> Run:
    """Try bodies for so long."""
    run = Run(provider)
    until_s = time.monotonic() + seconds
    while time.monotonic() < until_s:
        run.bodies += 1
        large = run.bodies % LARGE_EVERY == 0
        body = rng.choice(bodies)
        body = mutated(rng, body * 20, 3_000_000) if large else mutated(rng, body)
        _try(run, body, traced=large or run.bodies % TRACED_EVERY == 0)
    return run


def _try(run: Run, body: bytes, *, traced: bool) -> None:
    if traced:
        tracemalloc.start()
    began_s = time.process_time()
    problem = ""
    try:
        run.provider.recognises(body[:16_384])
        run.provider.parse("x", body)
    except ProviderDataError:
        run.refused += 1
    except Exception as error:  # noqa: BLE001  whatever else is raised is what is looked for
        problem = "".join(traceback.format_exception(error))
    took_s = time.process_time() - began_s
    if traced:
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        run.worst_bytes = max(run.worst_bytes, peak)
        problem = problem or (f"{peak:,} bytes" if peak > BYTES_MAX else "")
    else:
        run.worst_s = max(run.worst_s, took_s)
        # A megabyte may take its time: the bound is on what a fetch brings at once.
        problem = problem or (f"{took_s:.2f} s" if took_s > SECONDS_MAX else "")
    if not problem:
        try:
            check_bytes(run.provider, body)
        except Exception as error:  # noqa: BLE001  as above
            problem = "".join(traceback.format_exception(error))
    if problem:
        _keep(run, body, problem)


def _keep(run: Run, body: bytes, problem: str) -> None:
    KEPT.mkdir(parents=True, exist_ok=True)
    name = f"{run.provider.key}-{len(run.failures):03}"
    (KEPT / f"{name}.bin").write_bytes(body)
    (KEPT / f"{name}.txt").write_text(problem, encoding="utf-8")
    run.failures.append(problem.strip().splitlines()[-1])
    print(f"  {name}: {run.failures[-1][:160]}", flush=True)


def main() -> None:
    """Fuzz the providers that are named, or all."""
    parser = argparse.ArgumentParser(prog="fuzz", description="Fuzz the providers' parsers.")
    parser.add_argument("--seconds", type=float, default=300.0, help="for each provider")
    parser.add_argument("--seed", type=int, default=time.time_ns() % 1_000_000)
    parser.add_argument("--data", type=Path, help="real bodies to begin with as well")
    parser.add_argument("providers", nargs="*")
    asked = parser.parse_args()
    print(f"seed {asked.seed}", flush=True)
    failures = 0
    for provider in BUILT_IN:
        if not asked.providers or provider.key in asked.providers:
            rng = random.Random(f"{asked.seed} {provider.key}")
            run = fuzz(provider, corpus(provider, asked.data), asked.seconds, rng)
            print(run.line(), flush=True)
            failures += len(run.failures)
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
