"""Which sports are laid while they are played. A plain form for each; it asks the API."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from overround.betting import offers
from overround.betting.offers import InPlay
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

_DECIMALS: Final = 3
_SECONDS: Final = "Times are seconds, such as 5 or 2.5."


@router.get("/office/in-play")
async def in_play(request: Request, caller: Reads, db: Db, now: Now) -> HTMLResponse:
    """What holds now."""
    return await _page(await frame(request, db, caller, now), db)


@router.post("/office/in-play", response_model=None)
async def set_in_play(request: Request, caller: Manages, db: Db, now: Now) -> Response:
    """Lay a sport in play, otherwise, or no longer."""
    fields = await forms.read(request)
    problem = await forms.submit(request, "PUT", "/api/v1/office/in-play", fields, _asked)
    if problem is None:
        return RedirectResponse("/office/in-play", 303)
    return await _page(await frame(request, db, caller, now), db, fields, problem)


def _asked(fields: Mapping[str, str]) -> dict[str, object]:
    """The body for the API that the form means; an empty time is the usual one. Raises Invalid
    `number`."""
    return {
        "sport": fields.get("sport", ""),
        "offered": fields.get("step") != "stop",
        "delay_ms": forms.number(fields, "delay", _DECIMALS, said=_SECONDS),
        "stale_ms": forms.number(fields, "stale", _DECIMALS, said=_SECONDS),
        "by_score": fields.get("by_score") == "on",
    }


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
