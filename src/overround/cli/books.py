"""`overround verify`: the books, recomputed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from overround.cli import context
from overround.cli.context import ConfigOption, JsonOption, StateOption

if TYPE_CHECKING:
    from uuid import UUID

    from overround.db import Connection
    from overround.kit.settings import Settings
    from overround.money.ledger import Violation
    from overround.roles.attach import Endpoints


def verify(
    deep: Annotated[
        bool,
        typer.Option("--deep", help="Also recompute entries, grades and payouts in Python."),
    ] = False,
    state: StateOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Check every tenant's books, each at one moment; exit 1 when something is broken."""
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


async def violations(conn: Connection, tenant_id: UUID, *, deep: bool) -> list[Violation]:
    """Every broken invariant of a tenant; `conn` is a snapshot, or the checks see two moments.

    What the money is, and what it moved for: each transfer has the payment, bet or day it names.
    """
    from overround.betting import bets, cashouts, exposure, freebets, settlement, waiting
    from overround.money import ledger, revenue, wallets
    from overround.people import cashier

    found = await ledger.check(conn, tenant_id)
    found += await wallets.check(conn, tenant_id)
    found += await revenue.check(conn, tenant_id)
    found += await cashier.check(conn, tenant_id)
    found += await bets.check(conn, tenant_id)
    found += await freebets.check(conn, tenant_id)
    found += await cashouts.check(conn, tenant_id)
    found += await waiting.check(conn, tenant_id)
    if deep:
        found += await ledger.check_deep(conn, tenant_id)
        found += await bets.check_deep(conn, tenant_id)
        found += await settlement.check_deep(conn, tenant_id)
        found += await exposure.check(conn, tenant_id)
    return found


async def _verify(settings: Settings, endpoints: Endpoints, deep: bool) -> list[dict[str, Any]]:
    import dataclasses

    from overround.core import money
    from overround.db import work
    from overround.money import ledger
    from overround.money.ledger import Violation
    from overround.people import tenants
    from overround.roles.process import database

    found: list[dict[str, Any]] = []
    async with database(settings, endpoints.url("worker"), "worker") as worker:
        async with worker.reading(None) as conn:
            everyone = await tenants.everyone(conn)
            stuck = await work.stuck(conn, "settle")
        for tenant in everyone:
            # One moment for all statements: bets go on while the books are read.
            async with worker.snapshot(tenant.id) as conn:
                broken = await violations(conn, tenant.id, deep=deep)
                total_minor = await ledger.total_minor(conn, tenant.id)
                entries = await ledger.entry_count(conn, tenant.id)
            broken += [
                Violation("no settlement is stuck", f"event {s.subject_id}", s.problem)
                for s in stuck
                if s.tenant_id == tenant.id
            ]
            found.append(
                {
                    "tenant": tenant.subdomain,
                    "entries": entries,
                    "total": money.to_text(total_minor, tenant.currency),
                    "currency": tenant.currency,
                    "violations": [dataclasses.asdict(v) for v in broken],
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
