"""The audit writer: who did what to which thing, in the caller's transaction."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from psycopg.types.json import Jsonb
from structlog.contextvars import get_contextvars

from overround.core.principal import Principal
from overround.db.pools import Connection
from overround.kit import logs

# Acts on these are of money and prices; all else that is audited is about who may do what.
_BUSINESS = frozenset(
    {"bet", "book", "competition", "event", "market", "payment", "ruling", "sport"}
)

# One row per act; nobody may change or delete it (no such privilege is granted).
_WRITE = """
INSERT INTO audit (tenant_id, at, actor_id, actor_kind, action, subject, before, after,
    correlation_id)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)"""


async def write(
    conn: Connection,
    principal: Principal,
    at: datetime,
    action: str,
    subject: str,
    before: Mapping[str, object] | None = None,
    after: Mapping[str, object] | None = None,
    correlation_id: str | None = None,
) -> None:
    """Record that `principal` did `action` (`user.disable`) to `subject` (`user:<id>`) at `at`.

    The correlation id is the one that the edge bound to the work at hand, unless one is given. The
    log has a line of it, too: the row alone tells whether it was committed.
    """
    tell = logs.business if subject.partition(":")[0] in _BUSINESS else logs.security
    tell(action, subject=subject, actor=str(principal.actor_id), actor_kind=principal.kind)
    await conn.execute(
        _WRITE,
        [
            principal.tenant_id,
            at,
            principal.actor_id,
            principal.kind,
            action,
            subject,
            Jsonb(dict(before)) if before is not None else None,
            Jsonb(dict(after)) if after is not None else None,
            correlation_id or get_contextvars().get("correlation_id"),
        ],
    )
