"""`overround db backup`, `restore` and `backups`: copies of the database that can be trusted."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from overround.cli import context
from overround.cli.context import ConfigOption, JsonOption, StateOption

if TYPE_CHECKING:
    from overround.kit.settings import Settings
    from overround.roles.attach import Endpoints

KEEP: Final = 7
KEEP_MAX: Final = 1_000

ToOption = Annotated[
    Path | None,
    typer.Option("--to", metavar="DIR", help="Where backups lie (by default in the state)."),
]
KeepOption = Annotated[
    int, typer.Option("--keep", min=1, max=KEEP_MAX, help="How many are kept, the newest.")
]
TakenOption = Annotated[
    bool,
    typer.Option("--taken", help="Only write down that one was just taken by other means."),
]


def backup(
    to: ToOption = None,
    keep: KeepOption = KEEP,
    taken: TakenOption = False,
    state: StateOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Copy the running database, check the copy, and let the status know of it."""
    settings = context.settings(state, config)
    with context.servers(settings) as endpoints:
        facts = _taken(settings, endpoints, to, keep, by_others=taken)
    context.show(facts, as_json=as_json, text=lambda: context.lines(facts))


def restore(
    source: Annotated[Path, typer.Argument(metavar="BACKUP", help="The folder of one backup.")],
    state: StateOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Bring a backup back into a new state directory, and look whether it serves."""
    from overround.cli.doctor import guard_results
    from overround.roles import backups

    settings = context.settings(state, config)
    facts = backups.restore(settings, source).facts()
    with context.servers(settings) as endpoints:
        results = context.run_async(guard_results(endpoints, settings.database.prepare_threshold))
    facts["state"] = str(settings.state)
    facts["refused"] = [reason for reasons in results.values() for reason in reasons]
    context.show(facts, as_json=as_json, text=lambda: context.lines(facts))
    if facts["refused"]:
        raise typer.Exit(context.EXIT_FAILED)


def listed(
    to: ToOption = None,
    state: StateOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """The whole backups of a folder, the newest first."""
    from overround.roles import backups

    settings = context.settings(state, config)
    folder = to or backups.default_folder(settings.state.expanduser())
    rows = [one.facts() for one in backups.found(folder)]
    keys = ("made_at", "size_bytes", "path")
    context.show(rows, as_json=as_json, text=lambda: context.table(rows, keys) or "none")


def _taken(
    settings: Settings, endpoints: Endpoints, to: Path | None, keep: int, *, by_others: bool
) -> dict[str, Any]:
    from overround.core.clock import WallClock
    from overround.roles import backups

    at = WallClock().now()
    if by_others:
        facts: dict[str, Any] = {"made_at": at.isoformat(), "by": "other means", "took_ms": 0}
    else:
        folder = (to or backups.default_folder(endpoints.state)).expanduser().absolute()
        facts = backups.take(endpoints, folder, at, keep).facts()
    context.run_async(_written(settings, endpoints, facts))
    return facts


async def _written(settings: Settings, endpoints: Endpoints, facts: dict[str, Any]) -> None:
    from datetime import datetime

    from overround import ops
    from overround.roles.process import database

    made = ops.Written(facts, datetime.fromisoformat(facts["made_at"]), facts["took_ms"])
    async with (
        database(settings, endpoints.url("worker"), "worker") as worker,
        worker.transaction(None) as conn,
    ):
        await ops.write_report(conn, "backup", made)
