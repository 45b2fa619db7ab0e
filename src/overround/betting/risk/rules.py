"""Risk's decisions: shares of combos, worst ends, caps, ramps, alarms, suggested factors. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from fractions import Fraction
from itertools import groupby
from typing import Final
from uuid import UUID

from overround.betting.risk.model import (
    FACTOR_ONE_E4,
    SCOPES,
    WHOLE_BPS,
    Alarm,
    Cap,
    EventLiability,
    HeldCaps,
    Limit,
    MarketLiability,
    Policy,
    Scope,
    SelectionLiability,
    Share,
    Standing,
    Watched,
)
from overround.core import grading
from overround.core.errors import Invalid
from overround.core.payoff import LOST, VOID, WON, Grade
from overround.core.price import SCALE_E4

CAP_MINOR_MAX: Final = 10**13

# Fewer bets than this say nothing about a player.
SHARP_BETS_MIN: Final = 30
# How many standard errors a mean has to lie above zero before a person is told.
SHARP_ERRORS_MIN: Final = 2.0
# The factor falls by one tenth of itself for each such step of closing-line value (0.5 %).
_SHARP_STEP_PPM: Final = 5_000
_SHARP_FACTOR_MIN_E4: Final = 1_000


def shares(value_minor: int, potential_minor: int, open_prices_e4: Sequence[int]) -> list[Share]:
    """What a bet has on each of its open legs, in their order.

    `value_minor` is paid if every open leg is void, `potential_minor` if every one wins. The only
    open leg carries the bet; of several each carries the stake whose winnings at all their prices
    are together what the bet can still win: (potential - value) / (sum of prices - legs), Azuro's
    marginal value of the next leg. Rounded up, so the shares never say less than the bet.
    """
    legs = len(open_prices_e4)
    if legs == 1:
        return [Share(value_minor, potential_minor)]
    over = sum(open_prices_e4) - legs * SCALE_E4
    stake = _ceil((potential_minor - value_minor) * SCALE_E4, over)
    return [Share(stake, _ceil(stake * price_e4, SCALE_E4)) for price_e4 in open_prices_e4]


def _ceil(above: int, below: int) -> int:
    return -(-above // below)


def of_events(rows: Iterable[Standing]) -> dict[UUID, EventLiability]:
    """event id -> its liability. `rows` come market by market, event by event; a market's answers
    without bets may be among them with zeros."""
    return {
        event_id: _event(event_id, list(found))
        for event_id, found in groupby(rows, key=lambda row: row.event_id)
    }


def by_exposure(rows: Iterable[Standing]) -> list[EventLiability]:
    """The events of these rows, the dearest first; `rows` come as those of `of_events`."""
    found = of_events(rows).values()
    return sorted(found, key=lambda one: (-one.exposure_minor, one.event_id))


def _event(event_id: UUID, rows: Sequence[Standing]) -> EventLiability:
    markets = [_market(list(found)) for _, found in groupby(rows, key=lambda row: row.market_id)]
    markets.sort(key=lambda market: (-market.worst_minor, market.market_id))
    return EventLiability(
        event_id=event_id,
        bets=sum(row.bets for row in rows),
        stake_minor=sum(row.stake_minor for row in rows),
        exposure_minor=sum(market.worst_minor for market in markets),
        markets=tuple(markets),
    )


def _market(rows: list[Standing]) -> MarketLiability:
    first = rows[0]
    order = {side: n for n, side in enumerate(grading.sides(first.market_type))}
    rows.sort(key=lambda row: (order.get(row.side, len(order)), row.side))
    staked = sum(row.stake_minor for row in rows)
    losses = [
        (ends, _payouts(rows, ends) - staked)
        for ends in _ends(first.market_type, first.line_q4, [row.side for row in rows])
    ]
    return MarketLiability(
        market_id=first.market_id,
        market_type=first.market_type,
        period=first.period,
        line_q4=first.line_q4,
        stake_minor=staked,
        worst_minor=max(loss for _, loss in losses),
        selections=tuple(
            SelectionLiability(
                selection_id=row.selection_id,
                side=row.side,
                bets=row.bets,
                stake_minor=row.stake_minor,
                # Under half a goal no side wins: of such an answer nothing can be lost.
                liability_minor=max(
                    (loss for ends, loss in losses if ends[n] == WON), default=-staked
                ),
            )
            for n, row in enumerate(rows)
        ),
    )


def _ends(market_type: str, line_q4: int | None, sides: Sequence[str]) -> list[tuple[Grade, ...]]:
    """Every way the market can end, as one grade for each of `sides`.

    Answers that are no fixed set exclude one another: one of them wins, or none.
    """
    board = grading.sides(market_type)
    if not board:
        winners: list[str | None] = [*sides, None]
        return [tuple(WON if side == winner else LOST for side in sides) for winner in winners]
    places = [board.index(side) for side in sides]
    return [
        tuple(state[place] for place in places) for state in grading.states(market_type, line_q4)
    ]


def _payouts(rows: Sequence[Standing], ends: Sequence[Grade]) -> int:
    """What the market's bets are paid at that end, rounded up: never less than the truth."""
    whole, part = 0, Fraction(0)
    for row, grade in zip(rows, ends, strict=True):
        # Nearly every grade is one of these, and a fraction costs thirty times as much.
        if grade == LOST:
            # A runner that is beaten may be placed, and as many as were backed may be.
            whole += row.place_minor
        elif grade == WON:
            whole += row.payout_minor
        elif grade == VOID:
            whole += row.stake_minor
        else:
            stays = (1 - grade.void_factor) * grade.result * grade.dead_heat_factor
            part += stays * row.payout_minor + grade.void_factor * row.stake_minor
    return whole + math.ceil(part)


def held(caps: Mapping[tuple[Scope, str], Cap], keys: Mapping[Scope, str]) -> HeldCaps:
    """The limits that hold for what `keys` names, the house's always among it: for each limit the
    narrowest scope that says it."""
    said_by: dict[Limit, Scope] = {}
    found: dict[Limit, int] = {}
    for scope in SCOPES:
        cap = caps.get((scope, keys.get(scope, scope)))
        if cap is None:
            continue
        said: tuple[tuple[Limit, int | None], ...] = (
            ("win_max", cap.win_max_minor),
            ("selection_max", cap.selection_max_minor),
            ("event_max", cap.event_max_minor),
        )
        for limit, minor in said:
            if minor is not None and limit not in found:
                found[limit], said_by[limit] = minor, scope
    return HeldCaps(
        found.get("win_max"), found.get("selection_max"), found.get("event_max"), said_by
    )


def ramp_share_bps(policy: Policy, starts_at: datetime, at: datetime) -> int:
    """Which share of the caps is open: from the policy's, in a straight line, to all at the start.

    In play all of it is.
    """
    if policy.ramp_s == 0:
        return WHOLE_BPS
    ahead_s = min(max(math.floor((starts_at - at).total_seconds() + 0.5), 0), policy.ramp_s)
    grown = (WHOLE_BPS - policy.ramp_share_bps) * (policy.ramp_s - ahead_s) // policy.ramp_s
    return policy.ramp_share_bps + grown


def opened_minor(cap_minor: int | None, share_bps: int) -> int | None:
    """A cap as far as the ramp has opened it."""
    return None if cap_minor is None else cap_minor * share_bps // WHOLE_BPS


def stake_max_minor(win_max_minor: int, price_e4: int, factor_e4: int = FACTOR_ONE_E4) -> int:
    """The most that a player of this factor may stake on one selection, so that he wins no more
    than the limit: limit x factor / (price - 1), rounded down."""
    return win_max_minor * factor_e4 // FACTOR_ONE_E4 * SCALE_E4 // (price_e4 - SCALE_E4)


def alarms(policy: Policy, watched: Iterable[Watched]) -> list[Alarm]:
    """Which markets are to be suspended, each once, for the gravest reason: a liability that
    reaches its share of the cap, then too many bets within a minute, then a price that leapt."""
    found: dict[UUID, Alarm] = {}
    for one in watched:
        alarm = _alarm(policy, one)
        if alarm is not None:
            before = found.get(one.market_id)
            if before is None or _gravity(alarm) < _gravity(before):
                found[one.market_id] = alarm
    return sorted(found.values(), key=lambda alarm: (alarm.event_id, alarm.market_id))


def _alarm(policy: Policy, one: Watched) -> Alarm | None:
    where = (one.event_id, one.market_id)
    if policy.suspend_at_bps is not None and one.cap_minor is not None:
        bound = one.cap_minor * policy.suspend_at_bps // WHOLE_BPS
        if one.liability_minor > 0 and one.liability_minor >= bound:
            return Alarm(*where, "liability", one.liability_minor, bound)
    if policy.velocity_max is not None and one.minute_bets > policy.velocity_max:
        return Alarm(*where, "velocity", one.minute_bets, policy.velocity_max)
    if policy.move_max_bps is not None and one.moved_bps > policy.move_max_bps:
        return Alarm(*where, "price_move", one.moved_bps, policy.move_max_bps)
    return None


def _gravity(alarm: Alarm) -> tuple[int, int]:
    order = ("liability", "velocity", "price_move")
    return order.index(alarm.reason), -alarm.measured


def suggested_factor_e4(bets: int, mean_ppm: int, error_ppm: int) -> int:
    """The factor that a player's closing-line value suggests; a person decides.

    Ten thousand, which is one, until his mean lies two standard errors above zero over enough bets;
    then a tenth less for each half per cent of it, and never below a tenth.
    """
    if bets < SHARP_BETS_MIN or mean_ppm <= SHARP_ERRORS_MIN * error_ppm:
        return FACTOR_ONE_E4
    steps = min(mean_ppm // _SHARP_STEP_PPM + 1, 100)
    return max(FACTOR_ONE_E4 * 9**steps // 10**steps, _SHARP_FACTOR_MIN_E4)


def check_policy(found: Policy, stake_min_minor: int, payout_max_minor: int) -> None:
    """What a house may watch; the two amounts are the platform's, which it can only narrow.

    Raises Invalid `bounds_crossed` and `cap_out_of_range`, each with its field.
    """
    for name, low, high in (
        ("legs_max", found.legs_min, found.legs_max),
        ("leg_price_max", found.leg_price_min_e4, found.leg_price_max_e4),
        ("slip_price_max", found.slip_price_min_e4, found.slip_price_max_e4),
    ):
        if low is not None and high is not None and low > high:
            raise Invalid("a least is not above its most", code="bounds_crossed", field=name)
    for name, minor, low in (
        ("player_day_max", found.player_day_max_minor, 0),
        ("player_event_max", found.player_event_max_minor, 0),
        ("stake_min", found.stake_min_minor, 1),
        ("payout_max", found.payout_max_minor, 1),
    ):
        if minor is not None and not low <= minor <= CAP_MINOR_MAX:
            said = "a bound is not that small, or not that large"
            raise Invalid(said, code="cap_out_of_range", field=name)
    least = max(stake_min_minor, found.stake_min_minor or 0)
    most = min(payout_max_minor, found.payout_max_minor or payout_max_minor)
    # Every price is above 1: what pays no more than the least stake is no bet.
    if least >= most:
        name = "payout_max" if found.stake_min_minor is None else "stake_min"
        said = "the least stake is below the largest payout: no bet would be taken"
        raise Invalid(said, code="bounds_crossed", field=name)
