"""Users: the accounts of a tenant's players and staff.

Words: a *user* is the account that all share; a *player* bets with the tenant, *staff* work for it
and hold *scopes*. Invariants: an e-mail address is unique within its tenant and says nothing about
another; a player holds no scope; whoever is disabled is refused from the next request on.
"""

from overround.people.users.model import SCOPES, NewStaff, NewUser, User, UserKind, UserStatus
from overround.people.users.service import (
    add_player,
    add_staff,
    by_email,
    by_id,
    cursor_of,
    listing,
    named,
    password_hash,
    record_login,
    set_status,
)

__all__ = [
    "SCOPES",
    "NewStaff",
    "NewUser",
    "User",
    "UserKind",
    "UserStatus",
    "add_player",
    "add_staff",
    "by_email",
    "by_id",
    "cursor_of",
    "listing",
    "named",
    "password_hash",
    "record_login",
    "set_status",
]
