"""`overround calc`: every calculator of the product on the command line, JSON in and JSON out.

Names and shapes are the calculator contract's. A refusal is an answer too: it is printed as
`{"error": code, "detail": ...}` and the exit code is 1.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from overround.cli import bet_calculators, calc_check, calc_wire, context, price_calculators
from overround.cli.context import JsonOption
from overround.core.errors import OverroundError

Calculator = Callable[[object], dict[str, Any]]

CALCULATORS: dict[str, Calculator] = {
    **bet_calculators.CALCULATORS,
    **price_calculators.CALCULATORS,
}

app = typer.Typer(no_args_is_help=True, help="Calculators: a JSON object in, a JSON object out.")


@app.callback()
def calc_commands() -> None:
    """Calculators: a JSON object on stdin, a JSON object on stdout."""


@app.command("check")
def check(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", show_default=False)],
    as_json: JsonOption = False,
) -> None:
    """Run files of cases; exit 1 if any gives another answer than it says."""
    cases = [case for file in files for case in calc_check.read(file)]
    failures = calc_check.failures(cases, CALCULATORS)
    failed = len({failure.case for failure in failures})
    told = [f"{failure.id}: {failure.what}" for failure in failures]
    passed = len(cases) - failed
    context.show(
        {"passed": passed, "failed": failed, "failures": told},
        as_json=as_json,
        text=lambda: "\n".join([*told, f"{passed} passed, {failed} failed"]),
    )
    if failed:
        raise typer.Exit(context.EXIT_FAILED)


def answer(calculator: Calculator, data: bytes) -> tuple[dict[str, Any], bool]:
    """What a calculator says to the bytes of an input object, and whether it is a refusal."""
    try:
        return calculator(calc_wire.read(data)), False
    except OverroundError as refused:
        return {"error": refused.code, "detail": refused.detail}, True


def _register(name: str, calculator: Calculator) -> None:
    help_text = (calculator.__doc__ or "").splitlines()[0]

    @app.command(name, help=help_text)
    def run() -> None:  # pyright: ignore[reportUnusedFunction]
        data = sys.stdin.buffer.read(calc_wire.MAX_INPUT_BYTES + 1)
        told, refused = answer(calculator, data)
        sys.stdout.write(json.dumps(told) + "\n")
        if refused:
            sys.stderr.write(f"overround: {told['error']}: {told['detail']}\n")
            raise typer.Exit(context.EXIT_FAILED)


for _name, _calculator in CALCULATORS.items():
    _register(_name, _calculator)
