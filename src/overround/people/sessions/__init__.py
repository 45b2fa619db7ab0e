"""Sessions: log-ins, the tokens they give, and how they end.

Words: a *session* is one log-in on one device; its *token* is 256 random bits that the client
holds and of which only the SHA-256 is stored. Invariants: a token is worth nothing on another
tenant's host; it ends when idle, when old, when logged out, and at once when its user or tenant is
disabled; a log-in gives a new token and ends the one it came with; an unknown address costs the
same hash and gets the same answer as a wrong password. An *API key* is what a program shows
instead: it has a plan of credits a month and a pace, and is worth nothing at another tenant.
"""

from overround.people.sessions.keys import (
    PLANS,
    ApiKey,
    Entered,
    affordable,
    may_read,
)
from overround.people.sessions.model import (
    Attempt,
    Device,
    Live,
    Opened,
    Registration,
    Session,
    SessionLimits,
    Statistics,
    TooManyAttempts,
)
from overround.people.sessions.passwords import SALT_BYTES, hash_password
from overround.people.sessions.rules import (
    borrowed,
    checked_password,
    cookie_name,
    lent,
    token_sha256,
    touch_due,
)
from overround.people.sessions.service import (
    add_key,
    add_staff,
    authenticate,
    authenticate_all,
    charge,
    disable_user,
    enable_user,
    end,
    enter,
    live,
    log_in,
    log_out,
    purge,
    register,
    revoke_key,
    statistics,
    touch,
)
from overround.people.sessions.store import keys as api_keys

__all__ = [
    "PLANS",
    "SALT_BYTES",
    "ApiKey",
    "Attempt",
    "Device",
    "Entered",
    "Live",
    "Opened",
    "Registration",
    "Session",
    "SessionLimits",
    "Statistics",
    "TooManyAttempts",
    "add_key",
    "add_staff",
    "affordable",
    "api_keys",
    "authenticate",
    "authenticate_all",
    "borrowed",
    "charge",
    "checked_password",
    "cookie_name",
    "disable_user",
    "enable_user",
    "end",
    "enter",
    "hash_password",
    "lent",
    "live",
    "log_in",
    "log_out",
    "may_read",
    "purge",
    "register",
    "revoke_key",
    "statistics",
    "token_sha256",
    "touch",
    "touch_due",
]
