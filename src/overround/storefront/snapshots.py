"""Snapshots: what the public sees of a tenant, as the bytes that are sent.

A snapshot is published when what it shows is written, and confirmed every few seconds after that,
so reading one never needs the database and its age says how long nobody could confirm it.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Final

from overround.cache import keys
from overround.core.clock import millis

if TYPE_CHECKING:
    from redis.asyncio import Redis

JSON: Final = "application/json"
BODY_BYTES_MAX: Final = 4_000_000
# A week: an outage is shorter, and what nobody confirms for so long is nobody's any more.
KEPT_MS: Final = 7 * 86_400_000

_VERSION: Final = 1
# version, made at in ms of 1970 UTC, length of the media type
_HEAD: Final = struct.Struct(">BQB")
_MEDIA_TYPE_MAX: Final = 100
_MILLI: Final = 1_000


class TooLarge(ValueError):
    """A snapshot that nobody should wait for."""


class Garbled(ValueError):
    """Bytes that this version did not write."""


@dataclass(frozen=True)
class Snapshot:
    """An answer's body, and when it was last known to be true (milliseconds of 1970 UTC)."""

    body: bytes
    made_ms: int
    media_type: str = JSON

    @cached_property
    def etag(self) -> str:
        """A strong tag: it changes with the bytes and with nothing else."""
        return f'"{hashlib.sha256(self.body).hexdigest()[:32]}"'

    def age_s(self, at: datetime) -> int:
        """Whole seconds since it was last known to be true, never below 0."""
        return max(0, millis(at) - self.made_ms) // _MILLI


def pack(snapshot: Snapshot) -> bytes:
    """The snapshot as the cache keeps it. Raises TooLarge."""
    if len(snapshot.body) > BODY_BYTES_MAX:
        raise TooLarge(f"a snapshot has at most {BODY_BYTES_MAX} bytes")
    media = snapshot.media_type.encode("ascii")[:_MEDIA_TYPE_MAX]
    return _HEAD.pack(_VERSION, snapshot.made_ms, len(media)) + media + snapshot.body


def unpack(raw: bytes) -> Snapshot:
    """The snapshot of some bytes. Raises Garbled."""
    try:
        version, made_ms, length = _HEAD.unpack_from(raw)
        media = raw[_HEAD.size : _HEAD.size + length].decode("ascii")
    except (struct.error, UnicodeDecodeError) as error:
        raise Garbled(str(error)) from None
    if version != _VERSION or len(media) != length:
        raise Garbled("another version wrote this snapshot")
    return Snapshot(raw[_HEAD.size + length :], made_ms, media)


async def publish(client: Redis, of_host: Mapping[str, Mapping[str, Snapshot]]) -> None:
    """Put snapshots, by tenant's subdomain and name, where every process finds them.

    Raises TooLarge, and what the client raises.
    """
    async with client.pipeline(transaction=False) as pipe:
        for subdomain, named in of_host.items():
            for name, snapshot in named.items():
                pipe.set(keys.of_host(subdomain, name), pack(snapshot), px=KEPT_MS)
        await pipe.execute()
