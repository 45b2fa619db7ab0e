"""`overround keys api`: the keys that programs read a tenant's odds with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from overround.cli import context
from overround.cli.context import ConfigOption, JsonOption, StateOption

if TYPE_CHECKING:
    from overround.core.principal import Principal
    from overround.db import Connection
    from overround.people.sessions import ApiKey

app = typer.Typer(no_args_is_help=True, help="Keys of programs that read a tenant's odds.")

Name = Annotated[str, typer.Argument(help="The key's name, e.g. the program it is for.")]
Tenant = Annotated[str, typer.Option(help="The tenant's subdomain.")]


@app.callback()
def api_commands() -> None:
    """Keys of programs that read a tenant's odds."""


@app.command("add")
def add(
    name: Name,
    tenant: Tenant,
    plan: Annotated[str, typer.Option(help="free, starter or pro.")] = "free",
    credits_per_month: Annotated[
        int | None, typer.Option("--credits", help="Credits a month, where not the plan's.")
    ] = None,
    state: StateOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Add a key; its text is printed once and kept nowhere."""
    row = context.by_worker(
        state, config, lambda url: _add(url, tenant, name, plan, credits_per_month)
    )
    context.show(row, as_json=as_json, text=lambda: context.lines(row))


@app.command("list")
def list_(
    tenant: Tenant,
    state: StateOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Every key of a tenant, the revoked ones too, with what is used of the month."""
    rows = context.by_worker(state, config, lambda url: _everyone(url, tenant))
    context.show({"items": rows}, as_json=as_json, text=lambda: _table(rows))


@app.command("revoke")
def revoke(
    name: Name,
    tenant: Tenant,
    state: StateOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """End a key for good: its next call is refused."""
    row = context.by_worker(state, config, lambda url: _revoke(url, tenant, name))
    context.show(row, as_json=as_json, text=lambda: context.lines(row))


async def _caller(conn: Connection, subdomain: str) -> Principal:
    """The product's own word at a tenant. Raises NotFound."""
    from overround.core import principal
    from overround.people import tenants

    return principal.system((await tenants.by_subdomain(conn, subdomain)).id)


async def _add(
    url: str, subdomain: str, name: str, plan: str, credits_per_month: int | None
) -> dict[str, Any]:
    from overround.cli import databases
    from overround.core.clock import WallClock
    from overround.people import sessions

    async with databases.opened(url) as database:
        async with database.reading(None) as conn:
            caller = await _caller(conn, subdomain)
        async with database.transaction(caller.tenant_id) as conn:
            key, token = await sessions.add_key(
                conn, caller, name, plan, credits_per_month, WallClock().now()
            )
    return _row(key) | {"key": token}


async def _everyone(url: str, subdomain: str) -> list[dict[str, Any]]:
    from overround.cli import databases
    from overround.people import sessions

    async with databases.opened(url) as database:
        async with database.reading(None) as conn:
            caller = await _caller(conn, subdomain)
        async with database.reading(caller.tenant_id) as conn:
            return [_row(key) for key in await sessions.api_keys(conn, caller.tenant_id)]


async def _revoke(url: str, subdomain: str, name: str) -> dict[str, Any]:
    from overround.cli import databases
    from overround.core.clock import WallClock
    from overround.people import sessions

    async with databases.opened(url) as database:
        async with database.reading(None) as conn:
            caller = await _caller(conn, subdomain)
        async with database.transaction(caller.tenant_id) as conn:
            return _row(await sessions.revoke_key(conn, caller, name, WallClock().now()))


def _row(key: ApiKey) -> dict[str, Any]:
    return {
        "name": key.name,
        "plan": key.plan,
        "credits_per_month": key.credits_per_month,
        "used": key.used,
        "created_at": key.created_at.isoformat(),
        "revoked_at": key.revoked_at.isoformat() if key.revoked_at else None,
    }


def _table(rows: list[dict[str, Any]]) -> str:
    if not rows:
        return "no keys yet"
    return context.table(
        rows, ("name", "plan", "credits_per_month", "used", "created_at", "revoked_at")
    )
