"""The tenant's colours, as a style sheet of its own: no page carries a style inside itself."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Query
from starlette.responses import Response

from overround.db.routes import Db
from overround.kit.routes import Visitor
from overround.people import tenants

router = APIRouter(tags=["pages"], include_in_schema=False)

_FOR_EVER: Final = "public, max-age=31536000, immutable"


@router.get("/theme.css")
async def theme(
    tenant_id: Visitor, db: Db, v: Annotated[str | None, Query(max_length=40)] = None
) -> Response:
    """The tenant's custom properties; kept for ever under the version that a page names."""
    async with db.reading(tenant_id) as conn:
        tenant = await tenants.by_id(conn, tenant_id)
    found = tenants.theme_of(tenant.settings, tenant.name)
    keep = _FOR_EVER if v == found.version() else "no-cache"
    return Response(found.css(), media_type="text/css", headers={"Cache-Control": keep})
