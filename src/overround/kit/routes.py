"""What a part's `http.py` may ask: who calls, with which right, at what time.

`web` fills `RouteTools` and puts it on the app; a part only names what a route needs. Every route
declares one permission (test: every route declares a permission), and there are seven: `Anybody`
(no tenant either), `Visitor` (nobody need be logged in), `Reader` (a user, or a program with an API
key), `User`, `Player`, `Staff` (of whatever scope), and `staff(scope)`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Final
from uuid import UUID

from fastapi import Depends, Header, Query, Request, Response

from overround.core.clock import Clock
from overround.core.errors import Forbidden, Unauthenticated
from overround.core.principal import Kind, Principal
from overround.kit import paging, queries
from overround.kit.etags import matches
from overround.kit.idempotency import KeyReused, checked_key
from overround.kit.shapes import Input, Output
from overround.kit.telling import Tell, tell_nobody
from overround.kit.threads import BoundedThreads

__all__ = [
    "Anybody",
    "CursorText",
    "IdempotencyKey",
    "Input",
    "KeyReused",
    "Limit",
    "Now",
    "Open",
    "Output",
    "Permission",
    "Player",
    "Reader",
    "RouteTools",
    "Staff",
    "Tools",
    "User",
    "Visiting",
    "Visitor",
    "client_address",
    "holds",
    "mark_replayed",
    "matches",
    "route_tools",
    "staff",
    "token_of",
]


# Where a program shows its key; where it is, whoever else is logged in does not count.
KEY_HEADER: Final = "X-API-Key"


async def no_programs(request: Request, key: str) -> Principal:
    """Where keys open nothing. Raises Unauthenticated."""
    del request, key
    raise Unauthenticated


@dataclass(frozen=True, slots=True)
class RouteTools:
    """What the routes share, on `app.state.route_tools`.

    `authenticate` gives the principal of a request, or None; `hashing` is where passwords are
    hashed; the session's lengths are in seconds; `tell` is called after the commit. `by_key` gives
    the program whose API key it is, which has paid for this request, or raises why not.
    """

    clock: Clock
    authenticate: Callable[[Request], Awaitable[Principal | None]]
    hashing: BoundedThreads
    session_idle_s: int
    session_absolute_s: int
    tell: Tell = tell_nobody
    by_key: Callable[[Request, str], Awaitable[Principal]] = no_programs


def route_tools(request: Request) -> RouteTools:
    """The tools of the application that serves this request."""
    found: RouteTools = request.app.state.route_tools
    return found


@dataclass(frozen=True, slots=True)
class Open:
    """The permission of a route that needs neither tenant nor log-in, such as a health check."""

    name: str = "anybody"

    async def __call__(self) -> None:
        return None


@dataclass(frozen=True, slots=True)
class Visiting:
    """The permission of a route that anybody may call; gives the tenant of the host."""

    name: str = "visitor"

    async def __call__(self, request: Request) -> UUID:
        queries.check(request.scope)
        tenant_id: UUID = request.state.tenant_id
        return tenant_id


@dataclass(frozen=True, slots=True)
class Permission:
    """The permission of a route for the logged-in: one of `kinds`, holding `scope` if there is one.

    Raises Unauthenticated or Forbidden.
    """

    name: str
    kinds: frozenset[Kind]
    scope: str | None = None

    async def __call__(self, request: Request) -> Principal:
        principal = await route_tools(request).authenticate(request)
        if principal is None:
            raise Unauthenticated
        if principal.kind not in self.kinds:
            raise Forbidden
        if self.scope is not None and not holds(principal, self.scope):
            raise Forbidden
        queries.check(request.scope)
        return principal


@dataclass(frozen=True, slots=True)
class Reading(Permission):
    """The permission of a route for the logged-in, and for programs that show an API key.

    Raises what `Permission` and `RouteTools.by_key` raise.
    """

    async def __call__(self, request: Request) -> Principal:
        key = request.headers.get(KEY_HEADER)
        if key is not None:
            principal = await route_tools(request).by_key(request, key)
            queries.check(request.scope)
            return principal
        return await Permission.__call__(self, request)


def holds(principal: Principal, scope: str) -> bool:
    """Whether the principal has the right: who may manage something may also read it."""
    noun, _, verb = scope.partition(".")
    wider = {f"{noun}.manage"} if verb == "read" else set[str]()
    return bool(principal.scopes & ({scope, "*"} | wider))


def staff(scope: str) -> Permission:
    """For staff who hold `scope`."""
    return Permission(f"staff:{scope}", frozenset({"staff"}), scope)


Anybody = Annotated[None, Depends(Open())]
Visitor = Annotated[UUID, Depends(Visiting())]
Reader = Annotated[Principal, Depends(Reading("reader", frozenset({"player", "staff"})))]
User = Annotated[Principal, Depends(Permission("user", frozenset({"player", "staff"})))]
Player = Annotated[Principal, Depends(Permission("player", frozenset({"player"})))]
Staff = Annotated[Principal, Depends(Permission("staff", frozenset({"staff"})))]


def _now(request: Request) -> datetime:
    return route_tools(request).clock.now()


Tools = Annotated[RouteTools, Depends(route_tools)]
Now = Annotated[datetime, Depends(_now)]


def _key(value: Annotated[str | None, Header(alias="Idempotency-Key")] = None) -> str:
    return checked_key(value)


IdempotencyKey = Annotated[str, Depends(_key)]

Limit = Annotated[int, Query(ge=1, le=paging.LIMIT_MAX)]
CursorText = Annotated[str | None, Query(max_length=64)]


def mark_replayed(response: Response, replayed: bool) -> None:
    """Say whether the answer is an earlier one given again."""
    if replayed:
        response.headers["Idempotency-Replayed"] = "true"


def token_of(request: Request) -> str | None:
    """The session token that the request carries, by bearer or by cookie, if any."""
    token: str | None = request.state.token
    return token


def client_address(request: Request) -> str:
    """The address of the peer. Forwarded headers are not believed: anybody can write them."""
    return request.client.host if request.client else ""
