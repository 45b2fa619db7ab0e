"""Decisions about log-ins: which passwords, how long to wait, which cookie."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime, timedelta
from functools import lru_cache
from ipaddress import ip_address
from typing import Final
from uuid import UUID

from overround.core.errors import Invalid
from overround.people.sessions.model import Live, SessionLimits

PASSWORD_LENGTH_MIN: Final = 8
PASSWORD_LENGTH_MAX: Final = 128

# An address on its own may fail thrice before it waits; a client that many people may share (an
# office, a mobile network) twenty times.
FREE_FAILURES_OF_EMAIL: Final = 3
FREE_FAILURES_OF_ADDRESS: Final = 20
# Never longer than this: a lock that lasts is a weapon against the owner of the address.
LOCK_MAX: Final = timedelta(minutes=5)
# After this long without a failure the count begins anew.
FAILURES_FORGOTTEN_AFTER: Final = timedelta(hours=1)

TOUCH_EVERY: Final = timedelta(minutes=1)
_USER_AGENT_LENGTH_MAX: Final = 200


class PasswordInvalid(Invalid):
    """A password has 8 to 128 characters."""

    code = "password"
    field = "password"


def checked_password(password: str) -> str:
    """The password as it is. Raises PasswordInvalid unless it has 8 to 128 characters.

    No rule about kinds of characters: they make passwords worse. Nothing is cut off or changed.
    """
    if not PASSWORD_LENGTH_MIN <= len(password) <= PASSWORD_LENGTH_MAX:
        raise PasswordInvalid
    try:
        password.encode()
    except UnicodeEncodeError:
        raise PasswordInvalid from None
    return password


def locked_until(failures: int, free: int, at: datetime) -> datetime | None:
    """Until when the next attempt must wait: 2, 4, 8 … seconds after the free failures are used."""
    if failures < free:
        return None
    return at + min(timedelta(seconds=2 ** min(failures - free + 1, 20)), LOCK_MAX)


def subject_sha256(kind: str, text: str) -> bytes:
    """The key under which failures of an e-mail address or a client address are counted."""
    return hashlib.sha256(f"{kind}\n{text}".encode()).digest()


def token_sha256(token: str) -> bytes:
    """What is stored of a token. It has 256 random bits, so that a plain hash is enough."""
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()


def touch_due(last_seen_at: datetime, at: datetime) -> bool:
    """Whether the session's last request is old enough to be worth a write."""
    return at - last_seen_at >= TOUCH_EVERY


def horizons(limits: SessionLimits, at: datetime) -> dict[str, datetime]:
    """After when a session must have been used, and opened, to be live at `at`."""
    return {
        "idle_since": at - limits.idle_of(False),
        "old_since": at - limits.absolute_of(False),
        "permanent_idle_since": at - limits.idle_of(True),
        "permanent_old_since": at - limits.absolute_of(True),
    }


def lent(live: Live) -> bytes:
    """What a lease of the session says: all that the record said of it."""
    said = {
        "id": live.id.hex,
        "user": live.user_id.hex,
        "kind": live.kind,
        "scopes": list(live.scopes),
        "seen": live.last_seen_at.isoformat(),
        "created": live.created_at.isoformat(),
        "permanent": live.permanent,
    }
    return json.dumps(said).encode()


def borrowed(said: bytes, limits: SessionLimits, at: datetime) -> Live | None:
    """The session of a lease, if it is live at `at` still; None for what is no lease of ours."""
    try:
        found = json.loads(said)
        live = Live(
            UUID(found["id"]),
            UUID(found["user"]),
            found["kind"],
            tuple(found["scopes"]),
            datetime.fromisoformat(found["seen"]),
            datetime.fromisoformat(found["created"]),
            found["permanent"] is True,
        )
    except (ValueError, KeyError, TypeError):
        return None
    fresh = live.last_seen_at > at - limits.idle_of(live.permanent)
    return live if fresh and live.created_at > at - limits.absolute_of(live.permanent) else None


def shown_user_agent(text: str) -> str:
    """The client's own name for itself, printable and at most 200 characters."""
    return "".join(c for c in text[:_USER_AGENT_LENGTH_MAX] if c.isprintable())


@lru_cache(maxsize=64)
def cookie_name(scheme: str, server_host: str) -> str | None:
    """`__Host-session` under https; `session` for http on loopback only; else no cookie at all.

    The prefix makes the browser insist on Secure, on Path=/ and on no Domain, so a sibling tenant
    cannot plant a cookie here.
    """
    if scheme == "https":
        return "__Host-session"
    try:
        return "session" if ip_address(server_host).is_loopback else None
    except ValueError:
        return None
