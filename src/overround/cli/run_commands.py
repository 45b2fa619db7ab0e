"""`overround run ROLE`: one process of the product in the foreground."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from overround.cli import context
from overround.cli.context import ConfigOption, JsonOption, StateOption

if TYPE_CHECKING:
    from overround.kit.settings import Settings
    from overround.roles.attach import Endpoints

app = typer.Typer(no_args_is_help=True, help="Run one role in the foreground.")


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
def api(state: StateOption = None, config: ConfigOption = None) -> None:
    """The HTTP edge, until interrupted."""
    from overround.roles import api as role

    settings = context.settings(state, config)
    with context.servers(settings) as endpoints:
        context.run_async(role.run_until_signal(settings, endpoints.url("app")))


@app.command("settle")
def settle(
    once: Annotated[bool, typer.Option("--once", help="Settle what is due, then end.")] = False,
    state: StateOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Grade and pay the bets of decided events; any number of these may run."""
    settings = context.settings(state, config)
    with context.servers(settings) as endpoints:
        settled = context.run_async(_settle(settings, endpoints, once))
    if once:
        context.show({"settled": settled}, as_json=as_json, text=lambda: f"{settled} bets settled")


@app.command("jobs")
def jobs(
    once: Annotated[bool, typer.Option("--once", help="Run each job once, then end.")] = False,
    state: StateOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Revenue days and expiry, until interrupted."""
    settings = context.settings(state, config)
    with context.servers(settings) as endpoints:
        changed = context.run_async(_jobs(settings, endpoints, once))
    if once:
        context.show({"changed": changed}, as_json=as_json, text=lambda: f"{changed} rows changed")


async def _settle(settings: Settings, endpoints: Endpoints, once: bool) -> int:
    from overround.core.clock import WallClock
    from overround.roles import settle as role
    from overround.roles.process import database, stopping

    async with database(settings, endpoints.url("worker"), "worker") as worker:
        if once:
            return await role.run_once(worker, WallClock())
        with stopping() as stop:
            await role.run(worker, WallClock(), stop)
    return 0


async def _jobs(settings: Settings, endpoints: Endpoints, once: bool) -> int:
    from overround.core.clock import WallClock
    from overround.people.sessions import SessionLimits
    from overround.roles import jobs as role
    from overround.roles.process import database, stopping

    limits = SessionLimits(settings.session.idle_s, settings.session.absolute_s)
    async with database(settings, endpoints.url("worker"), "worker") as worker:
        if once:
            return await role.run_once(worker, limits, WallClock())
        with stopping() as stop:
            await role.run(worker, limits, WallClock(), stop)
    return 0
