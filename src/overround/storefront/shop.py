"""The shop: whether a tenant is open, as its host's copies have to know it without a database."""

from __future__ import annotations

from typing import Final

from overround.storefront.snapshots import Snapshot

_OPEN: Final = b'{"open":true}'
_SHUT: Final = b'{"open":false}'


def shop(is_open: bool, made_ms: int) -> Snapshot:
    """What is published of a tenant's state."""
    return Snapshot(_OPEN if is_open else _SHUT, made_ms)


def is_open(snapshot: Snapshot) -> bool:
    """Whether the tenant of this snapshot answers the public."""
    return snapshot.body == _OPEN
