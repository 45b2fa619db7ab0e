"""The api role: the HTTP edge of the tenants, in one event loop.

When it is told to stop it takes no new connection, answers for `PART_S` what comes on those that
are open, as their last, lets what runs finish for `DRAIN_S`, and ends: a request that was accepted
is answered (test: a request in flight survives SIGTERM), one that comes later by it or by another
process (test: whoever asks meanwhile is answered), and an open stream is told to come back
(test: every stream gets its bye).
"""

from __future__ import annotations

import asyncio
import gc
import random
import resource
import socket
from collections.abc import AsyncGenerator, Callable, Coroutine, Generator
from contextlib import aclosing, asynccontextmanager, contextmanager
from typing import Any, Final
from uuid import UUID

import uvicorn
from starlette.types import ASGIApp

from overround import cache
from overround.betting import offers
from overround.betting.bets.jobs import Acceptor
from overround.cache.leases import Leases
from overround.cache.limits import SharedBuckets
from overround.core.clock import Clock, WallClock
from overround.db import Bulkheads, Database, guard, migrate
from overround.kit import logs
from overround.kit.limits import Limiter, Rate
from overround.kit.settings import Settings
from overround.kit.telling import Tell, tell_nobody
from overround.kit.threads import BoundedThreads
from overround.roles import presence
from overround.roles.figures import counted, refused, streams_sampled
from overround.roles.knowing import Knowing
from overround.roles.listening import listen
from overround.roles.process import prepare_threshold, session_limits, stopping
from overround.roles.publishing import Publishing
from overround.storefront import Hints, OfferFeed, Shelf, Shown
from overround.storefront import listen as listen_to_hints
from overround.web import Services, assembled, wire
from overround.web.copies import BookMarks
from overround.web.front import Authenticate
from overround.web.limits import Limits, rates_of
from overround.web.live import Live, StreamLimits
from overround.web.proxies import Trusted
from overround.web.watching import Watch

# Longer than the wait for a connection (5 s) and the longest statement (3 s) together.
DRAIN_S: Final = 10
# Two hashes at a time: more would only take turns on the processors that requests need.
HASHING_WORKERS: Final = 2
HASHING_WAITING_MAX: Final = 64
# A kept connection is closed with an answer, so that nobody sends into one that has just gone; who
# asks nothing for so long is closed without.
PART_S: Final = 0.5
_PART_POLL_S: Final = 0.02
KEEP_ALIVE_S: Final = 30
# New objects after which garbage in circles is looked for.
GARBAGE_AT: Final = 10_000
# All that wait for tokens are asked for in one go, so that few are open at once.
LIMIT_CONNECTIONS: Final = 4
# Descriptors beside the streams: connections of requests, of the pools, files.
OTHER_FILES: Final = 1_024

_log = logs.get(__name__)


class _Server(uvicorn.Server):
    """uvicorn without its own signal handlers, which would kill the process after the drain.

    Several roles may share a process; whoever started them owns the signals. `ready` is called when
    connections are taken.
    """

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Take connections, and say so."""
        await super().startup(sockets)
        self._ready()

    def close_door(self) -> None:
        """Take no connection any more; who comes to a shared socket is now another's guest."""
        for one in self.servers if self.started else ():
            one.close()

    async def part(self) -> None:
        """Answer what comes on the open connections for `PART_S`, as their last."""
        connections = self.server_state.connections
        loop = asyncio.get_running_loop()
        ends_s = loop.time() + PART_S
        while connections and loop.time() < ends_s:
            for one in list(connections):
                if isinstance(one, wire.Wire):
                    one.part()
            await asyncio.sleep(_PART_POLL_S)

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        """Capture none."""
        yield


async def run(
    settings: Settings,
    url: str,
    stop: asyncio.Event,
    *,
    redis_url: str | None = None,
    listener: socket.socket | None = None,
    clock: Clock | None = None,
    ready: Callable[[], None] = lambda: None,
) -> None:
    """Serve until `stop` is set, then drain. `url` is the app login's.

    `redis_url` is where the hub publishes; without it the database alone is asked. `ready` is
    called when the first connection can be taken.
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
                _live(settings, database, redis_url) as (live, tell, feed),
                _throttle(settings, redis_url) as throttle,
                _accepting(settings, url) as acceptor,
                _knowing(settings, url, clock) as know,
                aclosing(Shelf.open(redis_url)) as shelf,
                aclosing(Leases.open(redis_url, "session")) as leases,
            ):
                services = Services(
                    database=database,
                    clock=clock,
                    hashing=hashing,
                    base_domain=settings.web.base_domain,
                    limits=session_limits(settings),
                    live=live,
                    tell=tell,
                    throttle=throttle,
                    accept=counted(acceptor.ask),
                    refusal=refused(acceptor.refusal),
                    know=know,
                    mark=BookMarks(feed),
                    proxies=_proxies(settings),
                    raw=_watch(settings, database, clock).routes(),
                    shelf=shelf,
                    leases=leases,
                )
                app, outage = assembled(services)
                publishing = Publishing(database, shelf, outage, clock)
                async with _beside(publishing.run(stop)):
                    server = _Server(_config(app), ready)
                    try:
                        with streams_sampled(live):
                            await _serve(server, listener, live, stop, settings.web.header_s)
                    finally:
                        services.recorder.flush()
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
    ready: Callable[[], None] = lambda: None,
) -> None:
    """`run` until SIGTERM or SIGINT; raises what it raises."""
    with stopping() as stop:
        await run(settings, url, stop, redis_url=redis_url, listener=listener, ready=ready)


@asynccontextmanager
async def _beside(work: Coroutine[Any, Any, None]) -> AsyncGenerator[None]:
    """Have `work` done beside the block, and no longer."""
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _open(settings: Settings, url: str) -> Database:
    database = await Bulkheads.open_shares(
        url,
        size_min=settings.database.pool_min,
        size_max=settings.database.pool_web,
        acquire_timeout_s=settings.database.acquire_s,
        prepare_threshold=prepare_threshold(settings),
        # Nothing that a request does takes longer than its statements may, a few of them.
        hold_s_max=settings.database.statement_s + settings.database.idle_in_transaction_s,
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
) -> AsyncGenerator[tuple[Live, Tell, OfferFeed]]:
    """The open streams, what tells them, and what they show, for the length of the block."""

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
        yield live, hints.tell if hints else tell_nobody, feed
    finally:
        if hearing is not None:
            hearing.cancel()
        if hints is not None:
            await hints.close()
        await live.drain()
        await feed.close()


@asynccontextmanager
async def _accepting(settings: Settings, url: str) -> AsyncGenerator[Acceptor]:
    """What answers slips; closed after the last request has ended, so that it is answered."""
    acceptor = Acceptor(url, prepares=prepare_threshold(settings) is not None)
    async with acceptor.running():
        yield acceptor


@asynccontextmanager
async def _knowing(settings: Settings, url: str, clock: Clock) -> AsyncGenerator[Authenticate]:
    """What says who sends slips."""
    prepares = prepare_threshold(settings) is not None
    knowing = Knowing(url, session_limits(settings), clock, prepares=prepares)
    async with knowing.running():
        yield knowing.who


@asynccontextmanager
async def _throttle(settings: Settings, redis_url: str | None) -> AsyncGenerator[Limits]:
    """The limits, shared with other processes where there is a cache."""
    client = cache.connect(redis_url, connections_max=LIMIT_CONNECTIONS) if redis_url else None
    limiter = Limiter(SharedBuckets(client) if client is not None else None)
    found = settings.limits
    try:
        yield Limits(limiter, rates_of(found), Rate(found.tenant_burst, found.tenant_per_s))
    finally:
        await limiter.close()
        if client is not None:
            await client.aclose()


def _watch(settings: Settings, database: Database, clock: Clock) -> Watch:
    token = settings.watch.token
    return Watch(database, clock, token.get_secret_value() if token is not None else None)


def _proxies(settings: Settings) -> Trusted | None:
    named = settings.web.trusted_proxies
    return Trusted(named) if named else None


def _allow_files(count: int) -> None:
    """Let this process have as many descriptors open as its streams need, if it may."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = count if hard == resource.RLIM_INFINITY else min(count, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


async def _serve(
    server: _Server,
    listener: socket.socket,
    live: Live,
    stop: asyncio.Event,
    header_s: float,
) -> None:
    async def drain_when_told() -> None:
        await stop.wait()
        _log.info("api.draining", streams=len(live))
        server.close_door()
        # A stream ends by itself never.
        parting = asyncio.create_task(server.part())
        await live.drain()
        await parting
        server.should_exit = True

    host, port = listener.getsockname()[:2]
    # What was made until here stays: looking through it again and again for what could be thrown
    # away costs each request several microseconds.
    gc.collect()
    gc.freeze()
    gc.set_threshold(GARBAGE_AT)
    _log.info("api.started", host=host, port=port)
    waiting = asyncio.create_task(drain_when_told())
    sweeping = asyncio.create_task(wire.sweep(lambda: server.server_state.connections, header_s))
    try:
        await server.serve(sockets=[listener])
    finally:
        waiting.cancel()
        sweeping.cancel()
    _log.info("api.stopped")


def _config(app: ASGIApp) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        loop="none",
        # httptools, lending streams its transports, and with an end to every wait.
        http=wire.Wire,
        ws="none",
        lifespan="off",
        # Anybody can write X-Forwarded-For; `web.proxies` believes it where the operator says so.
        proxy_headers=False,
        server_header=False,
        access_log=False,
        log_config=None,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=DRAIN_S,
    )
