"""What the open bets on an event would cost the house, market by market.

Liability is the net loss if a selection wins: what its bets are paid less every stake on its
market. A single is exact. A combo counts in full on each of its open legs: its stake is kept when
the leg loses, which is certain, and when the leg wins it is paid as if all its other open legs win
too, which is the most it can be; legs that are graded count as they were graded.

Exposure is the worst over an event: the sum of its markets' worst ends. Not all of them can happen
at once, so the truth is never above it (test: no score costs more than the exposure).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction
from itertools import groupby
from math import ceil
from uuid import UUID

from overround.betting.bets.model import (
    EventLiability,
    MarketLiability,
    OpenSelection,
    ReducedCombo,
    SelectionLiability,
)
from overround.core import bets, grading, payoff
from overround.core.payoff import LOST, VOID, WON, Grade

# What a selection pays in all if its leg (wins, is void), minor units.
Pays = tuple[int, int]


def of_events(
    found: Iterable[OpenSelection], reduced: Iterable[ReducedCombo]
) -> dict[UUID, EventLiability]:
    """event id -> its liability. `found` comes market by market, event by event."""
    smaller: dict[UUID, Pays] = {}
    for combo in reduced:
        before = smaller.get(combo.selection_id, (0, 0))
        won, void = _paid(combo, WON), _paid(combo, VOID)
        smaller[combo.selection_id] = before[0] + won, before[1] + void
    return {
        event_id: _event(event_id, list(rows), smaller)
        for event_id, rows in groupby(found, key=lambda row: row.event_id)
    }


def _paid(combo: ReducedCombo, own: Grade) -> int:
    """What the combo is paid if this leg ends as `own` and every other open one wins."""
    grades = [WON if grade is None else payoff.by_name(grade) for grade in combo.grades]
    grades[combo.n - 1] = own
    legs = list(zip(grades, combo.prices_e4, strict=True))
    return bets.payout_minor(bets.of_stored(combo.stake_minor, legs), combo.payout_rounding)


def _event(
    event_id: UUID, rows: Sequence[OpenSelection], smaller: dict[UUID, Pays]
) -> EventLiability:
    markets = [
        _market(list(group), smaller) for _, group in groupby(rows, key=lambda row: row.market_id)
    ]
    markets.sort(key=lambda market: (-market.worst_minor, market.market_id))
    return EventLiability(
        event_id=event_id,
        bets=sum(row.singles + row.combos for row in rows),
        stake_minor=sum(row.stake_minor for row in rows),
        exposure_minor=sum(market.worst_minor for market in markets),
        markets=tuple(markets),
    )


def _market(rows: list[OpenSelection], smaller: dict[UUID, Pays]) -> MarketLiability:
    first = rows[0]
    order = {side: n for n, side in enumerate(grading.sides(first.market_type))}
    rows.sort(key=lambda row: (order.get(row.side, len(order)), row.side))
    staked = sum(row.stake_minor for row in rows)
    losses = [
        (ends, _payouts(rows, ends, smaller) - staked)
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
                singles=row.singles,
                combos=row.combos,
                stake_minor=row.stake_minor,
                liability_minor=max(loss for ends, loss in losses if ends[n] == WON),
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


def _payouts(
    rows: Sequence[OpenSelection], ends: Sequence[Grade], smaller: dict[UUID, Pays]
) -> int:
    """What all bets of the market are paid at that end, rounded up: never less than the truth."""
    total = Fraction(0)
    for row, grade in zip(rows, ends, strict=True):
        won, void = smaller.get(row.selection_id, (0, 0))
        stays = (1 - grade.void_factor) * grade.result * grade.dead_heat_factor
        total += stays * (row.won_minor + won) + grade.void_factor * (row.void_minor + void)
    return ceil(total)
