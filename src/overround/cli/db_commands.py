"""`overround db`: migrate, check, back up, and a psql on the right database."""

from __future__ import annotations

import dataclasses
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from overround.cli import context, db_backups
from overround.cli.context import ConfigOption, JsonOption, StateOption

if TYPE_CHECKING:
    from overround.kit.settings import Settings
    from overround.roles.attach import Endpoints

app = typer.Typer(no_args_is_help=True, help="The database.")


@app.callback()
def database() -> None:
    """The database."""


app.command("backup")(db_backups.backup)
app.command("restore")(db_backups.restore)
app.command("backups")(db_backups.listed)


@app.command("migrate")
def migrate(
    state: StateOption = None, config: ConfigOption = None, as_json: JsonOption = False
) -> None:
    """Bring the schema up to date; on an existing server, make the logins first."""
    from overround.db import logins, migrate
    from overround.db.logins import Timeouts

    settings = context.settings(state, config)
    with context.servers(settings) as endpoints:
        if settings.database.url is not None:
            database = settings.database
            timeouts = Timeouts(database.statement_s, database.idle_in_transaction_s)
            logins.ensure_on_existing(settings.database.url, endpoints.state, timeouts)
        report = context.run_async(migrate.migrate(endpoints.url("owner")))
    context.show(dataclasses.asdict(report), as_json=as_json, text=lambda: str(report))


@app.command("check")
def check(
    state: StateOption = None, config: ConfigOption = None, as_json: JsonOption = False
) -> None:
    """Ask the start-up guard about every login; exit 1 when it refuses one."""
    from overround.cli.doctor import guard_results

    settings = context.settings(state, config)
    with context.servers(settings) as endpoints:
        results = context.run_async(guard_results(endpoints, settings.database.prepare_threshold))
    refused = any(results.values())
    context.show(
        results,
        as_json=as_json,
        text=lambda: "\n".join(
            f"{login}: {'; '.join(reasons) or 'ok'}" for login, reasons in results.items()
        ),
    )
    if refused:
        raise typer.Exit(context.EXIT_FAILED)


RoleOption = Annotated[str, typer.Option("--role", help="owner, app, worker or reader.")]


@app.command("psql", context_settings={"ignore_unknown_options": True, "allow_extra_args": True})
def psql(
    ctx: typer.Context,
    state: StateOption = None,
    config: ConfigOption = None,
    role: RoleOption = "owner",
) -> None:
    """psql on the database; further arguments go to psql."""
    from overround.db import binaries
    from overround.db.logins import ROLES

    if role not in ROLES:
        raise typer.BadParameter(f"one of {', '.join(ROLES)}", param_hint="--role")
    settings = context.settings(state, config)
    with context.servers(settings) as endpoints:
        if sys.stdin.isatty():
            sys.stderr.write(
                "Row security holds here too. To see a tenant's rows: "
                "SELECT set_config('overround.tenant_id', '<id>', false);\n"
            )
        # The URL travels in the environment: a command line can be read by every account.
        environment = {**os.environ, **_libpq_environment(endpoints.url(role))}
        # Ctrl-C is psql's: it cancels a statement and must not end us with it.
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)
        finished = subprocess.run(
            [str(binaries.program("psql")), *ctx.args], env=environment, check=False
        )
        signal.signal(signal.SIGINT, before)
    if finished.returncode:
        sys.exit(finished.returncode)


def _libpq_environment(url: str) -> dict[str, str]:
    from psycopg.conninfo import conninfo_to_dict

    names = {"dbname": "PGDATABASE", "user": "PGUSER", "password": "PGPASSWORD"}
    options: dict[str, Any] = conninfo_to_dict(url)
    return {names.get(key, f"PG{key.upper()}"): str(value) for key, value in options.items()}


@app.command("seed")
def seed(
    state: StateOption = None, config: ConfigOption = None, as_json: JsonOption = False
) -> None:
    """Make the demonstration's two tenants, acme and sakura, where they are missing."""
    settings = context.settings(state, config)
    with context.servers(settings) as endpoints:
        names = context.run_async(_seed(settings, endpoints))
    context.show({"tenants": names}, as_json=as_json, text=lambda: " ".join(names))


async def _seed(settings: Settings, endpoints: Endpoints) -> list[str]:
    from overround.core.clock import WallClock
    from overround.roles import seeding
    from overround.roles.process import database

    await seeding.prepare(endpoints)
    async with database(settings, endpoints.url("worker"), "worker") as worker:
        made = await seeding.seed(worker, WallClock().now())
    return [tenant.subdomain for tenant in made]
