"""The status of the house over HTTP: one row that the jobs wrote, whoever asks.

Seed 001 names the path. A visitor hears whether it works; staff with `status.read` hear why not.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from importlib.metadata import version
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Response

from overround.core.errors import Unavailable
from overround.core.principal import Principal
from overround.db.routes import Db
from overround.kit import routes
from overround.kit.routes import Now, Output, Visitor
from overround.ops import store
from overround.ops.model import Health, Written

router = APIRouter(prefix="/api/v1", tags=["status"])

Reads = Annotated[Principal, Depends(routes.staff("status.read"))]

# The jobs look every few seconds, or where that takes long, for a twentieth of their time. Who is
# quiet for so long has stopped.
_STALE: Final = timedelta(minutes=2)
_STALE_TIMES: Final = 100
_CACHE_S: Final = 2


class StatusOut(Output):
    """Whether the house works; `checked_at` is when somebody looked, null where nobody has yet."""

    status: Health
    version: str
    checked_at: datetime | None


class DetailOut(StatusOut):
    """Everything that was found; docs/guides/status.md describes `report`."""

    report: dict[str, Any]


@router.get("/status")
async def status(_: Visitor, db: Db, now: Now, response: Response) -> StatusOut:
    """Whether the house works, for anybody."""
    async with db.reading(None) as conn:
        written = await store.last_report(conn, "house")
    response.headers["Cache-Control"] = f"public, max-age={_CACHE_S}"
    return StatusOut(**_summary(written, now))


@router.get("/office/status")
async def detail(_: Reads, db: Db, now: Now) -> DetailOut:
    """What was found in the house, for staff. Raises Unavailable until somebody has looked."""
    async with db.reading(None) as conn:
        written = await store.last_report(conn, "house")
    if written is None:
        raise Unavailable("nobody has looked yet: the jobs role has not run", code="not_looked")
    return DetailOut(**_summary(written, now), report=written.report)


def _summary(written: Written | None, now: datetime) -> dict[str, Any]:
    """An old report is not believed; that it can be read at all proves api and database."""
    if written is None:
        return {"status": "degraded", "version": version("overround"), "checked_at": None}
    patience = max(_STALE, timedelta(milliseconds=written.took_ms * _STALE_TIMES))
    stale = now - written.made_at > patience
    return {
        "status": "degraded" if stale else written.report["status"],
        "version": version("overround"),
        "checked_at": written.made_at,
    }
