"""Who is asking: resolved once at the edge and handed down as a value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal
from uuid import UUID

Kind = Literal["player", "staff", "program", "system"]


@dataclass(frozen=True, slots=True)
class Principal:
    """The caller: `actor_id` is a user, the key of a program, or the nil id for a role of the
    product itself."""

    tenant_id: UUID
    actor_id: UUID
    kind: Kind
    scopes: frozenset[str] = frozenset()


SYSTEM_ACTOR = UUID(int=0)


def system(tenant_id: UUID) -> Principal:
    """The product's own processes, acting for a tenant."""
    return Principal(tenant_id, SYSTEM_ACTOR, "system", frozenset({"*"}))
