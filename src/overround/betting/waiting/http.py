"""Slips that wait over HTTP: where they stand, what their players and the house say of them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import Field

from overround.betting import offers, risk
from overround.betting.bets import (
    LEGS_MAX,
    REFUSAL_DETAILS,
    Asked,
    Decision,
    LetWait,
    PriceText,
    SlipLeg,
    Waits,
    refusal_bounds,
)
from overround.betting.offers import InPlay
from overround.betting.risk import Wait
from overround.betting.waiting import rules, service
from overround.betting.waiting.model import Alternative, Asking, Given, Place
from overround.core import line, money, price, reasons
from overround.core.errors import at_field
from overround.core.principal import Principal
from overround.db import Connection, Database, audit, calling
from overround.db.routes import Db
from overround.kit import paging, routes
from overround.kit.routes import CursorText, Input, Limit, Now, Output, Player, Tools
from overround.people import sessions, tenants

router = APIRouter(prefix="/api/v1", tags=["bets"])

Reads = Annotated[Principal, Depends(routes.staff("risk.read"))]
Manages = Annotated[Principal, Depends(routes.staff("risk.manage"))]
MoneyText = Annotated[str, Field(min_length=1, max_length=20)]


class AlternativeOut(Output):
    """What the house takes instead, until `expires_at` of the slip."""

    stake: str
    prices: list[str]


class RefusalOut(Output):
    """Why the slip became no bet; `facts` are the bounds and prices it comes with. Its stakes are
    whole ones, as the slip's own is."""

    code: str
    detail: str
    facts: dict[str, Any]


class SlipLegOut(Output):
    """A leg as it was asked."""

    selection_id: UUID
    price: str
    banker: bool
    place_terms: str | None


class SlipOut(Output):
    """A slip that waits or has waited; `stake` is the whole one.

    `status` is waiting, offered, accepted, refused, expired or withdrawn; `why` is asked, approval
    or delay. `position` is its place in the queue, from 1. Once it is a bet `bet_id` is there, and
    `stake`, `prices` and `potential_payout` are the bet's; before, what was asked or agreed to.
    """

    slip_id: UUID
    status: str
    why: str
    kind: str
    sizes: list[int] | None
    each_way: bool
    legs: list[SlipLegOut]
    free_bet_id: UUID | None
    position: int | None
    stake: str
    prices: list[str]
    potential_payout: str | None
    currency: str
    entered_at: datetime
    due_at: datetime | None
    expires_at: datetime
    alternative: AlternativeOut | None
    reason: str | None
    bet_id: UUID | None
    refusal: RefusalOut | None
    status_url: str


class SlipsOut(Output):
    """A page of slips, newest first."""

    items: list[SlipOut]
    next_cursor: str | None


class AskedLegOut(Output):
    """A leg that waits for a person: what was asked and what is laid now."""

    event_id: UUID
    selection_id: UUID
    home: str
    away: str
    starts_at: datetime
    market: str
    period: str
    line: str | None
    side: str
    price: str
    price_now: str | None
    state_now: str | None


class HistoryOut(Output):
    """What the player has bet so far; stakes and payouts are those of settled bets."""

    player_id: UUID
    player: str
    bets: int
    settled: int
    stake: str
    payout: str
    factor_e4: int | None


class ApprovalOut(Output):
    """A slip that waits for a person; `win` is what the house would lose by it."""

    slip: SlipOut
    kind: str
    win: str
    legs: list[AskedLegOut]
    player: HistoryOut


class ApprovalsOut(Output):
    """Who has waited longest comes first."""

    items: list[ApprovalOut]


class VerdictIn(Input):
    """What the house says: `approve` at the offers' own prices, `offer` a lower stake or other
    prices (one for each leg) for `lasts_s` (null: 60 seconds), or `refuse`; always with a reason.
    Beside the other two verdicts all that an offer has is null."""

    verdict: Literal["approve", "offer", "refuse"]
    reason: Annotated[str, Field(max_length=reasons.LENGTH_MAX)]
    stake: MoneyText | None = None
    prices: Annotated[list[PriceText], Field(min_length=1, max_length=LEGS_MAX)] | None = None
    lasts_s: int | None = None


class WaitIn(Input):
    """What one scope lets wait; null leaves it to the wider scopes, and two nulls take the scope's
    word away. `approve_win`: who may win more is shown to a person. Whoever says one says both, so
    that nothing is reset unsaid."""

    scope: Literal["house", "sport", "competition", "event", "market", "selection"]
    scope_key: Annotated[str, Field(min_length=1, max_length=60, pattern=r"^[A-Za-z0-9_-]+$")]
    approve_win: MoneyText | None
    delay_ms: Annotated[int, Field(ge=0, le=risk.DELAY_MS_MAX)] | None


class WaitOut(WaitIn):
    """What a scope lets wait now."""


class WaitsOut(Output):
    """Every scope that lets something wait."""

    currency: str
    items: list[WaitOut]


class InPlayIn(Input):
    """Whether and how a sport is laid in play. A bet waits `delay_ms`, times its player's delay
    factor; nothing is laid of an event of which no feed has spoken for `stale_ms`; `by_score`: nor
    taken where the score changed in the delay. Null is what is usual in the sport; whoever says one
    field says all, so that nothing is reset unsaid."""

    sport: Annotated[str, Field(min_length=1, max_length=40, pattern=r"^[a-z0-9_]+$")]
    offered: bool
    delay_ms: Annotated[int, Field(ge=offers.DELAY_MS_MIN, le=offers.DELAY_MS_MAX)] | None
    stale_ms: Annotated[int, Field(ge=offers.STALE_MS_MIN, le=offers.STALE_MS_MAX)] | None
    by_score: bool | None


class InPlayOut(Output):
    """How a sport is laid in play now."""

    sport: str
    delay_ms: int
    stale_ms: int
    by_score: bool


class InPlaysOut(Output):
    """The sports that are laid in play; no other is."""

    items: list[InPlayOut]


def let_wait(db: Database) -> LetWait:
    """How placing a bet lets a slip wait: in a transaction of its own, before it is answered."""

    async def wait(asked: Asked, said: Decision | None) -> Waits | None:
        with calling("bets"):
            async with db.transaction(asked.tenant_id) as conn:
                currency = (await tenants.by_id(conn, asked.tenant_id)).currency
                found = await service.enter(conn, asked, said, asked.slip.at)
        if found is None:
            return None
        shown = _slip_out(found, currency)
        return Waits(shown.model_dump_json().encode(), shown.status_url)

    return wait


@router.get("/slips")
async def my_slips(
    caller: Player,
    db: Db,
    status: Annotated[Literal["open", "all"], Query()] = "all",
    limit: Limit = paging.LIMIT_DEFAULT,
    cursor: CursorText = None,
) -> SlipsOut:
    """My slips that wait or have waited, newest first."""
    before = paging.begin(cursor, paging.NEWEST)
    async with db.reading(caller.tenant_id) as conn:
        currency = (await tenants.by_id(conn, caller.tenant_id)).currency
        found = await service.mine(
            conn,
            caller.tenant_id,
            caller.actor_id,
            before.id,
            limit + 1,
            only_open=status == "open",
        )
    shown, following = paging.cut(found, limit, lambda one: (one.slip.entered_at, one.slip.id))
    return SlipsOut(items=[_slip_out(one, currency) for one in shown], next_cursor=following)


@router.get("/slips/{slip_id}")
async def my_slip(slip_id: UUID, caller: Player, db: Db) -> SlipOut:
    """Where one of my slips stands."""
    async with db.reading(caller.tenant_id) as conn:
        currency = (await tenants.by_id(conn, caller.tenant_id)).currency
        found = await service.my_slip(conn, caller.tenant_id, caller.actor_id, slip_id)
    return _slip_out(found, currency)


@router.post("/slips/{slip_id}/withdraw")
async def withdraw_slip(slip_id: UUID, caller: Player, db: Db, now: Now, tools: Tools) -> SlipOut:
    """Take my slip back, before it is decided."""
    async with db.transaction(caller.tenant_id) as conn:
        currency = (await tenants.by_id(conn, caller.tenant_id)).currency
        found = await service.withdraw(conn, caller.tenant_id, caller.actor_id, slip_id, now)
    tools.tell(caller.tenant_id, [caller.actor_id], office=True)
    return _slip_out(found, currency)


@router.post("/slips/{slip_id}/accept")
async def accept_alternative(
    slip_id: UUID, caller: Player, db: Db, now: Now, tools: Tools, request: Request
) -> SlipOut:
    """Take what the house offers instead; it is placed within moments."""
    token = routes.token_of(request)
    token_sha256 = None if token is None else sessions.token_sha256(token)
    async with db.transaction(caller.tenant_id) as conn:
        currency = (await tenants.by_id(conn, caller.tenant_id)).currency
        found = await service.accept(
            conn, caller.tenant_id, caller.actor_id, slip_id, token_sha256, now
        )
    tools.tell(caller.tenant_id, [caller.actor_id], office=True)
    return _slip_out(found, currency)


@router.get("/office/approvals")
async def approvals(
    caller: Reads, db: Db, now: Now, limit: Limit = paging.LIMIT_DEFAULT
) -> ApprovalsOut:
    """What waits for a person, with what he needs to decide."""
    async with db.reading(caller.tenant_id) as conn:
        currency = (await tenants.by_id(conn, caller.tenant_id)).currency
        found = await service.approvals(conn, caller.tenant_id, now, limit)
    return ApprovalsOut(items=[_approval_out(one, currency) for one in found])


@router.post("/office/approvals/{slip_id}", status_code=204, response_class=Response)
async def decide_slip(
    slip_id: UUID, body: VerdictIn, caller: Manages, db: Db, now: Now, tools: Tools
) -> None:
    """Approve a slip, offer something else, or refuse it."""
    async with db.transaction(caller.tenant_id) as conn:
        currency = (await tenants.by_id(conn, caller.tenant_id)).currency
        with at_field("stake"):
            stake_minor = None if body.stake is None else money.parse(body.stake, currency)
        with at_field("prices"):
            asked = map(offers.parse_own, body.prices or ())
            prices_e4 = None if body.prices is None else tuple(asked)
        reason = reasons.reason(body.reason)
        given = Given(body.verdict, reason, stake_minor, prices_e4, body.lasts_s)
        found = await service.answer(conn, caller, slip_id, given, now)
    tools.tell(caller.tenant_id, [found.user_id], office=True)


@router.get("/office/waits")
async def waits(caller: Reads, db: Db) -> WaitsOut:
    """Which bets wait: for a person, or for a while; the narrowest scope that says it wins."""
    async with db.reading(caller.tenant_id) as conn:
        currency = (await tenants.by_id(conn, caller.tenant_id)).currency
        found = await risk.waits(conn, caller.tenant_id)
    return WaitsOut(currency=currency, items=[_wait_out(one, currency) for one in found.values()])


@router.put("/office/waits")
async def set_wait(body: WaitIn, caller: Manages, db: Db, now: Now) -> WaitOut:
    """Let the bets of a scope wait; it holds for the next slip."""
    async with db.transaction(caller.tenant_id) as conn:
        currency = (await tenants.by_id(conn, caller.tenant_id)).currency
        with at_field("approve_win"):
            asked = body.approve_win
            win_minor = None if asked is None else money.parse(asked, currency)
        found = Wait(body.scope, body.scope_key, win_minor, body.delay_ms)
        await risk.set_wait(conn, caller.tenant_id, found)
        subject = f"{body.scope}:{body.scope_key}"
        await audit.write(conn, caller, now, "risk.wait", subject, after=body.model_dump())
    return _wait_out(found, currency)


@router.get("/office/in-play")
async def in_play(caller: Reads, db: Db) -> InPlaysOut:
    """The sports that the house lays in play."""
    async with db.reading(caller.tenant_id) as conn:
        return await _in_play_out(conn, caller.tenant_id)


@router.put("/office/in-play")
async def set_in_play(body: InPlayIn, caller: Manages, db: Db, now: Now) -> InPlaysOut:
    """Lay a sport in play or no longer; what is laid of it is closed before this answers."""
    usual = offers.usual_in_play(body.sport)
    wanted = InPlay(
        body.sport,
        usual.delay_ms if body.delay_ms is None else body.delay_ms,
        usual.stale_ms if body.stale_ms is None else body.stale_ms,
        usual.by_score if body.by_score is None else body.by_score,
    )
    async with db.transaction(caller.tenant_id) as conn:
        found = wanted if body.offered else None
        await offers.set_in_play(conn, caller.tenant_id, body.sport, found, now)
        subject = f"sport:{body.sport}"
        await audit.write(conn, caller, now, "offers.in_play", subject, after=body.model_dump())
        return await _in_play_out(conn, caller.tenant_id)


async def _in_play_out(conn: Connection, tenant_id: UUID) -> InPlaysOut:
    found = await offers.in_play(conn, tenant_id)
    return InPlaysOut(items=[InPlayOut.model_validate(one, from_attributes=True) for one in found])


def _wait_out(one: Wait, currency: str) -> WaitOut:
    win_minor = one.approve_win_minor
    return WaitOut(
        scope=one.scope,
        scope_key=one.scope_key,
        approve_win=None if win_minor is None else money.to_text(win_minor, currency),
        delay_ms=one.delay_ms,
    )


def _slip_out(found: Place, currency: str) -> SlipOut:
    one = found.slip
    slip = service.slip_of(one)
    answer = one.answer or {}
    # A refusal's answer has prices too: those of now.
    bet = answer if one.refusal is None else {}
    asked_e4 = one.agreed_e4 or [leg.price_e4 for leg in slip.legs]
    pays_minor: int | None = bet.get("potential_payout_minor")
    return SlipOut(
        slip_id=one.id,
        status=_status(found),
        why=one.why,
        kind=slip.kind,
        sizes=None if slip.sizes is None else list(slip.sizes),
        each_way=slip.each_way,
        legs=[_leg_out(leg) for leg in slip.legs],
        free_bet_id=slip.free_bet_id,
        position=found.position,
        stake=money.to_text(bet.get("stake_minor", one.stake_minor), currency),
        prices=[price.to_text(price_e4) for price_e4 in bet.get("prices_e4", asked_e4)],
        potential_payout=None if pays_minor is None else money.to_text(pays_minor, currency),
        currency=currency,
        entered_at=one.entered_at,
        due_at=one.due_at,
        expires_at=one.expires_at,
        alternative=_alternative_out(rules.alternative_of(one), found, currency),
        reason=one.reason,
        bet_id=answer.get("bet_id"),
        refusal=_refusal_out(answer, slip.lines) if one.refusal is not None else None,
        status_url=f"/api/v1/slips/{one.id}",
    )


def _leg_out(leg: SlipLeg) -> SlipLegOut:
    return SlipLegOut(
        selection_id=leg.selection_id,
        price=price.to_text(leg.price_e4),
        banker=leg.banker,
        place_terms=leg.place_terms,
    )


def _status(found: Place) -> str:
    one = found.slip
    if one.state != "decided":
        return one.state
    return "accepted" if one.refusal is None else "refused"


def _alternative_out(
    said: Alternative | None, found: Place, currency: str
) -> AlternativeOut | None:
    if said is None:
        return None
    shown = [leg.price_e4 for leg in service.slip_of(found.slip).legs]
    return AlternativeOut(
        stake=money.to_text(said.stake_minor, currency),
        prices=[price.to_text(price_e4) for price_e4 in said.prices_e4 or shown],
    )


def _refusal_out(answer: dict[str, Any], lines: int) -> RefusalOut:
    code: str = answer["refusal"]
    detail = rules.REFUSALS.get(code) or REFUSAL_DETAILS.get(code, "The bet was not accepted.")
    return RefusalOut(code=code, detail=detail, facts=refusal_bounds(answer, lines))


def _approval_out(one: Asking, currency: str) -> ApprovalOut:
    slip = service.slip_of(one.slip)
    shown = {leg.selection_id: leg.price_e4 for leg in slip.legs}
    return ApprovalOut(
        slip=_slip_out(Place(one.slip, None), currency),
        kind=slip.kind,
        win=money.to_text(one.slip.win_minor, currency),
        legs=[
            AskedLegOut(
                event_id=leg.event_id,
                selection_id=leg.selection_id,
                home=leg.home,
                away=leg.away,
                starts_at=leg.starts_at,
                market=leg.market_type,
                period=leg.period,
                line=None if leg.line_q4 is None else line.to_text(leg.line_q4),
                side=leg.side,
                price=price.to_text(shown[leg.selection_id]),
                price_now=None if leg.price_now_e4 is None else price.to_text(leg.price_now_e4),
                state_now=leg.state_now,
            )
            for leg in one.legs
        ],
        player=HistoryOut(
            player_id=one.player.user_id,
            player=one.player.name,
            bets=one.player.bets,
            settled=one.player.settled,
            stake=money.to_text(one.player.stake_minor, currency),
            payout=money.to_text(one.player.payout_minor, currency),
            factor_e4=one.player.factor_e4,
        ),
    )
