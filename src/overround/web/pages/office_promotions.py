"""Free bets: what the house has given, and giving one. Plain forms; each asks the API."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import UTC, datetime, time, timedelta
from functools import partial
from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from overround.betting import freebets, offers
from overround.core.errors import Invalid, NotFound
from overround.core.principal import Principal
from overround.db.routes import Db
from overround.kit import routes
from overround.kit.routes import Now
from overround.people import users
from overround.web.pages import forms
from overround.web.pages.fields import Field, by_name
from overround.web.pages.office import page
from overround.web.pages.shell import Shell, frame

router = APIRouter(tags=["pages"], include_in_schema=False, default_response_class=HTMLResponse)

SHOWN: Final = 100
_API: Final = "/api/v1/office/free-bets"
_KINDS: Final = ("single", "combo", "system")
_DAYS_MAX: Final = 365
FIELDS: Final = (
    Field("player", "Player's e-mail address", api=("player_id", "email")),
    Field("amount", "Amount", "above 0 and not that large, such as 10"),
    Field("days", "Good for", f"1 to {_DAYS_MAX} days, whole ones", ("expires_at",)),
    Field("price_min", "Price of a leg, from", "above 1 and at most 100000, such as 1.5"),
    Field("sport", "Sport", api=("sports",)),
    Field("kinds", "Kinds of bet", "at least one of them"),
    Field("reason", "Reason", "3 to 300 characters"),
)

Reads = Annotated[Principal, Depends(routes.staff("promotions.read"))]
Manages = Annotated[Principal, Depends(routes.staff("promotions.manage"))]


@router.get("/office/promotions")
async def promotions(request: Request, caller: Reads, db: Db, now: Now) -> HTMLResponse:
    """What was given, newest first, and the form."""
    return await _page(await frame(request, db, caller, now), db)


@router.post("/office/promotions", response_model=None)
async def grant(request: Request, caller: Manages, db: Db, now: Now) -> Response:
    """Give a player a free bet."""
    fields = await forms.read(request)
    shell = await frame(request, db, caller, now)
    # The key was made with the form, so the same form sent twice gives one.
    key = fields.get("form", "")
    asked = partial(_asked, shell, db, now)
    problem = await forms.submit(request, "POST", _API, fields, asked, FIELDS, key=key)
    if problem is None:
        return RedirectResponse("/office/promotions", 303)
    return await _page(shell, db, fields, problem)


@router.post("/office/promotions/{free_bet_id}", response_model=None)
async def step(request: Request, free_bet_id: UUID, caller: Manages, db: Db, now: Now) -> Response:
    """Agree to a proposed one, refuse it, or take an unused one back."""
    problem = await forms.step(request, f"{_API}/{free_bet_id}", ("agree", "refuse", "revoke"))
    if problem is None:
        return RedirectResponse("/office/promotions", 303)
    return await _page(await frame(request, db, caller, now), db, None, problem)


async def _asked(
    shell: Shell, db: Db, now: datetime, fields: Mapping[str, str]
) -> dict[str, object]:
    """The body for the API that the form means. Raises Invalid `email`, `number`,
    `days_out_of_range`, and NotFound."""
    days = forms.number(fields, "days") or 0
    if not 0 < days <= _DAYS_MAX:
        raise Invalid(code="days_out_of_range", field="days")
    async with db.reading(shell.tenant.id) as conn:
        user = await users.by_email(conn, shell.tenant.id, fields.get("player", "").strip())
    if user is None:
        raise NotFound("Nobody here has this e-mail address.", field="player")
    body: dict[str, object] = {
        "player_id": str(user.id),
        "amount": forms.decimal(fields.get("amount", "")),
        "expires_at": _end_of(now + timedelta(days=days)).isoformat(),
        "reason": fields.get("reason", ""),
        "stake_returned": fields.get("stake_returned") == "on",
    }
    if price := forms.decimal(fields.get("price_min", "")):
        body["price_min"] = price
    kinds = [kind for kind in _KINDS if fields.get(kind) == "on"]
    if len(kinds) < len(_KINDS):
        body["kinds"] = kinds
    if sport := fields.get("sport", ""):
        body["sports"] = [sport]
    return body


def _end_of(at: datetime) -> datetime:
    """The end of that day (UTC): a form that is sent twice asks for the same twice."""
    return datetime.combine(at.date() + timedelta(days=1), time.min, UTC)


async def _page(
    shell: Shell,
    db: Db,
    fields: Mapping[str, str] | None = None,
    problem: Mapping[str, object] | None = None,
) -> HTMLResponse:
    async with db.reading(shell.tenant.id) as conn:
        found = await freebets.office(conn, shell.tenant.id, None, None, None, SHOWN)
        coming = await offers.office_competitions(conn, shell.at)
    values = {
        "given": found,
        "fields": fields or {},
        "problem": problem,
        "faults": forms.faults(problem),
        "known": by_name(FIELDS),
        "kinds": _KINDS,
        "sports": sorted({one.sport for one in coming}),
        "form": f"free-bet-{secrets.token_hex(12)}",
        "me": shell.caller.actor_id if shell.caller else None,
    }
    return page(shell, "promotions", values, status=422 if problem else 200)
