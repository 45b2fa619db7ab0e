"""What a slip may be before it is placed."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter
from pydantic import Field

from overround.betting.bets import (
    LEGS_MAX,
    REFUSAL_DETAILS,
    AmountText,
    ChosenIn,
    PriceText,
    WishesIn,
    explain_refusal,
    refusal_bounds,
    refusal_field,
    system_sizes,
)
from overround.betting.quotes import rules, service
from overround.betting.quotes.model import Ask, AskedLeg, OfferedLeg, Quote, Refused
from overround.core import bets, money, price
from overround.core.errors import Invalid
from overround.db.routes import Db
from overround.kit.routes import Now, Output, Player
from overround.people import tenants

# A tag of its own: a quote only reads, and takes no connection from those that move money.
router = APIRouter(prefix="/api/v1", tags=["quotes"])


class QuoteLegIn(ChosenIn):
    """One selection; with the price that was shown, it is said whether that would be taken."""

    price: PriceText | None = None


class QuoteIn(WishesIn):
    """A slip as it would be placed; without a stake it is only asked how much there may be. With
    `stake_mode` "unit" the stake and its bounds are a line's; with `free_bet_id` the stake is that
    free bet's amount, and with `each_way` it is that of each of the two parts."""

    legs: Annotated[list[QuoteLegIn], Field(min_length=1, max_length=LEGS_MAX)]
    stake: AmountText | None = None


class QuoteLegOut(Output):
    """A leg as it is laid now; the code of why it would be refused, null where it would not."""

    selection_id: UUID
    event_id: UUID | None
    price: str | None
    offer_version: int | None
    place_terms: str | None
    refusal: str | None


class QuoteRefusalOut(Output):
    """One thing that would refuse the slip, with its bounds as the book's own refusal has them."""

    code: str
    detail: str | None
    pointer: str | None
    leg: int | None = None
    legs_min: int | None = None
    legs_max: int | None = None
    price_min: str | None = None
    price_max: str | None = None
    stake: str | None = None
    stake_min: str | None = None
    stake_max: str | None = None
    payout_max: str | None = None


class QuoteOut(Output):
    """What may be staked now. `stake_min` and `stake_max` bound the `stake` of the request: with
    `stake_mode` "unit" they are a line's. `stake_max` is null where no stake would be taken, and
    `limited_by` the code by which more would be refused. A quote promises nothing.

    `stake` is the whole one that would be taken, lower than asked where that is accepted, and
    `potential_payout` what it pays when all legs win.
    """

    is_taken: bool
    lines: int
    stake: str | None
    potential_payout: str | None
    stake_min: str
    stake_max: str | None
    limited_by: str | None
    currency: str
    legs: list[QuoteLegOut]
    refusals: list[QuoteRefusalOut]


@router.post("/bets/quote")
async def quote(body: QuoteIn, caller: Player, db: Db, now: Now) -> QuoteOut:
    """What this player may stake on the slip now, and everything that would refuse it. Nothing is
    stored and nothing is held."""
    async with db.reading(caller.tenant_id) as conn:
        currency = (await tenants.by_id(conn, caller.tenant_id)).currency
        try:
            ask = _ask(body, caller.actor_id, currency)
            known = await service.known(conn, caller.tenant_id, ask, now)
        except Invalid as error:
            by_line = body.stake_mode == "unit"
            explain_refusal(error, body.legs, currency, each_way=body.each_way, by_line=by_line)
            raise
    return _out(rules.quote(ask, known, now))


def _ask(body: QuoteIn, user_id: UUID, currency: str) -> Ask:
    bankers = sum(leg.banker for leg in body.legs)
    sizes = system_sizes(body.system, body.sizes, len(body.legs), bankers)
    units = bets.stored_lines(len(body.legs), sizes, bankers) if body.stake_mode == "unit" else 1
    units *= 2 if body.each_way else 1
    return Ask(
        user_id=user_id,
        legs=tuple(
            AskedLeg(
                leg.selection_id,
                None if leg.price is None else price.parse_decimal(leg.price),
                leg.banker and bool(sizes),
                leg.offer_version,
                leg.place_terms,
            )
            for leg in body.legs
        ),
        stake_minor=None if body.stake is None else units * money.parse(body.stake, currency),
        sizes=sizes,
        odds_policy=body.odds_policy,
        tolerance_bps=body.tolerance_bps,
        accept_lower_stake=body.accept_lower_stake,
        by_line=body.stake_mode == "unit",
        free_bet_id=body.free_bet_id,
        each_way=body.each_way,
    )


def _out(found: Quote) -> QuoteOut:
    def text(minor: int | None) -> str | None:
        return None if minor is None else money.to_text(minor, found.currency)

    most = found.stake_max_minor
    return QuoteOut(
        is_taken=not found.refusals,
        lines=found.lines,
        stake=text(found.stake_minor),
        potential_payout=text(found.potential_minor),
        stake_min=money.to_text(found.stake_min_minor // found.units, found.currency),
        stake_max=text(None if most is None else most // found.units),
        limited_by=found.limited_by,
        currency=found.currency,
        legs=[_leg_out(*both) for both in zip(found.legs, found.leg_refusals, strict=True)],
        refusals=[_refusal_out(refused, found) for refused in found.refusals],
    )


def _leg_out(leg: OfferedLeg, refusal: str | None) -> QuoteLegOut:
    return QuoteLegOut(
        selection_id=leg.selection_id,
        event_id=leg.event_id,
        price=None if leg.price_e4 is None else price.to_text(leg.price_e4),
        offer_version=leg.version,
        place_terms=leg.place_terms,
        refusal=refusal,
    )


def _refusal_out(refused: Refused, found: Quote) -> QuoteRefusalOut:
    answer = {**refused.answer, "currency": found.currency}
    said: dict[str, Any] = refusal_bounds(answer, found.lines, found.units)
    about = refusal_field(refused.code, refused.answer.get("leg"))
    detail = REFUSAL_DETAILS.get(refused.code)
    pointer = None if about is None else f"#/{about}"
    return QuoteRefusalOut(code=refused.code, detail=detail, pointer=pointer, **said)
