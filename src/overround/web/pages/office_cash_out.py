"""The house's terms for bets that end early. A plain form; it asks the API."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from overround.betting import cashouts
from overround.core.principal import Principal
from overround.db.routes import Db
from overround.kit import routes
from overround.kit.routes import Now
from overround.web.pages import forms, office_settings
from overround.web.pages.office import page
from overround.web.pages.shell import Shell, frame

router = APIRouter(tags=["pages"], include_in_schema=False, default_response_class=HTMLResponse)

Reads = Annotated[Principal, Depends(routes.staff("offers.read"))]
Manages = Annotated[Principal, Depends(routes.staff("offers.manage"))]

_SECONDS: Final = ("quote_s", "delay_s", "stale_s")
_DECIMALS: Final = 2
_PERCENT: Final = "A margin is a percentage, such as 4 or 4.5."
_WHOLE: Final = "Times are whole seconds."


@router.get("/office/cash-out")
async def terms(request: Request, caller: Reads, db: Db, now: Now) -> HTMLResponse:
    """What holds now."""
    return await _page(await frame(request, db, caller, now), db)


@router.post("/office/cash-out", response_model=None)
async def set_terms(request: Request, caller: Manages, db: Db, now: Now) -> Response:
    """Other terms from now on."""
    fields = await forms.read(request)
    problem = await forms.submit(request, "PUT", "/api/v1/office/cash-out", fields, _asked)
    if problem is None:
        return RedirectResponse("/office/cash-out", 303)
    return await _page(await frame(request, db, caller, now), db, fields, problem)


def _asked(fields: Mapping[str, str]) -> dict[str, object]:
    """The body for the API that the form means. Raises Invalid `number`."""
    return {
        "enabled": fields.get("enabled") == "on",
        "margin_bps": forms.number(fields, "margin", _DECIMALS, said=_PERCENT),
        **{name: forms.number(fields, name, said=_WHOLE) for name in _SECONDS},
    }


async def _page(
    shell: Shell,
    db: Db,
    fields: Mapping[str, str] | None = None,
    problem: Mapping[str, object] | None = None,
) -> HTMLResponse:
    async with db.reading(shell.tenant.id) as conn:
        found = await cashouts.terms_of(conn, shell.tenant.id)
    held = {name: str(getattr(found, name)) for name in _SECONDS}
    held["margin"] = office_settings.percent(found.margin_bps)
    typed = {name: (fields or held).get(name, "") for name in held}
    enabled = found.enabled if fields is None else fields.get("enabled") == "on"
    values = {"typed": typed, "enabled": enabled, "problem": problem}
    return page(shell, "cash_out", values, status=422 if problem else 200)
