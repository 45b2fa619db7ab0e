"""`overround keys platform`: the keys by which the platform's people decide about matches."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from overround.cli import context
from overround.cli.context import ConfigOption, JsonOption, StateOption

if TYPE_CHECKING:
    from overround.db.worker_keys import WorkerKey

app = typer.Typer(no_args_is_help=True, help="Keys of the platform's people at the hub's port.")

Name = Annotated[str, typer.Argument(help="The key's name; it is kept with what is decided by it.")]


@app.callback()
def platform_commands() -> None:
    """Keys of the platform's people at the hub's port."""


@app.command("add")
def add(
    name: Name, state: StateOption = None, config: ConfigOption = None, as_json: JsonOption = False
) -> None:
    """Add a key; its token is printed once and kept nowhere."""
    row = context.by_worker(state, config, lambda url: _add(url, name))
    context.show(row, as_json=as_json, text=lambda: context.lines(row))


@app.command("list")
def list_(
    state: StateOption = None, config: ConfigOption = None, as_json: JsonOption = False
) -> None:
    """Every key, the revoked ones too."""
    rows = context.by_worker(state, config, _everyone)
    context.show({"items": rows}, as_json=as_json, text=lambda: _table(rows))


@app.command("revoke")
def revoke(
    name: Name, state: StateOption = None, config: ConfigOption = None, as_json: JsonOption = False
) -> None:
    """End a key for good, at once."""
    row = context.by_worker(state, config, lambda url: _revoke(url, name))
    context.show(row, as_json=as_json, text=lambda: context.lines(row))


async def _add(url: str, name: str) -> dict[str, Any]:
    from overround.cli import databases
    from overround.core.clock import WallClock
    from overround.db import worker_keys

    async with databases.opened(url) as database, database.transaction(None) as conn:
        key, token = await worker_keys.add_person(conn, name, WallClock().now())
    return _row(key) | {"token": token}


async def _everyone(url: str) -> list[dict[str, Any]]:
    from overround.cli import databases
    from overround.db import worker_keys

    async with databases.opened(url) as database, database.reading(None) as conn:
        return [_row(key) for key in await worker_keys.everyone(conn, "platform")]


async def _revoke(url: str, name: str) -> dict[str, Any]:
    from overround.cli import databases
    from overround.core.clock import WallClock
    from overround.db import worker_keys

    async with databases.opened(url) as database, database.transaction(None) as conn:
        return _row(await worker_keys.revoke(conn, name, WallClock().now(), "platform"))


def _row(key: WorkerKey) -> dict[str, Any]:
    return {
        "name": key.name,
        "created_at": key.created_at.isoformat(),
        "revoked_at": key.revoked_at.isoformat() if key.revoked_at else None,
    }


def _table(rows: list[dict[str, Any]]) -> str:
    if not rows:
        return "no keys yet"
    return context.table(rows, ("name", "created_at", "revoked_at"))
