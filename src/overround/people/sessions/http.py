"""Registration, log-in and log-out, the list of one's sessions, and disabling a user."""

from __future__ import annotations

import secrets
from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response
from pydantic import Field

from overround.cache.leases import Leases
from overround.core.errors import Unauthenticated
from overround.core.principal import Principal
from overround.db.routes import Db
from overround.kit import routes
from overround.kit.routes import Input, Now, Output, Tools, User, Visitor
from overround.people import users
from overround.people.sessions import passwords, rules, service
from overround.people.sessions.model import Device, Opened, Session, SessionLimits
from overround.people.sessions.model import Registration as Asked

router = APIRouter(prefix="/api/v1", tags=["people"])


class RegistrationIn(Input):
    """A new player."""

    email: Annotated[str, Field(max_length=254)]
    password: Annotated[str, Field(max_length=1024)]
    display_name: Annotated[str, Field(max_length=200)]


class LogInIn(Input):
    """Address and password."""

    email: Annotated[str, Field(max_length=254)]
    password: Annotated[str, Field(max_length=1024)]
    # To stay logged in on this device: for a day without a request, and a month in any case.
    permanent: bool = False


class UserOut(Output):
    """A user as he sees himself."""

    id: UUID
    kind: str
    email: str
    display_name: str
    status: str
    scopes: list[str]
    last_login_at: datetime | None
    created_at: datetime


class SessionOut(Output):
    """One log-in."""

    id: UUID
    user_agent: str
    created_at: datetime
    last_seen_at: datetime
    expires_at: datetime
    permanent: bool


class OpenedOut(Output):
    """A log-in with its token, for clients that send `Authorization: Bearer`."""

    token: str
    user: UserOut
    session: SessionOut


class MeOut(Output):
    """Who is logged in."""

    user: UserOut


class SessionsOut(Output):
    """All live log-ins of a user."""

    items: list[SessionOut]


def _leases(request: Request) -> Leases:
    found: Leases = request.app.state.session_leases
    return found


def _limits(request: Request) -> SessionLimits:
    found: SessionLimits = request.app.state.session_limits
    return found


Lent = Annotated[Leases, Depends(_leases)]
Limits = Annotated[SessionLimits, Depends(_limits)]


@router.post("/users", status_code=201)
async def register(
    body: RegistrationIn,
    tenant_id: Visitor,
    db: Db,
    tools: Tools,
    limits: Limits,
    now: Now,
    request: Request,
    response: Response,
) -> OpenedOut:
    """Open an account and log in."""
    rules.checked_password(body.password)
    salt = secrets.token_bytes(passwords.SALT_BYTES)
    hashed = await tools.hashing.run(passwords.hash_password, body.password, salt)
    asked = Asked(body.email, body.display_name, hashed)
    async with db.transaction(tenant_id) as conn:
        opened = await service.register(conn, tenant_id, asked, _device(request), now)
    return _give(opened, limits, request, response)


@router.post("/session")
async def log_in(
    body: LogInIn,
    tenant_id: Visitor,
    db: Db,
    tools: Tools,
    limits: Limits,
    leases: Lent,
    now: Now,
    request: Request,
    response: Response,
) -> OpenedOut:
    """Log in; a session that the request came with ends."""
    device = _device(request)
    async with db.reading(tenant_id) as conn:
        attempt = await service.begin(conn, tenant_id, body.email, device, now)
    salt = secrets.token_bytes(passwords.SALT_BYTES)
    checked = await tools.hashing.run(passwords.check, attempt.password_hash, body.password, salt)
    before = routes.token_of(request)
    if before is not None:
        await leases.forbid(tenant_id, rules.token_sha256(before))
    async with db.transaction(tenant_id) as conn:
        opened = await service.log_in(
            conn, tenant_id, attempt, checked, device, before, now, permanent=body.permanent
        )
    # Refused only now: the transaction that counted the failure is committed.
    if opened is None:
        raise Unauthenticated("wrong e-mail address or password", code="bad_credentials")
    return _give(opened, limits, request, response)


@router.get("/session")
async def me(caller: User, db: Db) -> MeOut:
    """Who is logged in."""
    async with db.reading(caller.tenant_id) as conn:
        user = await users.by_id(conn, caller.tenant_id, caller.actor_id)
    return MeOut(user=_user_out(user))


@router.delete("/session", status_code=204)
async def log_out(
    caller: User, db: Db, leases: Lent, now: Now, request: Request, response: Response
) -> None:
    """Log out."""
    token = routes.token_of(request)
    await leases.forbid(caller.tenant_id, rules.token_sha256(token or ""))
    async with db.transaction(caller.tenant_id) as conn:
        await service.log_out(conn, caller.tenant_id, token or "", now)
    name = rules.cookie_name(request.url.scheme, _server_host(request))
    if name is not None:
        secure = request.url.scheme == "https"
        response.delete_cookie(name, path="/", secure=secure, httponly=True, samesite="lax")


@router.get("/sessions")
async def sessions(caller: User, db: Db, limits: Limits, now: Now) -> SessionsOut:
    """My live sessions."""
    async with db.reading(caller.tenant_id) as conn:
        found = await service.live(conn, caller, limits, now)
    return SessionsOut(items=[_session_out(session, limits) for session in found])


@router.delete("/sessions/{session_id}", status_code=204)
async def end_session(session_id: UUID, caller: User, db: Db, leases: Lent, now: Now) -> None:
    """End one of my sessions."""
    await leases.forbid_owner(caller.tenant_id, caller.actor_id)
    async with db.transaction(caller.tenant_id) as conn:
        await service.end(conn, caller, session_id, now)


ManagesUsers = Annotated[Principal, Depends(routes.staff("users.manage"))]


@router.post("/office/users/{user_id}/disable")
async def disable(user_id: UUID, caller: ManagesUsers, db: Db, leases: Lent, now: Now) -> UserOut:
    """Disable a user everywhere, at once."""
    await leases.forbid_owner(caller.tenant_id, user_id)
    async with db.transaction(caller.tenant_id) as conn:
        return _user_out(await service.disable_user(conn, caller, user_id, now))


@router.post("/office/users/{user_id}/enable")
async def enable(user_id: UUID, caller: ManagesUsers, db: Db, now: Now) -> UserOut:
    """Let a user log in again."""
    async with db.transaction(caller.tenant_id) as conn:
        return _user_out(await service.enable_user(conn, caller, user_id, now))


def _device(request: Request) -> Device:
    return Device(routes.client_address(request), request.headers.get("user-agent", ""))


def _server_host(request: Request) -> str:
    server = request.scope.get("server")
    return server[0] if server else ""


def _give(opened: Opened, limits: SessionLimits, request: Request, response: Response) -> OpenedOut:
    name = rules.cookie_name(request.url.scheme, _server_host(request))
    if name is not None:
        response.set_cookie(
            name,
            opened.token,
            max_age=int(limits.absolute_of(opened.session.permanent).total_seconds()),
            path="/",
            secure=request.url.scheme == "https",
            httponly=True,
            samesite="lax",
        )
    response.headers["Cache-Control"] = "no-store"
    session = _session_out(opened.session, limits)
    return OpenedOut(token=opened.token, user=_user_out(opened.user), session=session)


def _session_out(session: Session, limits: SessionLimits) -> SessionOut:
    return SessionOut(
        id=session.id,
        user_agent=session.user_agent,
        created_at=session.created_at,
        last_seen_at=session.last_seen_at,
        expires_at=session.created_at + limits.absolute_of(session.permanent),
        permanent=session.permanent,
    )


def _user_out(user: users.User) -> UserOut:
    return UserOut(
        id=user.id,
        kind=user.kind,
        email=user.email,
        display_name=user.display_name,
        status=user.status,
        scopes=list(user.scopes),
        last_login_at=user.last_login_at,
        created_at=user.created_at,
    )
