"""`overround serve`: the product, running."""

from __future__ import annotations

import sys
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from overround.cli import context
from overround.cli.context import ConfigOption, JsonOption, StateOption

if TYPE_CHECKING:
    from overround.kit.settings import Settings
    from overround.roles.attach import Endpoints
    from overround.roles.renewing import Outcome


def serve(
    port: Annotated[
        int | None, typer.Option(min=1, max=65_535, help="Port of the site.", show_default="8000")
    ] = None,
    state: StateOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Serve the tenants: api, hub, settlement and jobs, until interrupted."""
    from overround.roles import serve as role

    settings = context.settings(state, config, {} if port is None else {"web": {"port": port}})
    with served(settings) as endpoints:
        done = context.run_async(role.serve(settings, endpoints, config, say))
    context.show(done, as_json=as_json, text=lambda: _text(done))


def restart(
    state: StateOption = None, config: ConfigOption = None, as_json: JsonOption = False
) -> None:
    """Begin every role of the running `serve` anew, one after another; nobody is refused.

    A new process of the api has to serve before an old one ends. If one does not, the rest is left
    as it is and the command fails.
    """
    from overround.roles import place, renewing

    settings = context.settings(state, config)
    outcome = renewing.ask(place.open_state(settings.state))
    context.show(asdict(outcome), as_json=as_json, text=lambda: _renewed(outcome))
    if outcome.failed is not None:
        raise typer.Exit(context.EXIT_FAILED)


@contextmanager
def served(settings: Settings) -> Generator[Endpoints]:
    """The servers, for a command that stays: its stderr is for people, its logs are a file."""
    from overround.kit import logs

    with (
        context.servers(settings) as endpoints,
        (endpoints.state / "logs" / "supervisor.log").open("a", encoding="utf-8") as stream,
    ):
        logs.configure(settings.log.level, stream, settings.log.levels)
        try:
            yield endpoints
        finally:
            logs.configure(settings.log.level, levels=settings.log.levels)


def say(line: str) -> None:
    """What a person who looks at the terminal should know, beside the result."""
    sys.stderr.write(f"overround: {line}\n")
    sys.stderr.flush()


def _renewed(outcome: Outcome) -> str:
    begun = f"begun anew: {', '.join(outcome.renewed) or 'nothing'}; {outcome.taken_s} s"
    if outcome.failed is None:
        return begun
    return f"{begun}; {outcome.failed} did not start, and what ran goes on: see its log"


def _text(done: dict[str, Any]) -> str:
    again = [f"{name} {count}" for name, count in done["restarts"].items() if count]
    return f"ended; started again: {', '.join(again) or 'nothing'}"
