"""`overround verify`: the books, recomputed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from overround.cli import context
from overround.cli.context import ConfigOption, JsonOption, StateOption

if TYPE_CHECKING:
    from overround.kit.settings import Settings
    from overround.roles.attach import Endpoints


def verify(
    deep: Annotated[
        bool, typer.Option("--deep", help="Also replay every entry outside the database.")
    ] = False,
    state: StateOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Check every tenant's ledger and bets from entries alone; exit 1 when something is broken."""
    settings = context.settings(state, config)
    with context.servers(settings) as endpoints:
        found = context.run_async(_verify(settings, endpoints, deep))
    broken = [violation for tenant in found for violation in tenant["violations"]]
    context.show(
        {"sound": not broken, "deep": deep, "tenants": found},
        as_json=as_json,
        text=lambda: _text(found),
    )
    if broken:
        raise typer.Exit(context.EXIT_FAILED)


async def _verify(settings: Settings, endpoints: Endpoints, deep: bool) -> list[dict[str, Any]]:
    import dataclasses

    from overround.betting import bets
    from overround.core import money
    from overround.money import ledger
    from overround.people import tenants
    from overround.roles.process import database

    found: list[dict[str, Any]] = []
    async with database(settings, endpoints.url("worker"), "worker") as worker:
        async with worker.reading(None) as conn:
            everyone = await tenants.everyone(conn)
        for tenant in everyone:
            async with worker.reading(tenant.id) as conn:
                violations = await ledger.check(conn, tenant.id)
                violations += await bets.check(conn, tenant.id)
                if deep:
                    violations += await ledger.check_deep(conn, tenant.id)
                total_minor = await ledger.total_minor(conn, tenant.id)
                entries = await ledger.entry_count(conn, tenant.id)
            found.append(
                {
                    "tenant": tenant.subdomain,
                    "entries": entries,
                    "total": money.to_text(total_minor, tenant.currency),
                    "currency": tenant.currency,
                    "violations": [dataclasses.asdict(v) for v in violations],
                }
            )
    return found


def _text(found: list[dict[str, Any]]) -> str:
    lines: list[str] = []
    for tenant in found:
        violations = tenant["violations"]
        state = f"{len(violations)} BROKEN" if violations else "sound"
        lines.append(
            f"{tenant['tenant']}: {state} · {tenant['entries']} entries"
            f" · total {tenant['total']} {tenant['currency']}"
        )
        lines += [f"  {v['invariant']}: {v['subject']}: {v['found']}" for v in violations]
    return "\n".join(lines) or "no tenants"
