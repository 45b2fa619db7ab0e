"""`overround config`: what the settings are after all sources were merged, and what they may be."""

from __future__ import annotations

import sys

import typer

from overround.cli import context
from overround.cli.context import ConfigOption, JsonOption, StateOption

app = typer.Typer(no_args_is_help=True, help="The settings.")


@app.callback()
def settings_commands() -> None:
    """The settings."""


@app.command("check")
def check(
    state: StateOption = None, config: ConfigOption = None, as_json: JsonOption = False
) -> None:
    """Read and merge every source; print what is in force and where it comes from, no secrets.

    What is asked of providers is looked at as `pull` does when it starts.
    """
    from overround.core.clock import WallClock
    from overround.kit import settings as kit_settings
    from overround.roles.pull import sources

    found = context.settings(state, config)
    sources.named_origins(sources.sources_of(found.feeds, WallClock().now()))
    merged = kit_settings.redacted(found)
    flags = {} if state is None else {"state": state}
    origins = kit_settings.origins(config, flags)

    def text() -> str:
        rows: list[tuple[str, str]] = []
        for name in origins:
            value: object = merged
            for part in name.split("."):
                value = value[part]  # type: ignore[index]
            rows.append((f"{name}: {'-' if value is None else value}", origins[name]))
        width = min(60, max(len(said) for said, _ in rows))
        return "\n".join(
            said if origin == "default" else f"{said:<{width}}  # {origin}" for said, origin in rows
        )

    context.show({**merged, "origins": origins}, as_json=as_json, text=text)


@app.command("document")
def document() -> None:
    """Print docs/reference/settings.md as it follows from the settings."""
    from overround.kit import settings as kit_settings

    sys.stdout.write(kit_settings.document())
