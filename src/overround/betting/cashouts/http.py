"""Cash-outs over HTTP: what a bet is worth, ending it, ending it by itself, and the terms."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response
from pydantic import Field

from overround.betting.cashouts import rules, service
from overround.betting.cashouts.model import (
    Asked,
    Quote,
    Request,
    RequestState,
    Terms,
    Valuation,
)
from overround.core import money
from overround.core.errors import Refusal, at_field
from overround.core.principal import Principal
from overround.db.routes import Db
from overround.kit import paging, routes
from overround.kit.idempotency import request_sha256
from overround.kit.routes import (
    CursorText,
    IdempotencyKey,
    Input,
    Limit,
    Now,
    Output,
    Player,
    Tools,
)
from overround.people import tenants

router = APIRouter(prefix="/api/v1", tags=["cash_out"])

# Basis points of the whole bet, cumulative: 10000 is all of it.
ShareBps = Annotated[int, Query(ge=1, le=rules.WHOLE_BPS)]
ReadsTerms = Annotated[Principal, Depends(routes.staff("offers.read"))]
SetsTerms = Annotated[Principal, Depends(routes.staff("offers.manage"))]
ReadsRequests = Annotated[Principal, Depends(routes.staff("risk.read"))]


class QuoteOut(Output):
    """What is paid now for a part of the stake; `quote` is said back to get it."""

    share_bps: int
    amount: str
    stake: str
    rest_stake: str
    quote: str
    expires_at: datetime


class CashOutOut(Output):
    """What was paid, for how much of the stake, and how much of it stays in the bet."""

    cash_out_id: UUID
    bet_id: UUID
    amount: str
    stake: str
    rest_stake: str
    currency: str
    at: datetime


class RefusalOut(Output):
    """Why nothing was cashed out; `facts` are the value and the quote of then, where it moved."""

    code: str
    detail: str
    facts: dict[str, Any]


class RequestOut(Output):
    """What was asked, and what became of it: waiting, paid or refused.

    `amount` is what was agreed to for `share_bps` of the whole bet; what is asked in play is looked
    at again at `due_at`. `by_order`: nobody sent it, an order did.
    """

    cash_out_id: UUID
    bet_id: UUID
    status: RequestState
    share_bps: int
    amount: str
    currency: str
    by_order: bool
    asked_at: datetime
    due_at: datetime | None
    paid: CashOutOut | None
    refusal: RefusalOut | None
    status_url: str


class ValuationOut(Output):
    """A bet's quotes, or the code of why there are none; `order` is what is done by itself,
    `waiting` what was asked and stands its delay."""

    bet_id: UUID
    is_available: bool
    reason: str | None
    detail: str | None
    quotes: list[QuoteOut]
    order: str | None
    waiting: RequestOut | None
    cashed_out: str
    open_stake: str
    currency: str


class ValuationsOut(Output):
    """One for each of the bets that are the player's."""

    items: list[ValuationOut]


class CashOutIn(Input):
    """The quote that was shown, and what to do where the value has moved since: `higher` also takes
    one that is lower by up to `tolerance_bps`."""

    quote: Annotated[str, Field(max_length=120)]
    value_policy: Literal["none", "higher", "any"] = "higher"
    tolerance_bps: Annotated[int, Field(ge=0, le=rules.WHOLE_BPS)] = 0


class OrderIn(Input):
    """Cash out, by itself, as soon as all that is left of the bet pays this."""

    amount: Annotated[str, Field(max_length=24, examples=["50.00"])]


class OrderOut(Output):
    """What is done by itself."""

    bet_id: UUID
    amount: str
    currency: str


class TermsIn(Input):
    """The tenant's terms; each is said, so that none is changed unseen."""

    enabled: bool
    margin_bps: int
    quote_s: int
    delay_s: int
    stale_s: int


class TermsOut(Output):
    """The tenant's terms."""

    enabled: bool
    margin_bps: int
    quote_s: int
    delay_s: int
    stale_s: int


class ListedRequestOut(Output):
    """A request and whose it is."""

    player_id: UUID
    player: str
    cash_out: RequestOut


class ListedRequestsOut(Output):
    """A page of what all players and their orders asked, newest first."""

    items: list[ListedRequestOut]
    next_cursor: str | None


class ListedOrderOut(Output):
    """An order that stands, since when, and whose it is."""

    player_id: UUID
    player: str
    order: OrderOut
    set_at: datetime


class ListedOrdersOut(Output):
    """A page of all players' orders that stand, that of the newest bet first."""

    items: list[ListedOrderOut]
    next_cursor: str | None


class CashOutRefused(Refusal):
    """The bet was not cashed out."""

    status = 409


@router.get("/cash-outs")
async def cash_outs(
    caller: Player,
    db: Db,
    now: Now,
    bet: Annotated[list[UUID], Query(min_length=1, max_length=service.BETS_MAX)],
) -> ValuationsOut:
    """What some of my bets are worth now, a quarter, a half, three quarters and whole."""
    async with db.reading(caller.tenant_id) as conn:
        currency = (await tenants.by_id(conn, caller.tenant_id)).currency
        found = await service.values(conn, caller.tenant_id, caller.actor_id, bet, now)
    return ValuationsOut(items=[_valuation_out(one, currency) for one in found])


@router.get("/bets/{bet_id}/cash-out")
async def quote(
    bet_id: UUID, caller: Player, db: Db, now: Now, share_bps: ShareBps = rules.WHOLE_BPS
) -> ValuationOut:
    """What one of my bets is worth now, up to a share of the whole bet."""
    async with db.reading(caller.tenant_id) as conn:
        currency = (await tenants.by_id(conn, caller.tenant_id)).currency
        found = await service.value(conn, caller.tenant_id, caller.actor_id, bet_id, share_bps, now)
    return _valuation_out(found, currency)


@router.post("/bets/{bet_id}/cash-out", status_code=201, responses={202: {"model": RequestOut}})
async def cash_out(
    bet_id: UUID,
    body: CashOutIn,
    caller: Player,
    key: IdempotencyKey,
    db: Db,
    now: Now,
    tools: Tools,
    response: Response,
) -> CashOutOut | RequestOut:
    """End my bet, or a part of it, at the value I was shown; while an event of it is being played
    after a delay (202). The same key gets the same answer."""
    sha256 = request_sha256(f"bets/{bet_id}/cash-out", body)
    asked = Asked(bet_id, body.quote, body.value_policy, key, sha256, body.tolerance_bps)
    async with db.transaction(caller.tenant_id) as conn:
        currency = (await tenants.by_id(conn, caller.tenant_id)).currency
        decision = await service.cash_out(conn, caller.tenant_id, caller.actor_id, asked, now)
    routes.mark_replayed(response, decision.is_replayed)
    one = decision.request
    if one.refusal is None and not decision.is_replayed:
        tools.tell(caller.tenant_id, [caller.actor_id], office=True)
    if one.answer is not None:
        return _cash_out_out(one.answer)
    found = _request_out(one, currency)
    response.status_code = 202
    response.headers["Location"] = found.status_url
    return found


@router.get("/cash-outs/{cash_out_id}")
async def cash_out_asked(cash_out_id: UUID, caller: Player, db: Db) -> RequestOut:
    """What became of what I asked, or what an order of mine did."""
    async with db.reading(caller.tenant_id) as conn:
        currency = (await tenants.by_id(conn, caller.tenant_id)).currency
        found = await service.asked(conn, caller.tenant_id, caller.actor_id, cash_out_id)
    return _request_out(found, currency)


@router.put("/bets/{bet_id}/cash-out/order")
async def set_order(bet_id: UUID, body: OrderIn, caller: Player, db: Db, now: Now) -> OrderOut:
    """Cash my bet out by itself, as soon as all that is left of it pays this."""
    async with db.transaction(caller.tenant_id) as conn:
        currency = (await tenants.by_id(conn, caller.tenant_id)).currency
        with at_field("amount"):
            amount_minor = money.parse(body.amount, currency)
        await service.order(conn, caller.tenant_id, caller.actor_id, bet_id, amount_minor, now)
    return _order_out(bet_id, amount_minor, currency)


@router.delete("/bets/{bet_id}/cash-out/order", status_code=204)
async def drop_order(bet_id: UUID, caller: Player, db: Db, now: Now) -> None:
    """Do nothing by itself any more."""
    async with db.transaction(caller.tenant_id) as conn:
        await service.drop_order(conn, caller.tenant_id, caller.actor_id, bet_id, now)


@router.get("/office/cash-out")
async def terms(caller: ReadsTerms, db: Db) -> TermsOut:
    """What we pay for bets that end early."""
    async with db.reading(caller.tenant_id) as conn:
        found = await service.terms_of(conn, caller.tenant_id)
    return _terms_out(found)


@router.put("/office/cash-out")
async def set_terms(body: TermsIn, caller: SetsTerms, db: Db, now: Now) -> TermsOut:
    """Other terms, for every quote from now on; quotes that were shown have changed then."""
    asked = Terms(**body.model_dump())
    async with db.transaction(caller.tenant_id) as conn:
        await service.set_terms(conn, caller, asked, now)
    return _terms_out(asked)


@router.get("/office/cash-outs")
async def listed(
    caller: ReadsRequests,
    db: Db,
    state: RequestState | None = None,
    limit: Limit = paging.LIMIT_DEFAULT,
    cursor: CursorText = None,
) -> ListedRequestsOut:
    """What our players and their orders asked to be cashed out, newest first."""
    before = paging.begin(cursor, paging.NEWEST)
    async with db.reading(caller.tenant_id) as conn:
        currency = (await tenants.by_id(conn, caller.tenant_id)).currency
        found = await service.listed(conn, caller.tenant_id, state, before.id, limit + 1)
    shown, following = paging.cut(found, limit, lambda one: (one.request.at, one.request.id))
    items = [
        ListedRequestOut(
            player_id=one.request.user_id,
            player=one.player,
            cash_out=_request_out(one.request, currency),
        )
        for one in shown
    ]
    return ListedRequestsOut(items=items, next_cursor=following)


@router.get("/office/cash-outs/orders")
async def listed_orders(
    caller: ReadsRequests,
    db: Db,
    limit: Limit = paging.LIMIT_DEFAULT,
    cursor: CursorText = None,
) -> ListedOrdersOut:
    """Which bets our players want cashed out by themselves; the newest bet first."""
    before = paging.begin(cursor, paging.NEWEST)
    async with db.reading(caller.tenant_id) as conn:
        currency = (await tenants.by_id(conn, caller.tenant_id)).currency
        found = await service.listed_orders(conn, caller.tenant_id, before.id, limit + 1)
    shown, following = paging.cut(
        found, limit, lambda one: (one.order.changed_at, one.order.bet_id)
    )
    items = [
        ListedOrderOut(
            player_id=one.order.user_id,
            player=one.player,
            order=_order_out(one.order.bet_id, one.order.at_least_minor, currency),
            set_at=one.order.changed_at,
        )
        for one in shown
    ]
    return ListedOrdersOut(items=items, next_cursor=following)


def _terms_out(found: Terms) -> TermsOut:
    return TermsOut(
        enabled=found.enabled,
        margin_bps=found.margin_bps,
        quote_s=found.quote_s,
        delay_s=found.delay_s,
        stale_s=found.stale_s,
    )


def _valuation_out(found: Valuation, currency: str) -> ValuationOut:
    return ValuationOut(
        bet_id=found.bet_id,
        is_available=found.refusal is None,
        reason=found.refusal,
        detail=None if found.refusal is None else rules.REFUSALS[found.refusal],
        quotes=[_quote_out(one) for one in found.quotes],
        order=None if found.order_minor is None else money.to_text(found.order_minor, currency),
        waiting=None if found.waiting is None else _request_out(found.waiting, currency),
        cashed_out=money.to_text(found.cashed_minor, currency),
        open_stake=money.to_text(found.open_stake_minor, currency),
        currency=currency,
    )


def _quote_out(found: Quote) -> QuoteOut:
    return QuoteOut(
        share_bps=found.share_bps,
        amount=money.to_text(found.amount_minor, found.currency),
        stake=money.to_text(found.stake_minor, found.currency),
        rest_stake=money.to_text(found.rest_minor, found.currency),
        quote=rules.written(found),
        expires_at=found.expires_at,
    )


def _order_out(bet_id: UUID, amount_minor: int, currency: str) -> OrderOut:
    return OrderOut(bet_id=bet_id, amount=money.to_text(amount_minor, currency), currency=currency)


def _request_out(one: Request, currency: str) -> RequestOut:
    refused = None
    if one.answer is not None and one.refusal is not None:
        facts = _facts(one.answer)
        refused = RefusalOut(code=one.refusal, detail=rules.REFUSALS[one.refusal], facts=facts)
    return RequestOut(
        cash_out_id=one.id,
        bet_id=one.bet_id,
        status=one.state,
        share_bps=one.share_bps,
        amount=money.to_text(one.amount_minor, currency),
        currency=currency,
        by_order=one.key is None,
        asked_at=one.at,
        due_at=one.due_at,
        paid=_cash_out_out(one.answer) if one.answer is not None and refused is None else None,
        refusal=refused,
        status_url=f"/api/v1/cash-outs/{one.id}",
    )


def _facts(answer: Mapping[str, Any]) -> dict[str, Any]:
    """The value and the quote of now, where a refusal comes with them."""
    if "amount_minor" not in answer:
        return {}
    amount = money.to_text(answer["amount_minor"], answer["currency"])
    return {"amount": amount, "quote": answer["quote"]}


def _cash_out_out(answer: Mapping[str, Any]) -> CashOutOut:
    """What was paid. Raises CashOutRefused where nothing was."""
    code: str | None = answer.get("refusal")
    if code is not None:
        raise CashOutRefused(rules.REFUSALS[code], code=code, facts=_facts(answer), field=_of(code))
    currency: str = answer["currency"]
    return CashOutOut(
        cash_out_id=answer["cash_out_id"],
        bet_id=answer["bet_id"],
        amount=money.to_text(answer["amount_minor"], currency),
        stake=money.to_text(answer["stake_minor"], currency),
        rest_stake=money.to_text(answer["rest_minor"], currency),
        currency=currency,
        at=answer["at"],
    )


def _of(code: str) -> str | None:
    """What of the request it is refused for: of the bet and its markets it says nothing."""
    return "quote" if code in ("cash_out_changed", "quote_expired") else None
