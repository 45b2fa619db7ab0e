"""`overround tenants`: the operators of this installation."""

from __future__ import annotations

import base64
from collections.abc import Coroutine, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from overround.cli import context
from overround.cli.context import ConfigOption, JsonOption, StateOption

if TYPE_CHECKING:
    from overround.people.tenants import NewTenant, Tenant, TenantStatus

app = typer.Typer(no_args_is_help=True, help="The operators of this installation.")

Subdomain = Annotated[str, typer.Argument(help="The tenant's subdomain.")]


@app.callback()
def tenants_commands() -> None:
    """The operators of this installation."""


@app.command("list")
def list_(
    state: StateOption = None, config: ConfigOption = None, as_json: JsonOption = False
) -> None:
    """All tenants."""
    found = context.by_worker(state, config, _everyone)
    rows = [_row(tenant) for tenant in found]
    context.show({"items": rows}, as_json=as_json, text=lambda: _table(rows))


@app.command("show")
def show(
    subdomain: Subdomain,
    state: StateOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """One tenant."""
    row = _row(context.by_worker(state, config, lambda url: _show(url, subdomain)))
    context.show(row, as_json=as_json, text=lambda: context.lines(row))


@app.command("add")
def add(
    subdomain: Subdomain,
    name: Annotated[str, typer.Option(help="Shown to players.")],
    contact_email: Annotated[str, typer.Option(help="Whom the platform writes to.")],
    currency: Annotated[str, typer.Option(help="ISO 4217 code; never changes.")] = "EUR",
    time_zone: Annotated[str, typer.Option(help="IANA name; never changes.")] = "UTC",
    fee_bps: Annotated[int, typer.Option(help="Platform's share of positive GGR.")] = 1000,
    margin_bps: Annotated[int, typer.Option(help="Margin on fair prices.")] = 600,
    demo_deposits: Annotated[
        bool,
        typer.Option("--demo-deposits", help="Let players deposit without paying (never live)."),
    ] = False,
    state: StateOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Add a tenant."""
    from overround.people.tenants import NewTenant

    asked = NewTenant(
        subdomain=subdomain,
        name=name,
        contact_email=contact_email,
        currency=currency,
        time_zone=time_zone,
        fee_bps=fee_bps,
        margin_bps=margin_bps,
        settings={"demo_deposits": True} if demo_deposits else {},
    )
    settings = context.settings(state, config)
    with context.servers(settings) as endpoints:
        work = _add(endpoints.url("worker"), asked)
        row = _row(context.run_async(_shown(work, endpoints.redis_url)))
    context.show(row, as_json=as_json, text=lambda: context.lines(row))


@app.command("set-status")
def set_status(
    subdomain: Subdomain,
    status: Annotated[Literal["active", "suspended", "closed"], typer.Argument()],
    state: StateOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Suspend, reopen or close a tenant; its host answers accordingly from the next request."""
    settings = context.settings(state, config)
    with context.servers(settings) as endpoints:
        work = _set_status(endpoints.url("worker"), subdomain, status)
        row = _row(context.run_async(_shown(work, endpoints.redis_url)))
    context.show(row, as_json=as_json, text=lambda: context.lines(row))


@app.command("demo-deposits")
def demo_deposits(
    subdomain: Subdomain,
    allowed: Annotated[Literal["on", "off"], typer.Argument()],
    state: StateOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Let a tenant's players deposit without paying, or stop it. Never on where money is real."""
    is_allowed = allowed == "on"
    row = _row(
        context.by_worker(state, config, lambda url: _demo_deposits(url, subdomain, is_allowed))
    )
    context.show(row, as_json=as_json, text=lambda: context.lines(row))


@app.command("ruling-alone")
def ruling_alone(
    subdomain: Subdomain,
    amount: Annotated[
        str | None, typer.Argument(help="Such as 500.00; without it, what holds is shown.")
    ] = None,
    state: StateOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Up to how much settled money one person of the office may move by a ruling alone."""
    row = context.by_worker(state, config, lambda url: _ruling_alone(url, subdomain, amount))
    context.show(row, as_json=as_json, text=lambda: context.lines(row))


@app.command("origins")
def origins(
    subdomain: Subdomain,
    origin: Annotated[
        list[str] | None, typer.Argument(help="https://www.example.com; none closes the API.")
    ] = None,
    state: StateOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Let pages of these origins read the tenant's API, and of no others (CORS)."""
    row = _row(context.by_worker(state, config, lambda url: _origins(url, subdomain, origin or [])))
    context.show(row, as_json=as_json, text=lambda: context.lines(row))


@app.command("theme")
def theme(
    subdomain: Subdomain,
    name: Annotated[str | None, typer.Option(help="Shown in place of the tenant's name.")] = None,
    brand: Annotated[str | None, typer.Option(help="#rrggbb of the header and buttons.")] = None,
    accent: Annotated[str | None, typer.Option(help="#rrggbb of links; default: brand.")] = None,
    logo: Annotated[
        Path | None, typer.Option(help="A PNG, WebP or SVG of at most 9 kB.", exists=True)
    ] = None,
    font: Annotated[str | None, typer.Option(help="system, humanist, geometric, ...")] = None,
    heading_font: Annotated[str | None, typer.Option(help="A font for headings.")] = None,
    layout: Annotated[str | None, typer.Option(help="comfortable or compact.")] = None,
    email: Annotated[str | None, typer.Option(help="Where players write to.")] = None,
    phone: Annotated[str | None, typer.Option(help="Where players call.")] = None,
    url: Annotated[str | None, typer.Option(help="Where players find help; https.")] = None,
    feature: Annotated[
        list[str] | None, typer.Option(help="What the site shows, as live=on; repeatable.")
    ] = None,
    state: StateOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Give a tenant's site these looks in place of those it had; without options, the default."""
    contact = {"email": email, "phone": phone, "url": url}
    asked = {
        "name": name,
        "brand": brand,
        "accent": accent,
        "logo": _picture(logo),
        "font": font,
        "heading_font": heading_font,
        "layout": layout,
        "contact": {way: where for way, where in contact.items() if where is not None} or None,
        "features": _switches(feature) or None,
    }
    settings = context.settings(state, config)
    with context.servers(settings) as endpoints:
        given = {key: value for key, value in asked.items() if value is not None}
        work = _theme(endpoints.url("worker"), subdomain, given)
        row = _row(context.run_async(_shown(work, endpoints.redis_url)))
    context.show(row, as_json=as_json, text=lambda: context.lines(row))


def _switches(said: list[str] | None) -> dict[str, bool]:
    """`live=on` as a feature and whether it is on; anything else is refused."""
    found: dict[str, bool] = {}
    for one in said or []:
        name, _, word = one.partition("=")
        if word not in {"on", "off"}:
            raise typer.BadParameter("a feature is written name=on or name=off")
        found[name] = word == "on"
    return found


def _picture(path: Path | None) -> str | None:
    """The file as a data address; whether it is a good one is the tenant's rule."""
    if path is None:
        return None
    kinds = {".png": "image/png", ".webp": "image/webp", ".svg": "image/svg+xml"}
    kind = kinds.get(path.suffix.lower(), "application/octet-stream")
    return f"data:{kind};base64,{base64.b64encode(path.read_bytes()).decode()}"


async def _shown(work: Coroutine[Any, Any, Tenant], redis_url: str) -> Tenant:
    """What `work` changes, and shows to the public as soon as it is committed."""
    from overround.core.clock import WallClock
    from overround.roles.publishing import publish_now

    tenant = await work
    await publish_now(redis_url, [tenant], WallClock())
    return tenant


async def _everyone(url: str) -> list[Tenant]:
    from overround.cli import databases
    from overround.people import tenants

    async with databases.opened(url) as database, database.reading(None) as conn:
        return await tenants.everyone(conn)


async def _show(url: str, subdomain: str) -> Tenant:
    from overround.cli import databases
    from overround.people import tenants

    async with databases.opened(url) as database, database.reading(None) as conn:
        return await tenants.by_subdomain(conn, subdomain)


async def _add(url: str, asked: NewTenant) -> Tenant:
    from overround.cli import databases
    from overround.core import ids, principal
    from overround.core.clock import WallClock
    from overround.people import tenants

    at = WallClock().now()
    caller = principal.system(ids.new(at))
    opened = databases.opened(url)
    async with opened as database, database.transaction(caller.tenant_id) as conn:
        return await tenants.create(conn, caller, asked, at)


async def _set_status(url: str, subdomain: str, status: TenantStatus) -> Tenant:
    from overround.cli import databases
    from overround.people import tenants

    async with databases.acting_for(url, subdomain) as acting:
        return await tenants.set_status(acting.conn, acting.caller, status, acting.at)


async def _origins(url: str, subdomain: str, asked: Sequence[str]) -> Tenant:
    from overround.cli import databases
    from overround.people import tenants

    async with databases.acting_for(url, subdomain) as acting:
        return await tenants.set_origins(acting.conn, acting.caller, asked, acting.at)


async def _theme(url: str, subdomain: str, asked: Mapping[str, object]) -> Tenant:
    from overround.cli import databases
    from overround.people import tenants

    async with databases.acting_for(url, subdomain) as acting:
        return await tenants.set_theme(acting.conn, acting.caller, asked, acting.at)


async def _ruling_alone(url: str, subdomain: str, amount: str | None) -> dict[str, Any]:
    from overround.cli import databases
    from overround.core import money
    from overround.people import tenants

    async with databases.acting_for(url, subdomain) as acting:
        tenant = await tenants.by_id(acting.conn, acting.caller.tenant_id)
        if amount is not None:
            await tenants.set_ruling_alone_max(acting.conn, acting.caller, amount, acting.at)
        most_minor = await tenants.ruling_alone_max_minor(acting.conn, tenant.id)
    most = money.to_text(most_minor, tenant.currency)
    return {"subdomain": subdomain, "ruling_alone_max": most, "currency": tenant.currency}


async def _demo_deposits(url: str, subdomain: str, allowed: bool) -> Tenant:
    from overround.cli import databases
    from overround.people import tenants

    async with databases.acting_for(url, subdomain) as acting:
        return await tenants.allow_demo_deposits(acting.conn, acting.caller, allowed, acting.at)


def _row(tenant: Tenant) -> dict[str, Any]:
    from overround.core import money

    return {
        "id": str(tenant.id),
        "subdomain": tenant.subdomain,
        "name": tenant.name,
        "contact_email": tenant.contact_email,
        "currency": tenant.currency,
        "time_zone": tenant.time_zone,
        "status": tenant.status,
        "payout_rounding": tenant.payout_rounding,
        "stake_min": money.to_text(tenant.stake_min_minor, tenant.currency),
        "payout_max": money.to_text(tenant.payout_max_minor, tenant.currency),
        "fee_bps": tenant.fee_bps,
        "margin_bps": tenant.margin_bps,
        "demo_deposits": tenant.demo_deposits,
        "theme": tenant.settings.get("theme", {}),
        "cors_origins": tenant.settings.get("cors_origins", []),
        "created_at": tenant.created_at.isoformat(),
    }


def _table(rows: list[dict[str, Any]]) -> str:
    if not rows:
        return "no tenants yet: overround tenants add --help"
    keys = ("subdomain", "status", "currency", "time_zone", "name")
    return context.table(rows, keys)
