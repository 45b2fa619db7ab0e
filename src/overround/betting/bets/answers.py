"""What a bet looks like in an answer, and a slip that became none."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from overround.betting.bets import refusals
from overround.betting.bets.model import Bet, Decision, Leg, Slip, StakeMode
from overround.core import line, money, price
from overround.core.errors import Refusal, Unavailable
from overround.kit.idempotency import KeyReused
from overround.kit.shapes import Output


class PlacedOut(Output):
    """The bet that was accepted, at the prices that were taken."""

    bet_id: UUID
    kind: str
    sizes: list[int] | None
    each_way: bool
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
    dead_heat: str | None
    place_terms: str | None
    place_grade: str | None
    place_dead_heat: str | None


class BetOut(Output):
    """A bet with its legs. `stake` and `potential_payout` are those that it was placed with.

    `cashed_out` was paid for parts of it so far, `open_stake` is what of the stake is at play and
    `open_potential_payout` the most that pays; `payout`, of a bet that has ended, is all that was
    paid for it, parts included.
    """

    id: UUID
    kind: str
    sizes: list[int] | None
    each_way: bool
    status: str
    outcome: str | None
    stake: str
    potential_payout: str
    payout: str | None
    cashed_out: str
    open_stake: str
    open_potential_payout: str
    currency: str
    placed_at: datetime
    settled_at: datetime | None
    free_bet_id: UUID | None
    legs: list[LegOut]


class BetRefused(Refusal):
    """The bet was not accepted."""

    status = 409


def placed_out(decision: Decision, slip: Slip, stake_mode: StakeMode) -> PlacedOut:
    if decision.kind == "key_reused":
        raise KeyReused
    if decision.waits:
        raise Unavailable("the slip still waits; ask again by the same key")
    if decision.kind == "moved":
        raise Unavailable("the prices move faster than they can be taken; ask again")
    if decision.refusal is not None:
        raise _refused(decision.refusal, decision.answer, slip, stake_mode)
    answer: dict[str, Any] = decision.answer
    currency: str = answer["currency"]
    return PlacedOut(
        bet_id=answer["bet_id"],
        kind=answer["kind"],
        sizes=answer["sizes"],
        each_way=answer["each_way"],
        status=answer["status"],
        stake=money.to_text(answer["stake_minor"], currency),
        potential_payout=money.to_text(answer["potential_payout_minor"], currency),
        currency=currency,
        prices=[price.to_text(price_e4) for price_e4 in answer["prices_e4"]],
        placed_at=answer["placed_at"],
    )


def _refused(code: str, answer: dict[str, Any], slip: Slip, stake_mode: StakeMode) -> BetRefused:
    """The refusal with the bounds it comes with, those of the stake as the stake was asked."""
    parts = 2 if slip.each_way else 1
    facts = refusals.bounds(answer, slip.lines, slip.lines if stake_mode == "unit" else parts)
    about = refusals.field(code, answer.get("leg"))
    return BetRefused(refusals.DETAILS.get(code), code=code, facts=facts, field=about)


class _Placed(msgspec.Struct):
    """`PlacedOut` as it is written, field by field."""

    bet_id: str
    kind: str
    sizes: list[int] | None
    each_way: bool
    status: str
    stake: str
    potential_payout: str
    currency: str
    prices: list[str]
    placed_at: str


_ENCODER = msgspec.json.Encoder()


def placed_json(decision: Decision, slip: Slip, stake_mode: StakeMode) -> bytes:
    """The bytes of `placed_out`, without its model: a bet's facts are texts already."""
    answer = decision.answer
    at: str = answer.get("placed_at", "")
    if not at.endswith("+00:00"):
        return placed_out(decision, slip, stake_mode).model_dump_json().encode()
    currency: str = answer["currency"]
    return _ENCODER.encode(
        _Placed(
            answer["bet_id"],
            answer["kind"],
            answer["sizes"],
            answer["each_way"],
            answer["status"],
            money.to_text(answer["stake_minor"], currency),
            money.to_text(answer["potential_payout_minor"], currency),
            currency,
            [price.to_text(price_e4) for price_e4 in answer["prices_e4"]],
            at[:-6] + "Z",
        )
    )


def bet_out(bet: Bet) -> BetOut:
    paid = bet.payout_minor
    return BetOut(
        id=bet.id,
        kind=bet.kind,
        sizes=bet.sizes,
        each_way=bet.each_way,
        status=bet.status,
        outcome=bet.outcome,
        stake=money.to_text(bet.stake_minor, bet.currency),
        potential_payout=money.to_text(bet.potential_payout_minor, bet.currency),
        payout=None if paid is None else money.to_text(paid, bet.currency),
        cashed_out=money.to_text(bet.cashed_minor, bet.currency),
        open_stake=money.to_text(bet.open_stake_minor, bet.currency),
        open_potential_payout=money.to_text(bet.open_potential_minor, bet.currency),
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
        dead_heat=leg.dead_heat,
        place_terms=leg.place_terms,
        place_grade=leg.place_grade,
        place_dead_heat=leg.place_dead_heat,
    )
