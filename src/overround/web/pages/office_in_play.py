"""Which sports are laid while they are played. A plain form for each; it asks the API."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
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
from overround.web.pages.fields import Field, by_name
from overround.web.pages.office import Saved, page
from overround.web.pages.shell import Shell, frame

router = APIRouter(tags=["pages"], include_in_schema=False, default_response_class=HTMLResponse)

Reads = Annotated[Principal, Depends(routes.staff("risk.read"))]
Manages = Annotated[Principal, Depends(routes.staff("risk.manage"))]

# Milliseconds stand in the form as seconds.
_DECIMALS: Final = 3
_seconds: Final = partial(forms.written, decimals=_DECIMALS)


def _between(low_ms: int, high_ms: int) -> str:
    return f"{_seconds(low_ms)} to {_seconds(high_ms)} seconds"


FIELDS: Final = (
    Field(
        "delay", "A bet waits", _between(offers.DELAY_MS_MIN, offers.DELAY_MS_MAX), ("delay_ms",)
    ),
    Field(
        "stale",
        "No feed has spoken for",
        _between(offers.STALE_MS_MIN, offers.STALE_MS_MAX),
        ("stale_ms",),
    ),
)


@dataclass(frozen=True, slots=True)
class Row:
    """A sport, how it is laid in play, `usual` for who says nothing, as its form shows it."""

    sport: str
    is_laid: bool
    delay: str
    stale: str
    by_score: bool
    usual: Mapping[str, str]
    problem: Mapping[str, object] | None = None

    @property
    def faults(self) -> frozenset[str]:
        """The fields that are to blame."""
        return forms.faults(self.problem)


@router.get("/office/in-play")
async def in_play(
    request: Request, caller: Reads, db: Db, now: Now, saved: Saved = ""
) -> HTMLResponse:
    """What holds now."""
    return await _page(await frame(request, db, caller, now), db, saved=saved)


@router.post("/office/in-play", response_model=None)
async def set_in_play(request: Request, caller: Manages, db: Db, now: Now) -> Response:
    """Lay a sport in play, otherwise, or no longer."""
    fields = await forms.read(request)
    problem = await forms.submit(request, "PUT", "/api/v1/office/in-play", fields, _asked, FIELDS)
    if problem is None:
        sport = fields.get("sport", "")
        return RedirectResponse(f"/office/in-play?saved={sport}#sport-{sport}", 303)
    return await _page(await frame(request, db, caller, now), db, fields, problem)


def _asked(fields: Mapping[str, str]) -> dict[str, object]:
    """The body for the API that the form means; an empty time is the usual one. Raises Invalid
    `number`."""
    return {
        "sport": fields.get("sport", ""),
        "offered": fields.get("step") != "stop",
        "delay_ms": forms.number(fields, "delay", _DECIMALS),
        "stale_ms": forms.number(fields, "stale", _DECIMALS),
        "by_score": fields.get("by_score") == "on",
    }


async def _page(
    shell: Shell,
    db: Db,
    fields: Mapping[str, str] | None = None,
    problem: Mapping[str, object] | None = None,
    *,
    saved: str = "",
) -> HTMLResponse:
    async with db.reading(shell.tenant.id) as conn:
        held = {one.sport: one for one in await offers.in_play(conn, shell.tenant.id)}
    sports = sorted({*offers.IN_PLAY_SPORTS, *held})
    rows = [_row(sport, held.get(sport), fields or {}, problem) for sport in sports]
    is_placed = any(row.problem for row in rows)
    values = {
        "rows": rows,
        "known": by_name(FIELDS),
        "saved": saved,
        "problem": None if is_placed else problem,
    }
    return page(shell, "in_play", values, status=422 if problem else 200)


def _row(
    sport: str,
    held: InPlay | None,
    fields: Mapping[str, str],
    problem: Mapping[str, object] | None,
) -> Row:
    """What the sport's form says; what was refused stays as it was typed."""
    usual = offers.usual_in_play(sport)
    times = {"delay": _seconds(usual.delay_ms), "stale": _seconds(usual.stale_ms)}
    if problem is not None and fields.get("sport") == sport:
        delay, stale = fields.get("delay", ""), fields.get("stale", "")
        by_score = fields.get("by_score") == "on"
        return Row(sport, held is not None, delay, stale, by_score, times, problem)
    found = held or usual
    delay, stale = _seconds(found.delay_ms), _seconds(found.stale_ms)
    return Row(sport, held is not None, delay, stale, found.by_score, times)
