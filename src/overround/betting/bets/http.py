"""Placing bets and looking at them."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from fastapi import APIRouter, Depends, Header, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import Field, TypeAdapter, ValidationError

from overround.betting.bets import refusals, rules, service
from overround.betting.bets.model import (
    Ask,
    Asked,
    Bet,
    Decision,
    Leg,
    LetWait,
    SentSlip,
    Slip,
    SlipLeg,
    SystemName,
    Waits,
)
from overround.betting.bets.preferences import prefers_async
from overround.betting.bets.rules import LEGS_MAX, TOLERANCE_BPS_MAX, VERSION_MAX
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
from overround.people import sessions, tenants

router = APIRouter(prefix="/api/v1", tags=["bets"])

_ID = TypeAdapter(UUID)

PriceText = Annotated[str, Field(max_length=16, examples=["2.10"])]
AmountText = Annotated[str, Field(max_length=24, examples=["10.00"])]


class SlipLegIn(Input):
    """One selection at the price that was shown; with the `version` that was shown beside it,
    `odds_policy` none takes that offer alone, not one that was laid again at the same price."""

    selection_id: Annotated[UUID, Field(strict=False)]
    price: PriceText
    banker: bool = False
    offer_version: Annotated[int, Field(ge=0, le=VERSION_MAX)] | None = None


class SlipIn(Input):
    """What a player asks: one leg is a single, more are a combo, and with `system` or `sizes` a
    system: every line of so many legs, bankers included.

    The stake is the whole one; with `stake_mode` "unit" it is each line's. Where it is more than
    is taken, `accept_lower_stake` has the bet taken at a stake that fits, which the answer says.
    With `free_bet_id` the stake is that free bet's whole amount, and the house pays it.
    """

    legs: Annotated[list[SlipLegIn], Field(min_length=1, max_length=LEGS_MAX)]
    stake: AmountText
    stake_mode: Literal["total", "unit"] = "total"
    system: SystemName | None = None
    sizes: Annotated[list[int], Field(min_length=1, max_length=LEGS_MAX)] | None = None
    odds_policy: Literal["none", "higher", "any"] = "higher"
    tolerance_bps: Annotated[int, Field(ge=0, le=TOLERANCE_BPS_MAX)] = 0
    accept_lower_stake: bool = False
    free_bet_id: Annotated[UUID, Field(strict=False)] | None = None


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
    free_bet_id: UUID | None
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


# What a request prefers of its answer; `respond-async` is heard.
Prefer = Annotated[str | None, Header(max_length=200)]


@router.post(
    "/bets",
    status_code=201,
    response_model=PlacedOut,
    responses={202: {"description": "The slip waits; `Location` is where it is looked at."}},
)
async def place(
    body: SlipIn,
    caller: Player,
    key: IdempotencyKey,
    db: Db,
    now: Now,
    tools: Tools,
    request: Request,
    response: Response,
    asked_by: AskedBy = None,
    prefer: Prefer = None,
) -> PlacedOut | Response:
    """Place a bet. The same key and body get the same answer, a refusal too.

    With `X-Player-ID` it is placed for that player or not at all. With `Prefer: respond-async` the
    slip waits in the queue; so does one that the house looks at first.
    """
    if asked_by not in (None, caller.actor_id):
        raise AnotherPlayer

    async def ask(asked: Asked) -> Decision:
        async with db.transaction(asked.tenant_id) as conn:
            (decision,) = await service.place(conn, asked.tenant_id, [asked.slip])
        return decision

    async with db.reading(caller.tenant_id) as conn:
        tenant = await tenants.by_id(conn, caller.tenant_id)
    slip = _slip(body, caller, key, now, tenant.currency)
    rules.check(slip)
    token = routes.token_of(request)
    token_sha256 = None if token is None else sessions.token_sha256(token)
    asked = Asked(caller.tenant_id, slip, token_sha256)
    decision = await _answered(asked, ask, request.app.state.let_wait, prefer)
    if isinstance(decision, Waits):
        tools.tell(caller.tenant_id, [caller.actor_id], office=True)
        return Response(decision.body, 202, decision.headers(), "application/json")
    routes.mark_replayed(response, decision.kind == "replayed")
    if decision.kind == "accepted":
        tools.tell(caller.tenant_id, [caller.actor_id], office=True)
    return _placed_out(decision)


async def place_raw(sent: SentSlip, ask: Ask, let_wait: LetWait) -> tuple[bytes, Decision | Waits]:
    """The route above without the framework: the same body in, the same bytes out.

    (test: the raw route and the frameworks answer alike)
    """
    if sent.asked_by is not None and _player_id(sent.asked_by) != sent.caller.actor_id:
        raise AnotherPlayer
    key = checked_key(sent.key)
    slip = _slip(_slip_in(sent.body), sent.caller, key, sent.at, sent.currency)
    rules.check(slip)
    asked = Asked(sent.caller.tenant_id, slip, sent.token_sha256)
    decision = await _answered(asked, ask, let_wait, sent.prefer)
    if isinstance(decision, Waits):
        return decision.body, decision
    if decision.kind == "nobody":
        raise Unauthenticated
    return _placed_json(decision), decision


async def _answered(
    asked: Asked, ask: Ask, let_wait: LetWait, prefer: str | None
) -> Decision | Waits:
    """The decision about a slip, or where it waits for one."""
    if prefers_async(prefer):
        waits = await let_wait(asked, None)
        if waits is not None:
            return replace(waits, is_preferred=True)
    decision = await ask(asked)
    if decision.waits:
        # None: it was decided meanwhile, and its key knows the answer.
        return await let_wait(asked, decision) or await ask(asked)
    return decision


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
            SlipLeg(
                leg.selection_id,
                price.parse_decimal(leg.price),
                leg.banker and bool(sizes),
                leg.offer_version,
            )
            for leg in body.legs
        ),
        stake_minor=units * money.parse(body.stake, currency),
        sizes=sizes,
        at=at,
        odds_policy=body.odds_policy,
        tolerance_bps=body.tolerance_bps,
        accept_lower_stake=body.accept_lower_stake,
        free_bet_id=body.free_bet_id,
    )


def _placed_out(decision: Decision) -> PlacedOut:
    if decision.kind == "key_reused":
        raise KeyReused
    if decision.waits:
        raise Unavailable("the slip still waits; ask again by the same key")
    if decision.kind == "moved":
        raise Unavailable("the prices move faster than they can be taken; ask again")
    if decision.refusal is not None:
        detail = refusals.DETAILS.get(decision.refusal)
        raise BetRefused(detail, code=decision.refusal, facts=refusals.bounds(decision.answer))
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
        free_bet_id=bet.free_bet_id,
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
