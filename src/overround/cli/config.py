"""`overround config check`: what the settings are after all sources were merged."""

from __future__ import annotations

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
    """Read and merge every source; print the result without passwords.

    What is asked of providers is looked at as `pull` does when it starts.
    """
    from overround.core.clock import WallClock
    from overround.kit import settings as kit_settings
    from overround.roles.pull import sources

    found = context.settings(state, config)
    sources.named_origins(sources.sources_of(found.feeds, WallClock().now()))
    merged = kit_settings.redacted(found)

    def text() -> str:
        lines: list[str] = []
        for name, _ in kit_settings.described():
            value: object = merged
            for part in name.split("."):
                value = value[part]  # type: ignore[index]
            lines.append(f"{name}: {'-' if value is None else value}")
        return "\n".join(lines)

    context.show(merged, as_json=as_json, text=text)
