"""The api role: the HTTP edge of the tenants, in one event loop.

When it is told to stop it takes no new connection, lets what runs finish for `DRAIN_S`, and ends:
a request that was accepted is answered (test: a request in flight survives SIGTERM), and an open
stream is told to come back (test: every stream gets its bye).
"""

from __future__ import annotations

import asyncio
import random
import resource
import socket
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from typing import Final
from uuid import UUID

import uvicorn

from overround.betting import offers
from overround.core.clock import Clock, WallClock
from overround.core.errors import SettingsError, Unavailable
from overround.db import Database, guard, migrate
from overround.kit import logs
from overround.kit.settings import Settings
from overround.kit.telling import Tell, tell_nobody
from overround.kit.threads import BoundedThreads
from overround.people.sessions import SessionLimits
from overround.roles import presence
from overround.roles.process import prepare_threshold, stopping
from overround.storefront import Hints, OfferFeed, Shown
from overround.storefront import listen as listen_to_hints
from overround.web import Services, create_app
from overround.web.live import Live, StreamLimits

# Longer than the wait for a connection (5 s) and the longest statement (3 s) together.
DRAIN_S: Final = 10
# Two hashes at a time: more would only take turns on the processors that requests need.
HASHING_WORKERS: Final = 2
HASHING_WAITING_MAX: Final = 64
KEEP_ALIVE_S: Final = 30
BACKLOG: Final = 1024
# Descriptors beside the streams: connections of requests, of the pools, files.
OTHER_FILES: Final = 1_024

_log = logs.get(__name__)


class _Server(uvicorn.Server):
    """uvicorn without its own signal handlers, which would kill the process after the drain.

    Several roles may share a process; whoever started them owns the signals.
    """

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        """Capture none."""
        yield


def listen(host: str, port: int) -> socket.socket:
    """A listening socket. Raises Unavailable, naming the address, when it is taken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=BACKLOG)
    except OSError as error:
        raise Unavailable(f"cannot listen on {host}:{port}: {error.strerror}") from error


def inherited(descriptor: int) -> socket.socket:
    """The listening socket that a parent keeps open for us, so that nobody is refused meanwhile.

    Raises SettingsError when the descriptor is no such thing.
    """
    try:
        listener = socket.socket(fileno=descriptor)
        if listener.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
            return listener
        listener.detach()
    except OSError:
        pass
    raise SettingsError(f"descriptor {descriptor} is no listening socket")


async def run(
    settings: Settings,
    url: str,
    stop: asyncio.Event,
    *,
    redis_url: str | None = None,
    listener: socket.socket | None = None,
    clock: Clock | None = None,
) -> None:
    """Serve until `stop` is set, then drain. `url` is the app login's.

    `redis_url` is where the hub publishes; without it the database alone is asked.
    Raises Unavailable when the port is taken or the database does not answer, and SettingsError
    when the database does not protect tenants.
    """
    listener = listener or listen(settings.web.host, settings.web.port)
    hashing = BoundedThreads(HASHING_WORKERS, HASHING_WAITING_MAX, "hashing")
    try:
        database = await _open(settings, url)
        try:
            clock = clock or WallClock()
            async with (
                presence.told(database, "api", clock),
                _live(settings, database, redis_url) as (live, tell),
            ):
                services = Services(
                    database=database,
                    clock=clock,
                    hashing=hashing,
                    base_domain=settings.web.base_domain,
                    limits=SessionLimits(settings.session.idle_s, settings.session.absolute_s),
                    live=live,
                    tell=tell,
                )
                await _serve(_Server(_config(services)), listener, live, stop)
        finally:
            await database.close()
    finally:
        listener.close()
        await asyncio.to_thread(hashing.close)


async def run_until_signal(
    settings: Settings,
    url: str,
    listener: socket.socket | None = None,
    redis_url: str | None = None,
) -> None:
    """`run` until SIGTERM or SIGINT; raises what it raises."""
    with stopping() as stop:
        await run(settings, url, stop, redis_url=redis_url, listener=listener)


async def _open(settings: Settings, url: str) -> Database:
    database = await Database.open(
        url,
        purpose="web",
        size_min=settings.database.pool_min,
        size_max=settings.database.pool_web,
        acquire_timeout_s=settings.database.acquire_s,
        prepare_threshold=prepare_threshold(settings),
    )
    try:
        async with database.reading(None) as conn:
            await guard.check(conn, "app")
            await migrate.require(conn)
    except BaseException:
        await database.close()
        raise
    return database


@asynccontextmanager
async def _live(
    settings: Settings, database: Database, redis_url: str | None
) -> AsyncGenerator[tuple[Live, Tell]]:
    """The open streams and what tells them, for the length of the block."""

    async def poll(book_id: UUID, after_seq: int) -> list[tuple[int, Shown]]:
        async with database.reading(None) as conn:
            return await offers.shown_since(conn, book_id, after_seq)

    _allow_files(settings.stream.process_max + OTHER_FILES)
    feed = OfferFeed.open(redis_url, poll)
    limits = StreamLimits(settings.stream.process_max, settings.stream.address_max)
    live = Live(feed, limits, random.SystemRandom())
    hints = Hints.open(redis_url) if redis_url else None
    hearing = asyncio.create_task(listen_to_hints(redis_url, live.heard)) if redis_url else None
    try:
        yield live, hints.tell if hints else tell_nobody
    finally:
        if hearing is not None:
            hearing.cancel()
        if hints is not None:
            await hints.close()
        await live.drain()
        await feed.close()


def _allow_files(count: int) -> None:
    """Let this process have as many descriptors open as its streams need, if it may."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = count if hard == resource.RLIM_INFINITY else min(count, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


async def _serve(
    server: uvicorn.Server, listener: socket.socket, live: Live, stop: asyncio.Event
) -> None:
    async def drain_when_told() -> None:
        await stop.wait()
        _log.info("api.draining", streams=len(live))
        server.should_exit = True
        # The server waits for every response to end, and a stream ends by itself never.
        await live.drain()

    host, port = listener.getsockname()[:2]
    _log.info("api.started", host=host, port=port)
    waiting = asyncio.create_task(drain_when_told())
    try:
        await server.serve(sockets=[listener])
    finally:
        waiting.cancel()
    _log.info("api.stopped")


def _config(services: Services) -> uvicorn.Config:
    return uvicorn.Config(
        create_app(services),
        loop="none",
        http="httptools",
        ws="none",
        lifespan="off",
        # Anybody can write X-Forwarded-For; it is believed from nobody.
        proxy_headers=False,
        server_header=False,
        access_log=False,
        log_config=None,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=DRAIN_S,
    )
