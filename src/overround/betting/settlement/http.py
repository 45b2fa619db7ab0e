"""The office's settlement desk: what waits, what a ruling would do, and the rulings themselves."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response
from pydantic import Field

from overround.betting.settlement import service
from overround.betting.settlement.model import (
    Asked,
    Desk,
    Moved,
    Movement,
    Outcome,
    Ruling,
    RulingKind,
    RulingState,
    StoredKind,
    StoredRuling,
    WaitsFor,
)
from overround.core import money, reasons
from overround.core.principal import Principal
from overround.db import Connection
from overround.db.routes import Db
from overround.kit import paging, routes
from overround.kit.idempotency import request_sha256
from overround.kit.routes import CursorText, IdempotencyKey, Input, Limit, Now, Output
from overround.kit.times import Time
from overround.people import tenants

router = APIRouter(prefix="/api/v1/office", tags=["settlement"])

Reads = Annotated[Principal, Depends(routes.staff("settlement.read"))]
Rules = Annotated[Principal, Depends(routes.staff("settlement.manage"))]
Why = Annotated[str, Field(max_length=reasons.LENGTH_MAX)]
Id = Annotated[UUID, Field(strict=False)]


class WaitingOut(Output):
    """An event that has begun and has open bets of ours, and what it waits for."""

    event_id: UUID
    sport: str
    competition: str
    home: str
    away: str
    starts_at: datetime
    status: str
    waits_for: WaitsFor
    bets: int
    stakes: str


class DeskOut(Output):
    """What waits, oldest first; what moves more than `alone_max` wants a second person."""

    items: list[WaitingOut]
    currency: str
    alone_max: str
    next_cursor: str | None


class RulingIn(Input):
    """What is ruled: `hold` the whole event, or `void` it or a part of its bets."""

    event_id: Id
    kind: RulingKind
    market_id: Id | None = None
    selection_id: Id | None = None
    placed_from: Time | None = None
    placed_to: Time | None = None


class RulingAskIn(RulingIn):
    """The same, with why."""

    reason: Why


class MovedOut(Output):
    """A bet as it stands and as it would; without an outcome it is open."""

    bet_id: UUID
    user_id: UUID
    stake: str
    outcome: Outcome | None
    payout: str | None
    would_outcome: Outcome | None
    would_payout: str | None


class MovementOut(Output):
    """What settling would do: bets by what becomes of them, money to and from players' cash, and
    the oldest of the bets."""

    settles: int
    changes: int
    reopens: int
    credit: str
    debit: str
    currency: str
    needs_second: bool
    first: list[MovedOut]


class RulingOut(Output):
    """A ruling, with who proposed, decided and lifted it."""

    id: UUID
    event_id: UUID
    kind: StoredKind
    market_id: UUID | None
    selection_id: UUID | None
    placed_from: datetime | None
    placed_to: datetime | None
    reason: str
    state: RulingState
    bets: int
    moved: str
    currency: str
    proposed_by: UUID
    proposed_at: datetime
    decided_by: UUID | None
    decided_at: datetime | None
    lifted_by: UUID | None
    lifted_at: datetime | None


class RulingsOut(Output):
    """A page, newest first."""

    items: list[RulingOut]
    next_cursor: UUID | None


@router.get("/settlement")
async def waiting(
    caller: Reads,
    db: Db,
    now: Now,
    waits_for: WaitsFor | None = None,
    limit: Limit = paging.LIMIT_DEFAULT,
    cursor: CursorText = None,
) -> DeskOut:
    """Events with open bets that have begun, and what each waits for."""
    after = paging.begin(cursor, paging.since(now - service.WAITING_BEHIND))
    async with db.reading(caller.tenant_id) as conn:
        currency = await _currency(conn, caller)
        most_minor = await tenants.ruling_alone_max_minor(conn, caller.tenant_id)
        found = await service.waiting(
            conn, caller.tenant_id, (after.at, after.id), now, limit + 1, waits_for
        )
    shown, next_cursor = paging.cut(found, limit, lambda one: (one.starts_at, one.event_id))
    items = [_waiting_out(one, currency) for one in shown]
    return DeskOut(
        items=items,
        currency=currency,
        alone_max=money.to_text(most_minor, currency),
        next_cursor=next_cursor,
    )


@router.post("/rulings/preview")
async def preview(body: RulingIn, caller: Reads, db: Db, now: Now) -> MovementOut:
    """What a ruling would do, bet by bet, before anybody makes it."""
    async with db.reading(caller.tenant_id) as conn:
        ruling = _ruling_of(body)
        would = await service.preview(conn, caller.tenant_id, body.event_id, now, ruling=ruling)
        needs_second = await service.needs_second(conn, caller.tenant_id, would)
        currency = await _currency(conn, caller)
    return _movement_out(would, currency, needs_second=needs_second)


@router.post("/rulings", status_code=201)
async def propose(
    body: RulingAskIn, caller: Rules, key: IdempotencyKey, db: Db, now: Now, response: Response
) -> RulingOut:
    """Rule; above the tenant's threshold it waits for a second person. The same key gets the same
    ruling."""
    asked = Asked(key, request_sha256("office/rulings", body))
    async with db.transaction(caller.tenant_id) as conn:
        ruling = _ruling_of(body)
        answer = await service.propose(conn, caller, body.event_id, ruling, body.reason, asked, now)
        currency = await _currency(conn, caller)
    routes.mark_replayed(response, answer.replayed)
    return _ruling_out(answer.ruling, currency)


@router.get("/rulings")
async def rulings(
    caller: Reads,
    db: Db,
    state: RulingState | None = None,
    event_id: UUID | None = None,
    limit: Limit = paging.LIMIT_DEFAULT,
    before: Annotated[UUID | None, Query()] = None,
) -> RulingsOut:
    """Rulings, newest first; `state=proposed` are those that wait for a second person."""
    async with db.reading(caller.tenant_id) as conn:
        found = await service.rulings(
            conn, caller.tenant_id, before=before, state=state, event_id=event_id, limit=limit + 1
        )
        currency = await _currency(conn, caller)
    shown = found[:limit]
    more = shown[-1].id if len(found) > limit else None
    return RulingsOut(items=[_ruling_out(one, currency) for one in shown], next_cursor=more)


@router.post("/rulings/{ruling_id}/{step}")
async def step(
    ruling_id: UUID, step: Literal["agree", "refuse", "lift"], caller: Rules, db: Db, now: Now
) -> RulingOut:
    """Agree to somebody's ruling, refuse it, or lift one that holds."""
    async with db.transaction(caller.tenant_id) as conn:
        if step == "lift":
            found = await service.lift(conn, caller, ruling_id, now)
        else:
            found = await service.decide(conn, caller, ruling_id, now, agrees=step == "agree")
        return _ruling_out(found, await _currency(conn, caller))


async def _currency(conn: Connection, caller: Principal) -> str:
    return (await tenants.by_id(conn, caller.tenant_id)).currency


def _ruling_of(body: RulingIn) -> Ruling:
    return Ruling(body.kind, body.market_id, body.selection_id, body.placed_from, body.placed_to)


def _waiting_out(one: Desk, currency: str) -> WaitingOut:
    return WaitingOut(
        event_id=one.event_id,
        sport=one.sport,
        competition=one.competition,
        home=one.home,
        away=one.away,
        starts_at=one.starts_at,
        status=one.status,
        waits_for=one.waits_for,
        bets=one.bets,
        stakes=money.to_text(one.stakes_minor, currency),
    )


def _movement_out(would: Movement, currency: str, *, needs_second: bool) -> MovementOut:
    return MovementOut(
        settles=would.settles,
        changes=would.changes,
        reopens=would.reopens,
        credit=money.to_text(would.credit_minor, currency),
        debit=money.to_text(would.debit_minor, currency),
        currency=currency,
        needs_second=needs_second,
        first=[_moved_out(one, currency) for one in would.first],
    )


def _moved_out(one: Moved, currency: str) -> MovedOut:
    return MovedOut(
        bet_id=one.bet_id,
        user_id=one.user_id,
        stake=money.to_text(one.stake_minor, currency),
        outcome=one.outcome,
        payout=_maybe(one.payout_minor, currency),
        would_outcome=one.would_outcome,
        would_payout=_maybe(one.would_payout_minor, currency),
    )


def _maybe(minor: int | None, currency: str) -> str | None:
    return None if minor is None else money.to_text(minor, currency)


def _ruling_out(one: StoredRuling, currency: str) -> RulingOut:
    return RulingOut(
        id=one.id,
        event_id=one.event_id,
        kind=one.kind,
        market_id=one.market_id,
        selection_id=one.selection_id,
        placed_from=one.placed_from,
        placed_to=one.placed_to,
        reason=one.reason,
        state=one.state,
        bets=one.bets,
        moved=money.to_text(one.moved_minor, currency),
        currency=currency,
        proposed_by=one.proposed_by,
        proposed_at=one.proposed_at,
        decided_by=one.decided_by,
        decided_at=one.decided_at,
        lifted_by=one.lifted_by,
        lifted_at=one.lifted_at,
    )
