"""The command `overround`: a register of the families of commands, and the way out.

Exit codes: 0 done · 1 failed or refused · 2 usage or configuration · 3 a dependency is down or
held · 130 interrupted.
"""

from __future__ import annotations

import os
import sys

import typer

from overround.cli import (
    bench,
    books,
    calc,
    config,
    context,
    db_commands,
    demo,
    doctor,
    edges_found,
    keys,
    match_commands,
    run_commands,
    scrape,
    season,
    serving,
    status,
    tenants,
    users,
)

app = typer.Typer(
    name="overround",
    help="A self-hosted sportsbook, odds engine and back office.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(calc.app, name="calc")
app.add_typer(config.app, name="config")
app.add_typer(db_commands.app, name="db")
app.add_typer(edges_found.app, name="edges")
app.add_typer(match_commands.app, name="match")
app.add_typer(run_commands.app, name="run")
app.add_typer(tenants.app, name="tenants")
app.add_typer(users.app, name="users")
app.add_typer(keys.app, name="keys")
app.add_typer(season.results, name="results")
app.command("bench")(bench.bench)
app.command("demo")(demo.demo)
app.command("serve")(serving.serve)
app.command("restart")(serving.restart)
app.command("scrape")(scrape.scrape)
app.command("replay")(season.replay)
app.command("import")(season.import_)
app.command("verify")(books.verify)
app.command("status")(status.status)
app.command("doctor")(doctor.doctor)


@app.callback()
def overround() -> None:
    """A self-hosted sportsbook, odds engine and back office."""


def run() -> None:
    """The entry point: run the command, turn what it raises into a line and an exit code."""
    from overround.core.errors import OverroundError, SettingsError, Unavailable

    try:
        app()
    except KeyboardInterrupt:
        sys.exit(context.EXIT_INTERRUPTED)
    except BrokenPipeError:
        # Whoever read us (head, less) has gone; what Python would flush at exit goes nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(context.EXIT_FAILED)
    except OverroundError as error:
        sys.stderr.write(f"overround: {error.detail}\n")
        if isinstance(error, Unavailable):
            sys.exit(context.EXIT_UNAVAILABLE)
        sys.exit(context.EXIT_USAGE if isinstance(error, SettingsError) else context.EXIT_FAILED)
