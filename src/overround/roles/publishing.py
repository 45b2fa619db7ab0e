"""What every api process does beside serving: it keeps the storefront's copies true.

Once a second each tenant's looks, its state and its first views are confirmed in the cache, by
whichever process comes first: who finds them confirmed a moment ago leaves them. So what a visitor
sees first is never made on his account, and all of it is there when the database is not
(test: what was never asked for is shown without a database).

To make the views costs as much as to take hundreds of bets. While neither the tenant nor an offer
of its book has changed since they were made, they are made again every few seconds only, for what
else they show (test: what did not change is made again later).
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final
from uuid import UUID

from psycopg import Error as DatabaseError

from overround.betting import offers
from overround.core.clock import Clock, millis
from overround.core.errors import Unavailable
from overround.db import Database
from overround.kit import logs, loop
from overround.people import tenants
from overround.people.tenants import Tenant
from overround.storefront import Shelf
from overround.web.copy_names import FIRST_VIEWS
from overround.web.outage import Outage

_EVERY_S: Final = 1.0
# Of the time, so much may go into this: with many tenants each is confirmed less often.
_SHARE: Final = 0.05
_RECENT_MS: Final = 800
# What did not change is said again this often; a snapshot is stale after thirty seconds.
_CONFIRM_MS: Final = 5_000

_log = logs.get(__name__)


class Publishing:
    """One process's part of the work; `outage` keeps the first views that it is asked for."""

    def __init__(self, database: Database, shelf: Shelf, outage: Outage, clock: Clock) -> None:
        self._database = database
        self._shelf = shelf
        self._outage = outage
        self._clock = clock
        self._failing = False
        # What each tenant's views were made of: the tenant, and its book's newest row.
        self._made: dict[UUID, tuple[Tenant, int]] = {}

    async def run(self, stop: asyncio.Event) -> None:
        """Confirm until told to stop; the database's absence is waited out and said once."""
        running = asyncio.get_running_loop()
        while not stop.is_set():
            began_s = running.time()
            try:
                await self.run_once()
                self._failing = False
            except (Unavailable, DatabaseError) as error:
                if not self._failing:
                    reason = f"{type(error).__name__}: {error}"[:200]
                    _log.warning("storefront.not_confirmed", reason=reason)
                self._failing = True
            except Exception:  # noqa: BLE001  (the next second is the handler)
                _log.exception("storefront.not_confirmed")
            taken_s = running.time() - began_s
            await loop.wait(
                stop, max(_EVERY_S - taken_s, taken_s / _SHARE if taken_s > 1 else 0.05)
            )

    async def run_once(self) -> int:
        """How many tenants were confirmed."""
        if not self._database.admits():
            return 0
        async with self._database.reading(None) as conn:
            everyone = await tenants.everyone(conn)
            newest = await offers.newest(conn, list({tenant.book_id for tenant in everyone}))
        for gone in self._made.keys() - {tenant.id for tenant in everyone}:
            del self._made[gone]
        confirmed = 0
        for tenant in everyone:
            confirmed += await self._confirm(tenant, newest[tenant.book_id])
        return confirmed

    async def _confirm(self, tenant: Tenant, newest: int) -> bool:
        at_ms = millis(self._clock.now())
        await self._tell_looks(tenant, at_ms)
        if tenant.status != "active":
            return True
        first = f"view:{FIRST_VIEWS[0]}"
        view = await self._shelf.take(tenant.subdomain, first, newest=True)
        same = self._made.get(tenant.id) == (tenant, newest)
        if view is not None and 0 <= at_ms - view.made_ms < (_CONFIRM_MS if same else _RECENT_MS):
            return False
        for path in FIRST_VIEWS:
            await self._outage.look(tenant.subdomain, path)
        view = self._shelf.kept(tenant.subdomain, first)
        # What could not be made is made as soon as it can be.
        if view is not None and view.made_ms >= at_ms:
            self._made[tenant.id] = tenant, newest
        return True

    async def _tell_looks(self, tenant: Tenant, at_ms: int) -> None:
        for name, snapshot in tenants.front_of(tenant, at_ms).items():
            known = self._shelf.kept(tenant.subdomain, name)
            same = known is not None and known.body == snapshot.body
            if same and known is not None and at_ms - known.made_ms < _CONFIRM_MS:
                continue
            await self._shelf.publish(tenant.subdomain, name, snapshot)


async def publish_now(redis_url: str, changed: Sequence[Tenant], clock: Clock) -> bool:
    """Show what a command has just changed; False when the cache does not take it.

    The command goes on all the same: an api that runs confirms it within a second.
    """
    shelf = Shelf.open(redis_url)
    publishing = True
    try:
        for tenant in changed:
            at_ms = millis(clock.now())
            for name, snapshot in tenants.front_of(tenant, at_ms).items():
                publishing = await shelf.publish(tenant.subdomain, name, snapshot) and publishing
    finally:
        await shelf.aclose()
    return publishing
