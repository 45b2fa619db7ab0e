"""Which sports are laid while they are played. A plain form for each; it asks the API."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from overround.betting import offers
from overround.betting.offers import InPlay
from overround.core.errors import Invalid
from overround.core.principal import Principal
from overround.db.routes import Db
from overround.kit import routes
from overround.kit.routes import Now
from overround.web.pages import forms
from overround.web.pages.office import page
from overround.web.pages.shell import Shell, frame

router = APIRouter(tags=["pages"], include_in_schema=False, default_response_class=HTMLResponse)

Reads = Annotated[Principal, Depends(routes.staff("risk.read"))]
Manages = Annotated[Principal, Depends(routes.staff("risk.manage"))]

_SECONDS: Final = re.compile(r"[0-9]{1,3}(?:[.,][0-9]{1,3})?")


@router.get("/office/in-play")
async def in_play(request: Request, caller: Reads, db: Db, now: Now) -> HTMLResponse:
    """What holds now."""
    return await _page(await frame(request, db, caller, now), db)


@router.post("/office/in-play", response_model=None)
async def set_in_play(request: Request, caller: Manages, db: Db, now: Now) -> Response:
    """Lay a sport in play, otherwise, or no longer."""
    fields = await forms.read(request)
    problem: Mapping[str, object]
    try:
        body = _asked(fields)
    except Invalid as error:
        problem = {"code": error.code, "detail": error.detail}
    else:
        answer = await forms.ask(request, "PUT", "/api/v1/office/in-play", body)
        if answer.ok:
            return RedirectResponse("/office/in-play", 303)
        problem = answer.body
    return await _page(await frame(request, db, caller, now), db, fields, problem)


def _asked(fields: Mapping[str, str]) -> dict[str, object]:
    """The body for the API that the form means. Raises Invalid `number`."""
    return {
        "sport": fields.get("sport", ""),
        "offered": fields.get("step") != "stop",
        "delay_ms": _ms(fields.get("delay", "")),
        "stale_ms": _ms(fields.get("stale", "")),
        "by_score": fields.get("by_score") == "on",
    }


def _ms(text: str) -> int:
    if not _SECONDS.fullmatch(text.strip()):
        raise Invalid("Times are seconds, such as 5 or 2.5.", code="number")
    whole, _, fraction = text.strip().replace(",", ".").partition(".")
    return int(whole + fraction.ljust(3, "0"))


def _seconds(ms: int) -> str:
    return f"{ms / 1000:g}"


async def _page(
    shell: Shell,
    db: Db,
    fields: Mapping[str, str] | None = None,
    problem: Mapping[str, object] | None = None,
) -> HTMLResponse:
    async with db.reading(shell.tenant.id) as conn:
        held = {one.sport: one for one in await offers.in_play(conn, shell.tenant.id)}
    rows = [_row(sport, held.get(sport)) for sport in sorted({*offers.IN_PLAY_SPORTS, *held})]
    values = {"rows": rows, "fields": fields or {}, "problem": problem}
    return page(shell, "in_play", values, status=422 if problem else 200)


def _row(sport: str, held: InPlay | None) -> tuple[dict[str, object], bool]:
    """What the sport's form says, and whether that holds."""
    found = held or offers.usual_in_play(sport)
    form: dict[str, object] = {
        "sport": sport,
        "delay": _seconds(found.delay_ms),
        "stale": _seconds(found.stale_ms),
        "by_score": found.by_score,
    }
    return form, held is not None
