"""`overround demo`: everything at once, on a market that moves by itself."""

from __future__ import annotations

import os
import sys
import webbrowser
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from overround.cli import context
from overround.cli.context import ConfigOption, JsonOption, StateOption
from overround.cli.serving import say, served

if TYPE_CHECKING:
    from overround.kit.settings import Settings
    from overround.roles.demo.run import DemoRun


def demo(
    port: Annotated[
        int | None, typer.Option(min=1, max=65_535, help="Port of the site.", show_default="8000")
    ] = None,
    feed: Annotated[
        list[Path] | None,
        typer.Option(exists=True, metavar="PATH", help="A feed's file, too; may be repeated."),
    ] = None,
    for_s: Annotated[
        float | None,
        typer.Option("--for", metavar="SECONDS", help="End after this time, with a report."),
    ] = None,
    seed: Annotated[int, typer.Option(help="Everything that is simulated comes from it.")] = 1,
    speed: Annotated[float, typer.Option(help="Simulated seconds in one.")] = 60.0,
    browser: Annotated[
        bool | None,
        typer.Option("--open/--no-open", help="Open a browser.", show_default="on a desktop"),
    ] = None,
    state: StateOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Two tenants, a simulated market and players; until interrupted, then a report."""
    from overround.roles.demo import role

    options = role.Options(seed, speed, for_s, tuple(feed or ()))
    settings = context.settings(state, config, {} if port is None else {"web": {"port": port}})
    opens = _has_desktop() if browser is None else browser

    def ready(run: DemoRun) -> None:
        _introduce(settings, run)
        if opens:
            webbrowser.open(_url(settings, next(iter(run.staff))))

    with served(settings) as endpoints:
        done = context.run_async(role.demo(settings, endpoints, options, config, say, ready))
    context.show(done, as_json=as_json, text=lambda: context.report(done))
    if done["arbitrages_false"]:
        say(f"{done['arbitrages_false']} arbitrages do not keep what they say")
        raise typer.Exit(context.EXIT_FAILED)


def _introduce(settings: Settings, run: DemoRun) -> None:
    """Where to look, and with which log-in."""
    for subdomain, staff in run.staff.items():
        url = _url(settings, subdomain)
        say(f"{url}   office: {url}/office   {staff.email} / {staff.password}")
    say("interrupt with Ctrl-C for the report")


def _url(settings: Settings, subdomain: str) -> str:
    from overround.roles import serve

    return serve.tenant_url(settings, subdomain)


def _has_desktop() -> bool:
    """Whether somebody sits at this terminal, with a screen that a browser can open on."""
    if not sys.stderr.isatty():
        return False
    screens = ("DISPLAY", "WAYLAND_DISPLAY")
    return sys.platform == "darwin" or any(os.environ.get(name) for name in screens)
