"""The cashier's desk: withdrawals that wait for a decision, with what their players owe, and who
else owes. Plain forms; each asks the API."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from overround.core.errors import NotFound
from overround.core.principal import Principal
from overround.db.routes import Db
from overround.kit import paging, routes
from overround.kit.routes import CursorText, Now
from overround.people import cashier
from overround.web.pages import forms
from overround.web.pages.fields import Field, by_name, told
from overround.web.pages.office import page
from overround.web.pages.shell import Shell, frame

router = APIRouter(tags=["pages"], include_in_schema=False, default_response_class=HTMLResponse)

WITHDRAWALS_SHOWN: Final = 50
DEBTORS_SHOWN: Final = 50
STEPS: Final = ("approve", "pay", "refuse")
FIELDS: Final = (Field("reason", "Why it is refused", "3 to 300 characters"),)
_API: Final = "/api/v1/office/withdrawals"

Decides = Annotated[Principal, Depends(routes.staff("payments.decide"))]


@dataclass(frozen=True, slots=True)
class Refused:
    """A step that was not taken: of which withdrawal, what was typed, and why not."""

    about: UUID
    reason: str
    problem: Mapping[str, object]
    status: int

    @property
    def faults(self) -> frozenset[str]:
        """The fields that are to blame."""
        return forms.faults(self.problem)


@router.get("/office/cashier")
async def desk(
    request: Request,
    caller: Decides,
    db: Db,
    now: Now,
    cursor: CursorText = None,
    owing: CursorText = None,
) -> HTMLResponse:
    """What waits, and who owes, each the longest first; `owing` is the cursor of the second."""
    return await _desk(await frame(request, db, caller, now), db, cursor, owing)


@router.post("/office/cashier/{payment_id}", response_model=None)
async def decide(request: Request, payment_id: UUID, caller: Decides, db: Db, now: Now) -> Response:
    """Approve a withdrawal, say that it was paid, or refuse it."""
    fields = await forms.read(request)
    step, reason = fields.get("step", ""), fields.get("reason", "")
    if step not in STEPS:
        raise NotFound("no such step")
    body = {"reason": reason} if step == "refuse" else None
    answer = await forms.ask(request, "POST", f"{_API}/{payment_id}/{step}", body)
    if answer.ok:
        return RedirectResponse("/office/cashier", 303)
    refused = Refused(payment_id, reason, told(answer.body, FIELDS), answer.status)
    return await _desk(await frame(request, db, caller, now), db, refused=refused)


async def _desk(
    shell: Shell,
    db: Db,
    cursor: str | None = None,
    owing: str | None = None,
    *,
    refused: Refused | None = None,
) -> HTMLResponse:
    caller = shell.caller
    assert caller is not None
    after, from_debtor = (paging.parse(one) if one else None for one in (cursor, owing))
    async with db.reading(shell.tenant.id) as conn:
        asked = await cashier.waiting(conn, caller, WITHDRAWALS_SHOWN + 1, after)
        debtors = await cashier.debtors(conn, caller, DEBTORS_SHOWN + 1, from_debtor)
    waiting, later = paging.cut(
        asked, WITHDRAWALS_SHOWN, lambda one: (one.payment.created_at, one.payment.id)
    )
    owe, owe_later = paging.cut(debtors, DEBTORS_SHOWN, lambda one: (one.since, one.user_id))
    is_placed = refused is not None and any(one.payment.id == refused.about for one in waiting)
    values = {
        "waiting": waiting,
        "later": later,
        "debtors": owe,
        "owing_later": owe_later,
        "known": by_name(FIELDS),
        "refused": refused,
        "problem": refused.problem if refused and not is_placed else None,
    }
    return page(shell, "cashier", values, status=refused.status if refused else 200)
