"""`overround run ROLE`: one process of the product in the foreground."""

from __future__ import annotations

from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from overround.cli import context
from overround.cli.context import ConfigOption, JsonOption, StateOption

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from pathlib import Path

    from overround.kit.settings import Settings
    from overround.odds.feeds import LiveFeed
    from overround.roles.attach import Endpoints

app = typer.Typer(no_args_is_help=True, help="Run one role in the foreground.")

SupervisedOption = Annotated[
    bool, typer.Option("--supervised", hidden=True, help="End when standard input is closed.")
]
ListenOption = Annotated[
    int | None, typer.Option("--listen-fd", hidden=True, help="A listening socket of the parent.")
]

ReadyOption = Annotated[
    int | None, typer.Option("--ready-fd", hidden=True, help="Where to say that it serves.")
]


@app.callback()
def roles() -> None:
    """Run one role in the foreground."""


@app.command("servers")
def servers(state: StateOption = None, config: ConfigOption = None) -> None:
    """PostgreSQL and Valkey, until interrupted; other commands share them."""
    from overround.roles import attach, place
    from overround.roles import servers as role

    settings = context.settings(state, config)
    role.supervise(attach.plan_of(settings, place.open_state(settings.state)), idle_stop=False)


@app.command("api")
def api(
    listen_fd: ListenOption = None,
    ready_fd: ReadyOption = None,
    supervised: SupervisedOption = False,
    state: StateOption = None,
    config: ConfigOption = None,
) -> None:
    """The HTTP edge, until interrupted."""
    from overround.roles import api as role
    from overround.roles.listening import inherited
    from overround.roles.supervisor import say_ready

    settings = _settings(state, config, supervised)
    listener = None if listen_fd is None else inherited(listen_fd)
    with _counting(settings, "api") as endpoints:
        context.run_async(
            role.run_until_signal(
                settings,
                endpoints.url("app"),
                listener,
                endpoints.redis_url,
                ready=partial(say_ready, ready_fd),
            )
        )


@app.command("hub")
def hub(
    simulate: Annotated[
        bool, typer.Option("--simulate", help="Take the simulator of the demonstration, too.")
    ] = False,
    supervised: SupervisedOption = False,
    state: StateOption = None,
    config: ConfigOption = None,
) -> None:
    """The writer of the board: feeds in, offers and edges out. One at a time writes."""
    settings = _settings(state, config, supervised)
    with _counting(settings, "hub") as endpoints:
        context.run_async(_hub(settings, endpoints, simulate))


@app.command("pull")
def pull(
    supervised: SupervisedOption = False,
    state: StateOption = None,
    config: ConfigOption = None,
) -> None:
    """Ask the providers of the settings by schedule; any number of these share the asking."""
    settings = _settings(state, config, supervised)
    with _counting(settings, "pull") as endpoints:
        context.run_async(_pull(settings, endpoints))


@app.command("settle")
def settle(
    once: Annotated[bool, typer.Option("--once", help="Settle what is due, then end.")] = False,
    supervised: SupervisedOption = False,
    state: StateOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Grade and pay the bets of decided events; any number of these may run."""
    settings = _settings(state, config, supervised)
    with _counting(settings, "settle") as endpoints:
        settled = context.run_async(_settle(settings, endpoints, once))
    if once:
        context.show({"settled": settled}, as_json=as_json, text=lambda: f"{settled} bets settled")


@app.command("jobs")
def jobs(
    once: Annotated[bool, typer.Option("--once", help="Run each job once, then end.")] = False,
    supervised: SupervisedOption = False,
    state: StateOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Revenue days and expiry, until interrupted."""
    settings = _settings(state, config, supervised)
    with _counting(settings, "jobs") as endpoints:
        changed = context.run_async(_jobs(settings, endpoints, once))
    if once:
        context.show({"changed": changed}, as_json=as_json, text=lambda: f"{changed} rows changed")


@app.command("bettors")
def bettors(
    supervised: SupervisedOption = False,
    state: StateOption = None,
    config: ConfigOption = None,
) -> None:
    """The players of a demonstration, over HTTP, until interrupted."""
    settings = _settings(state, config, supervised)
    with _counting(settings, "bettors") as endpoints:
        context.run_async(_bettors(settings, endpoints))


def _settings(state: Path | None, config: Path | None, supervised: bool) -> Settings:
    """The role's settings; a role under a supervisor ends with it from here on."""
    if supervised:
        from overround.roles import supervisor

        supervisor.end_with_parent()
    return context.settings(state, config)


@contextmanager
def _counting(settings: Settings, role: str) -> Generator[Endpoints]:
    """The servers, with what this process counts kept where the others of the state can read it."""
    from overround.kit import metrics
    from overround.roles import looking

    with context.servers(settings) as endpoints:
        metrics.keep_in(looking.metrics_of(endpoints.state), role)
        yield endpoints


async def _hub(settings: Settings, endpoints: Endpoints, simulate: bool) -> None:
    from overround.roles.hub import live as live_hub
    from overround.roles.process import stopping

    feeds: list[Callable[[], LiveFeed]] = []
    if simulate:
        from overround.roles.demo import run as demo_run

        feeds.append(demo_run.read(endpoints.state).simulator)
    with stopping() as stop:
        await live_hub.run(settings, endpoints, stop, feeds)


async def _pull(settings: Settings, endpoints: Endpoints) -> None:
    from overround.roles.pull import role

    await role.run_until_signal(settings, endpoints)


async def _settle(settings: Settings, endpoints: Endpoints, once: bool) -> int:
    from overround.core.clock import WallClock
    from overround.roles import settle as role
    from overround.roles.process import database, stopping
    from overround.storefront import Hints

    async with database(settings, endpoints.url("worker"), "worker") as worker:
        if once:
            return await role.run_once(worker, WallClock())
        hints = Hints.open(endpoints.redis_url)
        try:
            with stopping() as stop:
                await role.run(worker, WallClock(), stop, hints.tell)
        finally:
            await hints.close()
    return 0


async def _jobs(settings: Settings, endpoints: Endpoints, once: bool) -> int:
    from datetime import timedelta

    from overround.core.clock import WallClock
    from overround.odds.board import Keeping
    from overround.ops import History
    from overround.roles import jobs as role
    from overround.roles import looking
    from overround.roles.process import database, session_limits, stopping

    limits = session_limits(settings)
    kept = settings.retention
    keeping = Keeping(kept.history_days, kept.history_bytes_max, kept.inbox_days, kept.refused_days)
    thresholds = looking.thresholds_of(settings.alerts)
    lookout = looking.Lookout(endpoints.state, History(), thresholds, limits)
    watching = role.Watching(lookout, settings.alerts, settings.llm)
    edges_kept = timedelta(days=kept.edges_days)
    async with database(settings, endpoints.url("worker"), "worker") as worker:
        if once:
            changed = await role.run_once(worker, limits, WallClock())
            return changed + await role.trim_once(worker, WallClock(), keeping, edges_kept)
        with stopping() as stop:
            redis_url = endpoints.redis_url
            await role.run(
                worker, limits, WallClock(), stop, keeping, redis_url, edges_kept, watching
            )
    return 0


async def _bettors(settings: Settings, endpoints: Endpoints) -> None:
    from overround.roles.demo import bettors as role
    from overround.roles.process import stopping

    with stopping() as stop:
        await role.run(settings, endpoints, stop)
