"""What waits for a person of the house: approve it, offer something else, or refuse it; and which
bets wait at all. Plain forms; each asks the API."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from overround.betting import offers, risk, waiting
from overround.betting.bets import Slip
from overround.betting.risk import Scope, Wait
from overround.betting.waiting import Alternative, Asking
from overround.core import money
from overround.core.errors import Invalid
from overround.core.principal import Principal
from overround.db import Connection
from overround.db.routes import Db
from overround.kit import routes
from overround.kit.routes import Now
from overround.web.pages import forms, words
from overround.web.pages.office import page
from overround.web.pages.shell import Shell, frame

router = APIRouter(tags=["pages"], include_in_schema=False, default_response_class=HTMLResponse)

SLIPS_SHOWN: Final = 50
# A form has at most twenty fields, and of a longer slip nobody changes the prices by hand.
PRICES_MAX: Final = 10
_API: Final = "/api/v1/office"

Reads = Annotated[Principal, Depends(routes.staff("risk.read"))]
Manages = Annotated[Principal, Depends(routes.staff("risk.manage"))]


@dataclass(frozen=True, slots=True)
class Shown:
    """A slip that waits, as its card shows it."""

    asking: Asking
    slip: Slip
    offered: Alternative | None
    name: str

    @property
    def prices(self) -> bool:
        """Whether its prices may be changed here."""
        return len(self.slip.legs) <= PRICES_MAX


@dataclass(frozen=True, slots=True)
class WaitRow:
    """What one scope lets wait, as its form shows it."""

    wait: Wait
    name: str
    approve_win: str
    delay_s: str


@router.get("/office/approvals")
async def desk(request: Request, caller: Reads, db: Db, now: Now) -> HTMLResponse:
    """Who has waited longest comes first."""
    return await _desk(await frame(request, db, caller, now), db)


@router.post("/office/approvals/waits", response_model=None)
async def set_wait(request: Request, caller: Manages, db: Db, now: Now) -> Response:
    """Say which bets of a scope wait."""
    fields = await forms.read(request)
    problem: Mapping[str, object]
    try:
        body = {
            "scope": fields.get("scope", ""),
            "scope_key": fields.get("key", ""),
            "approve_win": fields.get("approve_win", "").strip() or None,
            "delay_ms": _delay_ms(fields.get("delay", "")),
        }
    except Invalid as error:
        problem = {"code": error.code, "detail": error.detail}
    else:
        answer = await forms.ask(request, "PUT", f"{_API}/waits", body)
        if answer.ok:
            return RedirectResponse("/office/approvals", 303)
        problem = answer.body
    return await _desk(await frame(request, db, caller, now), db, problem)


@router.post("/office/approvals/{slip_id}", response_model=None)
async def decide(request: Request, slip_id: UUID, caller: Manages, db: Db, now: Now) -> Response:
    """Approve a slip, offer something else, or refuse it."""
    fields = await forms.read(request)
    answer = await forms.ask(request, "POST", f"{_API}/approvals/{slip_id}", _said(fields))
    if answer.ok:
        return RedirectResponse("/office/approvals", 303)
    shell = await frame(request, db, caller, now)
    return await _desk(shell, db, answer.body, status=answer.status)


def _said(fields: Mapping[str, str]) -> dict[str, Any]:
    """What the form says, in the API's words; only an offer has a stake and prices."""
    verdict = fields.get("verdict", "")
    said: dict[str, Any] = {"verdict": verdict, "reason": fields.get("reason", "").strip()}
    if verdict == "offer":
        prices = [text.strip() for name, text in fields.items() if name.startswith("price_")]
        said["stake"] = fields.get("stake", "").strip() or None
        said["prices"] = prices if any(prices) else None
    return said


def _delay_ms(text: str) -> int | None:
    """Seconds of a form; an empty field is None. Raises Invalid `number`."""
    text = text.strip().replace(",", ".")
    if not text:
        return None
    whole, _, rest = text.partition(".")
    digits = whole + rest
    if not digits.isdecimal() or not digits.isascii() or len(rest) > 3 or len(whole) > 5:
        raise Invalid(f"{text[:20]} is no number of seconds.", code="number")
    return int(whole or "0") * 1_000 + int(rest.ljust(3, "0"))


async def _desk(
    shell: Shell, db: Db, problem: Mapping[str, object] | None = None, status: int = 422
) -> HTMLResponse:
    tenant_id = shell.tenant.id
    async with db.reading(tenant_id) as conn:
        found = await waiting.approvals(conn, tenant_id, shell.at, SLIPS_SHOWN)
        rows = await _rows(conn, shell)
    values: dict[str, object] = {
        "asking": [_shown(one) for one in found],
        "waits": rows,
        "lasts_s": waiting.OFFER_S,
        "problem": problem,
    }
    return page(shell, "approvals", values, status=status if problem else 200)


def _shown(one: Asking) -> Shown:
    slip = waiting.slip_of(one.slip)
    name = words.kind(slip.kind, len(slip.legs), slip.sizes)
    return Shown(one, slip, waiting.alternative_of(one.slip), name)


async def _rows(conn: Connection, shell: Shell) -> list[WaitRow]:
    """The house, every sport that is coming, and whatever else says something."""
    found = await risk.waits(conn, shell.tenant.id)
    competitions = await offers.office_competitions(conn, shell.at)
    keys: dict[tuple[Scope, str], None] = {("house", risk.HOUSE_KEY): None}
    keys |= {("sport", sport): None for sport in sorted({one.sport for one in competitions})}
    keys |= dict.fromkeys(found)
    named = {str(one.id): f"{one.country} {one.name}".strip() for one in competitions}
    return [_row(shell, found.get((scope, key)) or Wait(scope, key), named) for scope, key in keys]


def _row(shell: Shell, wait: Wait, named: Mapping[str, str]) -> WaitRow:
    scope, key = wait.scope, wait.scope_key
    if scope == "house":
        name = "The house"
    elif scope == "sport":
        name = words.sport(key)
    else:
        name = named.get(key) or f"{scope.capitalize()} {key[-12:]}"
    win_minor, delay_ms = wait.approve_win_minor, wait.delay_ms
    return WaitRow(
        wait,
        name,
        "" if win_minor is None else money.to_text(win_minor, shell.tenant.currency),
        "" if delay_ms is None else _seconds(delay_ms),
    )


def _seconds(ms: int) -> str:
    """Milliseconds as a field's seconds, without noughts behind the point."""
    whole, rest = divmod(ms, 1_000)
    return f"{whole}.{rest:03}".rstrip("0").removesuffix(".")
