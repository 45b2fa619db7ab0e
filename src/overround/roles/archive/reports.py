"""What an import says of each file: read as whose, how much, what was refused and why, how long."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any, Final

from overround.odds.feeds import Parsed, Rejected

FeedKey = tuple[str, str]


@dataclass(frozen=True, slots=True)
class FileRead:
    """One file as it was read; `provider` is "" where nobody knows it.

    `events` are those it names; `prices` those that came with their event, by event, and `waiting`
    those whose event is named elsewhere. `refused` counts by reason; `seconds` is the reading.
    """

    file: str
    provider: str
    events: frozenset[FeedKey]
    prices: Mapping[FeedKey, int]
    waiting: Mapping[FeedKey, int]
    results: int
    refused: Mapping[str, int]
    seconds: float


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of what the files say, by feed event: those that have no event of ours, those
    that a file of the import or an earlier one names, and how many prices the gate refused, or
    recorded with doubt, by reason."""

    undecided: AbstractSet[FeedKey]
    named: AbstractSet[FeedKey]
    refused: Mapping[tuple[FeedKey, str], int]
    doubted: Mapping[tuple[FeedKey, str], int]


NOTHING: Final = Outcome(frozenset(), frozenset(), {}, {})


def unknown(rejected: Rejected) -> FileRead:
    """A file that nobody could read."""
    return FileRead(rejected.where, "", frozenset(), {}, {}, 0, {rejected.reason: 1}, 0.0)


def read(
    file: str, provider: str, parsed: Parsed, refused: Sequence[Rejected], seconds: float
) -> FileRead:
    """A file that was read; `refused` is everything that was refused of it."""
    prices: Counter[FeedKey] = Counter()
    for batch in parsed.batches:
        prices[batch.event.key] += len(batch.prices)
    waiting: Counter[FeedKey] = Counter()
    for said in parsed.quotes:
        waiting[said.key] += len(said.prices)
    events = frozenset(event.key for event in parsed.events)
    reasons = Counter(one.reason for one in refused)
    return FileRead(file, provider, events, prices, waiting, len(parsed.results), reasons, seconds)


def rows(files: Sequence[FileRead], outcome: Outcome) -> list[dict[str, Any]]:
    """A row a file. What the gate makes of an event counts for the last file with prices of it."""
    last = {key: n for n, one in enumerate(files) for key in (*one.prices, *one.waiting)}
    gate = [Counter[str]() for _ in files], [Counter[str]() for _ in files]
    for counted, found in zip(gate, (outcome.refused, outcome.doubted), strict=True):
        for (key, reason), count in found.items():
            if key in last:
                counted[last[key]][reason] += count
    return [_row(one, outcome, gate[0][n], gate[1][n]) for n, one in enumerate(files)]


def _row(
    one: FileRead, outcome: Outcome, refused: Counter[str], doubted: Counter[str]
) -> dict[str, Any]:
    placed = {key: count for key, count in one.waiting.items() if key in outcome.named}
    unnamed = len(one.waiting) - len(placed)
    reasons = Counter(one.refused) + refused + Counter({"event_unknown": unnamed})
    return {
        "file": one.file,
        "provider": one.provider,
        "events": len(one.events),
        "undecided": len(one.events & outcome.undecided),
        "prices": sum(one.prices.values()) + sum(placed.values()),
        "results": one.results,
        "refused": {reason: count for reason, count in reasons.items() if count},
        "doubted": dict(doubted),
        "seconds": round(one.seconds, 3),
    }


def told(found: Mapping[str, Any]) -> str:
    """The rows of an import's report as a table."""
    head = ("file", "provider", "events", "undecided", "prices", "results", "seconds", "refused")
    lines: list[tuple[str, ...]] = [head]
    for row in found.get("files", ()):
        reasons = {**row["refused"], **{f"{k} (recorded)": n for k, n in row["doubted"].items()}}
        words = ", ".join(f"{count:,} {reason}" for reason, count in sorted(reasons.items()))
        counts = (f"{row[name]:,}" for name in head[2:6])
        lines.append((row["file"], row["provider"], *counts, f"{row['seconds']:.2f}", words))
    widths = [max(len(line[n]) for line in lines) for n in range(len(head))]
    return "\n".join("  ".join(_padded(line, widths)).rstrip() for line in lines)


def _padded(line: Sequence[str], widths: Sequence[int]) -> list[str]:
    """Words to the left, figures to the right."""
    return [
        cell.rjust(width) if 2 <= n <= 6 else cell.ljust(width)
        for n, (cell, width) in enumerate(zip(line, widths, strict=True))
    ]
