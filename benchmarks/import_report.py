"""What `overround import` makes of every file of the sample data: the report of all of them.

    python -m benchmarks.import_report ../shared/data [FOLDER...]

Imports each folder into an empty house, as a person would, and writes docs/reports/import.md:
a row a folder, then a row a file. Seconds depend on the machine; nothing else does.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

REPORT: Final = Path(__file__).parent.parent / "docs" / "reports" / "import.md"


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
        refused.update(row["refused"])
        refused.update({f"{reason} (recorded)": n for reason, n in row["doubted"].items()})
    return ", ".join(f"{count:,} {reason}" for reason, count in sorted(refused.items()))


def report(folders: Sequence[Folder]) -> str:
    """The report as Markdown."""
    return "\n".join([*_head(), *_folders(folders), "", *_files(folders), ""])


def _head() -> list[str]:
    return [
        "# What an import makes of the sample data",
        "",
        "Made by `python -m benchmarks.import_report ../shared/data`; do not edit. Each folder is",
        "imported by `overround import FOLDER --json` into an empty house. Events",
        "are those that files name, `undecided` those that wait in the queue of matching. What an",
        "archive quoted that cannot be right is `(recorded)`: told, and kept as it was. The gate's",
        "reasons and the parsers' are explained in [feeds](../guides/feeds.md#what-is-refused).",
        "",
    ]


def _folders(folders: Sequence[Folder]) -> Iterator[str]:
    yield "| folder | files | events | undecided | prices | results | seconds | refused |"
    yield "|---|---:|---:|---:|---:|---:|---:|---|"
    for folder in folders:
        rows = folder.files
        counts = [len(rows), *(sum(row[name] for row in rows) for name in _COUNTS)]
        figures = " | ".join(f"{count:,}" for count in counts)
        words = folder.problem or reasons(rows)
        yield f"| {folder.name} | {figures} | {folder.seconds:.1f} | {words} |"


_COUNTS: Final = ("events", "undecided", "prices", "results")


def _files(folders: Sequence[Folder]) -> Iterator[str]:
    yield "## File by file"
    yield ""
    yield "Seconds are those of reading the file; a file of no feed is `not_recognised`."
    for folder in folders:
        if not folder.files:
            continue
        yield ""
        yield f"### {folder.name}"
        yield ""
        yield "| file | provider | events | undecided | prices | results | seconds | refused |"
        yield "|---|---|---:|---:|---:|---:|---:|---|"
        for row in folder.files:
            figures = " | ".join(f"{row[name]:,}" for name in _COUNTS)
            words = f"{row['seconds']:.2f} | {reasons([row])}"
            yield f"| {row['file']} | {row['provider']} | {figures} | {words} |"


def main() -> None:
    """Write the report and print its first table."""
    if len(sys.argv) < 2:
        sys.exit("say where the sample data is: python -m benchmarks.import_report ../shared/data")
    root, wanted = Path(sys.argv[1]), sys.argv[2:]
    names = wanted or sorted(path.name for path in root.iterdir() if path.is_dir())
    with tempfile.TemporaryDirectory(prefix="overround-") as made:
        # As root the servers run as somebody else, who has to get through to their directory.
        Path(made).chmod(0o711)
        folders: list[Folder] = []
        for name in names:
            folders.append(take(root / name, Path(made) / name))
            # What is known is kept: a folder may take minutes.
            REPORT.write_text(report(folders), encoding="utf-8")
    print("\n".join(_folders(folders)))


if __name__ == "__main__":
    main()
