"""Use cases of log-ins, inside the caller's transaction.

A password is never hashed here: a hash takes tens of milliseconds, and a connection held for that
long is one that somebody else waits for. `http.py` hashes between two short transactions.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

from overround.core import ids
from overround.core.errors import Conflict, NotFound
from overround.core.principal import Principal
from overround.db import Connection, audit
from overround.kit import logs
from overround.people import tenants, users
from overround.people.sessions import keys, rules, store
from overround.people.sessions.keys import ApiKey, Entered, OutOfCredits
from overround.people.sessions.model import (
    Attempt,
    Checked,
    Device,
    Live,
    Opened,
    Registration,
    Session,
    SessionLimits,
    Statistics,
    TooManyAttempts,
)
from overround.people.users import NewStaff, NewUser, User

TOKEN_BYTES = 32
# Ended sessions are kept this long, so that "was that me?" can be answered.
KEPT_AFTER_END = timedelta(days=30)


async def register(
    conn: Connection, tenant_id: UUID, asked: Registration, device: Device, at: datetime
) -> Opened:
    """A new player, logged in.

    Raises Invalid `email` or `display_name`, and Conflict `email_taken`.
    """
    tenant = await tenants.by_id(conn, tenant_id)
    new = NewUser(asked.email, asked.display_name)
    user = await users.add_player(conn, tenant, ids.new(at), new, asked.password_hash, at)
    await users.record_login(conn, tenant_id, user.id, None, at)
    return await _open(conn, user, device, at)


async def begin(
    conn: Connection, tenant_id: UUID, email: str, device: Device, at: datetime
) -> Attempt:
    """The first half of a log-in: whom the address names here, if anybody.

    Raises TooManyAttempts while the address or the client must wait (no hash is spent then), and
    Invalid `email`.
    """
    user = await users.by_email(conn, tenant_id, email)
    until = await store.locked_until(conn, tenant_id, _subjects(email.lower(), device), at)
    if until is not None:
        logs.security("login.locked", user=str(user.id) if user is not None else None)
        raise TooManyAttempts(max(1, -((at - until) // timedelta(seconds=1))))
    if user is None:
        return Attempt(email.lower(), None, None)
    stored = await users.password_hash(conn, tenant_id, user.id)
    return Attempt(user.email, user.id, stored)


async def log_in(
    conn: Connection,
    tenant_id: UUID,
    attempt: Attempt,
    checked: Checked,
    device: Device,
    token_before: str | None,
    at: datetime,
    *,
    permanent: bool = False,
) -> Opened | None:
    """The second half: a new session that replaces the one the request came with.

    None when the password was wrong, the address unknown or the user disabled: one answer for the
    three. The failure is counted, so the caller commits before it refuses.
    """
    user = None
    if checked.right and attempt.user_id is not None:
        user = await users.by_id(conn, tenant_id, attempt.user_id)
    if user is None or user.status != "active":
        known = str(attempt.user_id) if attempt.user_id is not None else None
        logs.security("login.refused", user=known)
        await _count_failures(conn, tenant_id, _subjects(attempt.email, device), at)
        return None
    if token_before is not None:
        await store.end_by_token(conn, tenant_id, rules.token_sha256(token_before), at)
    await store.forget_failures(conn, tenant_id, rules.subject_sha256("email", user.email))
    await users.record_login(conn, tenant_id, user.id, checked.stronger_hash, at)
    return await _open(conn, user, device, at, permanent)


async def authenticate(
    conn: Connection, tenant_id: UUID, token: str, limits: SessionLimits, at: datetime
) -> Live | None:
    """What the token stands for at this tenant, if it is live."""
    horizons = rules.horizons(limits, at)
    return await store.live(conn, tenant_id, rules.token_sha256(token), horizons)


async def authenticate_all(
    conn: Connection, asked: Sequence[tuple[UUID, bytes]], limits: SessionLimits, at: datetime
) -> dict[tuple[UUID, bytes], Live]:
    """(tenant, SHA-256 of a token) -> what it stands for, for many at once; they are touched.

    On a connection without a transaction: one round trip, which commits. What is not live is
    absent.
    """
    horizons = rules.horizons(limits, at)
    return await store.live_all(conn, asked, horizons, at - rules.TOUCH_EVERY, at)


async def statistics(
    conn: Connection, tenant_id: UUID, limits: SessionLimits, at: datetime
) -> Statistics:
    """How many sessions of the tenant are live, and the last day's log-ins and endings."""
    horizons = rules.horizons(limits, at)
    return await store.statistics(conn, tenant_id, horizons, at - timedelta(days=1))


async def touch(conn: Connection, tenant_id: UUID, session_id: UUID, at: datetime) -> None:
    """Write when the session was last used; the caller asks `rules.touch_due` first."""
    await store.touch(conn, tenant_id, session_id, at)


async def live(
    conn: Connection, principal: Principal, limits: SessionLimits, at: datetime
) -> list[Session]:
    """The principal's own live sessions, the latest used first, at most 200."""
    return await store.live_of_user(
        conn, principal.tenant_id, principal.actor_id, rules.horizons(limits, at)
    )


async def end(conn: Connection, principal: Principal, session_id: UUID, at: datetime) -> None:
    """End one of the principal's own sessions. Raises NotFound for anybody else's."""
    if not await store.end(conn, principal.tenant_id, principal.actor_id, session_id, at):
        raise NotFound


async def log_out(conn: Connection, tenant_id: UUID, token: str, at: datetime) -> None:
    """End the session of the token; twice is once."""
    await store.end_by_token(conn, tenant_id, rules.token_sha256(token), at)


async def add_staff(
    conn: Connection, principal: Principal, asked: NewStaff, password_hash: str, at: datetime
) -> User:
    """A new member of staff. Needs the worker login. Raises what `users.add_staff` raises."""
    return await users.add_staff(conn, principal, ids.new(at), asked, password_hash, at)


async def disable_user(conn: Connection, principal: Principal, user_id: UUID, at: datetime) -> User:
    """Disable a user and end every session of his. Raises NotFound and Conflict `own_account`."""
    user = await users.set_status(conn, principal, user_id, "disabled", at)
    await store.end_all(conn, principal.tenant_id, user_id, at)
    return user


async def enable_user(conn: Connection, principal: Principal, user_id: UUID, at: datetime) -> User:
    """Let a user log in again; his old sessions stay ended. Raises as `disable_user`."""
    return await users.set_status(conn, principal, user_id, "active", at)


async def purge(conn: Connection, tenant_id: UUID, limits: SessionLimits, at: datetime) -> int:
    """How many outlived sessions and forgotten failures were deleted, in one batch."""
    longest = max(limits.absolute_of(False), limits.absolute_of(True))
    sessions_before = at - longest - KEPT_AFTER_END
    return await store.purge(conn, tenant_id, sessions_before, at - rules.FAILURES_FORGOTTEN_AFTER)


async def _open(
    conn: Connection, user: User, device: Device, at: datetime, permanent: bool = False
) -> Opened:
    token = secrets.token_urlsafe(TOKEN_BYTES)
    agent = rules.shown_user_agent(device.user_agent)
    session = Session(ids.new(at), user.id, agent, at, at, permanent)
    await store.insert(conn, user.tenant_id, session, rules.token_sha256(token))
    return Opened(token, session, user)


def _subjects(email: str, device: Device) -> list[bytes]:
    return [
        rules.subject_sha256("email", email),
        rules.subject_sha256("address", device.address),
    ]


async def _count_failures(
    conn: Connection, tenant_id: UUID, subjects: list[bytes], at: datetime
) -> None:
    free = dict(
        zip(
            subjects,
            (rules.FREE_FAILURES_OF_EMAIL, rules.FREE_FAILURES_OF_ADDRESS),
            strict=True,
        )
    )
    # In one order for everybody: two failures over the same two rows then wait and never deadlock.
    for subject in sorted(subjects):
        forgotten = at - rules.FAILURES_FORGOTTEN_AFTER
        failures = await store.count_failure(conn, tenant_id, subject, forgotten, at)
        until = rules.locked_until(failures, free[subject], at)
        await store.lock(conn, tenant_id, subject, until)


async def add_key(
    conn: Connection,
    caller: Principal,
    name: str,
    plan: str,
    credits_per_month: int | None,
    at: datetime,
) -> tuple[ApiKey, str]:
    """A new key of the tenant, and its text, which nobody can read again.

    Raises Invalid as `keys.checked_terms` does, and Conflict `key_name_taken`.
    """
    allowed = keys.checked_terms(name, plan, credits_per_month)
    token = secrets.token_hex(keys.KEY_BYTES)
    key = ApiKey(ids.new(at), name, plan, allowed, 0, at)
    month = at.astimezone(UTC).date().replace(day=1)
    if not await store.add_key(conn, caller.tenant_id, key, keys.hashed(token), month):
        raise Conflict("there was a key of this name; take another", code="key_name_taken")
    facts = {"plan": plan, "credits_per_month": allowed}
    await audit.write(conn, caller, at, "api_key.add", f"api_key:{name}", after=facts)
    return key, token


async def revoke_key(conn: Connection, caller: Principal, name: str, at: datetime) -> ApiKey:
    """End a key: its next call is refused. Raises NotFound when no key of that name is valid."""
    key = await store.revoke_key(conn, caller.tenant_id, name, at)
    if key is None:
        raise NotFound("there is no such key")
    await audit.write(conn, caller, at, "api_key.revoke", f"api_key:{name}")
    return key


async def enter(conn: Connection, tenant_id: UUID, token: str | None, at: datetime) -> Entered:
    """The key that a call came in with. Raises MissingKey, UnknownKey, RevokedKey, TooFrequent."""
    sha256 = keys.hashed(keys.checked_token(token))
    return keys.checked(await store.enter_key(conn, tenant_id, sha256, keys.PACE, at))


async def charge(conn: Connection, tenant_id: UUID, key: Entered, cost: int, at: datetime) -> int:
    """Take credits from a key; returns what is used of the month. Raises OutOfCredits."""
    if cost == 0:
        return key.used
    used = await store.charge_key(conn, tenant_id, key.id, cost, at)
    if used is None:
        raise OutOfCredits
    return used
