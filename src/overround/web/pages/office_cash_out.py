"""Bets that end early: the house's terms, a plain form that asks the API, and what was asked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Final, Literal

from fastapi import APIRouter, Depends, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from overround.betting import cashouts
from overround.core.principal import Principal
from overround.db import Connection
from overround.db.routes import Db
from overround.kit import paging, routes
from overround.kit.routes import CursorText, Now
from overround.web.pages import forms
from overround.web.pages.fields import Field, by_name
from overround.web.pages.office import Saved, page
from overround.web.pages.shell import Shell, frame

router = APIRouter(tags=["pages"], include_in_schema=False, default_response_class=HTMLResponse)

Reads = Annotated[Principal, Depends(routes.staff("offers.read"))]
Manages = Annotated[Principal, Depends(routes.staff("offers.manage"))]

# What the list shows: requests, all or those of a state, or the orders that stand.
State = Literal["waiting", "paid", "refused", "orders"] | None
ASKED_SHOWN: Final = 50
_SECONDS: Final = ("quote_s", "delay_s", "stale_s")
_DECIMALS: Final = 2
FIELDS: Final = (
    Field("margin", "Off the value", "0 to 50 %, such as 4.5", ("margin_bps",)),
    Field("quote_s", "A quote lasts", "2 to 120 seconds, whole ones"),
    Field("delay_s", "In play, a price has moved within", "0 to 120 seconds, whole ones"),
    Field("stale_s", "Nothing was heard of an event for", "10 to 604800 seconds (a week)"),
)


@router.get("/office/cash-out")
async def terms(
    request: Request,
    caller: Reads,
    db: Db,
    now: Now,
    saved: Saved = "",
    state: State = None,
    cursor: CursorText = None,
) -> HTMLResponse:
    """What holds now, and what was asked."""
    shell = await frame(request, db, caller, now)
    return await _page(shell, db, is_saved=bool(saved), state=state, cursor=cursor)


@router.post("/office/cash-out", response_model=None)
async def set_terms(request: Request, caller: Manages, db: Db, now: Now) -> Response:
    """Other terms from now on."""
    fields = await forms.read(request)
    problem = await forms.submit(request, "PUT", "/api/v1/office/cash-out", fields, _asked, FIELDS)
    if problem is None:
        return RedirectResponse("/office/cash-out?saved=1", 303)
    return await _page(await frame(request, db, caller, now), db, fields, problem)


def _asked(fields: Mapping[str, str]) -> dict[str, object]:
    """The body for the API that the form means. Raises Invalid `number`."""
    return {
        "enabled": fields.get("enabled") == "on",
        "margin_bps": forms.number(fields, "margin", _DECIMALS),
        **{name: forms.number(fields, name) for name in _SECONDS},
    }


async def _page(
    shell: Shell,
    db: Db,
    fields: Mapping[str, str] | None = None,
    problem: Mapping[str, object] | None = None,
    *,
    is_saved: bool = False,
    state: State = None,
    cursor: str | None = None,
) -> HTMLResponse:
    async with db.reading(shell.tenant.id) as conn:
        found = await cashouts.terms_of(conn, shell.tenant.id)
        listed = await _listed(conn, shell, state, cursor)
    held = {name: str(getattr(found, name)) for name in _SECONDS}
    held["margin"] = forms.written(found.margin_bps, _DECIMALS)
    typed = {name: (fields or held).get(name, "") for name in held}
    enabled = found.enabled if fields is None else fields.get("enabled") == "on"
    values = {
        "typed": typed,
        "enabled": enabled,
        "problem": problem,
        "faults": forms.faults(problem),
        "known": by_name(FIELDS),
        "is_saved": is_saved,
        **listed,
    }
    return page(shell, "cash_out", values, status=422 if problem else 200)


async def _listed(
    conn: Connection, shell: Shell, state: State, cursor: str | None
) -> dict[str, object]:
    """A page of what was asked, or of the orders; nothing for who may not see players' money."""
    if shell.caller is None or not routes.holds(shell.caller, "risk.read"):
        return {"asked": None, "orders": None}
    before, limit = paging.begin(cursor, paging.NEWEST), ASKED_SHOWN + 1
    orders, asked = None, None
    if state == "orders":
        every = await cashouts.listed_orders(conn, shell.tenant.id, before.id, limit)
        orders, later = paging.cut(
            every, ASKED_SHOWN, lambda one: (one.order.changed_at, one.order.bet_id)
        )
    else:
        found = await cashouts.listed(conn, shell.tenant.id, state, before.id, limit)
        asked, later = paging.cut(found, ASKED_SHOWN, lambda one: (one.request.at, one.request.id))
    return {"asked": asked, "orders": orders, "later": later, "cursor": cursor, "state": state}
