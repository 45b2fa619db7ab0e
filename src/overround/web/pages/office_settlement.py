"""The settlement desk: what waits for a result or a person, and what the house has ruled."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from overround.betting import settlement
from overround.betting.settlement import Desk, StoredRuling
from overround.core.errors import NotFound
from overround.core.principal import SYSTEM_ACTOR, Principal
from overround.db import Connection
from overround.db.routes import Db
from overround.kit import paging, routes
from overround.kit.routes import CursorText, Now
from overround.odds import catalogue
from overround.people import users
from overround.web.pages import forms
from overround.web.pages.office import page
from overround.web.pages.shell import Shell, frame

router = APIRouter(tags=["pages"], include_in_schema=False, default_response_class=HTMLResponse)

WAITING_SHOWN: Final = 50
RULINGS_SHOWN: Final = 50
WAITS_FOR: Final = {
    "result": "a result",
    "confirmation": "the result to be confirmed",
    "fact": "a fact that the result does not tell",
    "person": "a person",
}

Reads = Annotated[Principal, Depends(routes.staff("settlement.read"))]
Rules = Annotated[Principal, Depends(routes.staff("settlement.manage"))]


@router.get("/office/settlement")
async def desk(
    request: Request, caller: Reads, db: Db, now: Now, cursor: CursorText = None
) -> HTMLResponse:
    """What waits, oldest first, and what the house has ruled, newest first."""
    return await _desk(await frame(request, db, caller, now), db, cursor)


@router.post("/office/settlement/rulings/{ruling_id}", response_model=None)
async def step(request: Request, ruling_id: UUID, caller: Rules, db: Db, now: Now) -> Response:
    """Agree to a ruling, refuse it, or lift it."""
    path = f"/api/v1/office/rulings/{ruling_id}"
    problem = await forms.step(request, path, ("agree", "refuse", "lift"))
    if problem is None:
        return RedirectResponse("/office/settlement", 303)
    return await _desk(await frame(request, db, caller, now), db, None, problem)


@router.get("/office/settlement/{event_id}")
async def event(request: Request, event_id: UUID, caller: Reads, db: Db, now: Now) -> HTMLResponse:
    """An event's settlement: what is ruled about it, and a form to rule."""
    return await _event(await frame(request, db, caller, now), db, event_id, {})


@router.post("/office/settlement/{event_id}", response_model=None)
async def rule(request: Request, event_id: UUID, caller: Rules, db: Db, now: Now) -> Response:
    """Show what the ruling would do, or rule."""
    fields = await forms.read(request)
    shell = await frame(request, db, caller, now)
    body = _asked(event_id, fields, shell.zone)
    if fields.get("do") == "rule":
        answer = await forms.ask(request, "POST", "/api/v1/office/rulings", body)
        if answer.ok:
            return RedirectResponse("/office/settlement", 303)
        return await _event(shell, db, event_id, fields, problem=answer.body)
    body.pop("reason")
    answer = await forms.ask(request, "POST", "/api/v1/office/rulings/preview", body)
    if answer.ok:
        return await _event(shell, db, event_id, fields, would=answer.body)
    return await _event(shell, db, event_id, fields, problem=answer.body)


def _asked(event_id: UUID, fields: Mapping[str, str], zone: ZoneInfo) -> dict[str, Any]:
    """What the form says, in the API's words; what it leaves empty is not said."""
    of, _, id_text = fields.get("about", "").partition(":")
    said: dict[str, Any] = {
        "event_id": str(event_id),
        "kind": fields.get("kind", ""),
        "reason": fields.get("reason", ""),
    }
    if of in {"market", "selection"}:
        said[f"{of}_id"] = id_text
    for name in ("placed_from", "placed_to"):
        if text := fields.get(name, ""):
            said[name] = _with_zone(text, zone)
    return said


def _with_zone(text: str, zone: ZoneInfo) -> str:
    """A local time of the form in the tenant's zone; what is no time is refused by the API."""
    try:
        return datetime.fromisoformat(text).replace(tzinfo=zone).isoformat()
    except ValueError:
        return text


async def _desk(
    shell: Shell,
    db: Db,
    cursor: str | None,
    problem: Mapping[str, Any] | None = None,
) -> HTMLResponse:
    after = paging.begin(cursor, paging.since(shell.at - settlement.WAITING_BEHIND))
    tenant_id = shell.tenant.id
    async with db.reading(tenant_id) as conn:
        found = await settlement.waiting(
            conn, tenant_id, (after.at, after.id), shell.at, WAITING_SHOWN + 1
        )
        ruled = await settlement.rulings(conn, tenant_id, limit=RULINGS_SHOWN)
        events = await catalogue.events_by_id(conn, list({one.event_id for one in ruled}))
        people = await _people(conn, tenant_id, ruled)

    def place(one: Desk) -> tuple[datetime, UUID]:
        return one.starts_at, one.event_id

    shown, later = paging.cut(found, WAITING_SHOWN, place)
    values: dict[str, object] = {
        "waiting": shown,
        "waits_for": WAITS_FOR,
        "later": later,
        "rulings": ruled,
        "events": events,
        "people": people,
        "problem": problem,
    }
    return page(shell, "settlement", values, status=409 if problem else 200)


async def _event(
    shell: Shell,
    db: Db,
    event_id: UUID,
    fields: Mapping[str, str],
    *,
    would: Mapping[str, Any] | None = None,
    problem: Mapping[str, Any] | None = None,
) -> HTMLResponse:
    tenant_id = shell.tenant.id
    async with db.reading(tenant_id) as conn:
        events = await catalogue.events_by_id(conn, [event_id])
        if event_id not in events:
            raise NotFound("no such event")
        ruled = await settlement.rulings(conn, tenant_id, event_id=event_id, limit=RULINGS_SHOWN)
        known = (await catalogue.results_known(conn, [event_id], shell.at)).get(event_id)
        choices = await settlement.bet_on(conn, tenant_id, event_id)
        people = await _people(conn, tenant_id, ruled)
    values: dict[str, object] = {
        "event": events[event_id],
        "events": events,
        "result": known,
        "rulings": ruled,
        "people": people,
        "choices": choices,
        "fields": fields,
        "would": would,
        "problem": problem,
    }
    return page(shell, "ruling", values, status=422 if problem else 200)


async def _people(conn: Connection, tenant_id: UUID, ruled: list[StoredRuling]) -> dict[UUID, str]:
    """The names of those who ruled."""
    named = {who for one in ruled for who in (one.proposed_by, one.decided_by, one.lifted_by)}
    ids = sorted(named - {None, SYSTEM_ACTOR}, key=str)
    return {who: (await users.by_id(conn, tenant_id, who)).display_name for who in ids if who}
