"""What stands around every page: whose site it is, how it looks, who is logged in, his money."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import Depends, Request
from starlette.responses import HTMLResponse

from overround.core import money as currencies
from overround.core.principal import Principal
from overround.db import Database
from overround.db.routes import Db
from overround.kit.routes import Now, Player, Tools, Visitor
from overround.money import wallets
from overround.money.wallets import Balance
from overround.people import tenants, users
from overround.people.tenants import Tenant, Theme
from overround.web.pages import forms, render


@dataclass(frozen=True, slots=True)
class Shell:
    """The frame of one answer; `user` and `balance` are None for who is not logged in, and
    `balance` for staff, who have none. `path` is the page's own address."""

    tenant: Tenant
    theme: Theme
    caller: Principal | None
    user: users.User | None
    balance: Balance | None
    path: str
    at: datetime
    # Whether the page answers a form that was sent to an address which is no page.
    is_moved: bool = False

    @property
    def zone(self) -> ZoneInfo:
        """The tenant's time zone, in which its pages tell the time."""
        return ZoneInfo(self.tenant.time_zone)

    @property
    def decimals(self) -> int:
        """How many decimals the tenant's currency has."""
        return currencies.currency(self.tenant.currency).decimals

    def page(
        self, template: str, values: Mapping[str, object] | None = None, *, status: int = 200
    ) -> HTMLResponse:
        """A template of the site, with this frame as `shell`."""
        return render.page(template, {"shell": self, **(values or {})}, status=status)


async def frame(request: Request, db: Database, caller: Principal | None, at: datetime) -> Shell:
    """The frame for whoever calls. Raises NotFound."""
    tenant_id = request.state.tenant_id
    user: users.User | None = None
    balance: Balance | None = None
    async with db.reading(tenant_id) as conn:
        tenant = await tenants.by_id(conn, tenant_id)
        if caller is not None:
            user = await users.by_id(conn, tenant_id, caller.actor_id)
        if caller is not None and caller.kind == "player":
            balance = await wallets.balance(conn, tenant_id, caller.actor_id)
    theme = tenants.theme_of(tenant.settings, tenant.name)
    path = forms.page_of(request.url.path)
    is_moved = path != request.url.path
    return Shell(tenant, theme, caller, user, balance, path, at, is_moved)


async def _for_visitor(request: Request, _: Visitor, db: Db, tools: Tools, now: Now) -> Shell:
    return await frame(request, db, await tools.authenticate(request), now)


async def _for_player(request: Request, caller: Player, db: Db, now: Now) -> Shell:
    return await frame(request, db, caller, now)


# What a page's handler asks for; each brings the one permission that its route declares.
ForVisitor = Annotated[Shell, Depends(_for_visitor)]
ForPlayer = Annotated[Shell, Depends(_for_player)]
