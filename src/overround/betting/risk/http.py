"""The office's risk desk: what the house could lose, its caps, its players, what stopped itself."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response
from pydantic import Field

from overround.betting.risk import rules, service
from overround.betting.risk.model import (
    Cap,
    EventLiability,
    MarketLiability,
    NamedPlayer,
    PlayerRisk,
    Policy,
    Suspension,
)
from overround.core import line, money, price
from overround.core.errors import NotFound, at_field
from overround.core.principal import Principal
from overround.db import audit
from overround.db.routes import Db
from overround.kit import paging, routes
from overround.kit.routes import Input, Now, Output
from overround.odds import catalogue
from overround.people import tenants

router = APIRouter(prefix="/api/v1/office", tags=["risk"])

_EXPOSURES_DEFAULT = 20

Reads = Annotated[Principal, Depends(routes.staff("risk.read"))]
Manages = Annotated[Principal, Depends(routes.staff("risk.manage"))]
Limit = Annotated[int, Query(ge=1, le=paging.LIMIT_MAX)]
MoneyText = Annotated[str, Field(min_length=1, max_length=20)]
Share = Annotated[int, Field(ge=0, le=10_000)]
Seconds = Annotated[int, Field(ge=1, le=86_400)]
Legs = Annotated[int, Field(ge=1, le=20)]
PriceText = Annotated[str, Field(min_length=1, max_length=16)]


class SelectionLiabilityOut(Output):
    """What one answer means to the house; below zero it earns."""

    selection_id: UUID
    side: str
    bets: int
    stake: str
    liability: str


class MarketLiabilityOut(Output):
    """A market with its worst end."""

    market_id: UUID
    market: str
    period: str
    line: str | None
    stake: str
    worst: str
    selections: list[SelectionLiabilityOut]


class EventLiabilityOut(Output):
    """An event, its worst market first; the exposure is the sum of the markets' worst ends. A combo
    counts by its share on each open leg, so stakes and bets are not the events' alone."""

    event_id: UUID
    bets: int
    stake: str
    exposure: str
    currency: str
    markets: list[MarketLiabilityOut]


class ExposureOut(Output):
    """An event and what its open bets could cost."""

    event_id: UUID
    bets: int
    stake: str
    exposure: str
    currency: str


class ExposuresOut(Output):
    """The greatest exposures first."""

    items: list[ExposureOut]


class CapIn(Input):
    """What one scope limits, in the house's currency; null leaves it to the wider scopes, and all
    three null take the scope's word away. Whoever says it says every limit, so that none is reset
    unsaid."""

    scope: Literal["house", "sport", "competition", "event", "market", "selection"]
    scope_key: Annotated[str, Field(min_length=1, max_length=60, pattern=r"^[A-Za-z0-9_-]+$")]
    win_max: MoneyText | None
    selection_max: MoneyText | None
    event_max: MoneyText | None


class CapOut(CapIn):
    """A scope's caps as they hold now."""


class CapsOut(Output):
    """Every scope that limits something."""

    currency: str
    items: list[CapOut]


class PolicyIO(Input):
    """How caps open towards the start, how often a player may repeat himself, what suspends itself.
    The whole of it: whoever says it says every field, so that nothing is reset unsaid.

    Shares are basis points; null is not watched. `suspend_at_bps` is of a selection's cap,
    `velocity_max` bets within a minute on one selection, `move_max_bps` the step of one price.
    A slip's price is what it pays for a unit staked. With `lower_stakes` a player who asks for it
    is given a smaller stake where his own does not fit.
    """

    ramp_share_bps: Share
    ramp_s: Annotated[int, Field(ge=0, le=2_592_000)]
    repeat_max: Annotated[int, Field(ge=1, le=1_000)] | None
    repeat_s: Seconds
    player_day_max: MoneyText | None
    player_event_max: MoneyText | None
    suspend_at_bps: Annotated[int, Field(ge=1, le=10_000)] | None
    velocity_max: Annotated[int, Field(ge=1, le=1_000_000)] | None
    move_max_bps: Annotated[int, Field(ge=1, le=100_000)] | None
    hold_s: Seconds
    legs_min: Legs | None
    legs_max: Legs | None
    leg_price_min: PriceText | None
    leg_price_max: PriceText | None
    slip_price_min: PriceText | None
    slip_price_max: PriceText | None
    stake_min: MoneyText | None
    payout_max: MoneyText | None
    lower_stakes: bool


class PlayerIn(Input):
    """What a person decides about a player, all of it, so that nothing is reset unsaid; 10000 is
    one: neither more nor less than others."""

    factor_e4: Annotated[int, Field(ge=100, le=100_000)]
    delay_e4: Annotated[int, Field(ge=0, le=100_000)]
    note: Annotated[str, Field(max_length=300)]


class PlayerOut(PlayerIn):
    """What was decided about a player."""

    player_id: UUID
    player: str
    set_at: datetime


class PlayersOut(Output):
    """The most restricted first."""

    items: list[PlayerOut]


class SuspensionOut(Output):
    """A market that was suspended unasked: what was measured and the bound it passed. Amounts are
    minor units, moves basis points; without `until` it waits for a person."""

    id: UUID
    event_id: UUID
    market_id: UUID
    reason: str
    measured: int
    bound: int
    at: datetime
    until: datetime | None
    lifted_at: datetime | None


class SuspensionsOut(Output):
    """What holds first, each group newest first."""

    items: list[SuspensionOut]


@router.get("/events/{event_id}/liability")
async def event_liability(event_id: UUID, caller: Reads, db: Db) -> EventLiabilityOut:
    """What the open bets on an event could cost, by market and selection."""
    async with db.reading(caller.tenant_id) as conn:
        currency = (await tenants.by_id(conn, caller.tenant_id)).currency
        events = await catalogue.events_by_id(conn, [event_id])
        found = await service.liabilities(conn, caller.tenant_id, list(events))
    if not events:
        raise NotFound("no such event")
    return _liability_out(found.get(event_id) or EventLiability(event_id, 0, 0, 0, ()), currency)


@router.get("/exposures")
async def exposures(caller: Reads, db: Db, limit: Limit = _EXPOSURES_DEFAULT) -> ExposuresOut:
    """The events whose open bets could cost the most."""
    async with db.reading(caller.tenant_id) as conn:
        currency = (await tenants.by_id(conn, caller.tenant_id)).currency
        rows = await service.top_standings(conn, caller.tenant_id, limit)
    # Of a hundred busy events this takes a while, in which others are answered.
    found = await asyncio.to_thread(rules.by_exposure, rows)
    return ExposuresOut(
        items=[
            ExposureOut(
                event_id=one.event_id,
                bets=one.bets,
                stake=money.to_text(one.stake_minor, currency),
                exposure=money.to_text(one.exposure_minor, currency),
                currency=currency,
            )
            for one in found
        ]
    )


@router.get("/risk/caps")
async def caps(caller: Reads, db: Db) -> CapsOut:
    """What each scope limits; the narrowest scope that says something wins."""
    async with db.reading(caller.tenant_id) as conn:
        currency = (await tenants.by_id(conn, caller.tenant_id)).currency
        found = await service.caps(conn, caller.tenant_id)
    return CapsOut(currency=currency, items=[_cap_out(cap, currency) for cap in found.values()])


@router.put("/risk/caps")
async def set_cap(body: CapIn, caller: Manages, db: Db, now: Now) -> CapOut:
    """Limit a scope; it holds for the next bet."""
    async with db.transaction(caller.tenant_id) as conn:
        currency = (await tenants.by_id(conn, caller.tenant_id)).currency
        cap = Cap(
            body.scope,
            body.scope_key,
            _minor(body, "win_max", currency),
            _minor(body, "selection_max", currency),
            _minor(body, "event_max", currency),
        )
        await service.set_cap(conn, caller.tenant_id, cap)
        subject = f"{body.scope}:{body.scope_key}"
        await audit.write(conn, caller, now, "risk.cap", subject, after=body.model_dump())
    return _cap_out(cap, currency)


@router.get("/risk/policy")
async def policy(caller: Reads, db: Db) -> PolicyIO:
    """How the house watches itself."""
    async with db.reading(caller.tenant_id) as conn:
        currency = (await tenants.by_id(conn, caller.tenant_id)).currency
        return _policy_out(await service.policy(conn, caller.tenant_id), currency)


@router.put("/risk/policy")
async def set_policy(body: PolicyIO, caller: Manages, db: Db, now: Now) -> PolicyIO:
    """Watch so from now on."""
    async with db.transaction(caller.tenant_id) as conn:
        currency = (await tenants.by_id(conn, caller.tenant_id)).currency
        found = _policy(body, currency)
        await service.set_policy(conn, caller.tenant_id, found)
        await audit.write(conn, caller, now, "risk.policy", "house", after=body.model_dump())
    return _policy_out(found, currency)


@router.get("/risk/players")
async def players(caller: Reads, db: Db, limit: Limit = paging.LIMIT_DEFAULT) -> PlayersOut:
    """The players about whom a person decided something."""
    async with db.reading(caller.tenant_id) as conn:
        found = await service.players(conn, caller.tenant_id, limit)
    return PlayersOut(items=[_player_out(one) for one in found])


@router.put("/risk/players/{player_id}", status_code=204, response_class=Response)
async def set_player(player_id: UUID, body: PlayerIn, caller: Manages, db: Db, now: Now) -> None:
    """Decide about a player; it holds for his next bet."""
    found = PlayerRisk(player_id, body.factor_e4, body.delay_e4, body.note, now)
    async with db.transaction(caller.tenant_id) as conn:
        await service.set_player(conn, caller.tenant_id, found)
        subject = f"player:{player_id}"
        await audit.write(conn, caller, now, "risk.player", subject, after=body.model_dump())


@router.delete("/risk/players/{player_id}", status_code=204, response_class=Response)
async def drop_player(player_id: UUID, caller: Manages, db: Db, now: Now) -> None:
    """Take the player as anybody again."""
    async with db.transaction(caller.tenant_id) as conn:
        await service.drop_player(conn, caller.tenant_id, player_id)
        await audit.write(conn, caller, now, "risk.player", f"player:{player_id}", after=None)


@router.get("/risk/suspensions")
async def suspensions(caller: Reads, db: Db, limit: Limit = paging.LIMIT_DEFAULT) -> SuspensionsOut:
    """What was suspended unasked, and why."""
    async with db.reading(caller.tenant_id) as conn:
        found = await service.suspensions(conn, caller.tenant_id, limit)
    return SuspensionsOut(items=[_suspension_out(one) for one in found])


@router.post("/risk/suspensions/{suspension_id}/lift")
async def lift(suspension_id: UUID, caller: Manages, db: Db, now: Now) -> SuspensionOut:
    """Lay the market again, with the hub's next prices."""
    async with db.transaction(caller.tenant_id) as conn:
        found = await service.lift(conn, caller.tenant_id, suspension_id, now)
        await audit.write(conn, caller, now, "risk.lift", f"market:{found.market_id}")
    return _suspension_out(found)


def _minor(body: CapIn | PolicyIO, name: str, currency: str) -> int | None:
    text: str | None = getattr(body, name)
    with at_field(name):
        return None if text is None else money.parse(text, currency)


def _text(minor: int | None, currency: str) -> str | None:
    return None if minor is None else money.to_text(minor, currency)


def _price_e4(body: PolicyIO, name: str) -> int | None:
    text: str | None = getattr(body, name)
    with at_field(name):
        return None if text is None else price.parse_decimal(text)


def _price_text(price_e4: int | None) -> str | None:
    return None if price_e4 is None else price.to_text(price_e4)


def _cap_out(cap: Cap, currency: str) -> CapOut:
    return CapOut(
        scope=cap.scope,
        scope_key=cap.scope_key,
        win_max=_text(cap.win_max_minor, currency),
        selection_max=_text(cap.selection_max_minor, currency),
        event_max=_text(cap.event_max_minor, currency),
    )


def _policy(body: PolicyIO, currency: str) -> Policy:
    return Policy(
        ramp_share_bps=body.ramp_share_bps,
        ramp_s=body.ramp_s,
        repeat_max=body.repeat_max,
        repeat_s=body.repeat_s,
        player_day_max_minor=_minor(body, "player_day_max", currency),
        player_event_max_minor=_minor(body, "player_event_max", currency),
        suspend_at_bps=body.suspend_at_bps,
        velocity_max=body.velocity_max,
        move_max_bps=body.move_max_bps,
        hold_s=body.hold_s,
        legs_min=body.legs_min,
        legs_max=body.legs_max,
        leg_price_min_e4=_price_e4(body, "leg_price_min"),
        leg_price_max_e4=_price_e4(body, "leg_price_max"),
        slip_price_min_e4=_price_e4(body, "slip_price_min"),
        slip_price_max_e4=_price_e4(body, "slip_price_max"),
        stake_min_minor=_minor(body, "stake_min", currency),
        payout_max_minor=_minor(body, "payout_max", currency),
        lower_stakes=body.lower_stakes,
    )


def _policy_out(found: Policy, currency: str) -> PolicyIO:
    return PolicyIO(
        ramp_share_bps=found.ramp_share_bps,
        ramp_s=found.ramp_s,
        repeat_max=found.repeat_max,
        repeat_s=found.repeat_s,
        player_day_max=_text(found.player_day_max_minor, currency),
        player_event_max=_text(found.player_event_max_minor, currency),
        suspend_at_bps=found.suspend_at_bps,
        velocity_max=found.velocity_max,
        move_max_bps=found.move_max_bps,
        hold_s=found.hold_s,
        legs_min=found.legs_min,
        legs_max=found.legs_max,
        leg_price_min=_price_text(found.leg_price_min_e4),
        leg_price_max=_price_text(found.leg_price_max_e4),
        slip_price_min=_price_text(found.slip_price_min_e4),
        slip_price_max=_price_text(found.slip_price_max_e4),
        stake_min=_text(found.stake_min_minor, currency),
        payout_max=_text(found.payout_max_minor, currency),
        lower_stakes=found.lower_stakes,
    )


def _player_out(one: NamedPlayer) -> PlayerOut:
    return PlayerOut(
        player_id=one.player.user_id,
        player=one.name,
        factor_e4=one.player.factor_e4,
        delay_e4=one.player.delay_e4,
        note=one.player.note,
        set_at=one.player.set_at,
    )


def _suspension_out(one: Suspension) -> SuspensionOut:
    return SuspensionOut(
        id=one.id,
        event_id=one.event_id,
        market_id=one.market_id,
        reason=one.reason,
        measured=one.measured,
        bound=one.bound,
        at=one.at,
        until=one.until,
        lifted_at=one.lifted_at,
    )


def _liability_out(found: EventLiability, currency: str) -> EventLiabilityOut:
    return EventLiabilityOut(
        event_id=found.event_id,
        bets=found.bets,
        stake=money.to_text(found.stake_minor, currency),
        exposure=money.to_text(found.exposure_minor, currency),
        currency=currency,
        markets=[_market_out(market, currency) for market in found.markets],
    )


def _market_out(found: MarketLiability, currency: str) -> MarketLiabilityOut:
    return MarketLiabilityOut(
        market_id=found.market_id,
        market=found.market_type,
        period=found.period,
        line=None if found.line_q4 is None else line.to_text(found.line_q4),
        stake=money.to_text(found.stake_minor, currency),
        worst=money.to_text(found.worst_minor, currency),
        selections=[
            SelectionLiabilityOut(
                selection_id=one.selection_id,
                side=one.side,
                bets=one.bets,
                stake=money.to_text(one.stake_minor, currency),
                liability=money.to_text(one.liability_minor, currency),
            )
            for one in found.selections
        ],
    )
