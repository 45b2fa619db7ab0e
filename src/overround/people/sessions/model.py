"""The words of a log-in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from overround.core.errors import Refusal
from overround.people.users.model import User, UserKind


class TooManyAttempts(Refusal):
    """Too many failed log-ins; wait before the next one."""

    code = "too_many_attempts"
    status = 429

    def __init__(self, retry_after_s: int) -> None:
        super().__init__()
        self.retry_after_s = retry_after_s


@dataclass(frozen=True, slots=True)
class SessionLimits:
    """How long a session lasts, in seconds: since its last request, and in any case.

    A permanent one is of somebody who asked to stay logged in.
    """

    idle_s: int = 3_600
    absolute_s: int = 86_400
    permanent_idle_s: int = 86_400
    permanent_absolute_s: int = 2_592_000

    def idle_of(self, permanent: bool) -> timedelta:
        """How long without a request."""
        return timedelta(seconds=self.permanent_idle_s if permanent else self.idle_s)

    def absolute_of(self, permanent: bool) -> timedelta:
        """How long in any case."""
        return timedelta(seconds=self.permanent_absolute_s if permanent else self.absolute_s)


@dataclass(frozen=True, slots=True)
class Device:
    """Where a log-in comes from. Both are what the client says or is seen as, never trusted."""

    address: str
    user_agent: str


@dataclass(frozen=True, slots=True)
class Session:
    """A session as its owner may see it; the token is not in it."""

    id: UUID
    user_id: UUID
    user_agent: str
    created_at: datetime
    last_seen_at: datetime
    permanent: bool = False


@dataclass(frozen=True, slots=True)
class Live:
    """What a token stands for now: a live session of an active user of an active tenant."""

    id: UUID
    user_id: UUID
    kind: UserKind
    scopes: Sequence[str]
    last_seen_at: datetime
    created_at: datetime
    permanent: bool


@dataclass(frozen=True, slots=True)
class Statistics:
    """The sessions of a tenant: those that are live, and the last day's log-ins and endings."""

    active: int
    created: int
    revoked: int


@dataclass(frozen=True, slots=True)
class Opened:
    """A new session with the one copy of its token that is not on the client."""

    token: str
    session: Session
    user: User


@dataclass(frozen=True, slots=True)
class Registration:
    """What is asked for a new player; the password comes as its hash."""

    email: str
    display_name: str
    password_hash: str


@dataclass(frozen=True, slots=True)
class Attempt:
    """A log-in that was tried; `user_id` and `password_hash` are empty for an unknown address."""

    email: str
    user_id: UUID | None
    password_hash: str | None


@dataclass(frozen=True, slots=True)
class Checked:
    """Whether the password was right; a hash of today's cost where the stored one was cheaper."""

    right: bool
    stronger_hash: str | None = None
