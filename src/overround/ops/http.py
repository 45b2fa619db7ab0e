"""The status of the house over HTTP: one row that the jobs wrote, whoever asks.

Seed 001 names the path. A visitor hears whether it works; staff with `status.read` hear why not.
"""

from __future__ import annotations

from datetime import datetime
from importlib.metadata import version
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Depends, Response

from overround.core.errors import Unavailable
from overround.core.principal import Principal
from overround.db.routes import Db
from overround.kit import routes
from overround.kit.routes import Now, Output, Visitor
from overround.ops import rules, store, wording
from overround.ops.model import Health, Written

router = APIRouter(prefix="/api/v1", tags=["status"])

Reads = Annotated[Principal, Depends(routes.staff("status.read"))]

_CACHE_S: Final = 2


class StatusOut(Output):
    """Whether the house works; `checked_at` is when somebody looked, null where nobody has yet."""

    status: Health
    version: str
    checked_at: datetime | None


class DetailOut(StatusOut):
    """Everything that was found; docs/guides/status.md describes `report`.

    `summary` says it in a paragraph, worded by a model or by the rules (`worded_by`). Either way
    status and findings are the rules' own.
    """

    summary: str
    worded_by: Literal["model", "rules"]
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
        words = await store.last_report(conn, "words")
    if written is None:
        raise Unavailable("nobody has looked yet: the jobs role has not run", code="not_looked")
    summary, worded_by = wording.chosen(written.report, words and words.report)
    return DetailOut(
        **_summary(written, now), summary=summary, worded_by=worded_by, report=written.report
    )


def _summary(written: Written | None, now: datetime) -> dict[str, Any]:
    """That the report can be read at all proves api and database."""
    return {
        "status": rules.believed(written, now),
        "version": version("overround"),
        "checked_at": written and written.made_at,
    }
