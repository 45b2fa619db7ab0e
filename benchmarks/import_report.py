"""What `overround import` makes of every file of the sample data: the report of all of them.

    python -m benchmarks.import_report ../shared/data [FOLDER...]

Imports each folder into an empty house, as a person would, and writes docs/reports/import.md:
a row a folder, then a row a file. Seconds depend on the machine; nothing else does. What is told
by a reason or of a file that has no explanation here fails the run at its end.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from overround.roles.archive import reports

REPORT: Final = Path(__file__).parent.parent / "docs" / "reports" / "import.md"

# What a reason says. Those of the gate have their table in the guide.
REASONS: Final = {
    "duplicate_event": "the body names an event twice: the first one counts",
    "event_unknown": "prices of an event that nothing imported has named",
    "home_missing": "a match without its home side",
    "incomplete_market": "a book that quotes one side of a market and not the other",
    "line_missing": "a handicap or a total that does not say of how many",
    "no_participants": "an outright or a listing: no two sides meet",
    "not_a_match": "a race, an outright or a heading of the menu",
    "not_market_data": "an account's own orders or a race's positions, not prices",
    "not_recognised": "a file of no feed: see below what each is",
    "price_invalid": "a cell that is no number",
    "price_not_above_one": "nobody takes 1.00 or less: not a price",
    "result_incomplete": "a score of which a part is missing",
    "result_inconsistent": "a score that contradicts itself: half time above full time, "
    "sets that do not add up to the winner",
    "second_id": "a match that its provider names by another id too",
    "score_ambiguous": "scores of which it is not said which side has which",
    "side_unknown": "an answer that is none of its market",
    "special_event": "corners, bookings or a computer's match: no match of ours",
    "stream_degraded": "the exchange says that its stream is not whole",
    "timestamp_missing": "a row that does not say when it was seen: a price is as old as its word",
}
_OF_THE_GATE: Final = frozenset(
    {
        "jump_unconfirmed", "lines_out_of_order", "observed_in_future", "overround_out_of_range",
        "price_out_of_range", "sides_swapped", "start_moved_past", "start_out_of_range",
    }
)  # fmt: skip

# What is no feed of prices, fixtures or results, by folder and file.
NO_FEED: Final = {
    "asian-xml-feed/BET.b": "which book's word stands in which column of TEAM.B",
    "asian-xml-feed/BETFAIR_LINE.txt.gz": "a log of an exchange's menu: paths of markets, no price",
    "asian-xml-feed/CHAM.b": "what each book calls a competition",
    "asian-xml-feed/TEAM.B": "what each book calls a team",
    "bet365-page/cruzeiro_v_atletico_mineiro_2025-05-15.html": "a page, read by a scraper",
    "bet365-page/parsed_bahia_atletico_nacional.json": "what somebody's scraper made of a page",
    "casino/qtech-games-catalogue.json.gz": "casino games",
    "football-data/notes.txt": "the key to the columns",
    "goalserve/team_info.xml": "teams and their players",
    "pinnacle-page/cruzeiro_v_atletico_mineiro_2025-05-15.html": "a page, read by a scraper",
    "pinnacle-page/parsed_bahia_atletico_nacional.json": "what somebody's scraper made of a page",
    "pinnacle-ps3838/matched_leagues_betsapi.json": "which league is which at another provider",
}


@dataclass(frozen=True, slots=True)
class Folder:
    """One folder: what the command reported of it, and how long the whole command took."""

    name: str
    report: dict[str, Any]
    seconds: float
    problem: str = ""

    @property
    def files(self) -> list[dict[str, Any]]:
        """The rows of its files."""
        return self.report.get("files", [])


def take(folder: Path, state: Path) -> Folder:
    """Import a folder by the command; what it says where it fails, as for a folder of no feed."""
    began_s = time.monotonic()
    command = [sys.executable, "-m", "overround.cli", "import", str(folder), "--json"]
    done = subprocess.run(
        [*command, "--state", str(state)], capture_output=True, text=True, check=False
    )
    seconds = time.monotonic() - began_s
    # Files of no event are told one by one, too.
    told: dict[str, Any] = json.loads(done.stdout) if done.stdout else {}
    problem = done.stderr.strip().splitlines()[-1] if done.returncode else ""
    return Folder(folder.name, told, seconds, problem)


def reasons(rows: Sequence[dict[str, Any]]) -> str:
    """What was refused of some files and what was recorded with doubt, in words."""
    refused: Counter[str] = Counter()
    for row in rows:
        refused.update(reports.said_of(row))
    return ", ".join(f"{count:,} {reason}" for reason, count in sorted(refused.items()))


def report(folders: Sequence[Folder]) -> str:
    """The report as Markdown."""
    parts = (_head(), _folders(folders), [""], _words(folders), [""], _files(folders), [""])
    return "\n".join(line for part in parts for line in part)


def _head() -> list[str]:
    load = os.getloadavg()[2]
    return [
        "# What an import makes of the sample data",
        "",
        "Made by `python -m benchmarks.import_report ../shared/data`; do not edit. Each folder is",
        "imported by `overround import FOLDER --json` into an empty house. Events",
        "are those that files name, `undecided` those that wait in the queue of matching. What an",
        "archive quoted that cannot be right is `(recorded)`: told, and kept as it was. `unmapped`",
        "selections ask what is no question of ours; they are counted by market. What is",
        "`(no match)` is no event of ours at all, and waits for nobody. The seconds, with the",
        f"start of the servers, are of {os.cpu_count()} processors at load {load:.0f}.",
        "",
    ]


def _folders(folders: Sequence[Folder]) -> Iterator[str]:
    yield f"| folder | files | {' | '.join(_COUNTS)} | seconds | refused |"
    yield "|---|---:|---:|---:|---:|---:|---:|---:|---|"
    for folder in folders:
        rows = folder.files
        counts = [len(rows), *(sum(row[name] for row in rows) for name in _COUNTS)]
        figures = " | ".join(f"{count:,}" for count in counts)
        words = reasons(rows) if rows or not folder.problem else folder.problem
        yield f"| {folder.name} | {figures} | {folder.seconds:.1f} | {words} |"


_COUNTS: Final = ("events", "undecided", "prices", "unmapped", "results")


def _words(folders: Sequence[Folder]) -> Iterator[str]:
    """What the reasons say that occur, and what the files are that are of no feed."""
    told = {one for folder in folders for row in folder.files for one in row["refused"]}
    told |= {one for folder in folders for row in folder.files for one in row["doubted"]}
    told |= {one for folder in folders for row in folder.files for one in row["left_out"]}
    yield "## What the reasons say"
    yield ""
    yield "Those of the gate are in [feeds](../guides/feeds.md#what-is-refused)."
    yield ""
    yield "| reason | it is |"
    yield "|---|---|"
    for one in sorted(told - _OF_THE_GATE):
        yield f"| `{one}` | {REASONS.get(one, _UNEXPLAINED)} |"
    yield ""
    yield "| file of no feed | it is |"
    yield "|---|---|"
    for folder in folders:
        for row in folder.files:
            if "not_recognised" in row["refused"]:
                name = f"{folder.name}/{row['file']}"
                yield f"| {name} | {NO_FEED.get(name, _UNEXPLAINED)} |"


_UNEXPLAINED: Final = "**not explained**"


def _files(folders: Sequence[Folder]) -> Iterator[str]:
    yield "## File by file"
    yield ""
    yield "Seconds are those of reading the file."
    for folder in folders:
        if not folder.files:
            continue
        yield ""
        yield f"### {folder.name}"
        yield ""
        yield f"| file | provider | {' | '.join(_COUNTS)} | seconds | told |"
        yield "|---|---|---:|---:|---:|---:|---:|---:|---|"
        for row in folder.files:
            figures = " | ".join(f"{row[name]:,}" for name in _COUNTS)
            words = f"{row['seconds']:.2f} | {_told(row)}"
            yield f"| {row['file']} | {row['provider']} | {figures} | {words} |"


def _told(row: dict[str, Any]) -> str:
    """What was refused of a file, and its largest markets that have no place with us."""
    markets: dict[str, int] = row["unmapped_markets"]
    largest = ", ".join(f"{count:,} {_plain(name)}" for name, count in markets.items())
    words = [reasons([row]), f"unmapped: {largest}" if largest else ""]
    if not any(words) and not any(row[name] for name in _COUNTS):
        return "quotes nothing"
    return "; ".join(word for word in words if word)


def _plain(name: str) -> str:
    """A provider's word in a cell of a table."""
    return name.replace("|", "/").replace("\n", " ")[:40]


def main() -> None:
    """Write the report and print its first table."""
    if len(sys.argv) < 2:
        sys.exit("say where the sample data is: python -m benchmarks.import_report ../shared/data")
    root, wanted = Path(sys.argv[1]), sys.argv[2:]
    names = wanted or sorted(path.name for path in root.iterdir() if path.is_dir())
    # Servers end a few seconds after the command, and may still write where they are.
    with tempfile.TemporaryDirectory(prefix="overround-", ignore_cleanup_errors=True) as made:
        # As root the servers run as somebody else, who has to get through to their directory.
        Path(made).chmod(0o711)
        folders: list[Folder] = []
        for name in names:
            folders.append(take(root / name, Path(made) / name))
            # What is known is kept: a folder may take minutes.
            REPORT.write_text(report(folders), encoding="utf-8")
    print("\n".join(_folders(folders)))
    crashed = [one.name for one in folders if one.problem and not one.files]
    if crashed or _UNEXPLAINED in report(folders):
        sys.exit(f"not everything is explained; crashed: {', '.join(crashed) or 'none'}")


if __name__ == "__main__":
    main()
