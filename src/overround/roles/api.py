"""The api role: the HTTP edge of the tenants, in one event loop.

On SIGTERM it takes no new connection, lets what runs finish for `DRAIN_S`, and ends; a bet that is
being placed is answered (test: a slow request survives SIGTERM).
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Final

import uvicorn

from overround.core.clock import Clock, WallClock
from overround.db import Database, guard
from overround.kit import logs
from overround.kit.settings import Settings
from overround.kit.threads import BoundedThreads
from overround.people.sessions import SessionLimits
from overround.web import Services, create_app

# Longer than the longest statement (3 s) and the wait for a connection (5 s) together.
DRAIN_S: Final = 10
# Two hashes at a time: more would only take turns on the processors that requests need.
HASHING_WORKERS: Final = 2
HASHING_WAITING_MAX: Final = 64
KEEP_ALIVE_S: Final = 30
BACKLOG: Final = 1024

_log = logs.get(__name__)


@dataclass(slots=True)
class Running:
    """A server that was started; `stop` may be called from anywhere and twice."""

    server: uvicorn.Server

    def stop(self) -> None:
        """Begin the drain."""
        self.server.should_exit = True


async def run(settings: Settings, url: str, clock: Clock | None = None) -> None:
    """Serve until a signal. `url` is the app login's.

    Raises Unavailable when the database does not answer, and SettingsError (guard) when it does
    not protect tenants.
    """
    database = await Database.open(
        url,
        purpose="web",
        size_min=settings.database.pool_min,
        size_max=settings.database.pool_web,
        acquire_timeout_s=settings.database.acquire_s,
        prepare_threshold=settings.database.prepare_threshold,
    )
    hashing = BoundedThreads(HASHING_WORKERS, HASHING_WAITING_MAX, "hashing")
    try:
        async with database.reading(None) as conn:
            await guard.check(conn, "app")
        services = Services(
            database=database,
            clock=clock or WallClock(),
            hashing=hashing,
            base_domain=settings.web.base_domain,
            limits=SessionLimits(settings.session.idle_s, settings.session.absolute_s),
        )
        server = uvicorn.Server(_config(settings, services))
        _log.info("api.started", host=settings.web.host, port=settings.web.port)
        await server.serve()
    finally:
        await database.close()
        await asyncio.to_thread(hashing.close)
    _log.info("api.stopped")


def _config(settings: Settings, services: Services) -> uvicorn.Config:
    return uvicorn.Config(
        create_app(services),
        host=settings.web.host,
        port=settings.web.port,
        loop="none",
        http="httptools",
        ws="none",
        lifespan="off",
        # Anybody can write X-Forwarded-For; it is believed from nobody.
        proxy_headers=False,
        server_header=False,
        access_log=False,
        log_config=None,
        backlog=BACKLOG,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=DRAIN_S,
    )
