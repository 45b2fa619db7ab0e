"""Programs that read: an API key instead of a log-in, on the routes whose permission is `Reader`.

What a call costs is taken before it is answered, and a call that is refused costs nothing
(test: a refused call of a program costs nothing).
"""

from __future__ import annotations

from typing import Final
from uuid import UUID

from starlette.requests import Request

from overround.core.clock import Clock
from overround.core.principal import Principal
from overround.db import Database
from overround.people import sessions

# A page of whatever length, a 304 too: the key is looked up and the version read in any case.
COST_CREDITS: Final = 1


class Programs:
    """Lets a key in that is shown in `X-API-Key`, on the tenant of its host and nowhere else."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def __call__(self, request: Request, token: str) -> Principal:
        """The program, which has paid.

        Raises MissingKey, UnknownKey, RevokedKey, TooFrequent, PlanTooSmall and OutOfCredits.
        """
        tenant_id: UUID = request.state.tenant_id
        at = self._clock.now()
        async with self._database.transaction(tenant_id) as conn:
            key = await sessions.enter(conn, tenant_id, token, at)
            sessions.may_read(key)
            used = await sessions.charge(conn, tenant_id, key, COST_CREDITS, at)
        left = max(0, key.credits_per_month - used)
        said = {"remaining": left, "used": used, "last": COST_CREDITS}
        request.scope["state"].setdefault("answer_headers", []).extend(
            (f"x-requests-{name}".encode(), str(number).encode()) for name, number in said.items()
        )
        return Principal(tenant_id, key.id, "program")
