"""Telling open pages that something of theirs has changed, so that they look again."""

from __future__ import annotations

from collections.abc import Collection
from typing import Protocol
from uuid import UUID


class Tell(Protocol):
    """Says to open pages, after a commit, that something of theirs has changed.

    Of these players, and of the tenant's office; at once, and without a promise that anybody hears.
    """

    def __call__(
        self, tenant_id: UUID, users: Collection[UUID] = (), *, office: bool = False
    ) -> None: ...


def tell_nobody(tenant_id: UUID, users: Collection[UUID] = (), *, office: bool = False) -> None:
    """Where no page can be open."""
