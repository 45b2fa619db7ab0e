"""The application: the parts' routes, mounted, behind the layers that every request passes."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import version

from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute
from starlette.types import ASGIApp

from overround.betting.bets import http as bets
from overround.betting.offers import http as offers
from overround.core.clock import Clock
from overround.db import Database
from overround.kit.routes import Anybody, Output, RouteTools
from overround.kit.telling import Tell, tell_nobody
from overround.kit.threads import BoundedThreads
from overround.money.revenue import http as revenue
from overround.odds.board import http as board
from overround.odds.catalogue import http as catalogue
from overround.odds.edges import http as edges
from overround.ops import http as status
from overround.people.cashier import http as cashier
from overround.people.sessions import SessionLimits
from overround.people.sessions import http as sessions
from overround.trading.screen import http as screen
from overround.web import pages, problems
from overround.web.bodies import Bodies
from overround.web.gate import Authenticator, Gate
from overround.web.ids import Ids
from overround.web.live import Live
from overround.web.stream import Streams
from overround.web.v4 import http as v4


@dataclass(frozen=True, slots=True)
class Services:
    """What the application needs of its process: opened before it, closed after it.

    Without `live` there are no streams, and pages look again by themselves.
    """

    database: Database
    clock: Clock
    hashing: BoundedThreads
    base_domain: str
    limits: SessionLimits
    live: Live | None = None
    tell: Tell = tell_nobody


class HealthOut(Output):
    """The process answers."""

    status: str


_health = APIRouter(tags=["health"])


@_health.get("/healthz")
async def healthz(_: Anybody) -> HealthOut:
    """Whether this process answers; it asks nothing else, so it answers when all else fails."""
    return HealthOut(status="ok")


# In the order of a reader of the document: who, money, what is on, bets, the office's figures.
ROUTERS = (
    _health,
    sessions.router,
    cashier.router,
    catalogue.router,
    offers.router,
    bets.router,
    board.router,
    screen.router,
    edges.router,
    revenue.router,
    status.router,
    v4.router,
    *pages.ROUTERS,
)


def operation_id(route: APIRoute) -> str:
    """A name for generated clients that does not change with the path: `cashier_deposit`."""
    return f"{route.tags[0]}_{route.name}" if route.tags else route.name


def api(services: Services) -> FastAPI:
    """The routes without the layers around them."""
    app = FastAPI(
        title="Overround",
        version=version("overround"),
        docs_url="/docs",
        redoc_url=None,
        redirect_slashes=False,
        generate_unique_id_function=operation_id,
    )
    app.state.database = services.database
    app.state.route_tools = RouteTools(
        clock=services.clock,
        authenticate=_authenticator(services),
        hashing=services.hashing,
        session_idle_s=services.limits.idle_s,
        session_absolute_s=services.limits.absolute_s,
        tell=services.tell,
    )
    problems.install(app)
    for router in ROUTERS:
        app.include_router(router)
    return app


def _authenticator(services: Services) -> Authenticator:
    return Authenticator(services.database, services.clock, services.limits)


def create_app(services: Services) -> ASGIApp:
    """The ASGI application that a server runs."""
    inner: ASGIApp = Bodies(api(services))
    if services.live is not None:
        knows = _authenticator(services)
        inner = Streams(inner, services.live, knows, knows.may_stay)
    gated = Gate(inner, services.database, services.base_domain)
    return Ids(pages.Browsers(pages.Assets(gated)))
