"""The application: the parts' routes, mounted, behind the layers that every request passes."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from importlib.metadata import version
from time import monotonic
from typing import Final
from uuid import UUID

from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute
from starlette.types import ASGIApp

from overround.betting.bets import Ask
from overround.betting.bets import http as bets
from overround.betting.cashouts import http as cashouts
from overround.betting.exposure import http as exposure
from overround.betting.freebets import http as free_bets
from overround.betting.offers import http as offers
from overround.betting.quotes import http as quotes
from overround.betting.risk import http as risk
from overround.betting.settlement import http as settlement
from overround.betting.waiting import http as waiting
from overround.cache.leases import Leases
from overround.core.clock import Clock
from overround.core.principal import Principal
from overround.db import Database, calling
from overround.kit.routes import Anybody, Output, RouteTools
from overround.kit.telling import Tell, tell_nobody
from overround.kit.threads import BoundedThreads
from overround.money.revenue import http as revenue
from overround.odds.board import http as board
from overround.odds.catalogue import http as catalogue
from overround.odds.edges import http as edges
from overround.ops import http as status
from overround.people import tenants
from overround.people.cashier import http as cashier
from overround.people.sessions import SessionLimits
from overround.people.sessions import http as sessions
from overround.people.tenants import http as looks
from overround.storefront import Shelf
from overround.trading.screen import http as screen
from overround.web import copies as copying
from overround.web import pages, problems, reference, shown
from overround.web.answers import Answer, Asked, json_answer
from overround.web.bodies import Bodies
from overround.web.callers import Callers
from overround.web.copies import BoardCopies, Mark
from overround.web.front import Authenticate, Front, Reading, Route
from overround.web.gate import Authenticator, Gate, find_tenant
from overround.web.ids import Ids
from overround.web.limits import Limits
from overround.web.live import Live
from overround.web.outage import Outage
from overround.web.past import Past
from overround.web.programs import Programs
from overround.web.proxies import Behind, Trusted
from overround.web.records import Recorder
from overround.web.sites import Sites
from overround.web.slips import Refused, Slips, nobody_is_refused
from overround.web.stream import Streams
from overround.web.urgency import Table
from overround.web.v4 import http as v4


@dataclass(frozen=True, slots=True)
class Services:
    """What the application needs of its process: opened before it, closed after it.

    Without `live` there are no streams, and pages look again by themselves. Without `throttle`
    nobody is limited: the role always gives one. `raw` are routes that the front answers; with
    `accept`, placing bets is one of them, for whom `know` says (many at once), unless `refusal`
    refuses whoever comes. Without `mark`, which says where a book stands, the board is made for
    each visitor. Without `shelf` copies are this process's own, and there are none at its start;
    without `leases` each request asks for its session's record.
    """

    database: Database
    clock: Clock
    hashing: BoundedThreads
    base_domain: str
    limits: SessionLimits
    live: Live | None = None
    tell: Tell = tell_nobody
    throttle: Limits | None = None
    raw: tuple[Route, ...] = ()
    accept: Ask | None = None
    refusal: Refused = nobody_is_refused
    know: Authenticate | None = None
    mark: Mark | None = None
    proxies: Trusted | None = None
    recorder: Recorder = field(default_factory=Recorder)
    shelf: Shelf = field(default_factory=lambda: Shelf(None))
    leases: Leases = field(default_factory=lambda: Leases(None, "session"))


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
    looks.router,
    catalogue.router,
    offers.router,
    risk.router,
    exposure.router,
    bets.router,
    free_bets.router,
    waiting.router,
    quotes.router,
    cashouts.router,
    settlement.router,
    board.router,
    screen.router,
    edges.router,
    revenue.router,
    status.router,
    v4.router,
    reference.router,
    *pages.ROUTERS,
)


def api_routes() -> list[APIRoute]:
    """Every route of the parts and of the pages."""
    return [one for router in ROUTERS for one in router.routes if isinstance(one, APIRoute)]


def operation_id(route: APIRoute) -> str:
    """A name for generated clients that does not change with the path: `cashier_deposit`."""
    return f"{route.tags[0]}_{route.name}" if route.tags else route.name


def api(services: Services) -> FastAPI:
    """The routes without the layers around them."""
    app = FastAPI(
        title="Overround",
        version=version("overround"),
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        generate_unique_id_function=operation_id,
    )
    app.state.database = services.database
    app.state.session_limits = services.limits
    app.state.session_leases = services.leases
    app.state.shelf = services.shelf
    app.state.let_wait = waiting.let_wait(services.database)
    app.state.route_tools = RouteTools(
        clock=services.clock,
        authenticate=_authenticator(services),
        hashing=services.hashing,
        session_idle_s=services.limits.idle_s,
        session_absolute_s=services.limits.absolute_s,
        tell=services.tell,
        by_key=Programs(services.database, services.clock),
    )
    problems.install(app)
    for router in ROUTERS:
        app.include_router(router)
    return app


def _authenticator(services: Services) -> Authenticator:
    return Authenticator(services.database, services.clock, services.limits, services.leases)


def _slips(services: Services, accept: Ask, knows: Authenticator) -> Slips:
    async def currency_of(tenant_id: UUID) -> str:
        async with services.database.reading(None) as conn:
            return (await tenants.by_id(conn, tenant_id)).currency

    return Slips(
        services.know or knows.who,
        currency_of,
        bets.place_raw,
        accept,
        waiting.let_wait(services.database),
        services.refusal,
        tell=services.tell,
        clock=services.clock,
    )


async def _who_writes(
    knows: Authenticator, covered: Outage, tenant_id: UUID, token: str
) -> Principal | None:
    """Who writes on the raw front: found by the connections that are kept for bets."""
    with calling("bets"):
        principal = await knows.who(tenant_id, token)
    covered.wrote(token)
    return principal


async def _known_live(sites: Sites, knows: Authenticator, label: str, token: str) -> bool:
    """Whether a token's session is known to be live, at a tenant that is known to be open."""
    site = sites.known(label, monotonic())
    return site is not None and await knows.known_live(site.tenant_id, token)


def create_app(services: Services) -> ASGIApp:
    """The ASGI application that a server runs."""
    return assembled(services)[0]


def assembled(services: Services) -> tuple[ASGIApp, Outage]:
    """The application, and the layer of it whose copies somebody has to keep true."""
    knows = _authenticator(services)
    routes = api(services)
    inner: ASGIApp = Bodies(routes)
    if services.live is not None:
        inner = Streams(inner, services.live, knows, knows.may_stay)
    sites = Sites(partial(find_tenant, services.database), services.base_domain)
    table = Table(api_routes())
    gated = Gate(inner, services.database, sites, services.clock, services.throttle, table)
    callers = Callers(services.database)
    covered = Outage(
        gated,
        table=table,
        callers=callers,
        shelf=services.shelf,
        clock=services.clock,
        label_of=sites.label,
        is_platform=sites.is_platform,
        base_domain=services.base_domain,
        known_live=partial(_known_live, sites, knows),
    )
    layered = Ids(pages.Browsers(pages.Assets(covered)), services.recorder)
    raw: list[Route] = [
        Reading("/healthz", healthy, needs="nothing"),
        *shown.readings(services.shelf, services.clock),
        *services.raw,
    ]
    if services.accept is not None:
        raw.append(_slips(services, services.accept, knows).route())
    if services.mark is not None:
        copies = BoardCopies(callers.beside(routes), services.mark, callers.admits)
        # A tenant that this process does not know yet is the layers' to find: they have copies and
        # defaults when its record cannot be asked for.
        raw.append(Reading(copying.PATH, copies.now, copies.later, needs="label"))
    throttle = services.throttle
    front = Front(
        layered,
        raw,
        sites=sites,
        limited=services.throttle,
        authenticate=partial(_who_writes, knows, covered),
        recorder=services.recorder,
        clock=services.clock,
        past=Past(sites, throttle, table, covered, services.clock) if throttle else None,
    )
    app = Behind(front, services.proxies) if services.proxies is not None else front
    return app, covered


_HEALTHY: Final = json_answer(200, b'{"status":"ok"}')


def healthy(_: Asked) -> Answer:
    """The health check, before any layer: a load balancer asks it many times a second."""
    return _HEALTHY
