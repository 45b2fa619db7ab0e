"""Password hashes: argon2id with 19 MiB, two passes, one lane (OWASP's least; about 35 ms here).

Pure: the salt is handed in. The caller runs these in `kit.threads`, never on the event loop.
"""

from __future__ import annotations

from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError

from overround.people.sessions.model import Checked

SALT_BYTES = 16

_HASHER = PasswordHasher(
    time_cost=2, memory_cost=19 * 1024, parallelism=1, hash_len=32, type=Type.ID
)
# What an unknown address is compared with, so that it takes as long as a known one (test: an
# unknown address costs a hash). It is the hash of nothing that passes the length rule, and is
# written out: making it would cost every process that starts as much as a log-in.
_NOBODY = (
    "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA"
    "$+DMg0Hsxx2CZGOKL/waFFg82zXwGXdCIU5N1SN6XKPQ"
)


def hash_password(password: str, salt: bytes) -> str:
    """The encoded hash: algorithm, cost, salt and digest in one text of about 100 characters."""
    return _HASHER.hash(password, salt=salt)


def check(stored: str | None, password: str, salt: bytes) -> Checked:
    """Whether `password` is the one of `stored`; `salt` is for the new hash where one is due."""
    try:
        _HASHER.verify(stored or _NOBODY, password)
    except (VerificationError, InvalidHashError):
        return Checked(right=False)
    if stored is None:
        return Checked(right=False)
    if _HASHER.check_needs_rehash(stored):
        return Checked(right=True, stronger_hash=hash_password(password, salt))
    return Checked(right=True)
