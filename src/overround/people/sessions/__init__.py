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
)
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
    add_key,
    add_staff,
    authenticate,
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
    "TooManyAttempts",
    "add_key",
    "add_staff",
    "affordable",
    "api_keys",
    "authenticate",
    "charge",
    "checked_password",
    "cookie_name",
    "disable_user",
    "enable_user",
    "end",
    "enter",
    "hash_password",
    "live",
    "log_in",
    "log_out",
    "purge",
    "register",
    "revoke_key",
    "touch",
    "touch_due",
]
