"""Names in the cache: each belongs to a book or to a tenant, so nothing can be read by mistake.

The braces put everything of one book, or of one tenant, into one slot of a Redis Cluster. What is
stored under such a name has an end to its life (test: every key has an end).
"""

from __future__ import annotations

import re
from typing import Final
from uuid import UUID

_PREFIX: Final = "overround"
_LABEL: Final = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")


def of_book(book_id: UUID, name: str) -> str:
    """The key or channel `name` of a book."""
    return f"{_PREFIX}:book:{{{book_id.hex}}}:{name}"


def of_tenant(tenant_id: UUID, name: str) -> str:
    """The key or channel `name` of a tenant."""
    return f"{_PREFIX}:tenant:{{{tenant_id.hex}}}:{name}"


def of_host(subdomain: str, name: str) -> str:
    """The key `name` of the tenant whose host is asked: a host is known before its tenant is.

    Raises ValueError for what is no label of a host, which could end up in another's name.
    """
    if not _LABEL.fullmatch(subdomain):
        raise ValueError("not the label of a host")
    return f"{_PREFIX}:host:{{{subdomain}}}:{name}"


def of_every_tenant(name: str) -> str:
    """The pattern of the channel `name` of all tenants."""
    return f"{_PREFIX}:tenant:*:{name}"


def tenant_in(channel: str) -> UUID:
    """Whose channel it is: the tenant that `of_tenant` put into it."""
    return UUID(channel.partition("{")[2].partition("}")[0])
