"""Use cases of users, inside the caller's transaction."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from overround.core.errors import Conflict, NotFound
from overround.core.principal import Principal
from overround.db import Connection, audit
from overround.kit.paging import Cursor
from overround.people.tenants import Tenant
from overround.people.users import rules, store
from overround.people.users.model import NewStaff, NewUser, User, UserKind, UserStatus


class EmailTaken(Conflict):
    """This e-mail address has an account here."""

    code = "email_taken"
    field = "email"


async def add_player(
    conn: Connection,
    tenant: Tenant,
    user_id: UUID,
    asked: NewUser,
    password_hash: str | None,
    at: datetime,
) -> User:
    """A new player with an empty wallet; without a hash, one who cannot log in by password.

    Raises Invalid `email` or `display_name`, and EmailTaken.
    """
    email, name = rules.email(asked.email), rules.display_name(asked.display_name)
    if not await store.insert_player(conn, tenant.id, user_id, email, name, password_hash, at):
        raise EmailTaken
    await store.open_wallet(conn, tenant.id, user_id, at)
    return await by_id(conn, tenant.id, user_id)


async def add_staff(
    conn: Connection,
    principal: Principal,
    user_id: UUID,
    asked: NewStaff,
    password_hash: str,
    at: datetime,
) -> User:
    """A new member of staff of the principal's tenant. Needs the worker login.

    Raises Invalid `email`, `display_name` or `scopes`, and EmailTaken.
    """
    tenant_id = principal.tenant_id
    email, name = rules.email(asked.email), rules.display_name(asked.display_name)
    scopes = rules.scopes(asked.scopes)
    if not await store.insert_staff(
        conn, tenant_id, user_id, email, name, password_hash, scopes, at
    ):
        raise EmailTaken
    after = {"email": email, "scopes": scopes}
    await audit.write(conn, principal, at, "staff.create", f"user:{user_id}", after=after)
    return await by_id(conn, tenant_id, user_id)


async def by_id(conn: Connection, tenant_id: UUID, user_id: UUID) -> User:
    """The user of that id. Raises NotFound, for another tenant's user as for none."""
    user = await store.by_id(conn, tenant_id, user_id)
    if user is None:
        raise NotFound
    return user


async def by_email(conn: Connection, tenant_id: UUID, email: str) -> User | None:
    """The user of that address, in any spelling of case. Raises Invalid `email`."""
    return await store.by_email(conn, tenant_id, rules.email(email))


async def password_hash(conn: Connection, tenant_id: UUID, user_id: UUID) -> str | None:
    """The stored hash; None for a user who cannot log in by password."""
    return await store.password_hash(conn, tenant_id, user_id)


async def listing(
    conn: Connection, tenant_id: UUID, kind: UserKind | None, limit: int, after: Cursor | None
) -> list[User]:
    """Up to `limit` users, newest first, below the cursor."""
    return await store.listing(conn, tenant_id, kind, limit, after)


async def named(conn: Connection, tenant_id: UUID, text: str, limit: int) -> list[User]:
    """Up to `limit` players whose name or address begins with the text, in any case; who is called
    just so comes first. A text of nothing finds nobody."""
    wanted = text.strip().lower()
    return await store.named(conn, tenant_id, wanted, limit) if wanted else []


def cursor_of(user: User) -> Cursor:
    """Where a page that ends with `user` goes on."""
    return Cursor(user.created_at, user.id)


async def set_status(
    conn: Connection, principal: Principal, user_id: UUID, status: UserStatus, at: datetime
) -> User:
    """Enable or disable a user of the principal's tenant, with an audit row.

    Raises NotFound, and Conflict `own_account`: whoever disables himself locks the office.
    """
    user = await by_id(conn, principal.tenant_id, user_id)
    if user_id == principal.actor_id:
        raise Conflict("nobody changes the status of his own account", code="own_account")
    await store.set_status(conn, user.tenant_id, user_id, status)
    before, after = {"status": user.status}, {"status": status}
    await audit.write(conn, principal, at, "user.status", f"user:{user_id}", before, after)
    return await by_id(conn, user.tenant_id, user_id)


async def record_login(
    conn: Connection, tenant_id: UUID, user_id: UUID, password_hash: str | None, at: datetime
) -> None:
    """Write the time of a good log-in, and a stronger hash when there is one."""
    await store.record_login(conn, tenant_id, user_id, password_hash, at)
