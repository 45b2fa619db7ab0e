"""`overround users`: the players and staff of a tenant."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from overround.cli import context
from overround.cli.context import ConfigOption, JsonOption, StateOption

if TYPE_CHECKING:
    from overround.people.users import NewStaff, User, UserKind

app = typer.Typer(no_args_is_help=True, help="The players and staff of a tenant.")

Subdomain = Annotated[str, typer.Argument(metavar="TENANT", help="The tenant's subdomain.")]
Email = Annotated[str, typer.Argument(help="The user's e-mail address.")]


@app.callback()
def users_commands() -> None:
    """The players and staff of a tenant."""


@app.command("list")
def list_(
    tenant: Subdomain,
    kind: Annotated[Literal["player", "staff"] | None, typer.Option(help="Only these.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000)] = 100,
    state: StateOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """The newest users."""
    found = context.by_worker(state, config, lambda url: _listing(url, tenant, kind, limit))
    rows = [_row(user) for user in found]
    context.show({"items": rows}, as_json=as_json, text=lambda: _table(rows))


@app.command("add")
def add(
    tenant: Subdomain,
    email: Email,
    name: Annotated[str, typer.Option(help="The name that colleagues see.")],
    scope: Annotated[list[str] | None, typer.Option(help="May be given again; default: *.")] = None,
    state: StateOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Add a member of staff; the password is printed once and kept nowhere."""
    import secrets

    from overround.people.users import NewStaff

    asked = NewStaff(email, name, frozenset(scope or ["*"]))
    password = secrets.token_urlsafe(18)
    row = _row(context.by_worker(state, config, lambda url: _add(url, tenant, asked, password)))
    row["password"] = password
    context.show(row, as_json=as_json, text=lambda: context.lines(row))


@app.command("disable")
def disable(
    tenant: Subdomain,
    email: Email,
    state: StateOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Disable a user; every session of his ends at once."""
    settings = context.settings(state, config)
    with context.servers(settings) as endpoints:
        work = _set_active(endpoints.url("worker"), tenant, email, False, endpoints.redis_url)
        row = _row(context.run_async(work))
    context.show(row, as_json=as_json, text=lambda: context.lines(row))


@app.command("enable")
def enable(
    tenant: Subdomain,
    email: Email,
    state: StateOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Let a user log in again."""
    row = _row(context.by_worker(state, config, lambda url: _set_active(url, tenant, email, True)))
    context.show(row, as_json=as_json, text=lambda: context.lines(row))


async def _listing(url: str, subdomain: str, kind: UserKind | None, limit: int) -> list[User]:
    from overround.cli import databases
    from overround.people import users

    async with databases.acting_for(url, subdomain) as acting:
        return await users.listing(acting.conn, acting.tenant.id, kind, limit, None)


async def _add(url: str, subdomain: str, asked: NewStaff, password: str) -> User:
    import secrets

    from overround.cli import databases
    from overround.people import sessions

    hashed = sessions.hash_password(password, secrets.token_bytes(sessions.SALT_BYTES))
    async with databases.acting_for(url, subdomain) as acting:
        return await sessions.add_staff(acting.conn, acting.caller, asked, hashed, acting.at)


async def _set_active(
    url: str, subdomain: str, email: str, active: bool, redis_url: str | None = None
) -> User:
    from contextlib import aclosing

    from overround.cache.leases import Leases
    from overround.cli import databases
    from overround.core.errors import NotFound
    from overround.people import sessions, users

    change = sessions.enable_user if active else sessions.disable_user
    async with databases.acting_for(url, subdomain) as acting:
        tenant, user = acting.tenant, await users.by_email(acting.conn, acting.tenant.id, email)
    if user is None:
        raise NotFound("there is no such user")
    async with aclosing(Leases.open(redis_url, "session")) as leases:
        # First the leases, then the record: nobody is let in by one in between.
        await leases.forbid_owner(tenant.id, user.id)
    async with databases.acting_for(url, subdomain) as acting:
        return await change(acting.conn, acting.caller, user.id, acting.at)


def _row(user: User) -> dict[str, Any]:
    seen = user.last_login_at
    return {
        "id": str(user.id),
        "kind": user.kind,
        "email": user.email,
        "display_name": user.display_name,
        "status": user.status,
        "scopes": list(user.scopes),
        "last_login_at": seen.isoformat() if seen else None,
        "created_at": user.created_at.isoformat(),
    }


def _table(rows: list[dict[str, Any]]) -> str:
    if not rows:
        return "no users yet"
    keys = ("kind", "status", "email", "display_name")
    return context.table(rows, keys)
