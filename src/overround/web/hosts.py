"""Which tenant a host names: one strict rule, because a lax one lets `x.y.base` be tenant `x`."""

from __future__ import annotations

import re
from typing import Final

_LABEL: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_PORT: Final = re.compile(r"[0-9]{1,5}")
_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "[::1"})


def subdomain_of(host: str, base_domain: str) -> str | None:
    """The label of `<label>.<base_domain>[:port]`, exactly one and in lower case; else None."""
    name, colon, port = host.partition(":")
    if colon and not (_PORT.fullmatch(port) and int(port) <= 65_535):
        return None
    label, _, rest = name.partition(".")
    if rest != base_domain or not _LABEL.fullmatch(label):
        return None
    return label


def is_platform(host: str, base_domain: str) -> bool:
    """Whether the host is the installation itself and no tenant's: the base domain, or loopback."""
    name, bracket, rest = host.partition("]") if host.startswith("[") else host.partition(":")
    port = rest.removeprefix(":") if host.startswith("[") else rest
    if bracket and port and not (_PORT.fullmatch(port) and int(port) <= 65_535):
        return False
    return name == base_domain or name in _LOOPBACK
