"""Placing bets and looking at them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from fastapi import APIRouter, Depends, Header, Response
from fastapi.exceptions import RequestValidationError
from pydantic import Field, TypeAdapter, ValidationError

from overround.betting.bets import rules, service
from overround.betting.bets.model import (
    Ask,
    Asked,
    Bet,
    Decision,
    Leg,
    SentSlip,
    Slip,
    SlipLeg,
)
from overround.betting.bets.rules import LEGS_MAX, TOLERANCE_BPS_MAX
from overround.core import bets, ids, line, money, price
from overround.core.errors import Refusal, Unauthenticated, Unavailable
from overround.core.principal import Principal
from overround.db.routes import Db
from overround.kit import paging, routes
from overround.kit.idempotency import checked_key
from overround.kit.routes import (
    CursorText,
    IdempotencyKey,
    Input,
    KeyReused,
    Limit,
    Now,
    Output,
    Player,
    Tools,
)
from overround.people import tenants

router = APIRouter(prefix="/api/v1", tags=["bets"])

_ID = TypeAdapter(UUID)

PriceText = Annotated[str, Field(max_length=16, examples=["2.10"])]
SystemName = Literal[
    "trixie", "patent", "yankee", "lucky15", "canadian", "lucky31", "heinz", "lucky63",
    "super_heinz", "goliath",
]  # fmt: skip
AmountText = Annotated[str, Field(max_length=24, examples=["10.00"])]


class SlipLegIn(Input):
    """One selection at the price that was shown."""

    selection_id: Annotated[UUID, Field(strict=False)]
    price: PriceText
    banker: bool = False


class SlipIn(Input):
    """What a player asks: one leg is a single, more are a combo, and with `system` or `sizes` a
    system: every line of so many legs, bankers included.

    The stake is the whole one; with `stake_mode` "unit" it is each line's.
    """

    legs: Annotated[list[SlipLegIn], Field(min_length=1, max_length=LEGS_MAX)]
    stake: AmountText
    stake_mode: Literal["total", "unit"] = "total"
    system: SystemName | None = None
    sizes: Annotated[list[int], Field(min_length=1, max_length=LEGS_MAX)] | None = None
    odds_policy: Literal["none", "higher", "any"] = "higher"
    tolerance_bps: Annotated[int, Field(ge=0, le=TOLERANCE_BPS_MAX)] = 0


class PlacedOut(Output):
    """The bet that was accepted, at the prices that were taken."""

    bet_id: UUID
    kind: str
    sizes: list[int] | None
    status: str
    stake: str
    potential_payout: str
    currency: str
    prices: list[str]
    placed_at: datetime


class LegOut(Output):
    """One leg and what it came to so far."""

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
    shown_price: str
    banker: bool
    grade: str | None


class BetOut(Output):
    """A bet with its legs."""

    id: UUID
    kind: str
    sizes: list[int] | None
    status: str
    outcome: str | None
    stake: str
    potential_payout: str
    payout: str | None
    currency: str
    placed_at: datetime
    settled_at: datetime | None
    legs: list[LegOut]


class BetsOut(Output):
    """A page of bets, newest first."""

    items: list[BetOut]
    next_cursor: str | None


class LatestBetOut(Output):
    """A bet and who placed it."""

    player_id: UUID
    player: str
    bet: BetOut


class LatestBetsOut(Output):
    """A page of all players' bets, newest first."""

    items: list[LatestBetOut]
    next_cursor: str | None


class BetRefused(Refusal):
    """The bet was not accepted."""

    status = 409


class AnotherPlayer(Refusal):
    """This was asked by another player than the one who is logged in now."""

    code = "another_player"
    status = 409


# Whom the page was shown to. A page that asks again after somebody else has logged in would spend
# that person's money (test: what one player asked is never placed for another).
AskedBy = Annotated[UUID | None, Header(alias="X-Player-ID")]


@router.post("/bets", status_code=201)
async def place(
    body: SlipIn,
    caller: Player,
    key: IdempotencyKey,
    db: Db,
    now: Now,
    tools: Tools,
    response: Response,
    asked_by: AskedBy = None,
) -> PlacedOut:
    """Place a bet. The same key and body get the same answer, a refusal too.

    With `X-Player-ID` it is placed for that player or not at all.
    """
    if asked_by not in (None, caller.actor_id):
        raise AnotherPlayer
    async with db.transaction(caller.tenant_id) as conn:
        tenant = await tenants.by_id(conn, caller.tenant_id)
        slip = _slip(body, caller, key, now, tenant.currency)
        (decision,) = await service.place(conn, caller.tenant_id, [slip])
    routes.mark_replayed(response, decision.kind == "replayed")
    if decision.kind == "accepted":
        tools.tell(caller.tenant_id, [caller.actor_id], office=True)
    return _placed_out(decision)


async def place_raw(sent: SentSlip, ask: Ask) -> tuple[bytes, Decision]:
    """The route above without the framework: the same body in, the same bytes out.

    (test: the raw route and the frameworks answer alike)
    """
    if sent.asked_by is not None and _player_id(sent.asked_by) != sent.caller.actor_id:
        raise AnotherPlayer
    key = checked_key(sent.key)
    slip = _slip(_slip_in(sent.body), sent.caller, key, sent.at, sent.currency)
    rules.check(slip)
    decision = await ask(Asked(sent.caller.tenant_id, slip, sent.token_sha256))
    if decision.kind == "nobody":
        raise Unauthenticated
    return _placed_json(decision), decision


def _slip_in(body: bytes) -> SlipIn:
    """Raises RequestValidationError, as the framework does."""
    try:
        return SlipIn.model_validate_json(body)
    except ValidationError as error:
        found = [{**one, "loc": ("body", *one["loc"])} for one in error.errors()]
        raise RequestValidationError(found) from None


def _player_id(text: str) -> UUID:
    """Raises RequestValidationError, as the framework does."""
    try:
        return _ID.validate_python(text)
    except ValidationError as error:
        found = [{**one, "loc": ("header", "X-Player-ID")} for one in error.errors()]
        raise RequestValidationError(found) from None


@router.get("/bets")
async def my_bets(
    caller: Player,
    db: Db,
    status: Literal["open", "settled"] | None = None,
    limit: Limit = paging.LIMIT_DEFAULT,
    cursor: CursorText = None,
) -> BetsOut:
    """My bets, newest first."""
    before = paging.begin(cursor, paging.NEWEST)
    async with db.reading(caller.tenant_id) as conn:
        found = await service.my_bets(
            conn,
            caller.tenant_id,
            caller.actor_id,
            before=(before.at, before.id),
            status=status,
            limit=limit + 1,
        )
    shown, following = paging.cut(found, limit, lambda bet: (bet.placed_at, bet.id))
    return BetsOut(items=[_bet_out(bet) for bet in shown], next_cursor=following)


@router.get("/bets/{bet_id}")
async def my_bet(bet_id: UUID, caller: Player, db: Db) -> BetOut:
    """One of my bets."""
    async with db.reading(caller.tenant_id) as conn:
        return _bet_out(await service.my_bet(conn, caller.tenant_id, caller.actor_id, bet_id))


ReadsBets = Annotated[Principal, Depends(routes.staff("bets.read"))]


@router.get("/office/bets")
async def latest_bets(
    caller: ReadsBets,
    db: Db,
    limit: Limit = paging.LIMIT_DEFAULT,
    cursor: CursorText = None,
) -> LatestBetsOut:
    """All players' bets, newest first."""
    before = paging.begin(cursor, paging.NEWEST)
    async with db.reading(caller.tenant_id) as conn:
        found = await service.latest(conn, caller.tenant_id, before.id, limit + 1)
    shown, following = paging.cut(found, limit, lambda one: (one.bet.placed_at, one.bet.id))
    return LatestBetsOut(
        items=[
            LatestBetOut(player_id=one.bet.user_id, player=one.player, bet=_bet_out(one.bet))
            for one in shown
        ],
        next_cursor=following,
    )


def _slip(body: SlipIn, caller: Principal, key: str, at: datetime, currency: str) -> Slip:
    bankers = sum(leg.banker for leg in body.legs)
    sizes = rules.system_sizes(body.system, body.sizes, len(body.legs), bankers)
    units = bets.stored_lines(len(body.legs), sizes, bankers) if body.stake_mode == "unit" else 1
    return Slip(
        bet_id=ids.new(at),
        user_id=caller.actor_id,
        key=key,
        legs=tuple(
            # In one line of all legs every leg is a banker, and none is marked.
            SlipLeg(leg.selection_id, price.parse_decimal(leg.price), leg.banker and bool(sizes))
            for leg in body.legs
        ),
        stake_minor=units * money.parse(body.stake, currency),
        sizes=sizes,
        at=at,
        odds_policy=body.odds_policy,
        tolerance_bps=body.tolerance_bps,
    )


# What each refusal says to a person; the code is for programs.
_REFUSALS = {
    "tenant_suspended": "This house takes no bets now.",
    "account_blocked": "This account takes no bets.",
    "too_few_legs": "A slip has at least one leg.",
    "too_many_legs": f"A slip has at most {LEGS_MAX} legs.",
    "unknown_selection": "One selection is not offered here.",
    "event_started": "One event has started.",
    "market_suspended": "One market is suspended.",
    "market_closed": "One market is closed.",
    "price_changed": "One price has changed.",
    "legs_conflict": "Two legs are on the same event.",
    "stake_below_min": "The stake is below the least stake.",
    "payout_above_max": "The payout would be above the largest payout.",
    "liability_exceeded": "The house takes no more on this selection now.",
    "stake_above_max": "The stake is above what the house takes here.",
    "repeated_bet": "This bet was placed here a moment ago.",
    "player_limit": "This account has won its share of chances here for today.",
    "insufficient_funds": "The balance is smaller than the stake.",
}


def _placed_out(decision: Decision) -> PlacedOut:
    if decision.kind == "key_reused":
        raise KeyReused
    if decision.kind == "moved":
        raise Unavailable("the prices move faster than they can be taken; ask again")
    if decision.refusal is not None:
        raise _refused(decision.refusal, decision.answer)
    answer: dict[str, Any] = decision.answer
    currency: str = answer["currency"]
    return PlacedOut(
        bet_id=answer["bet_id"],
        kind=answer["kind"],
        sizes=answer["sizes"],
        status=answer["status"],
        stake=money.to_text(answer["stake_minor"], currency),
        potential_payout=money.to_text(answer["potential_payout_minor"], currency),
        currency=currency,
        prices=[price.to_text(price_e4) for price_e4 in answer["prices_e4"]],
        placed_at=answer["placed_at"],
    )


class _Placed(msgspec.Struct):
    """`PlacedOut` as it is written, field by field."""

    bet_id: str
    kind: str
    sizes: list[int] | None
    status: str
    stake: str
    potential_payout: str
    currency: str
    prices: list[str]
    placed_at: str


_ENCODER = msgspec.json.Encoder()


def _placed_json(decision: Decision) -> bytes:
    """The bytes of `_placed_out`, without its model: a bet's facts are texts already."""
    answer = decision.answer
    at: str = answer.get("placed_at", "")
    if not at.endswith("+00:00"):
        return _placed_out(decision).model_dump_json().encode()
    currency: str = answer["currency"]
    return _ENCODER.encode(
        _Placed(
            answer["bet_id"],
            answer["kind"],
            answer["sizes"],
            answer["status"],
            money.to_text(answer["stake_minor"], currency),
            money.to_text(answer["potential_payout_minor"], currency),
            currency,
            [price.to_text(price_e4) for price_e4 in answer["prices_e4"]],
            at[:-6] + "Z",
        )
    )


def _refused(refusal: str, answer: dict[str, Any]) -> BetRefused:
    """The refusal with what the player needs to ask again: the leg, the prices now, the bounds."""
    facts: dict[str, object] = {}
    if "leg" in answer:
        facts["leg"] = answer["leg"]
    if "prices_e4" in answer:
        facts["prices"] = [price.to_text(price_e4) for price_e4 in answer["prices_e4"]]
    for bound in ("stake_min", "stake_max", "payout_max"):
        if f"{bound}_minor" in answer:
            facts[bound] = money.to_text(answer[f"{bound}_minor"], answer["currency"])
    return BetRefused(_REFUSALS.get(refusal), code=refusal, facts=facts)


def _bet_out(bet: Bet) -> BetOut:
    paid = bet.payout_minor
    return BetOut(
        id=bet.id,
        kind=bet.kind,
        sizes=bet.sizes,
        status=bet.status,
        outcome=bet.outcome,
        stake=money.to_text(bet.stake_minor, bet.currency),
        potential_payout=money.to_text(bet.potential_payout_minor, bet.currency),
        payout=None if paid is None else money.to_text(paid, bet.currency),
        currency=bet.currency,
        placed_at=bet.placed_at,
        settled_at=bet.settled_at,
        legs=[_leg_out(leg) for leg in bet.legs],
    )


def _leg_out(leg: Leg) -> LegOut:
    return LegOut(
        event_id=leg.event_id,
        selection_id=leg.selection_id,
        home=leg.home,
        away=leg.away,
        starts_at=leg.starts_at,
        market=leg.market_type,
        period=leg.period,
        line=None if leg.line_q4 is None else line.to_text(leg.line_q4),
        side=leg.side,
        price=price.to_text(leg.price_e4),
        shown_price=price.to_text(leg.shown_price_e4),
        banker=leg.banker,
        grade=leg.grade,
    )
