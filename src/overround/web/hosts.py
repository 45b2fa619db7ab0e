"""Which tenant a host names: one strict rule, because a lax one lets `x.y.base` be tenant `x`."""

from __future__ import annotations

import re
from typing import Final

_LABEL: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_PORT: Final = re.compile(r"[0-9]{1,5}")


def subdomain_of(host: str, base_domain: str) -> str | None:
    """The label of `<label>.<base_domain>[:port]`, exactly one and in lower case; else None."""
    name, colon, port = host.partition(":")
    if colon and not (_PORT.fullmatch(port) and int(port) <= 65_535):
        return None
    label, _, rest = name.partition(".")
    if rest != base_domain or not _LABEL.fullmatch(label):
        return None
    return label
