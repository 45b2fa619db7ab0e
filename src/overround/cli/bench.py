"""`overround bench NAME`: our paths against their references, both in one run.

The benchmarks lie beside the sources, in `benchmarks/`, because what they compare with is installed
for development only; so the command works in a checkout.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from overround.cli import context
from overround.cli.context import JsonOption


def bench(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A file of benchmarks/.")],
    data: Annotated[
        Path | None,
        typer.Option("--data", metavar="DIR", help="A book that `make bench-data` has loaded."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Run a benchmark and print its figures; ratios are taken in the same run."""
    from overround.core.errors import NotFound

    folder = Path(__file__).resolve().parents[3] / "benchmarks"
    names = sorted(file.stem for file in folder.glob("*.py") if "def main" in file.read_text())
    if not names:
        raise NotFound("benchmarks come with the sources: run this in a checkout")
    if name not in names:
        raise NotFound(f"the benchmarks are {', '.join(names)}")
    done = subprocess.run(
        [sys.executable, "-m", f"benchmarks.{name}"],
        cwd=folder.parent,
        env=os.environ if data is None else {**os.environ, "BENCH_DATA": str(data.absolute())},
        stdout=subprocess.PIPE,
        check=False,
    )
    if done.stdout.strip():
        # Of several parts one may have failed: what the others found is shown all the same.
        # The figures are the last line: what a part logs unasked stands before them.
        figures: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        context.show(figures, as_json=as_json, text=lambda: context.lines(figures))
    if done.returncode:
        raise typer.Exit(context.EXIT_FAILED)
