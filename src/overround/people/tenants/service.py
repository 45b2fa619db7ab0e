"""Use cases of tenants, inside the caller's transaction.

The writing ones run in `db.transaction(tenant_id)`, because they leave an audit row, which belongs
to the tenant; all but `set_theme` need the worker login.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from uuid import UUID

from overround.core import money
from overround.core.errors import Conflict, NotFound
from overround.core.principal import Principal
from overround.db import Connection, audit
from overround.people.tenants import origins, rules, store, theme
from overround.people.tenants.model import NewTenant, Tenant, TenantStatus
from overround.storefront import Snapshot, default_theme, shop


async def create(conn: Connection, principal: Principal, asked: NewTenant, at: datetime) -> Tenant:
    """The new operator with its own accounts; its id is `principal.tenant_id`.

    Raises Invalid (see `rules.tenant`) and Conflict `subdomain_taken`.
    """
    tenant = rules.tenant(asked, principal.tenant_id, at)
    if not await store.insert(conn, tenant):
        raise Conflict("this subdomain is taken", code="subdomain_taken")
    await store.open_accounts(conn, tenant.id, at)
    after = {"subdomain": tenant.subdomain, "currency": tenant.currency, "zone": tenant.time_zone}
    await audit.write(conn, principal, at, "tenant.create", f"tenant:{tenant.id}", after=after)
    return tenant


async def by_subdomain(conn: Connection, subdomain: str) -> Tenant:
    """The tenant of that subdomain, whatever its status. Raises NotFound `unknown_tenant`."""
    tenant = await store.by_subdomain(conn, subdomain)
    if tenant is None:
        raise NotFound("there is no such tenant", code="unknown_tenant")
    return tenant


async def by_id(conn: Connection, tenant_id: UUID) -> Tenant:
    """The tenant of that id, whatever its status. Raises NotFound `unknown_tenant`."""
    tenant = await store.by_id(conn, tenant_id)
    if tenant is None:
        raise NotFound("there is no such tenant", code="unknown_tenant")
    return tenant


async def everyone(conn: Connection) -> list[Tenant]:
    """All tenants by subdomain."""
    return await store.everyone(conn)


async def see_all(conn: Connection) -> None:
    """Let the transaction, which is of no tenant, read the rows of all; for that alone."""
    await store.see_all(conn)


async def set_status(
    conn: Connection, principal: Principal, status: TenantStatus, at: datetime
) -> Tenant:
    """Suspend, reopen or close the principal's tenant; its hosts and sessions follow at once.

    Raises NotFound `unknown_tenant` and Conflict `tenant_closed`: a closed tenant stays closed.
    """
    tenant = await by_id(conn, principal.tenant_id)
    if tenant.status == "closed" and status != "closed":
        raise Conflict("a closed tenant stays closed", code="tenant_closed")
    await store.set_status(conn, tenant.id, status)
    before, after = {"status": tenant.status}, {"status": status}
    await audit.write(conn, principal, at, "tenant.status", f"tenant:{tenant.id}", before, after)
    return await by_id(conn, tenant.id)


async def allow_demo_deposits(
    conn: Connection, principal: Principal, allowed: bool, at: datetime
) -> Tenant:
    """Let the tenant's players deposit without paying, or stop it. Raises NotFound."""
    tenant = await by_id(conn, principal.tenant_id)
    await store.merge_settings(conn, tenant.id, {"demo_deposits": allowed})
    before, after = {"demo_deposits": tenant.demo_deposits}, {"demo_deposits": allowed}
    await audit.write(conn, principal, at, "tenant.settings", f"tenant:{tenant.id}", before, after)
    return await by_id(conn, tenant.id)


async def set_origins(
    conn: Connection, principal: Principal, asked: Iterable[str], at: datetime
) -> Tenant:
    """Let pages of these origins read the tenant's API, and of no others.

    Raises NotFound and Invalid `cors_origins`.
    """
    checked = origins.checked(asked)
    tenant = await by_id(conn, principal.tenant_id)
    await store.merge_settings(conn, tenant.id, {origins.SETTING: checked})
    before = {origins.SETTING: sorted(origins.of(tenant.settings))}
    after = {origins.SETTING: checked}
    await audit.write(conn, principal, at, "tenant.settings", f"tenant:{tenant.id}", before, after)
    return await by_id(conn, tenant.id)


async def set_theme(
    conn: Connection, principal: Principal, asked: Mapping[str, object], at: datetime
) -> Tenant:
    """Give the tenant's site these looks in place of those it had.

    Raises NotFound and Invalid (see `theme.checked`).
    """
    checked = theme.checked(asked)
    tenant = await by_id(conn, principal.tenant_id)
    before = {"theme": await store.set_theme(conn, tenant.id, checked)}
    target = f"tenant:{tenant.id}"
    await audit.write(conn, principal, at, "tenant.theme", target, before, {"theme": checked})
    return await by_id(conn, tenant.id)


async def ruling_alone_max_minor(conn: Connection, tenant_id: UUID) -> int:
    """Up to how much settled money one person of the office moves by a ruling without another.

    Raises NotFound.
    """
    return await store.ruling_alone_max_minor(conn, (await by_id(conn, tenant_id)).id)


async def set_ruling_alone_max(
    conn: Connection, principal: Principal, amount: str, at: datetime
) -> Tenant:
    """Another such amount, for rulings from now on. Raises NotFound, Invalid `invalid_number`."""
    tenant = await by_id(conn, principal.tenant_id)
    amount_minor = money.parse(amount, tenant.currency)
    before = {"ruling_alone_max_minor": await store.ruling_alone_max_minor(conn, tenant.id)}
    await store.set_ruling_alone_max(conn, tenant.id, amount_minor)
    after = {"ruling_alone_max_minor": amount_minor}
    await audit.write(conn, principal, at, "tenant.settings", f"tenant:{tenant.id}", before, after)
    return tenant


def front_of(tenant: Tenant, made_ms: int) -> dict[str, Snapshot]:
    """What is published of a tenant, by name: its looks, and whether it is open.

    One that is not open looks like one that never was
    (test: a suspended tenant shows the defaults).
    """
    is_open = tenant.status == "active"
    if is_open:
        looks = theme.document(theme.of(tenant.settings, tenant.name), tenant.subdomain)
    else:
        looks = default_theme(tenant.subdomain).body
    return {"theme": Snapshot(looks, made_ms), "shop": shop(is_open, made_ms)}
