"""`overround match`: how good the matching is; the queue of what a person has to decide."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from enum import StrEnum
from io import TextIOWrapper
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from overround.cli import context, match_queue
from overround.cli.context import JsonOption

app = typer.Typer(no_args_is_help=True, help="Which event of ours a provider's event is.")

# Longer than any line of fixtures, and short enough that a wrong file cannot fill the memory.
_FIELD_MAX: Final = 100_000


class Time(StrEnum):
    """Which columns say when a fixture starts."""

    utc = "utc"
    raw = "raw"


class Learn(StrEnum):
    """Which pairs the words and rosters are learnt from; labels never are."""

    all = "all"
    half = "half"
    none = "none"


@app.callback()
def match_commands() -> None:
    """Which event of ours a provider's event is."""


@app.command("evaluate")
def evaluate(
    pairs: Annotated[Path, typer.Argument(metavar="PAIRS.csv", help="Labelled pairs of fixtures.")],
    aliases: Annotated[
        Path | None,
        typer.Option("--aliases", metavar="FILE", help="Spellings of teams (csv, csv.gz)."),
    ] = None,
    time: Annotated[
        Time, typer.Option(help="utc: kickoff_utc. raw: kickoff_raw in the zone beside it.")
    ] = Time.utc,
    learn: Annotated[
        Learn,
        typer.Option(help="Learn words and rosters from all pairs, from one half, from none."),
    ] = Learn.all,
    as_json: JsonOption = False,
) -> None:
    """Precision and recall of the matching on labelled pairs, in all and by kind."""
    from overround.odds import matching

    with _rows(pairs) as rows:
        read = matching.read_pairs(rows, raw=time is Time.raw)
    book = None
    if aliases is not None:
        with _rows(aliases) as rows:
            book = matching.read_aliases(rows)
    found = matching.evaluate(read, book, learn.value)
    context.show(found, as_json=as_json, text=lambda: _text(found))


for decided_by_a_person in (
    match_queue.queue,
    match_queue.confirm,
    match_queue.reject,
    match_queue.new,
    match_queue.unmatch,
    match_queue.rematch,
    match_queue.standing,
):
    app.command(decided_by_a_person.__name__)(decided_by_a_person)


@contextmanager
def _rows(path: Path) -> Generator[Generator[Mapping[str, str | None]]]:
    """The rows of a CSV file, packed or not. Raises Invalid `unreadable`."""
    from overround.core.errors import Invalid

    csv.field_size_limit(_FIELD_MAX)
    try:
        with path.open("rb") as plain:
            packed = plain.read(2) == b"\x1f\x8b"
            plain.seek(0)
            with TextIOWrapper(gzip.open(plain) if packed else plain, "utf-8", newline="") as text:
                yield (row for row in csv.DictReader(text))
    except (OSError, EOFError) as error:
        raise Invalid(f"{path}: {error}", code="unreadable") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise Invalid(f"{path} is not a CSV file: {error}", code="unreadable") from error


def _text(found: Mapping[str, Any]) -> str:
    kinds: Mapping[str, Mapping[str, Any]] = found["by_kind"]
    columns = ("precision", "recall", "found", "missed", "false", "apart")
    lines = [f"{'kind':<32}" + "".join(f"{column:>10}" for column in columns)]
    for kind, figures in [*kinds.items(), ("all", found)]:
        cells = ("-" if figures[column] is None else figures[column] for column in columns)
        lines.append(f"{kind:<32}" + "".join(f"{cell!s:>10}" for cell in cells))
    for wrong in found["wrong"]:
        lines.append(
            f"\n{wrong['pair_id']} {wrong['outcome']}: {wrong['reason']} ({wrong['kind']})"
        )
        lines += [f"  {wrong['ours']}", f"  {wrong['theirs']}"]
    return "\n".join(lines)
