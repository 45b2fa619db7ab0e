"""`overround keys`: of scrapers (`worker`, here), of programs that read odds (`api`), of people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from overround.cli import api_keys, context, platform_keys
from overround.cli.context import ConfigOption, JsonOption, StateOption

if TYPE_CHECKING:
    from overround.db.worker_keys import WorkerKey

app = typer.Typer(no_args_is_help=True, help="Keys of programs.")
worker = typer.Typer(no_args_is_help=True, help="Keys of scrapers, each for one site.")
app.add_typer(worker, name="worker")
app.add_typer(api_keys.app, name="api")
app.add_typer(platform_keys.app, name="platform")

Name = Annotated[str, typer.Argument(help="The key's name, e.g. the machine it is for.")]


@app.callback()
def keys_commands() -> None:
    """Keys of programs."""


@worker.callback()
def worker_commands() -> None:
    """Keys of scrapers, each for one site."""


@worker.command("add")
def add(
    name: Name,
    site: Annotated[str, typer.Option(help="The site it may speak for: sbo, ibc, cmd, ...")],
    state: StateOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Add a key; its token is printed once and kept nowhere."""
    row = context.by_worker(state, config, lambda url: _add(url, name, site))
    context.show(row, as_json=as_json, text=lambda: context.lines(row))


@worker.command("list")
def list_(
    state: StateOption = None, config: ConfigOption = None, as_json: JsonOption = False
) -> None:
    """Every key, the revoked ones too."""
    rows = context.by_worker(state, config, _everyone)
    context.show({"items": rows}, as_json=as_json, text=lambda: _table(rows))


@worker.command("revoke")
def revoke(
    name: Name,
    state: StateOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """End a key for good; the hub closes its connections within seconds."""
    row = context.by_worker(state, config, lambda url: _revoke(url, name))
    context.show(row, as_json=as_json, text=lambda: context.lines(row))


async def _add(url: str, name: str, site: str) -> dict[str, Any]:
    from overround.cli import databases
    from overround.core.clock import WallClock
    from overround.db import worker_keys

    async with databases.opened(url) as database, database.transaction(None) as conn:
        key, token = await worker_keys.add(conn, name, site, WallClock().now())
    return _row(key) | {"token": token}


async def _everyone(url: str) -> list[dict[str, Any]]:
    from overround.cli import databases
    from overround.db import worker_keys

    async with databases.opened(url) as database, database.reading(None) as conn:
        return [_row(key) for key in await worker_keys.everyone(conn)]


async def _revoke(url: str, name: str) -> dict[str, Any]:
    from overround.cli import databases
    from overround.core.clock import WallClock
    from overround.db import worker_keys

    async with databases.opened(url) as database, database.transaction(None) as conn:
        return _row(await worker_keys.revoke(conn, name, WallClock().now()))


def _row(key: WorkerKey) -> dict[str, Any]:
    return {
        "name": key.name,
        "site": key.site,
        "created_at": key.created_at.isoformat(),
        "revoked_at": key.revoked_at.isoformat() if key.revoked_at else None,
    }


def _table(rows: list[dict[str, Any]]) -> str:
    if not rows:
        return "no keys yet"
    return context.table(rows, ("name", "site", "created_at", "revoked_at"))
