"""Sessions: log-ins, the tokens they give, and how they end.

Words: a *session* is one log-in on one device; its *token* is 256 random bits that the client
holds and of which only the SHA-256 is stored. Invariants: a token is worth nothing on another
tenant's host; it ends when idle, when old, when logged out, and at once when its user or tenant is
disabled; a log-in gives a new token and ends the one it came with; an unknown address costs the
same hash and gets the same answer as a wrong password.
"""

from overround.people.sessions.model import (
    Attempt,
    Device,
    Live,
    Opened,
    Registration,
    Session,
    SessionLimits,
    TooManyAttempts,
)
from overround.people.sessions.passwords import SALT_BYTES, hash_password
from overround.people.sessions.rules import checked_password, cookie_name, touch_due
from overround.people.sessions.service import (
    add_staff,
    authenticate,
    disable_user,
    enable_user,
    end,
    live,
    log_in,
    log_out,
    purge,
    register,
    touch,
)

__all__ = [
    "SALT_BYTES",
    "Attempt",
    "Device",
    "Live",
    "Opened",
    "Registration",
    "Session",
    "SessionLimits",
    "TooManyAttempts",
    "add_staff",
    "authenticate",
    "checked_password",
    "cookie_name",
    "disable_user",
    "enable_user",
    "end",
    "hash_password",
    "live",
    "log_in",
    "log_out",
    "purge",
    "register",
    "touch",
    "touch_due",
]
