"""The house's terms for bets that end early. A plain form; it asks the API."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from overround.betting import cashouts
from overround.core.errors import Invalid
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

_SECONDS: Final = ("quote_s", "delay_s", "stale_s", "stale_in_play_s")
_PERCENT: Final = re.compile(r"[0-9]{1,3}(?:[.,][0-9]{1,2})?")
_WHOLE: Final = re.compile(r"[0-9]{1,6}")


@router.get("/office/cash-out")
async def terms(request: Request, caller: Reads, db: Db, now: Now) -> HTMLResponse:
    """What holds now."""
    return await _page(await frame(request, db, caller, now), db)


@router.post("/office/cash-out", response_model=None)
async def set_terms(request: Request, caller: Manages, db: Db, now: Now) -> Response:
    """Other terms from now on."""
    fields = await forms.read(request)
    problem: Mapping[str, object]
    try:
        body = _asked(fields)
    except Invalid as error:
        problem = {"code": error.code, "detail": error.detail}
    else:
        answer = await forms.ask(request, "PUT", "/api/v1/office/cash-out", body)
        if answer.ok:
            return RedirectResponse("/office/cash-out", 303)
        problem = answer.body
    return await _page(await frame(request, db, caller, now), db, fields, problem)


def _asked(fields: Mapping[str, str]) -> dict[str, object]:
    """The body for the API that the form means. Raises Invalid `number`."""
    percent = fields.get("margin", "").strip()
    if not _PERCENT.fullmatch(percent):
        raise Invalid("A margin is a percentage, such as 4 or 4.5.", code="number")
    whole, _, fraction = percent.replace(",", ".").partition(".")
    body: dict[str, object] = {
        "enabled": fields.get("enabled") == "on",
        "margin_bps": int(whole + fraction.ljust(2, "0")),
    }
    for name in _SECONDS:
        text = fields.get(name, "").strip()
        if not _WHOLE.fullmatch(text):
            raise Invalid("Times are whole seconds.", code="number")
        body[name] = int(text)
    return body


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
