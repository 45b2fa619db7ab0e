"""`overround status`: what runs, what waits, how the providers do, and what to do about it.

It starts nothing to find out.

Exit codes: 0 healthy · 1 degraded · 2 usage or configuration · 3 down.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Final

import typer

from overround.cli import context, status_tables
from overround.cli.context import ConfigOption, JsonOption, StateOption

if TYPE_CHECKING:
    from overround.kit.settings import Settings
    from overround.roles.attach import Endpoints

_EXITS: Final = {"healthy": 0, "degraded": context.EXIT_FAILED, "down": context.EXIT_UNAVAILABLE}


def status(
    state: StateOption = None, config: ConfigOption = None, as_json: JsonOption = False
) -> None:
    """Look at the house: processes, database, cache, providers, queue, hub, backlog, books."""
    settings = context.settings(state, config)
    report = _report(settings)
    if as_json:
        context.show(report, as_json=True)
    else:
        status_tables.write(report, sys.stdout)
    if code := _EXITS[report["status"]]:
        raise typer.Exit(code)


def _report(settings: Settings) -> dict[str, Any]:
    """The report, or why there is none."""
    from overround.core.errors import Unavailable

    if not _servers_run(settings):
        return _down("nothing_runs", f"nothing runs in {settings.state}")
    try:
        with context.servers(settings) as endpoints:
            return context.run_async(_look(settings, endpoints))
    except Unavailable as error:
        return _down("database_unavailable", error.detail)


def _servers_run(settings: Settings) -> bool:
    """Whether there is a database to ask: an existing one is believed to be there."""
    from overround.roles import place

    if settings.database.url and settings.redis.url:
        return True
    state = settings.state.expanduser()
    return state.is_dir() and place.supervisor_runs(place.open_state(state))


async def _look(settings: Settings, endpoints: Endpoints) -> dict[str, Any]:
    """What is found now; worded by a model where it has said something of these very findings."""
    from overround import ops
    from overround.core.clock import WallClock
    from overround.roles import looking
    from overround.roles.process import database

    thresholds = looking.thresholds_of(settings.alerts)
    lookout = looking.Lookout(endpoints.state, thresholds=thresholds)
    async with database(settings, endpoints.url("worker"), "worker") as worker:
        found = await looking.look(worker, WallClock().now(), endpoints.redis_url, lookout)
        async with worker.reading(None) as conn:
            words = await ops.last_report(conn, "words")
    report = ops.report(found)
    report["summary"], report["worded_by"] = ops.chosen(report, words and words.report)
    return report


def _down(code: str, detail: str) -> dict[str, Any]:
    """A report of a house in which nobody can be asked anything."""
    from importlib.metadata import version

    from overround import ops
    from overround.core.clock import WallClock

    said = ops.down(code, detail)
    at = WallClock().now().isoformat(timespec="milliseconds")
    return {"status": "down", "version": version("overround"), "at": at, **said}
