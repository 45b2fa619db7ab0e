"""Cash-outs over HTTP: what a bet is worth, ending it, ending it by itself, and the terms."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response
from pydantic import Field

from overround.betting.cashouts import rules, service
from overround.betting.cashouts.model import Asked, Decision, Quote, Terms, Valuation
from overround.core import money
from overround.core.errors import Refusal
from overround.core.principal import Principal
from overround.db.routes import Db
from overround.kit import routes
from overround.kit.idempotency import request_sha256
from overround.kit.routes import IdempotencyKey, Input, Now, Output, Player, Tools
from overround.people import tenants

router = APIRouter(prefix="/api/v1", tags=["cash_out"])

# Basis points of the whole bet, cumulative: 10000 is all of it.
ShareBps = Annotated[int, Query(ge=1, le=rules.WHOLE_BPS)]
ReadsTerms = Annotated[Principal, Depends(routes.staff("offers.read"))]
SetsTerms = Annotated[Principal, Depends(routes.staff("offers.manage"))]


class QuoteOut(Output):
    """What is paid now for a part of the stake; `quote` is said back to get it."""

    share_bps: int
    amount: str
    stake: str
    rest_stake: str
    quote: str
    expires_at: datetime


class ValuationOut(Output):
    """A bet's quotes, or the code of why there are none; `order` is what is done by itself."""

    bet_id: UUID
    is_available: bool
    reason: str | None
    detail: str | None
    quotes: list[QuoteOut]
    order: str | None
    cashed_out: str
    open_stake: str
    currency: str


class ValuationsOut(Output):
    """One for each of the bets that are the player's."""

    items: list[ValuationOut]


class CashOutIn(Input):
    """The quote that was shown, and what to do where the value has moved since."""

    quote: Annotated[str, Field(max_length=120)]
    value_policy: Literal["none", "higher", "any"] = "higher"


class CashOutOut(Output):
    """What was paid, for how much of the stake, and how much of it stays in the bet."""

    cash_out_id: UUID
    bet_id: UUID
    amount: str
    stake: str
    rest_stake: str
    currency: str
    at: datetime


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
    stale_in_play_s: int


class TermsOut(Output):
    """The tenant's terms."""

    enabled: bool
    margin_bps: int
    quote_s: int
    delay_s: int
    stale_s: int
    stale_in_play_s: int


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


@router.post("/bets/{bet_id}/cash-out", status_code=201)
async def cash_out(
    bet_id: UUID,
    body: CashOutIn,
    caller: Player,
    key: IdempotencyKey,
    db: Db,
    now: Now,
    tools: Tools,
    response: Response,
) -> CashOutOut:
    """End my bet, or a part of it, at the value I was shown. The same key gets the same answer."""
    sha256 = request_sha256(f"bets/{bet_id}/cash-out", body)
    asked = Asked(bet_id, rules.read(body.quote), body.value_policy, key, sha256)
    async with db.transaction(caller.tenant_id) as conn:
        decision = await service.cash_out(conn, caller.tenant_id, caller.actor_id, asked, now)
    routes.mark_replayed(response, decision.is_replayed)
    if decision.refusal is None and not decision.is_replayed:
        tools.tell(caller.tenant_id, [caller.actor_id], office=True)
    return _cash_out_out(decision)


@router.put("/bets/{bet_id}/cash-out/order")
async def set_order(bet_id: UUID, body: OrderIn, caller: Player, db: Db, now: Now) -> OrderOut:
    """Cash my bet out by itself, as soon as all that is left of it pays this."""
    async with db.transaction(caller.tenant_id) as conn:
        currency = (await tenants.by_id(conn, caller.tenant_id)).currency
        amount_minor = money.parse(body.amount, currency)
        await service.order(conn, caller.tenant_id, caller.actor_id, bet_id, amount_minor, now)
    text = money.to_text(amount_minor, currency)
    return OrderOut(bet_id=bet_id, amount=text, currency=currency)


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


def _terms_out(found: Terms) -> TermsOut:
    return TermsOut(
        enabled=found.enabled,
        margin_bps=found.margin_bps,
        quote_s=found.quote_s,
        delay_s=found.delay_s,
        stale_s=found.stale_s,
        stale_in_play_s=found.stale_in_play_s,
    )


def _valuation_out(found: Valuation, currency: str) -> ValuationOut:
    return ValuationOut(
        bet_id=found.bet_id,
        is_available=found.refusal is None,
        reason=found.refusal,
        detail=None if found.refusal is None else rules.REFUSALS[found.refusal],
        quotes=[_quote_out(one) for one in found.quotes],
        order=None if found.order_minor is None else money.to_text(found.order_minor, currency),
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


def _cash_out_out(decision: Decision) -> CashOutOut:
    answer: dict[str, Any] = decision.answer
    if decision.refusal is not None:
        facts: dict[str, object] = {}
        if "amount_minor" in answer:
            facts["amount"] = money.to_text(answer["amount_minor"], answer["currency"])
            facts["quote"] = answer["quote"]
        raise CashOutRefused(rules.REFUSALS[decision.refusal], code=decision.refusal, facts=facts)
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
