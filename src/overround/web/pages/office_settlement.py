"""The settlement desk: what waits for a result or a person, and what the house has ruled."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from overround.betting import settlement
from overround.betting.settlement import Desk, StoredRuling, WaitsFor
from overround.core.errors import NotFound
from overround.core.principal import SYSTEM_ACTOR, Principal
from overround.db import Connection
from overround.db.routes import Db
from overround.kit import paging, routes, times
from overround.kit.routes import CursorText, Now
from overround.odds import catalogue
from overround.people import tenants, users
from overround.web.pages import forms
from overround.web.pages.fields import Field, by_name, told
from overround.web.pages.office import page
from overround.web.pages.shell import Shell, frame

router = APIRouter(tags=["pages"], include_in_schema=False, default_response_class=HTMLResponse)

WAITING_SHOWN: Final = 50
RULINGS_SHOWN: Final = 50
# What is waited for, in a row of the list and on the button that shows no others.
WAITS_FOR: Final[Mapping[WaitsFor, str]] = {
    "result": "a result",
    "confirmation": "the result to be confirmed",
    "fact": "a fact that the result does not tell",
    "held": "a person: the house holds it back",
    "agreement": "a second person: its result was corrected",
    "stuck": "a person: settling it has failed",
    "contradicted": "a person: its results contradict",
}
FILTERS: Final[Mapping[WaitsFor, str]] = {
    "result": "No result",
    "confirmation": "Not confirmed",
    "fact": "A fact is missing",
    "held": "Held back",
    "agreement": "Corrected",
    "stuck": "Stuck",
    "contradicted": "Contradicted",
}

_MOMENT: Final = (
    f"a day and a time of the years {times.FIRST.year} to {times.END.year - 1}, or empty"
)
FIELDS: Final = (
    Field("kind", "What", "one of the two"),
    Field("about", "Which bets", "one of the list", ("market_id", "selection_id")),
    Field("placed_from", "Placed from", _MOMENT),
    Field("placed_to", "Placed before", _MOMENT),
    Field("reason", "Why", "3 to 300 characters"),
)

Reads = Annotated[Principal, Depends(routes.staff("settlement.read"))]
Rules = Annotated[Principal, Depends(routes.staff("settlement.manage"))]


@router.get("/office/settlement")
async def desk(
    request: Request,
    caller: Reads,
    db: Db,
    now: Now,
    waits_for: WaitsFor | None = None,
    cursor: CursorText = None,
) -> HTMLResponse:
    """What waits, oldest first, and what the house has ruled, newest first."""
    return await _desk(await frame(request, db, caller, now), db, waits_for, cursor)


@router.post("/office/settlement/rulings/{ruling_id}", response_model=None)
async def step(request: Request, ruling_id: UUID, caller: Rules, db: Db, now: Now) -> Response:
    """Agree to a ruling, refuse it, or lift it."""
    path = f"/api/v1/office/rulings/{ruling_id}"
    problem = await forms.step(request, path, ("agree", "refuse", "lift"))
    if problem is None:
        return RedirectResponse("/office/settlement", 303)
    return await _desk(await frame(request, db, caller, now), db, problem=problem)


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
    path = "/api/v1/office/rulings"
    is_ruled = fields.get("do") == "rule"
    # The key was made with the form, so the same form sent twice rules once.
    key = fields.get("form", "") if is_ruled else None
    if not is_ruled:
        body.pop("reason")
        path += "/preview"
    answer = await forms.ask(request, "POST", path, body, key=key)
    if not answer.ok:
        return await _event(shell, db, event_id, fields, problem=told(answer.body, FIELDS))
    if is_ruled:
        return RedirectResponse("/office/settlement", 303)
    return await _event(shell, db, event_id, fields, would=answer.body)


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
    waits_for: WaitsFor | None = None,
    cursor: str | None = None,
    *,
    problem: Mapping[str, Any] | None = None,
) -> HTMLResponse:
    after = paging.begin(cursor, paging.since(shell.at - settlement.WAITING_BEHIND))
    tenant_id = shell.tenant.id
    async with db.reading(tenant_id) as conn:
        found = await settlement.waiting(
            conn, tenant_id, (after.at, after.id), shell.at, WAITING_SHOWN + 1, waits_for
        )
        asking = await settlement.rulings(conn, tenant_id, state="proposed", limit=RULINGS_SHOWN)
        ruled = await settlement.rulings(conn, tenant_id, decided=True, limit=RULINGS_SHOWN)
        events = await catalogue.events_by_id(conn, list({one.event_id for one in asking + ruled}))
        people = await _people(conn, tenant_id, asking + ruled)
        alone_max_minor = await tenants.ruling_alone_max_minor(conn, tenant_id)

    def place(one: Desk) -> tuple[datetime, UUID]:
        return one.starts_at, one.event_id

    shown, later = paging.cut(found, WAITING_SHOWN, place)
    values: dict[str, object] = {
        "waiting": shown,
        "waits_for": WAITS_FOR,
        "filters": FILTERS,
        "shown": waits_for,
        "later": later,
        "asking": asking,
        "alone_max_minor": alone_max_minor,
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
        moved = [UUID(one["user_id"]) for one in (would or {}).get("first", ())]
        people = await _people(conn, tenant_id, ruled, moved)
        alone_max_minor = await tenants.ruling_alone_max_minor(conn, tenant_id)
    values: dict[str, object] = {
        "event": events[event_id],
        "events": events,
        "result": known,
        "rulings": ruled,
        "people": people,
        "choices": choices,
        "alone_max_minor": alone_max_minor,
        "form": f"ruling-{secrets.token_hex(12)}",
        "fields": fields,
        "would": would,
        "moved": list(zip(moved, (would or {}).get("first", ()), strict=True)),
        "known": by_name(FIELDS),
        "faults": forms.faults(problem),
        "problem": problem,
    }
    return page(shell, "ruling", values, status=422 if problem else 200)


async def _people(
    conn: Connection, tenant_id: UUID, ruled: list[StoredRuling], others: Sequence[UUID] = ()
) -> dict[UUID, str]:
    """The names of those who ruled, and of others."""
    named = {who for one in ruled for who in (one.proposed_by, one.decided_by, one.lifted_by)}
    ids = sorted((named - {None, SYSTEM_ACTOR}) | set(others), key=str)
    return {who: (await users.by_id(conn, tenant_id, who)).display_name for who in ids if who}
