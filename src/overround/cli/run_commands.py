"""`overround run ROLE`: one process of the product in the foreground."""

from __future__ import annotations

import typer

from overround.cli import context
from overround.cli.context import ConfigOption, StateOption

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
