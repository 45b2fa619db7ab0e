"""Placing bets and looking at them."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import Field, TypeAdapter, ValidationError

from overround.betting.bets import answers, refusals, rules, service
from overround.betting.bets.answers import BetOut, PlacedOut
from overround.betting.bets.asking import AmountText, ChosenIn, PriceText, WishesIn
from overround.betting.bets.model import (
    Ask,
    Asked,
    Decision,
    LetWait,
    SentSlip,
    Slip,
    SlipLeg,
    Waits,
)
from overround.betting.bets.preferences import prefers_async
from overround.betting.bets.rules import LEGS_MAX
from overround.core import bets, ids, money, price
from overround.core.errors import Invalid, Refusal, Unauthenticated
from overround.core.principal import Principal
from overround.db.routes import Db
from overround.kit import paging, routes
from overround.kit.idempotency import checked_key
from overround.kit.routes import (
    CursorText,
    IdempotencyKey,
    Limit,
    Now,
    Output,
    Player,
    Tools,
)
from overround.people import sessions, tenants

router = APIRouter(prefix="/api/v1", tags=["bets"])

_ID = TypeAdapter(UUID)


class SlipLegIn(ChosenIn):
    """One selection at the price that was shown; with the `version` that was shown beside it,
    `odds_policy` none takes that offer alone, not one that was laid again at the same price. Of a
    slip each way, the `place_terms` that were shown are taken or the slip is refused."""

    price: PriceText


class SlipIn(WishesIn):
    """What a player asks: one leg is a single, more are a combo, and with `system` or `sizes` a
    system: every line of so many legs, bankers included.

    With `each_way` it is two bets of the same lines, one on the legs to win and one on them to be
    placed; the stake is that of each of the two, so twice as much is held.

    The stake is the whole one; with `stake_mode` "unit" it is each line's, and so are `stake_min`
    and `stake_max` of a refusal. Where it is more than is taken, `accept_lower_stake` has the bet
    taken at a stake that fits, which the answer says. With `free_bet_id` the stake is that free
    bet's whole amount, and the house pays it: nobody is given a part of one, so
    `accept_lower_stake` beside it is refused (`free_bet_stake`).
    """

    legs: Annotated[list[SlipLegIn], Field(min_length=1, max_length=LEGS_MAX)]
    stake: AmountText


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


class AnotherPlayer(Refusal):
    """This was asked by another player than the one who is logged in now."""

    code = "another_player"
    status = 409
    field = "header/X-Player-ID"


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
    slip = _checked(body, caller, key, now, tenant.currency)
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
    return answers.placed_out(decision, slip, body.stake_mode)


async def place_raw(sent: SentSlip, ask: Ask, let_wait: LetWait) -> tuple[bytes, Decision | Waits]:
    """The route above without the framework: the same body in, the same bytes out.

    (test: the raw route and the frameworks answer alike)
    """
    if sent.asked_by is not None and _player_id(sent.asked_by) != sent.caller.actor_id:
        raise AnotherPlayer
    key = checked_key(sent.key)
    body = _slip_in(sent.body)
    slip = _checked(body, sent.caller, key, sent.at, sent.currency)
    asked = Asked(sent.caller.tenant_id, slip, sent.token_sha256)
    decision = await _answered(asked, ask, let_wait, sent.prefer)
    if isinstance(decision, Waits):
        return decision.body, decision
    if decision.kind == "nobody":
        raise Unauthenticated
    return answers.placed_json(decision, slip, body.stake_mode), decision


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
    return BetsOut(items=[answers.bet_out(bet) for bet in shown], next_cursor=following)


@router.get("/bets/{bet_id}")
async def my_bet(bet_id: UUID, caller: Player, db: Db) -> BetOut:
    """One of my bets."""
    async with db.reading(caller.tenant_id) as conn:
        return answers.bet_out(
            await service.my_bet(conn, caller.tenant_id, caller.actor_id, bet_id)
        )


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
            LatestBetOut(player_id=one.bet.user_id, player=one.player, bet=answers.bet_out(one.bet))
            for one in shown
        ],
        next_cursor=following,
    )


def _checked(body: SlipIn, caller: Principal, key: str, at: datetime, currency: str) -> Slip:
    """The slip that is asked for. Raises Invalid, which names its field."""
    try:
        slip = _slip(body, caller, key, at, currency)
        rules.check(slip)
    except Invalid as error:
        by_line = body.stake_mode == "unit"
        refusals.explain(error, body.legs, currency, each_way=body.each_way, by_line=by_line)
        raise
    return slip


def _slip(body: SlipIn, caller: Principal, key: str, at: datetime, currency: str) -> Slip:
    bankers = sum(leg.banker for leg in body.legs)
    sizes = rules.system_sizes(body.system, body.sizes, len(body.legs), bankers)
    units = bets.stored_lines(len(body.legs), sizes, bankers) if body.stake_mode == "unit" else 1
    units *= 2 if body.each_way else 1
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
                leg.place_terms,
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
        each_way=body.each_way,
    )
