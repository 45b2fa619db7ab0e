"""What an import says of each file: read as whose, how much, what was refused and why, how long."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Any, Final

from overround.odds.feeds import Parsed, Rejected

FeedKey = tuple[str, str]


@dataclass(frozen=True, slots=True)
class FileRead:
    """One file as it was read; `provider` is "" where nobody knows it.

    `events` are those it names; `prices` those that came with their event, by event, and `waiting`
    those whose event is named elsewhere. `refused` counts by reason, `unmapped` the selections that
    have no place on the board, by the name of their market; `seconds` is the reading.
    """

    file: str
    provider: str
    events: frozenset[FeedKey]
    prices: Mapping[FeedKey, int]
    waiting: Mapping[FeedKey, int]
    results: int
    refused: Mapping[str, int]
    seconds: float
    unmapped: Mapping[str, int] = field(default_factory=dict[str, int])


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of what the files say, by feed event: those that wait for a person, those that a
    file of the import or an earlier one names, how many prices the gate refused, or recorded with
    doubt, by reason, and why some are no event of ours at all."""

    undecided: AbstractSet[FeedKey]
    named: AbstractSet[FeedKey]
    refused: Mapping[tuple[FeedKey, str], int]
    doubted: Mapping[tuple[FeedKey, str], int]
    left_out: Mapping[FeedKey, str] = field(default_factory=dict[FeedKey, str])


# Of the markets that have no place with us the report of a file names so many, the largest.
_MARKETS_TOLD: Final = 5

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
    results = len(parsed.results)
    unmapped = _unmapped(parsed)
    return FileRead(file, provider, events, prices, waiting, results, reasons, seconds, unmapped)


def _unmapped(parsed: Parsed) -> Counter[str]:
    """How many selections ask what is no question of ours, by market, whatever the sport."""
    found: Counter[str] = Counter()
    for sport in parsed.coverage:
        for market_id, market in sport.unmapped.items():
            found[market.name.strip() or market_id] += market.selections
    return found


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
        "left_out": dict(
            Counter(outcome.left_out[key] for key in one.events & outcome.left_out.keys())
        ),
        "prices": sum(one.prices.values()) + sum(placed.values()),
        "unmapped": sum(one.unmapped.values()),
        "unmapped_markets": dict(Counter(one.unmapped).most_common(_MARKETS_TOLD)),
        "results": one.results,
        "refused": {reason: count for reason, count in reasons.items() if count},
        "doubted": dict(doubted),
        "seconds": round(one.seconds, 3),
    }


_FIGURES: Final = ("events", "undecided", "prices", "unmapped", "results")


def said_of(row: Mapping[str, Any]) -> dict[str, int]:
    """What a row says beside its figures: how many by reason."""
    recorded = {f"{reason} (recorded)": n for reason, n in row["doubted"].items()}
    left_out = {f"{reason} (no match)": n for reason, n in row["left_out"].items()}
    return {**row["refused"], **recorded, **left_out}


def told(found: Mapping[str, Any]) -> str:
    """The rows of an import's report as a table."""
    lines: list[tuple[str, ...]] = [("file", "provider", *_FIGURES, "seconds", "refused")]
    for row in found.get("files", ()):
        reasons = said_of(row)
        words = ", ".join(f"{count:,} {reason}" for reason, count in sorted(reasons.items()))
        counts = (f"{row[name]:,}" for name in _FIGURES)
        lines.append((row["file"], row["provider"], *counts, f"{row['seconds']:.2f}", words))
    widths = [max(len(line[n]) for line in lines) for n in range(len(lines[0]))]
    return "\n".join("  ".join(_padded(line, widths)).rstrip() for line in lines)


def _padded(line: Sequence[str], widths: Sequence[int]) -> list[str]:
    """Words to the left, figures to the right."""
    figures = range(2, 3 + len(_FIGURES))
    return [
        cell.rjust(width) if n in figures else cell.ljust(width)
        for n, (cell, width) in enumerate(zip(line, widths, strict=True))
    ]
