"""The two layouts of the format -> entries: what a body says of one event at one moment.

JSON nests prices in events; a CSV has a row for every price or result, and what its rows say of one
event at one moment is one entry.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, cast

from overround.core.errors import ProviderDataError
from overround.odds.feeds import reading
from overround.odds.feeds.reading import Node

MAX_BODY_BYTES: Final = 64_000_000
MAX_EVENTS: Final = 50_000
MAX_ROWS: Final = 500_000
VERSION: Final = "1"

_EVENT: Final = (
    "id", "sport", "country", "competition", "season", "home", "away", "starts_at",
)  # fmt: skip
_COLUMNS: Final = frozenset(
    {"feed", "seen_at", "event_id", "sport", "competition", "home", "away", "starts_at"}
)
_PRICED: Final = frozenset({"source", "market", "side", "price"})
_RESULTED: Final = frozenset({"status", "scores"})


@dataclass(frozen=True, slots=True)
class Answer:
    """One price as it was written."""

    source: str
    market: str
    period: str
    line: str
    side: str
    price: str
    odds_format: str
    suspended: bool


@dataclass(slots=True)
class Entry:
    """What a body says of one event at one moment; `event` are its words by their names.

    `answers` is None where it does not speak of prices; `complete` says that they are all there
    are. `scores` are (period, home, away), `certainty` how sure the feed is of them.
    """

    feed: str
    seen_at: str
    event: Mapping[str, str]
    answers: list[Answer] | None = None
    complete: bool = True
    status: str = ""
    certainty: str = ""
    scores: list[tuple[str, str, str]] = field(default_factory=list[tuple[str, str, str]])


def is_table(head: bytes) -> bool:
    """Whether the first line names the columns of the format."""
    line = head.partition(b"\n")[0].decode("utf-8-sig", "replace").strip()
    return _is_ours(line.split(","))


def _is_ours(columns: list[str]) -> bool:
    named = set(columns)
    return named >= _COLUMNS and (named >= _PRICED or named >= _RESULTED)


def of_json(body: bytes) -> tuple[list[Entry], int]:
    """The entries of a JSON body and how many records they are.

    Raises ProviderDataError `body_too_large` (64 MB), `not_json`, `unknown_layout` (another
    version too), `too_many_events` (50,000).
    """
    tree = reading.node_of(reading.json_of(body, MAX_BODY_BYTES))
    if reading.text(tree, "overround_feed") != VERSION:
        raise ProviderDataError("this version of the format is not known", code="unknown_layout")
    events = reading.nodes_of(tree.get("events", []))
    if len(events) > MAX_EVENTS:
        raise ProviderDataError("the body has too many events", code="too_many_events")
    entries = [_entry(tree, event) for event in events]
    return entries, sum(max(len(entry.answers or ()), 1) for entry in entries)


def _entry(tree: Node, event: Node) -> Entry:
    result = reading.node_of(event.get("result"))
    written = reading.text(event, "odds_format") or reading.text(tree, "odds_format")
    found = event.get("prices")
    answers = None
    if isinstance(found, list):
        answers = [_answer(one, written) for one in reading.nodes_of(cast("object", found))]
    scores: list[tuple[str, str, str]] = []
    for period, score in reading.node_of(result.get("scores")).items():
        pair = [*reading.texts_of(score), "", ""]
        scores.append((period[:40], pair[0], pair[1]))
    return Entry(
        reading.text(tree, "feed"),
        reading.text(event, "seen_at") or reading.text(tree, "seen_at"),
        {name: reading.text(event, name) for name in _EVENT},
        answers,
        event.get("complete") is not False,
        reading.text(result, "status"),
        reading.text(result, "certainty"),
        scores,
    )


def _answer(node: Node, written: str) -> Answer:
    suspended: object = node.get("suspended")
    return Answer(
        reading.text(node, "source"),
        reading.text(node, "market"),
        reading.text(node, "period"),
        reading.text(node, "line"),
        reading.text(node, "side"),
        reading.text(node, "price"),
        reading.text(node, "odds_format") or written or "decimal",
        # Whatever is said but no: what may be stopped is never open.
        suspended is not None and suspended is not False,
    )


def of_table(body: bytes) -> tuple[list[Entry], int]:
    """The entries of a CSV and how many rows they are.

    Raises ProviderDataError `body_too_large` (64 MB), `not_text`, `unknown_layout`,
    `table_malformed`, `too_many_rows` (500,000).
    """
    lines = csv.reader(io.StringIO(reading.text_of(body, MAX_BODY_BYTES)))
    entries: dict[tuple[str, str, str], Entry] = {}
    try:
        columns = [column.strip() for column in next(lines, list[str]())]
        if not _is_ours(columns):
            raise ProviderDataError(
                "the columns are not those of the format", code="unknown_layout"
            )
        rows = sum(_take(row, entries) for row in _rows(lines, columns))
    except csv.Error:
        raise ProviderDataError("the table is broken", code="table_malformed") from None
    return list(entries.values()), rows


def _rows(lines: Iterator[list[str]], columns: list[str]) -> Iterator[Mapping[str, str]]:
    for number, cells in enumerate(cells for cells in lines if cells):
        if number >= MAX_ROWS:
            raise ProviderDataError("the table has too many rows", code="too_many_rows")
        bounded = (cell.strip()[: reading.MAX_TEXT_LENGTH] for cell in cells)
        yield dict(zip(columns, bounded, strict=False))


def _take(row: Mapping[str, str], entries: dict[tuple[str, str, str], Entry]) -> int:
    """Read one row into its entry; the 1 row that it is."""
    feed, seen_at, event_id = (row.get(name, "") for name in ("feed", "seen_at", "event_id"))
    entry = entries.get((feed, seen_at, event_id))
    if entry is None:
        event = {name: row.get(name, "") for name in _EVENT if name != "id"} | {"id": event_id}
        entry = entries[feed, seen_at, event_id] = Entry(feed, seen_at, event)
    entry.complete = entry.complete and row.get("complete", "").casefold() not in ("no", "false")
    if row.get("status"):
        entry.status, entry.certainty = row["status"], row.get("certainty", "")
        words = row.get("scores", "").split()
        for period, score in zip(words[::2], words[1::2], strict=False):
            home, _, away = score.partition("-")
            entry.scores.append((period, home, away))
    if row.get("price") or row.get("source"):
        entry.answers = entry.answers or []
        entry.answers.append(
            Answer(
                row.get("source", ""),
                row.get("market", ""),
                row.get("period", ""),
                row.get("line", ""),
                row.get("side", ""),
                row.get("price", ""),
                row.get("odds_format", "") or "decimal",
                row.get("suspended", "").casefold() not in ("", "no", "false", "0"),
            )
        )
    return 1
