"""Free bets over HTTP: a player's own, and what the office gives, agrees to and takes back."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response
from pydantic import Field

from overround.betting.freebets import rules, service
from overround.betting.freebets.model import Asked, FreeBet, State
from overround.core import money, price, reasons
from overround.core.errors import at_field
from overround.core.principal import Principal
from overround.db.routes import Db
from overround.kit import paging, routes
from overround.kit.idempotency import request_sha256
from overround.kit.routes import IdempotencyKey, Input, Limit, Now, Output, Player, Tools
from overround.kit.times import Time
from overround.people import tenants

router = APIRouter(prefix="/api/v1", tags=["free_bets"])

_MINE_MAX = 50

SportName = Annotated[str, Field(min_length=1, max_length=40, pattern=r"^[a-z0-9_]+$")]
Kinds = Annotated[list[Literal["single", "combo", "system"]], Field(min_length=1, max_length=3)]
Reads = Annotated[Principal, Depends(routes.staff("promotions.read"))]
Manages = Annotated[Principal, Depends(routes.staff("promotions.manage"))]


class GrantIn(Input):
    """A free bet for a player: `price_min` is the least price of each leg; what is left out of
    `price_min`, `kinds` and `sports` is any."""

    player_id: Annotated[UUID, Field(strict=False)]
    amount: Annotated[str, Field(max_length=24, examples=["10.00"])]
    expires_at: Time
    reason: Annotated[str, Field(max_length=300)]
    stake_returned: bool = False
    price_min: Annotated[str, Field(max_length=16, examples=["1.50"])] | None = None
    kinds: Kinds | None = None
    sports: Annotated[list[SportName], Field(min_length=1, max_length=rules.SPORTS_MAX)] | None = (
        None
    )


class FreeBetOut(Output):
    """A free bet as its player sees it; the whole amount is the stake of one bet."""

    id: UUID
    state: State
    amount: str
    currency: str
    stake_returned: bool
    price_min: str | None
    kinds: list[Literal["single", "combo", "system"]] | None
    sports: list[str] | None
    expires_at: datetime
    bet_id: UUID | None


class FreeBetsOut(Output):
    """A player's free bets, newest first."""

    items: list[FreeBetOut]


class GrantOut(FreeBetOut):
    """A free bet as the office sees it; `back` is what of its stake came back to the house."""

    player_id: UUID
    player: str
    reason: str
    granted_by: UUID | None
    granted_at: datetime
    decided_by: UUID | None
    decided_at: datetime | None
    used_at: datetime | None
    back: str


class GrantsOut(Output):
    """A page of grants, newest first; `next_cursor` is the last one's id."""

    items: list[GrantOut]
    next_cursor: UUID | None


@router.get("/free-bets")
async def mine(caller: Player, db: Db) -> FreeBetsOut:
    """My free bets, newest first."""
    async with db.reading(caller.tenant_id) as conn:
        found = await service.mine(conn, caller.tenant_id, caller.actor_id, _MINE_MAX)
    return FreeBetsOut(items=[FreeBetOut.model_validate(_facts(one)) for one in found])


@router.get("/office/free-bets")
async def grants(
    caller: Reads,
    db: Db,
    limit: Limit = paging.LIMIT_DEFAULT,
    state: State | None = None,
    player_id: UUID | None = None,
    cursor: Annotated[UUID | None, Query()] = None,
) -> GrantsOut:
    """What we gave, newest first."""
    async with db.reading(caller.tenant_id) as conn:
        found = await service.office(conn, caller.tenant_id, state, player_id, cursor, limit + 1)
    shown = found[:limit]
    following = shown[-1].id if len(found) > limit else None
    return GrantsOut(items=[_grant_out(one) for one in shown], next_cursor=following)


@router.post("/office/free-bets", status_code=201)
async def grant(
    body: GrantIn,
    caller: Manages,
    key: IdempotencyKey,
    db: Db,
    now: Now,
    tools: Tools,
    response: Response,
) -> GrantOut:
    """Give a player a free bet. Above what one person moves alone it is proposed, until another
    one agrees. The same key gets the same answer."""
    sha256 = request_sha256("office/free-bets", body)
    async with db.transaction(caller.tenant_id) as conn:
        tenant = await tenants.by_id(conn, caller.tenant_id)
        answer = await service.grant(conn, caller, tenant, _asked(body, tenant), key, sha256, now)
    routes.mark_replayed(response, answer.replayed)
    tools.tell(caller.tenant_id, [answer.free_bet.user_id], office=True)
    return _grant_out(answer.free_bet)


@router.post("/office/free-bets/{free_bet_id}/{step}")
async def decide(
    free_bet_id: UUID,
    step: Literal["agree", "refuse", "revoke"],
    caller: Manages,
    db: Db,
    now: Now,
    tools: Tools,
) -> GrantOut:
    """Agree to a proposed free bet or refuse it; take back one that was not used."""
    async with db.transaction(caller.tenant_id) as conn:
        found = await service.settle_state(conn, caller, free_bet_id, step, now)
    tools.tell(caller.tenant_id, [found.user_id], office=True)
    return _grant_out(found)


def _asked(body: GrantIn, tenant: tenants.Tenant) -> Asked:
    with at_field("amount"):
        amount_minor = money.parse(body.amount, tenant.currency)
    with at_field("price_min"):
        price_min_e4 = None if body.price_min is None else price.parse_decimal(body.price_min)
    return Asked(
        user_id=body.player_id,
        amount_minor=amount_minor,
        currency=tenant.currency,
        expires_at=body.expires_at,
        reason=reasons.reason(body.reason),
        stake_returned=body.stake_returned,
        price_min_e4=price_min_e4,
        kinds=None if body.kinds is None else tuple(body.kinds),
        sports=None if body.sports is None else tuple(body.sports),
    )


def _facts(one: FreeBet) -> dict[str, object]:
    return {
        "id": one.id,
        "state": one.state,
        "amount": money.to_text(one.amount_minor, one.currency),
        "currency": one.currency,
        "stake_returned": one.stake_returned,
        "price_min": None if one.price_min_e4 is None else price.to_text(one.price_min_e4),
        "kinds": None if one.kinds is None else list(one.kinds),
        "sports": None if one.sports is None else list(one.sports),
        "expires_at": one.expires_at,
        "bet_id": one.bet_id,
    }


def _grant_out(one: FreeBet) -> GrantOut:
    return GrantOut.model_validate(
        {
            **_facts(one),
            "player_id": one.user_id,
            "player": one.player,
            "reason": one.reason,
            "granted_by": one.granted_by,
            "granted_at": one.granted_at,
            "decided_by": one.decided_by,
            "decided_at": one.decided_at,
            "used_at": one.used_at,
            "back": money.to_text(one.back_minor, one.currency),
        }
    )
