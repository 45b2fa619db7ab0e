"""A player's bets, leg by leg, ending them early, and his slips that wait."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import Any, Final, Literal
from uuid import UUID

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse, Response

from overround.betting import bets, cashouts, waiting
from overround.betting.bets import Bet
from overround.betting.cashouts import Valuation
from overround.betting.waiting import Alternative, AskedLeg
from overround.db import Connection
from overround.db.routes import Db
from overround.kit import paging
from overround.kit.routes import CursorText
from overround.web.pages import forms, words
from overround.web.pages.shell import ForPlayer, Shell

router = APIRouter(tags=["pages"], include_in_schema=False, default_response_class=HTMLResponse)

BETS_SHOWN: Final = 20
SLIPS_SHOWN: Final = 20
# For so long what waited and came to nothing stands where it was, so that its player finds out.
ENDED_SHOWN: Final = timedelta(minutes=15)
# Forms that move money ask the database by the pool that is kept for it.
_MONEY: Final[list[str | Enum]] = ["cash_out"]

Status = Literal["open", "settled"] | None


@dataclass(frozen=True, slots=True)
class _Refused:
    """What the API had against a form of a bet's."""

    bet_id: UUID
    problem: Mapping[str, Any]
    status: int


@dataclass(frozen=True, slots=True)
class _Waiting:
    """A slip that waits, as its card shows it: legs with the prices that were asked."""

    place: waiting.Place
    name: str
    legs: Sequence[tuple[AskedLeg, int]]
    offered: Alternative | None
    detail: str
    is_free: bool


@router.get("/bets")
async def my_bets(
    shell: ForPlayer, db: Db, status: Status = None, cursor: CursorText = None
) -> HTMLResponse:
    """My bets, newest first, leg by leg, with what the open ones are worth now."""
    return await _page(shell, db, status, cursor)


@router.post("/bets/{bet_id}/cash-out", response_model=None, tags=_MONEY)
async def cash_out(bet_id: UUID, request: Request, shell: ForPlayer, db: Db) -> Response:
    """End a bet, or a part of it, at the value that the form shows."""
    fields = await forms.read(request)
    # The key was made with the form, so the same form sent twice ends one part.
    answer = await forms.ask(
        request,
        "POST",
        f"/api/v1/bets/{bet_id}/cash-out",
        {"quote": fields.get("quote", ""), "value_policy": fields.get("policy", "higher")},
        key=fields.get("key", ""),
    )
    return await _after(shell, db, bet_id, answer)


@router.post("/bets/{bet_id}/cash-out/order", response_model=None, tags=_MONEY)
async def order(bet_id: UUID, request: Request, shell: ForPlayer, db: Db) -> Response:
    """End a bet by itself as soon as it pays so much."""
    fields = await forms.read(request)
    body = {"amount": forms.decimal(fields.get("amount", ""))}
    answer = await forms.ask(request, "PUT", f"/api/v1/bets/{bet_id}/cash-out/order", body)
    return await _after(shell, db, bet_id, answer)


@router.post("/bets/{bet_id}/cash-out/stop", response_model=None, tags=_MONEY)
async def stop(bet_id: UUID, request: Request, shell: ForPlayer, db: Db) -> Response:
    """Do nothing by itself any more."""
    await forms.read(request)
    answer = await forms.ask(request, "DELETE", f"/api/v1/bets/{bet_id}/cash-out/order")
    return await _after(shell, db, bet_id, answer)


@router.post("/slips/{slip_id}/{step}", response_model=None, tags=["bets"])
async def waiting_step(
    slip_id: UUID, step: Literal["accept", "withdraw"], request: Request, shell: ForPlayer, db: Db
) -> Response:
    """Take what the house offers for a slip that waits, or take the slip back."""
    await forms.read(request)
    answer = await forms.ask(request, "POST", f"/api/v1/slips/{slip_id}/{step}")
    if answer.ok:
        return forms.go("/bets")
    return await _page(shell, db, None, None, _Refused(slip_id, answer.body, answer.status))


async def _after(shell: Shell, db: Db, bet_id: UUID, answer: forms.Answer) -> Response:
    if answer.ok:
        return forms.go("/bets")
    return await _page(shell, db, "open", None, _Refused(bet_id, answer.body, answer.status))


async def _page(
    shell: Shell, db: Db, status: Status, cursor: str | None, refused: _Refused | None = None
) -> HTMLResponse:
    caller = shell.caller
    assert caller is not None
    before = paging.begin(cursor, paging.NEWEST)
    async with db.reading(shell.tenant.id) as conn:
        found = await bets.my_bets(
            conn,
            shell.tenant.id,
            caller.actor_id,
            before=(before.at, before.id),
            status=status,
            limit=BETS_SHOWN + 1,
        )
        shown, later = paging.cut(found, BETS_SHOWN, lambda bet: (bet.placed_at, bet.id))
        early = await _early(conn, shell, caller.actor_id, shown)
        slips = [] if cursor else await _slips(conn, shell, caller.actor_id)
    there = refused is not None and refused.bet_id in early
    values = {
        "bets": shown,
        "slips": slips,
        "status": status,
        "later": later,
        "early": early,
        "missed": _missed(early, shell.at),
        "keys": {bet_id: f"cash-out-{secrets.token_hex(12)}" for bet_id in early},
        "refused": refused if there else None,
        # A bet that has ended meanwhile has no place for the note: it stands above all.
        "problem": None if refused is None or there else refused.problem,
    }
    return shell.page("bets.html", values, status=refused.status if refused else 200)


async def _slips(conn: Connection, shell: Shell, user_id: UUID) -> list[_Waiting]:
    """What waits, and what has just ended without a bet."""
    latest = await waiting.mine(conn, shell.tenant.id, user_id, paging.NEWEST.id, SLIPS_SHOWN)
    since = shell.at - ENDED_SHOWN
    found = [
        one
        for one in latest
        if one.slip.is_open or (one.slip.refusal and (one.slip.ended_at or since) > since)
    ]
    if not found:
        return []
    legs = await waiting.legs_of(conn, shell.tenant.id, [one.slip for one in found])
    return [_waiting(one, legs) for one in found]


def _waiting(place: waiting.Place, legs: Mapping[UUID, AskedLeg]) -> _Waiting:
    slip = waiting.slip_of(place.slip)
    code = place.slip.refusal or ""
    detail = waiting.REFUSALS.get(code) or bets.REFUSAL_DETAILS.get(code, "It was not accepted.")
    return _Waiting(
        place,
        words.kind(slip.kind, len(slip.legs), slip.sizes, each_way=slip.each_way),
        [(legs[leg.selection_id], leg.price_e4) for leg in slip.legs if leg.selection_id in legs],
        waiting.alternative_of(place.slip),
        detail,
        slip.free_bet_id is not None,
    )


def _missed(early: Mapping[UUID, Valuation], at: datetime) -> dict[UUID, cashouts.Request]:
    """bet id -> the cash-out of it that has just been refused at the end of its delay."""
    return {
        bet_id: one.last
        for bet_id, one in early.items()
        if one.last is not None and one.last.refusal and one.last.due_at is not None
        if at - one.last.due_at < ENDED_SHOWN
    }


async def _early(
    conn: Connection, shell: Shell, user_id: UUID, shown: Sequence[Bet]
) -> dict[UUID, Valuation]:
    """bet id -> what an open bet is worth."""
    open_ids = [bet.id for bet in shown if bet.status == "open"]
    if not open_ids:
        return {}
    found = await cashouts.values(conn, shell.tenant.id, user_id, open_ids, shell.at)
    return {one.bet_id: one for one in found}
