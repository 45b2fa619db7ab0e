"""What every role's process does: open its pool behind the guard, stop on a signal."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Final, Literal

import psycopg

from overround.db import Database, Prepare, guard, migrate
from overround.kit.settings import Settings

if TYPE_CHECKING:
    from overround.people.sessions import SessionLimits

# What a database that is away raises; a loop waits it out.
TRANSIENT: Final = (psycopg.OperationalError, psycopg.InterfaceError)

Login = Literal["app", "worker"]


def prepare_threshold(settings: Settings) -> Prepare:
    """When statements are prepared: an existing server's setting decides; nothing stands between
    us and the embedded one, which each connection sees for itself."""
    if settings.database.url is None:
        return "direct"
    return settings.database.prepare_threshold


def session_limits(settings: Settings) -> SessionLimits:
    """How long sessions last."""
    # Imported here: the hub starts by this file too, and logs nobody in.
    from overround.people.sessions import SessionLimits

    of = settings.session
    return SessionLimits(of.idle_s, of.absolute_s, of.permanent_idle_s, of.permanent_absolute_s)


@asynccontextmanager
async def database(settings: Settings, url: str, login: Login) -> AsyncGenerator[Database]:
    """A pool of `login`, once the start-up guard has let it pass.

    Raises SettingsError with the reason when the database does not protect tenants, Unavailable
    when it does not answer or its schema is not this version's.
    """
    opened = await Database.open(
        url,
        purpose=login,
        size_min=1,
        size_max=settings.database.pool_worker,
        acquire_timeout_s=settings.database.acquire_s,
        prepare_threshold=prepare_threshold(settings),
    )
    try:
        async with opened.reading(None) as conn:
            await guard.check(conn, login)
            await migrate.require(conn)
        yield opened
    finally:
        await opened.close()


@contextmanager
def stopping() -> Generator[asyncio.Event]:
    """An event that SIGTERM and SIGINT set."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    numbers = (signal.SIGTERM, signal.SIGINT)
    for number in numbers:
        loop.add_signal_handler(number, stop.set)
    try:
        yield stop
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)
