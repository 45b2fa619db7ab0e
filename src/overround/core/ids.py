"""Identifiers: UUIDv7 (RFC 9562), so that keys sort by the time they name.

`new` is for things that happen once; `derived` gives the same id for the same words, which is what
makes a replay repeatable: the second run names the same bets and writes nothing.
"""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime
from uuid import UUID

from overround.core.clock import millis

_VERSION_7 = 0x7 << 76
_VARIANT = 0b10 << 62
_RAND_A_MASK = (1 << 12) - 1
_RAND_B_MASK = (1 << 62) - 1


def _v7(unix_ms: int, randomness: int) -> UUID:
    rand_a = (randomness >> 62) & _RAND_A_MASK
    rand_b = randomness & _RAND_B_MASK
    return UUID(
        int=(unix_ms & ((1 << 48) - 1)) << 80 | _VERSION_7 | rand_a << 64 | _VARIANT | rand_b
    )


def new(at: datetime) -> UUID:
    """A fresh UUIDv7 whose time part is `at` (aware)."""
    return _v7(millis(at), secrets.randbits(74))


def derived(at: datetime, *words: str) -> UUID:
    """The UUIDv7 that belongs to `words` at `at`: equal words and time give an equal id.

    The 74 free bits are the head of SHA-256 over the words, each preceded by its length, so
    ("ab", "c") and ("a", "bc") differ.
    """
    return _v7(millis(at), _digest(words))


def below(parent: UUID, *words: str) -> UUID:
    """The UUIDv7 of a thing that belongs to `parent`: sorts beside it, changes with nothing."""
    return _v7(parent.int >> 80, _digest((str(parent), *words)))


def _digest(words: tuple[str, ...]) -> int:
    digest = hashlib.sha256()
    for word in words:
        encoded = word.encode()
        digest.update(len(encoded).to_bytes(4, "big"))
        digest.update(encoded)
    return int.from_bytes(digest.digest()[:10], "big") >> 6
