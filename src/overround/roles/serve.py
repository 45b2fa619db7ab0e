"""Everything that serves, in one process: api, settle and jobs. The first that fails stops all."""

from __future__ import annotations

import asyncio

from overround.core.clock import WallClock
from overround.kit.settings import Settings
from overround.people.sessions import SessionLimits
from overround.roles import api, jobs, settle
from overround.roles.attach import Endpoints
from overround.roles.process import database, stopping


async def serve(settings: Settings, endpoints: Endpoints) -> None:
    """Serve until SIGTERM or SIGINT, then drain. Raises what the first failing role raised."""
    clock = WallClock()
    limits = SessionLimits(settings.session.idle_s, settings.session.absolute_s)
    with stopping() as stop:
        async with database(settings, endpoints.url("worker"), "worker") as worker:
            roles = [
                asyncio.create_task(api.run(settings, endpoints.url("app"), stop)),
                asyncio.create_task(settle.run(worker, clock, stop)),
                asyncio.create_task(jobs.run(worker, limits, clock, stop)),
            ]
            try:
                await asyncio.wait(roles, return_when=asyncio.FIRST_EXCEPTION)
            finally:
                stop.set()
            for outcome in await asyncio.gather(*roles, return_exceptions=True):
                if isinstance(outcome, BaseException):
                    raise outcome
