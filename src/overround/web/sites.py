"""Which tenant a host is, from memory: what the hot routes ask instead of the database.

A site is looked up once and then asked for again, in the background, whenever it is older than
`FRESH_S`: so a suspended tenant's public copies stop within that time (its money at once, because
the gate and the schema look for themselves), and while the database is away the last known sites go
on (test: a site outlives the database and not its tenant).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextvars import Context
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from overround.core.errors import NotFound
from overround.kit import logs
from overround.people import tenants
from overround.people.tenants import Tenant
from overround.web import hosts
from overround.web.limits import prefix_of

FRESH_S: Final = 1.0
SITES_MAX: Final = 10_000

_log = logs.get(__name__)


@dataclass(frozen=True, slots=True)
class Site:
    """A tenant's host as the edge needs it.

    `limits` is what the names of its buckets begin with; `cors` are the foreign origins that may
    read it.
    """

    tenant_id: UUID
    book_id: UUID
    subdomain: str
    limits: str
    cors: frozenset[str] = frozenset()


@dataclass(slots=True)
class Known:
    """What is known of a label: its site, or that there is none. It stays the same object, so
    whoever keeps it sees what changes."""

    site: Site | None
    looked_at_s: float


Find = Callable[[str], Awaitable[Tenant | None]]


def unknown() -> NotFound:
    """The same words for a tenant that never was, is suspended, or has left."""
    return NotFound("there is no such tenant", code="unknown_tenant")


def site_of(tenant: Tenant | None) -> Site | None:
    """The site of a tenant that is open to the public."""
    if tenant is None or tenant.status != "active":
        return None
    return Site(
        tenant_id=tenant.id,
        book_id=tenant.book_id,
        subdomain=tenant.subdomain,
        limits=prefix_of(tenant.id),
        cors=tenants.origins_of(tenant.settings),
    )


class Sites:
    """The sites of one process; used from one event loop.

    `find` asks the record; it raises what the database raises.
    """

    def __init__(self, find: Find, base_domain: str) -> None:
        self._find = find
        self._base_domain = base_domain
        self._known: dict[str, Known] = {}
        self._looking: dict[str, asyncio.Task[Site | None]] = {}

    def label(self, host: bytes) -> str | None:
        """The tenant's label of a Host header, by the strict rule of `hosts`."""
        return hosts.subdomain_of(host.decode("latin-1"), self._base_domain)

    def is_platform(self, host: bytes) -> bool:
        """Whether a Host header names the installation and no tenant of it."""
        return hosts.is_platform(host.decode("latin-1"), self._base_domain)

    def known(self, label: str, at_s: float) -> Site | None:
        """The site if it is in memory; an old one is looked up again beside this request."""
        found = self._known.get(label)
        if found is None:
            return None
        if at_s - found.looked_at_s > FRESH_S:
            # Once for all who ask meanwhile, and not again at once if it fails.
            found.looked_at_s = at_s
            self._look(label, at_s)
        return found.site

    async def find(self, label: str, at_s: float) -> Site:
        """The site. Raises NotFound `unknown_tenant`, and what the database raises at a miss."""
        site = self.known(label, at_s)
        if site is None:
            site = await asyncio.shield(self._look(label, at_s))
        if site is None:
            raise unknown()
        return site

    def note(self, label: str, tenant: Tenant | None, at_s: float) -> Site | None:
        """Remember what somebody else has just read from the record."""
        site = site_of(tenant)
        known = self._known.get(label)
        if known is not None:
            known.site, known.looked_at_s = site, at_s
        elif site is not None and len(self._known) < SITES_MAX:
            # Labels that are nobody's are without end: they are not kept.
            self._known[label] = Known(site, at_s)
        return site

    def record(self, label: str) -> Known | None:
        """What is known of a label, for whoever asks it many times."""
        return self._known.get(label)

    def _look(self, label: str, at_s: float) -> asyncio.Task[Site | None]:
        task = self._looking.get(label)
        if task is None:
            # In a context of its own: it outlives the request that asked first.
            task = asyncio.create_task(self._read(label, at_s), context=Context())
            self._looking[label] = task
            task.add_done_callback(lambda done: self._done(label, done))
        return task

    async def _read(self, label: str, at_s: float) -> Site | None:
        return self.note(label, await self._find(label), at_s)

    def _done(self, label: str, task: asyncio.Task[Site | None]) -> None:
        self._looking.pop(label, None)
        if not task.cancelled() and (error := task.exception()) is not None:
            reason = f"{type(error).__name__}: {error}"[:200]
            _log.warning("sites.not_read", label=label, reason=reason)
