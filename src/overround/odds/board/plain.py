"""What is plainly in order needs no gate: most batches move a few prices that nobody doubts.

`read` looks at a batch number by number and finds the cells that it says, or that it has to go the
long way (`intake.enter`) because something about it is not plain: a jump, a sum or an order of
lines out of bounds, a doubt, a favourite the wrong way round. It never decides otherwise than the
gate would (test: what is plain is put as the gate would put it). `Together` applies what several
batches say at once, for an array costs the same for ten prices as for a hundred.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from uuid import UUID

import numpy as np

from overround.odds.board import gate
from overround.odds.board.memory import Board
from overround.odds.board.model import CellState, Change, Layout
from overround.odds.board.places import placed
from overround.odds.board.times import to_us
from overround.odds.feeds.model import FeedBatch
from overround.odds.matching.model import Resolved
from overround.odds.pricing.implied import implied_by, inverse_of

# A member of an enum is looked up by its name each time, which a busy board feels.
_OPEN, _SUSPENDED, _WITHDRAWN = (
    int(CellState.OPEN),
    int(CellState.SUSPENDED),
    int(CellState.WITHDRAWN),
)
_HELD: Final = frozenset({_OPEN, _SUSPENDED})

# (place in the layout, price_e4, state, observed_us)
_Said = tuple[int, int, int, int]
# (column of the board, price_e4, state, observed_us)
_Cell = tuple[int, int, int, int]


@dataclass(slots=True)
class Plain:
    """Cells that a batch says, [k] each, and when each source was heard last."""

    rows: list[int] = field(default_factory=list[int])
    columns: list[int] = field(default_factory=list[int])
    price_e4: list[int] = field(default_factory=list[int])
    state: list[int] = field(default_factory=list[int])
    observed_us: list[int] = field(default_factory=list[int])
    heard_us: dict[int, int] = field(default_factory=dict[int, int])

    def put(self, row: int, cells: Sequence[_Cell]) -> None:
        """Some cells of one source more."""
        self.rows += [row] * len(cells)
        self.columns += [cell[0] for cell in cells]
        self.price_e4 += [cell[1] for cell in cells]
        self.state += [cell[2] for cell in cells]
        self.observed_us += [cell[3] for cell in cells]
        self.heard_us[row] = max(cell[3] for cell in cells)


def read(board: Board, batch: FeedBatch, ours: Resolved, at: datetime) -> Plain | None:
    """The cells of a batch that is plainly in order; None for one that is not.

    Only whole snapshots are plain: what else a source has open on the event is withdrawn.
    """
    event = batch.event
    starts = event.starts_at, ours.starts_at
    if not batch.snapshot or batch.phase in gate.ARCHIVED or ours.event_id in board.doubts:
        return None
    if gate.of_batch(batch.observed_at, batch.source_at, *starts, at) != gate.KEPT:
        return None
    layout = board.layout_of(ours.event_id)
    said = _by_row(board, layout, batch, ours)
    if not said or len(said) != len(board.rows_of(event.provider)):
        # A source of which nothing is said has its prices withdrawn, too.
        return None
    plain, moment_us = Plain(), to_us(batch.observed_at)
    is_ahead = layout.main is not None and batch.observed_at < ours.starts_at
    exchanges = board.exchanges()
    for row, prices in said.items():
        if not _is_orderly(layout, prices, is_exchange=bool(exchanges[row])):
            return None
        if not _put(board, layout, row, prices, moment_us, plain):
            return None
    if is_ahead and _is_turned(board, layout, event.provider, said.values()):
        return None
    board.complete(event.provider, ours.event_id)
    return plain


def _by_row(
    board: Board, layout: Layout, batch: FeedBatch, ours: Resolved
) -> dict[int, list[_Said]]:
    """What each source says, in the order it came."""
    provider, batch_us = batch.event.provider, to_us(batch.observed_at)
    place_of, found = layout.place_of, dict[int, list[_Said]]()
    rows: dict[str, int] = {}
    for price in batch.prices:
        row = rows.get(price.source)
        if row is None:
            source = board.source(provider, price.source)
            row = rows[price.source] = -1 if source is None else source.row
        place = place_of.get(placed(price, ours))
        if row < 0 or place is None:
            continue
        seen_us = batch_us if price.seen_at is None else min(to_us(price.seen_at), batch_us)
        state = _SUSPENDED if price.suspended else _OPEN
        found.setdefault(row, []).append((place, price.price_e4, state, seen_us))
    return found


def _is_orderly(layout: Layout, prices: Sequence[_Said], *, is_exchange: bool) -> bool:
    """Whether every price, every market and every row of lines of a source is within its bounds."""
    low_e4, high_e4 = gate.PRICES_E4
    inverse: dict[int, float] = {}
    for place, price_e4, state, _ in prices:
        if state == _OPEN:
            if not low_e4 <= price_e4 <= high_e4:
                return False
            inverse[place] = inverse_of(price_e4)
    low, high = gate.BOOKSUMS
    sums: dict[int, float] = {}
    for market in {place // layout.width for place in inverse}:
        whole = [inverse.get(place, 0.0) for place in layout.sides[market]]
        if all(whole):
            total = sum(whole)
            booksum = total / layout.wins[market]
            if booksum < low or (booksum > high and not is_exchange):
                return False
            sums[market] = total
    return all(_is_falling(layout, rungs, inverse, sums) for rungs in layout.rungs)


def _is_falling(
    layout: Layout, rungs: Sequence[int], inverse: dict[int, float], sums: dict[int, float]
) -> bool:
    """Whether the first side's chance falls from line to line."""
    lowest = 2.0
    for market in rungs:
        total = sums.get(market)
        if total is not None:
            chance = inverse[market * layout.width] / total
            if chance > lowest + gate.DISORDER:
                return False
            lowest = min(lowest, chance)
    return True


def _put(
    board: Board,
    layout: Layout,
    row: int,
    prices: Sequence[_Said],
    moment_us: int,
    plain: Plain,
) -> bool:
    """Put what a source says, and withdraw what it says no more; False where a price jumps."""
    held_e4: list[int] = board.price_e4[row].take(layout.columns).tolist()
    held: list[int] = board.state[row].take(layout.columns).tolist()
    column_at, cells, named = layout.column_at, list[_Cell](), set[int]()
    for place, price_e4, state, seen_us in prices:
        if held[place] == _OPEN == state and not gate.alike(held_e4[place], price_e4):
            return False
        named.add(place)
        cells.append((column_at[place], price_e4, state, seen_us))
    for sides in layout.sides:
        for place in sides:
            if held[place] in _HELD and place not in named:
                cells.append((column_at[place], held_e4[place], _WITHDRAWN, moment_us))
    plain.put(row, cells)
    return True


def _is_turned(
    board: Board, layout: Layout, provider: str, said: Iterable[Sequence[_Said]]
) -> bool:
    """Whether a source may have home and away the wrong way round, by the gate's own measure."""
    assert layout.main is not None
    shares = [share for prices in said if (share := _share(layout.main, prices)) is not None]
    if not shares:
        return False
    at_home, away = (layout.column_at[place] for place in layout.main)
    homes: list[int] = board.open_e4[: len(board.sources), at_home].tolist()
    aways: list[int] = board.open_e4[: len(board.sources), away].tolist()
    by_provider: dict[str, list[float]] = {}
    for source, home_e4, away_e4 in zip(board.sources, homes, aways, strict=True):
        if home_e4 and away_e4 and source.provider != provider:
            one = _share_of(home_e4, away_e4)
            by_provider.setdefault(source.provider, []).append(one)
    return gate.may_be_swapped(shares, list(by_provider.values()))


def _share(main: tuple[int, int], prices: Sequence[_Said]) -> float | None:
    at = {place: price_e4 for place, price_e4, state, _ in prices if state == _OPEN}
    home_e4, away_e4 = at.get(main[0]), at.get(main[1])
    return _share_of(home_e4, away_e4) if home_e4 and away_e4 else None


def _share_of(home_e4: int, away_e4: int) -> float:
    home, away = implied_by(home_e4), implied_by(away_e4)
    return home / (home + away)


@dataclass(slots=True)
class Together:
    """Plain batches of one moment and stamp that are applied at once; no two of one event, for the
    second would be held against prices that are not there yet."""

    board: Board
    source_at: datetime | None = None
    is_new: bool = True
    _cells: Plain = field(default_factory=Plain)
    _events: set[UUID] = field(default_factory=set[UUID])

    @property
    def has_any(self) -> bool:
        """Whether anything waits here."""
        return bool(self._events)

    def has(self, event_id: UUID) -> bool:
        """Whether something of the event waits here."""
        return event_id in self._events

    def admits(self, one: Plain, batch: FeedBatch, *, is_new: bool) -> bool:
        """Whether it may be applied with what waits: a source that is heard again later has spoken
        twice, which its pace counts."""
        if not self._events:
            return True
        heard_us = self._cells.heard_us
        return (self.source_at, self.is_new) == (batch.source_at, is_new) and all(
            us <= heard_us.get(row, us) for row, us in one.heard_us.items()
        )

    def add(self, one: Plain, batch: FeedBatch, event_id: UUID, *, is_new: bool) -> None:
        """It waits with the others."""
        self.source_at, self.is_new = batch.source_at, is_new
        self._events.add(event_id)
        cells = self._cells
        cells.rows += one.rows
        cells.columns += one.columns
        cells.price_e4 += one.price_e4
        cells.state += one.state
        cells.observed_us += one.observed_us
        for row, us in one.heard_us.items():
            cells.heard_us.setdefault(row, us)

    def apply(self) -> Change | None:
        """Put what waits on the board; None where nothing does."""
        if not self._events:
            return None
        cells, self._cells = self._cells, Plain()
        self._events.clear()
        return self.board.apply(
            np.array(cells.rows, np.int64),
            np.array(cells.columns, np.int64),
            np.array(cells.price_e4, np.int32),
            np.array(cells.state, np.int8),
            np.array(cells.observed_us, np.int64),
        )
