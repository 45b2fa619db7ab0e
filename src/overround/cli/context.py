"""What every command shares: the common options, the settings, the servers, the way out.

@app.command()
def report(state: StateOption = None, config: ConfigOption = None, as_json: JsonOption = False):
    settings = context.settings(state, config)
    with context.servers(settings) as endpoints:
        ...
        context.show(result, as_json=as_json)
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Coroutine, Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, TypeVar, cast

import typer

if TYPE_CHECKING:
    from overround.kit.settings import Settings
    from overround.roles.attach import Endpoints

T = TypeVar("T")

EXIT_FAILED: Final = 1
EXIT_USAGE: Final = 2
EXIT_UNAVAILABLE: Final = 3
EXIT_INTERRUPTED: Final = 130

StateOption = Annotated[
    Path | None,
    typer.Option(
        "--state",
        metavar="DIR",
        help="State directory (OVERROUND_STATE; by default the user's own).",
        show_default=False,
    ),
]
ConfigOption = Annotated[
    Path | None,
    typer.Option(
        "--config",
        metavar="FILE",
        help="Settings file (by default overround.yaml here, if there is one).",
        show_default=False,
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.", show_default=False)]


def settings(
    state: Path | None = None,
    config: Path | None = None,
    flags: Mapping[str, Any] | None = None,
) -> Settings:
    """The settings of this command, its logs configured. Raises SettingsError."""
    from overround.kit import logs
    from overround.kit import settings as kit_settings

    merged: dict[str, Any] = dict(flags or {})
    if state is not None:
        merged["state"] = state
    loaded = kit_settings.load(config, merged)
    logs.hide(*kit_settings.secrets(loaded))
    logs.configure(loaded.log.level, levels=loaded.log.levels)
    return loaded


@contextmanager
def servers(settings: Settings) -> Generator[Endpoints]:
    """The embedded servers (or the existing ones that are set), for the length of the block."""
    from overround.roles.attach import attached

    with attached(settings) as endpoints:
        yield endpoints


def run_async(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine as the command's whole work, on the faster loop where there is one."""
    try:
        import uvloop as loops
    except ImportError:
        import asyncio as loops

    return loops.run(work)


def by_worker(
    state: Path | None, config: Path | None, work: Callable[[str], Coroutine[Any, Any, T]]
) -> T:
    """What `work` comes to at the URL of the worker's login, the servers up meanwhile."""
    with servers(settings(state, config)) as endpoints:
        return run_async(work(endpoints.url("worker")))


def show(value: Any, *, as_json: bool, text: Callable[[], str] | None = None) -> None:
    """Print a result: one JSON object on one line, or its text."""
    if as_json or text is None:
        sys.stdout.write(json.dumps(value, ensure_ascii=False, default=str) + "\n")
    else:
        sys.stdout.write(text().rstrip("\n") + "\n")
    sys.stdout.flush()


def lines(row: Mapping[str, Any]) -> str:
    """One thing as text: a line a field."""
    return "\n".join(f"{key}: {value}" for key, value in row.items())


def report(found: Mapping[str, Any], indent: str = "") -> str:
    """What came out as text: a line a figure, sections set in below their names."""
    said: list[str] = []
    for name, value in found.items():
        if isinstance(value, dict):
            said.append(f"{indent}{name}")
            section = report(cast("dict[str, Any]", value), indent + "  ")
            said += [section] if section else []
        else:
            said.append(f"{indent}{name:<{23 - len(indent)}} {value}")
    return "\n".join(said)


def table(rows: Sequence[Mapping[str, Any]], keys: Sequence[str]) -> str:
    """Many things as text: a line each, with the fields that tell them apart."""
    return "\n".join("  ".join(str(row[key]) for key in keys) for row in rows)
