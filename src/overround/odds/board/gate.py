"""The gate: which observations of one provider on one event are believed.

All sums are over a block [sources, places]: the provider's sources by the event's cells as they
would stand after the batch. A place is a market's side; markets with fewer sides than the widest
are padded. What is refused keeps the price that was believed and is suspended, so that a market
about which there is doubt is bet on by nobody (test: what is refused leaves no open price).

A jump is compared with what was open within the hour: a price that was last seen long ago has
moved, and a source that suspended in between has said itself that something happened.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import numpy as np
from numpy.typing import NDArray

from overround.core.price import SCALE_E4
from overround.odds.board.model import Bools, CellState, Int8s, Int32s, Int64s, Layout
from overround.odds.pricing.implied import decimals, implied

Floats = NDArray[np.float64]

# A member of an enum is looked up by its name each time, which a busy board feels.
_OPEN: Final = int(CellState.OPEN)
KEPT: Final = 0
# In order of precedence: the first that holds is the reason. The codes are stable.
REASONS: Final = (
    "",
    "observed_in_future",
    "start_moved_past",
    "start_out_of_range",
    "sides_swapped",
    "price_out_of_range",
    "overround_out_of_range",
    "lines_out_of_order",
    "jump_unconfirmed",
)
(IN_FUTURE, MOVED_PAST, START, SWAPPED, RANGE, OVERROUND, LINES, JUMP) = range(1, len(REASONS))

FUTURE_MAX: Final = timedelta(seconds=5)
OVER_AFTER: Final = timedelta(days=1)
# The next World Cup but one is quoted; milliseconds taken for seconds lie far beyond.
AHEAD_MAX: Final = timedelta(days=8 * 366)
PRICES_E4: Final = (10_010, 10_010_000)
BOOKSUMS: Final = (0.85, 1.60)
# A jump is more than 40 %, up or down: the larger of both prices is above 7/5 of the smaller.
_JUMP: Final = (7, 5)
_JUMP_WITHIN_US: Final = 3_600_000_000
# Of an archive: what was quoted then is a record, whatever one thinks of it.
ARCHIVED: Final = ("opening", "closing")
# Chances of neighbouring lines may be this much out of order: margins and roundings differ by line.
DISORDER: Final = 0.04
# The other sources' favourite must be this clear, and the swapped view this much nearer to it.
_FAVOURITE: Final = 0.10
_NEARER: Final = 0.15
_OTHERS_MIN: Final = 3


@dataclass(frozen=True, slots=True)
class Seen:
    """Observations of one provider on one event, [k] each; `places` are theirs in the layout."""

    rows: Int64s
    places: Int64s
    price_e4: Int32s
    state: Int8s
    observed_us: Int64s


@dataclass(frozen=True, slots=True)
class Block:
    """The provider's sources by the event's places, [sources, places] each.

    `before` is what the board holds, `after` what it would hold; `row_at` [k] is each observation's
    row here.
    """

    rows: Int64s
    row_at: Int64s
    before_e4: Int32s
    before_state: Int8s
    before_us: Int64s
    after_e4: Int32s
    after_state: Int8s


def of_batch(
    observed_at: datetime, source_at: datetime | None, said: datetime, ours: datetime, at: datetime
) -> int:
    """Why a whole batch is refused by its times, or KEPT; `said` and `ours` are the starts.

    A start that was ahead and is told to be past would let people bet on what they have seen
    (test: a start that is moved into the past suspends).
    """
    if max(observed_at, source_at or observed_at) > at + FUTURE_MAX:
        return IN_FUTURE
    if said <= observed_at < ours:
        return MOVED_PAST
    if not -OVER_AFTER <= said - observed_at <= AHEAD_MAX:
        return START
    return KEPT


def booksums(layout: Layout, block: Block) -> Floats:
    """Sum of 1/price of every market, [sources, markets], where one side wins; nan where a side is
    not to be had."""
    inverse, full = _inverse(layout, block)
    return np.where(full, inverse.sum(axis=2) / layout.winners, np.nan)


def judge(layout: Layout, block: Block, seen: Seen, exchange: Bools) -> Int8s:
    """The reason of each observation, [k], by what one batch can say of itself.

    `exchange` [sources] says which of them hold offers of customers: a thin market there may sum to
    anything above one, and that is no mistake.
    """
    reasons = np.zeros(len(seen.rows), np.int8)
    named = np.zeros((len(block.rows), len(layout.winners)), np.bool_)
    markets = seen.places // layout.width
    named[block.row_at, markets] = True
    inverse, full = _inverse(layout, block)
    sums = inverse.sum(axis=2) / layout.winners
    low, high = BOOKSUMS
    wrong = named & full & ((sums < low) | ((sums > high) & ~exchange[:, None]))
    crossed = _disordered(layout, inverse, named & full & ~wrong)
    is_open = seen.state == _OPEN
    out = is_open & ((seen.price_e4 < PRICES_E4[0]) | (seen.price_e4 > PRICES_E4[1]))
    reasons[crossed[block.row_at, markets]] = LINES
    reasons[wrong[block.row_at, markets]] = OVERROUND
    reasons[out] = RANGE
    return reasons


def jumps(block: Block, seen: Seen) -> NDArray[np.intp]:
    """Which observations, [j], are open and far from what was open within the hour."""
    before = block.before_e4[block.row_at, seen.places].astype(np.int64)
    was_open = block.before_state[block.row_at, seen.places] == _OPEN
    gap_us = seen.observed_us - block.before_us[block.row_at, seen.places]
    return np.nonzero(
        was_open
        & (seen.state == _OPEN)
        & (gap_us >= 0)
        & (gap_us <= _JUMP_WITHIN_US)
        & _far(before, seen.price_e4.astype(np.int64))
    )[0]


def borne_out(before_e4: Int64s, after_e4: Int64s, others_e4: Int64s) -> Bools:
    """Which jumps, [j], another book shares: a price of its own that is nearer to the new one.

    `others_e4` is [rows, j], 0 where a row has no price.
    """
    quoted = np.maximum(others_e4, 1)
    # |log o - log n| < |log o - log b| without logarithms: o is on the new side of sqrt(b * n).
    beyond = quoted * quoted > before_e4 * after_e4
    nearer = np.where(after_e4 > before_e4, beyond, ~beyond)
    return np.count_nonzero((others_e4 > 0) & nearer, axis=0) > 0


def alike(one_e4: int, other_e4: int) -> bool:
    """Whether two prices are no jump apart."""
    return max(one_e4, other_e4) * _JUMP[1] <= min(one_e4, other_e4) * _JUMP[0]


def home_shares(layout: Layout, price_e4: Int32s, is_open: Bools) -> Floats:
    """The home side's chance against the away side's by the main market, [rows]; nan where a source
    does not have both. `price_e4` and `is_open` are [rows, places]."""
    main = list(layout.main or (0, 0))
    return share_of(np.where(is_open[:, main], price_e4[:, main], 0))


def share_of(pairs_e4: Int32s) -> Floats:
    """The first price's chance against the second's, [rows], of prices [rows, 2]; nan where one is
    0."""
    chances = implied(decimals(pairs_e4.astype(np.int64)))
    return chances[:, 0] / chances.sum(axis=1)


def swapped(own: Floats, others: Sequence[Floats]) -> Bools:
    """Which of a provider's sources, [sources], seem to have home and away the wrong way round.

    `own` are their home shares; `others` one array of shares for each other provider. All of them
    together are judged by the other providers, each of which has one voice however many books it
    brings; a source alone is judged by the others of its provider.
    """
    known = ~np.isnan(own)
    shares = own[known]
    if not len(shares):
        return known
    middle = _median(shares)
    voices = np.array([_median(one) for one in others])
    if len(voices) and _is_other_way(np.array([middle]), _median(voices))[0]:
        return known
    if len(shares) <= _OTHERS_MIN:
        return np.zeros(len(own), np.bool_)
    return known & _is_other_way(np.where(known, own, middle), middle)


def may_be_swapped(own: Sequence[float], others: Sequence[Sequence[float]]) -> bool:
    """Whether `swapped` would name any of a provider's sources that have a share."""
    middle = _middle(own)
    if others and _is_turned(middle, _middle([_middle(one) for one in others])):
        return True
    return len(own) > _OTHERS_MIN and any(_is_turned(share, middle) for share in own)


def _middle(values: Sequence[float]) -> float:
    return sorted(values)[len(values) // 2]


def _is_turned(share: float, reference: float) -> bool:
    """`_is_other_way` of one share."""
    if abs(reference - 0.5) < _FAVOURITE:
        return False
    return abs(share - (1 - reference)) + _NEARER < abs(share - reference)


def _median(values: Floats) -> float:
    """The middle value, of an even count the upper one; `np.median` takes ten times as long."""
    if len(values) == 1:
        return float(values[0])
    return float(np.sort(values)[len(values) // 2])


def _is_other_way(shares: Floats, reference: float) -> Bools:
    if abs(reference - 0.5) < _FAVOURITE:
        return np.zeros(len(shares), np.bool_)
    swapped_by: Floats = np.abs(shares - (1 - reference))
    return np.less(swapped_by + _NEARER, np.abs(shares - reference))


def _far(one: Int64s, other: Int64s) -> Bools:
    above, below = _JUMP
    return np.maximum(one, other) * below > np.minimum(one, other) * above


def _inverse(layout: Layout, block: Block) -> tuple[Floats, Bools]:
    """1/price [sources, markets, sides], 0 where none; whether every side is open."""
    shape = (len(block.rows), len(layout.winners), layout.width)
    is_open = ((block.after_state == _OPEN) & layout.held).reshape(shape)
    prices = np.maximum(block.after_e4.reshape(shape), 1)
    inverse = np.where(is_open, SCALE_E4 / prices, 0.0)
    full = (is_open | ~layout.held.reshape(shape[1:])).all(axis=2)
    return inverse, full


def _disordered(layout: Layout, inverse: Floats, named: Bools) -> Bools:
    """Which named markets stand against the order of their lines, [sources, markets]."""
    wrong = np.zeros(named.shape, np.bool_)
    for ladder in layout.ladders:
        rungs = inverse[:, ladder]
        with np.errstate(invalid="ignore"):
            chance = np.where(named[:, ladder], rungs[:, :, 0] / rungs.sum(axis=2), np.nan)
        lowest = np.fmin.accumulate(chance, axis=1)
        crossed = (chance[:, 1:] > lowest[:, :-1] + DISORDER).any(axis=1)
        for row in np.nonzero(crossed)[0]:
            wrong[row, ladder] = _culprits(chance[row])
    return wrong


def _culprits(chance: Floats) -> Bools:
    """The rungs to leave out so that chances fall with the line: those most others contradict, and
    of two that contradict each other alone both."""
    left = chance.copy()
    while True:
        above = left[:, None] > left[None, :] + DISORDER
        against = np.triu(above.T, 1)
        conflicts = against.sum(axis=0) + against.sum(axis=1)
        if not conflicts.any():
            return np.isnan(left) & ~np.isnan(chance)
        left[conflicts == conflicts.max()] = np.nan
