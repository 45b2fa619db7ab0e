"""The hub's own port: workers at `/ws`, and what a person asks with a browser or curl, the match
queue among it.

It listens while this process holds the hub's lease, and never on a tenant's host. A port that is
taken stops nobody: prices of other feeds go on, and the port is tried again
(test: a taken port does not stop the hub).
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import asynccontextmanager, contextmanager, suppress
from datetime import timedelta
from importlib import metadata
from itertools import islice
from typing import Annotated, Any, Final, TypeVar

import uvicorn
from fastapi import APIRouter, Depends, FastAPI, Query, Request, WebSocket
from fastapi.responses import JSONResponse

from overround.core.errors import Unauthenticated, Unavailable
from overround.db import Database, worker_keys
from overround.kit import logs, loop
from overround.kit.settings import HubSettings
from overround.odds.feeds import worker as protocol
from overround.odds.feeds.worker import MAX_FRAME_BYTES, Opportunity
from overround.roles import listening
from overround.roles.hub import match_routes, opportunities, worker_socket
from overround.roles.hub.opportunities import Told
from overround.roles.hub.worker_socket import Door
from overround.roles.hub.workers import Desk
from overround.roles.hub.writer import Hub
from overround.roles.process import TRANSIENT
from overround.web import problems
from overround.web.bodies import Bodies
from overround.web.ids import Ids

# Between two looks at what the edge engine found, where nobody says that it found something.
TELL_S: Final = 0.2
# How soon a new key is known and a revoked one ends.
KEYS_S: Final = 1.0
PORT_RETRY_S: Final = 3.0
# A hub that has not asked for news for this long does not live, whatever answers here.
STALLED: Final = timedelta(seconds=10)
_DRAIN_S: Final = 2
_ODDS_MAX: Final = 1_000
# Of one second's refusals, and of its comings and goings, the most frequent; the rest is one line.
LOGGED_MAX: Final = 20

_log = logs.get(__name__)

HubOf = Callable[[], Hub]
T = TypeVar("T")


@asynccontextmanager
async def opened(
    settings: HubSettings,
    desk: Desk,
    database: Database,
    hub_of: HubOf,
    listener: socket.socket | None = None,
) -> AsyncGenerator[None]:
    """Listen, and tell workers what is found, for the length of the block.

    Raises what the database raises when the keys cannot be read at the start.
    """
    stop = asyncio.Event()
    await _look(desk, database)
    working = [
        asyncio.create_task(
            _listening(settings, create_app(desk, settings.host, database), stop, listener)
        ),
        asyncio.create_task(_repeating("hub.keys", lambda: _look(desk, database), KEYS_S, stop)),
        asyncio.create_task(_telling(_Teller(desk, database, hub_of), stop)),
    ]
    try:
        yield
    finally:
        stop.set()
        await asyncio.gather(*working, return_exceptions=True)
        log_workers(desk)


def create_app(desk: Desk, host: str, database: Database) -> FastAPI:
    """The application of the port; `host` is the address it listens on."""
    app = FastAPI(title="overround hub", docs_url=None, redoc_url=None, openapi_url=None)
    app.state.desk, app.state.door, app.state.database = desk, Door(), database
    app.state.is_private = _is_loopback(host)
    app.include_router(router)
    app.include_router(match_routes.router)
    problems.install(app)
    # From the inside out: what is read is bounded first, and every answer is known by an id.
    app.add_middleware(Bodies)
    app.add_middleware(Ids)
    return app


# -- what a person asks ----------------------------------------------------------------------------

router = APIRouter()


def _desk(request: Request) -> Desk:
    return request.app.state.desk


def _let_in(request: Request) -> None:
    """On loopback anybody of this machine may read; past it a worker's token is asked for."""
    desk = _desk(request)
    token = worker_socket.bearer(request.headers)
    if not request.app.state.is_private and worker_keys.hashed(token) not in desk.keys:
        raise Unauthenticated("no valid token of a worker")


LetIn = Depends(_let_in)


@router.get("/")
async def info(request: Request) -> dict[str, Any]:
    """What this is."""
    return {
        "name": "overround hub",
        "version": metadata.version("overround"),
        "status": "running",
        "workers": len(_desk(request)),
        "endpoints": ["/", "/health", "/workers", "/odds", "/matches/waiting", "/ws"],
    }


@router.get("/health")
async def health(request: Request) -> JSONResponse:
    """Whether the hub takes what it is told, and how many workers are connected and live."""
    desk = _desk(request)
    at = desk.clock.now()
    is_stalled = desk.ticked_at is not None and at - desk.ticked_at > STALLED
    said = {
        "status": "stalled" if is_stalled else "healthy" if desk.ticked_at else "starting",
        "timestamp": at.isoformat(),
        "workers": len(desk),
        "workers_live": sum(worker.is_live for worker in desk.sites.workers.values()),
    }
    return JSONResponse(said, 503 if is_stalled else 200)


@router.get("/workers", dependencies=[LetIn])
async def workers(request: Request) -> dict[str, Any]:
    """Every worker, connected or lately gone."""
    rows = _desk(request).listing()
    return {"count": len(rows), "workers": rows}


@router.get("/odds", dependencies=[LetIn])
async def odds(
    request: Request,
    site: Annotated[str | None, Query(max_length=40)] = None,
    limit: Annotated[int, Query(ge=1, le=_ODDS_MAX)] = _ODDS_MAX,
) -> dict[str, Any]:
    """What each site quotes now, as its workers said it: at most `limit` matches a site."""
    desk = _desk(request)
    sites = sorted({worker.site for worker in desk.sites.workers.values()})
    found: dict[str, Any] = {}
    for name in sites if site is None else [site]:
        matches = [protocol.quoted(one) for one in islice(desk.sites.shown(name), limit)]
        found[name] = {"site": name, "count": len(matches), "matches": matches}
    return {"timestamp": desk.clock.now().isoformat(), "odds": found}


@router.websocket("/ws")
async def ws(websocket: WebSocket) -> None:
    """A worker."""
    state = websocket.app.state
    await worker_socket.serve(state.desk, state.door, websocket)


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


# -- what runs beside it ---------------------------------------------------------------------------


async def _repeating(
    name: str, work: Callable[[], Any], interval_s: float, stop: asyncio.Event
) -> None:
    await loop.repeat(name, work, stop, interval_s=interval_s, transient=TRANSIENT)


async def _telling(teller: _Teller, stop: asyncio.Event) -> None:
    """Tell at once what a tick has found, and every now and then what nobody rang for."""

    async def tell() -> int:
        teller.desk.found.clear()
        await teller.tell()
        with suppress(TimeoutError):
            async with asyncio.timeout(TELL_S):
                await teller.desk.found.wait()
        return 1

    await _repeating("hub.telling", tell, TELL_S, stop)


async def _look(desk: Desk, database: Database) -> None:
    """Log what happened since the last time, and read the keys anew: a database that is away keeps
    no line waiting."""
    log_workers(desk)
    async with database.reading(None) as conn:
        desk.use_keys(await worker_keys.valid(conn))


def log_workers(desk: Desk) -> None:
    """Log who was refused, has come and is gone since the last time, so many lines a second
    (test: a flood of workers that come and go is a few lines)."""
    first, more = _most(desk.refusals)
    for (code, who), times in first:
        _log.warning("worker.refused", code=code, who=who, times=times)
    if more:
        _log.warning("worker.refused_more", times=more)
    first, more = _most(desk.moves)
    for (event, worker, site, key), times in first:
        tell = _log.warning if event == "worker.gone" else _log.info
        tell(event, worker=worker, site=site, by=key, times=times)
    if more:
        _log.warning("worker.moved_more", times=more)


def _most(counted: Counter[T]) -> tuple[list[tuple[T, int]], int]:
    """The most frequent, in the order in which they are counted, and how often all the rest was;
    counting begins anew."""
    kept = dict(counted.most_common(LOGGED_MAX))
    first = [(one, times) for one, times in counted.items() if one in kept]
    more = counted.total() - sum(kept.values())
    counted.clear()
    return first, more


class _Teller:
    """Tells workers what the edge engine found: to a new one all of it, then what differs."""

    def __init__(self, desk: Desk, database: Database, hub_of: HubOf) -> None:
        self.desk, self._database, self._hub_of = desk, database, hub_of
        self._told = Told()

    async def tell(self) -> None:
        """Look once; without workers there is nobody to tell."""
        if not len(self.desk):
            return
        async with self._database.reading(None) as conn:
            now: list[Opportunity] = await opportunities.current(conn, self._hub_of().board)
        fresh, gone = self._told.news(now)
        at = self.desk.clock.now()
        if fresh or gone:
            self.desk.broadcast(protocol.opportunities(fresh, gone, at))
        self.desk.welcome(protocol.opportunities(now, [], at) if now else None)


class _Server(uvicorn.Server):
    """uvicorn without its own signal handlers: the process of the role has them."""

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        """Capture none."""
        yield


async def _listening(
    settings: HubSettings, app: FastAPI, stop: asyncio.Event, listener: socket.socket | None
) -> None:
    """Serve until told to stop; while the port is another's, try it again and again."""
    while not stop.is_set():
        try:
            await serve(app, listener or listening.listen(settings.host, settings.port), stop)
        except Unavailable as error:
            _log.warning("hub.port_taken", reason=error.detail)
        except Exception:  # noqa: BLE001 (a fault of the port must not end the other feeds)
            _log.exception("hub.port_failed")
        await loop.wait(stop, PORT_RETRY_S)


async def serve(app: FastAPI, listener: socket.socket, stop: asyncio.Event) -> None:
    """Serve until told to stop; open sockets are told that the hub starts anew."""
    server = _Server(_config(app))
    host, port = listener.getsockname()[:2]
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        _log.info("hub.listening", host=host, port=port)
        await stop.wait()
    finally:
        server.should_exit = True
        await serving
        listener.close()


def _config(app: FastAPI) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        loop="none",
        http="httptools",
        # The maintained one; it reads on only when a message was taken.
        ws="websockets-sansio",
        ws_max_size=MAX_FRAME_BYTES,
        ws_ping_interval=10.0,
        ws_ping_timeout=10.0,
        # A small frame that unfolds to a large one would cost what the cap saves.
        ws_per_message_deflate=False,
        lifespan="off",
        proxy_headers=False,
        server_header=False,
        access_log=False,
        log_config=None,
        # It tells of every connection; what is refused is counted and told by the second instead.
        log_level="warning",
        timeout_graceful_shutdown=_DRAIN_S,
    )
