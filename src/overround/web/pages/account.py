"""A player's account: balance, statement, payments."""

from __future__ import annotations

import secrets
from typing import Annotated, Final

from fastapi import APIRouter, Query, Request
from starlette.responses import HTMLResponse, Response

from overround.betting import freebets
from overround.db.routes import Db
from overround.money import wallets
from overround.people import cashier
from overround.web.pages import forms
from overround.web.pages.shell import ForPlayer, Shell

router = APIRouter(tags=["pages"], include_in_schema=False, default_response_class=HTMLResponse)

LINES_SHOWN: Final = 30
PAYMENTS_SHOWN: Final = 10
FREE_BETS_SHOWN: Final = 20

StatementCursor = Annotated[int | None, Query(ge=1, le=2**62)]


@router.get("/account")
async def account(shell: ForPlayer, db: Db, cursor: StatementCursor = None) -> HTMLResponse:
    """Balance, statement, payments."""
    return await _account(shell, db, cursor=cursor)


@router.post("/withdraw", response_model=None)
async def withdraw(request: Request, shell: ForPlayer, db: Db) -> Response:
    """Ask to be paid out."""
    fields = await forms.read(request)
    answer = await _pay(request, "/api/v1/withdrawals", fields)
    if answer.ok:
        return forms.go("/account")
    return await _account(shell, db, fields=fields, answer=answer)


@router.get("/deposit")
async def deposit_page(shell: ForPlayer) -> HTMLResponse:
    """The form to pay in."""
    return _deposit(shell, {}, None)


@router.post("/deposit", response_model=None)
async def deposit(request: Request, shell: ForPlayer) -> Response:
    """Pay in."""
    fields = await forms.read(request)
    answer = await _pay(request, "/api/v1/deposits", fields)
    return forms.go("/account") if answer.ok else _deposit(shell, fields, answer)


async def _pay(request: Request, path: str, fields: dict[str, str]) -> forms.Answer:
    # The key was made with the form, so the same form sent twice is one payment.
    body = {"amount": forms.decimal(fields.get("amount", ""))}
    return await forms.ask(request, "POST", path, body, key=fields.get("key", ""))


def _deposit(shell: Shell, fields: dict[str, str], answer: forms.Answer | None) -> HTMLResponse:
    unit = 10**shell.decimals
    values = {
        "amount": fields.get("amount", ""),
        "key": _new_key("deposit"),
        "problem": answer.body if answer else None,
        "suggested": [f"{amount * (100 if unit == 1 else 1)}" for amount in (20, 50, 100, 500)],
    }
    return shell.page("deposit.html", values, status=answer.status if answer else 200)


async def _account(
    shell: Shell,
    db: Db,
    *,
    cursor: int | None = None,
    fields: dict[str, str] | None = None,
    answer: forms.Answer | None = None,
) -> HTMLResponse:
    caller = shell.caller
    assert caller is not None
    async with db.reading(shell.tenant.id) as conn:
        page = await wallets.statement(conn, shell.tenant.id, caller.actor_id, LINES_SHOWN, cursor)
        given = await freebets.mine(conn, shell.tenant.id, caller.actor_id, FREE_BETS_SHOWN)
        payments = await cashier.history(conn, caller, PAYMENTS_SHOWN, None)
    values = {
        "lines": page.lines,
        "later": page.next_cursor,
        "payments": payments,
        "free_bets": [one for one in given if one.state == "granted" and one.expires_at > shell.at],
        "amount": (fields or {}).get("amount", ""),
        "key": _new_key("withdrawal"),
        "problem": answer.body if answer else None,
    }
    return shell.page("account.html", values, status=answer.status if answer else 200)


def _new_key(kind: str) -> str:
    return f"{kind}-{secrets.token_hex(12)}"
