"""A batch on its way to the board: its prices find their cells, pass the gate, and are applied.

What the gate refuses leaves the price that was believed in its cell, suspended; a cell that never
held one stays empty. Pure: the board in memory is all it touches.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

import numpy as np

from overround.odds.board import gate, plain
from overround.odds.board.gate import Block, Seen
from overround.odds.board.memory import Board
from overround.odds.board.model import (
    Bools,
    CellState,
    Change,
    Doubt,
    Int8s,
    Int64s,
    Layout,
    RefusedPrice,
)
from overround.odds.board.places import placed
from overround.odds.board.times import from_us, to_us
from overround.odds.feeds.model import FeedBatch, FeedPrice
from overround.odds.matching.model import Resolved

# A member of an enum is looked up by its name each time, which a busy board feels.
_EMPTY, _OPEN, _SUSPENDED, _WITHDRAWN = (int(state) for state in CellState)


@dataclass(frozen=True, slots=True)
class Entered:
    """What a batch changed on the board, and what of it was refused."""

    change: Change
    refused: tuple[RefusedPrice, ...]


@dataclass(frozen=True, slots=True)
class Put:
    """What was put on the board at once: of one batch, or of several that were plain. `at` is the
    first one's place among those that were said."""

    entered: Entered
    source_at: datetime | None
    is_new: bool
    at: int


def enter_all(
    board: Board, said: Iterable[tuple[FeedBatch, Resolved, datetime, bool]]
) -> Iterator[Put]:
    """`enter` of some batches, each with its event, the time that it is taken at and whether it is
    new to the journal. What is plainly in order is put at once with its neighbours
    (test: what is plain is put as the gate would put it)."""
    waiting = plain.Together(board)
    first = 0
    for number, (batch, ours, at, is_new) in enumerate(said):
        if waiting.has(ours.event_id):
            yield from _applied_together(waiting, first)
        one = plain.read(board, batch, ours, at)
        if one is None or not waiting.admits(one, batch, is_new=is_new):
            yield from _applied_together(waiting, first)
        if one is None:
            yield Put(enter(board, batch, ours, at), batch.source_at, is_new, number)
            continue
        if not waiting.has_any:
            first = number
        waiting.add(one, batch, ours.event_id, is_new=is_new)
    yield from _applied_together(waiting, first)


def _applied_together(waiting: plain.Together, first: int) -> Iterator[Put]:
    change = waiting.apply()
    if change is not None:
        yield Put(Entered(change, ()), waiting.source_at, waiting.is_new, first)


def enter(board: Board, batch: FeedBatch, ours: Resolved, at: datetime) -> Entered:
    """Put what is believed of `batch` on the board; its markets and sources are there already.

    A start that cannot be suspends whatever its provider has open on the event. Opening
    and closing prices of an archive are a record of what was quoted: what is wrong with them is
    told, and they stand (test: prices of an archive stand and are told).
    """
    layout = board.layout_of(ours.event_id)
    event = batch.event
    starts = event.starts_at, ours.starts_at
    blanket = gate.of_batch(batch.observed_at, batch.source_at, *starts, at)
    if blanket:
        batch = replace(batch, observed_at=min(batch.observed_at, at), snapshot=False)
    seen = _seen(board, layout, batch, ours)
    if batch.snapshot:
        board.complete(event.provider, ours.event_id)
    rows = np.unique(seen.rows)
    if blanket:
        rows = board.rows_of(event.provider)
    block = _block(board, layout, rows, seen, snapshot=batch.snapshot)
    if blanket:
        reasons = np.full(len(seen.rows), blanket, np.int8)
        shut = np.full(block.after_e4.shape, blanket != gate.IN_FUTURE)
    else:
        reasons, shut = _judged(board, layout, block, seen, batch, ours)
    doubts = _Doubts(board, layout, block, seen, reasons, ours.event_id)
    released = doubts.look(batch)
    recorded = not blanket and batch.phase in gate.ARCHIVED
    refused = _refused(board, layout, block, seen, reasons, recorded=recorded)
    if recorded:
        reasons, shut = np.zeros_like(reasons), np.zeros_like(shut)
    change = _applied(board, layout, block, seen, reasons, shut, batch, ours.event_id, released)
    return Entered(change, refused)


def _seen(board: Board, layout: Layout, batch: FeedBatch, ours: Resolved) -> Seen:
    rows: list[int] = []
    places: list[int] = []
    prices: list[int] = []
    states: list[int] = []
    observed: list[int] = []
    row_of = {name: board.source(batch.event.provider, name) for name in _names(batch.prices)}
    batch_us = to_us(batch.observed_at)
    for price in batch.prices:
        source, place = row_of[price.source], layout.place_of.get(placed(price, ours))
        if source is None or place is None:
            continue
        rows.append(source.row)
        places.append(place)
        prices.append(price.price_e4)
        states.append(_SUSPENDED if price.suspended else _OPEN)
        observed.append(batch_us if price.seen_at is None else min(to_us(price.seen_at), batch_us))
    return Seen(
        np.array(rows, np.int64),
        np.array(places, np.int64),
        np.array(prices, np.int32),
        np.array(states, np.int8),
        np.array(observed, np.int64),
    )


def _names(prices: Iterable[FeedPrice]) -> set[str]:
    return {price.source for price in prices}


def _block(board: Board, layout: Layout, rows: Int64s, seen: Seen, *, snapshot: bool) -> Block:
    """The provider's rows as they are and as they would be: a snapshot leaves what it names."""
    cells = np.ix_(rows, layout.columns)
    before_e4, before_state = board.price_e4[cells], board.state[cells]
    before_state[:, ~layout.held] = _EMPTY
    after_e4 = np.zeros_like(before_e4) if snapshot else before_e4.copy()
    after_state = np.zeros_like(before_state) if snapshot else before_state.copy()
    row_at = np.searchsorted(rows, seen.rows)
    after_e4[row_at, seen.places] = seen.price_e4
    after_state[row_at, seen.places] = seen.state
    return Block(
        rows, row_at, before_e4, before_state, board.observed_us[cells], after_e4, after_state
    )


def _judged(
    board: Board, layout: Layout, block: Block, seen: Seen, batch: FeedBatch, ours: Resolved
) -> tuple[Int8s, Bools]:
    """The reason of each observation, and which cells beside them have to be shut, [sources,
    places]: whoever has home and away the wrong way round has it in every market."""
    exchange = board.exchanges()[block.rows]
    reasons = gate.judge(layout, block, seen, exchange)
    shut = np.zeros(block.after_e4.shape, np.bool_)
    if layout.main is not None and batch.observed_at < ours.starts_at:
        other_way = _other_way(board, layout, block, batch.event.provider)
        if other_way.any():
            reasons[other_way[block.row_at]] = gate.SWAPPED
            shut[other_way] = True
    return reasons, shut


def _other_way(board: Board, layout: Layout, block: Block, provider: str) -> Bools:
    """Which of the block's sources have home and away the wrong way round."""
    is_open = block.after_state == _OPEN
    own = gate.home_shares(layout, block.after_e4, is_open)
    if np.isnan(own).all():
        return np.zeros(len(own), np.bool_)
    pair = layout.columns[list(layout.main or (0, 0))]
    both = np.flatnonzero((board.state[:, pair] == _OPEN).all(axis=1))
    shares_of: dict[str, list[float]] = {}
    shares = gate.share_of(board.price_e4[both][:, pair])
    for row, share in zip(both.tolist(), shares.tolist(), strict=True):
        name = board.sources[row].provider
        if name != provider:
            shares_of.setdefault(name, []).append(share)
    return gate.swapped(own, [np.array(one) for one in shares_of.values()])


@dataclass(frozen=True, slots=True)
class _Doubts:
    """The readings that wait for a second one, of the event of a batch."""

    board: Board
    layout: Layout
    block: Block
    seen: Seen
    reasons: Int8s
    event_id: UUID

    def look(self, batch: FeedBatch) -> list[tuple[int, int, Doubt]]:
        """Confirm or keep what is in doubt, and doubt what jumps; returns the released, as (row,
        column, reading)."""
        released = self._heard(batch) if self.event_id in self.board.doubts else []
        hot = gate.jumps(self.block, self.seen)
        hot = hot[self.reasons[hot] == gate.KEPT]
        if not len(hot):
            return released
        columns = self.layout.columns[self.seen.places[hot]]
        before = self.block.before_e4[self.block.row_at[hot], self.seen.places[hot]]
        after = self.seen.price_e4[hot].astype(np.int64)
        shared = gate.borne_out(before.astype(np.int64), after, self._others(hot, columns))
        self.reasons[hot[~shared]] = gate.JUMP
        for k in hot[~shared].tolist():
            self._doubt(k)
        for k in hot[shared].tolist():
            released += self._release(k)
        return released

    def _doubt(self, k: int) -> None:
        key = int(self.seen.rows[k]), int(self.layout.columns[self.seen.places[k]])
        reading = Doubt(int(self.seen.price_e4[k]), int(self.seen.observed_us[k]))
        self.board.doubts.setdefault(self.event_id, {})[key] = reading

    def _release(self, k: int) -> list[tuple[int, int, Doubt]]:
        """The doubted readings of other sources that this jump agrees with: another book has said
        the same. One of this very batch is kept after all."""
        column = int(self.layout.columns[self.seen.places[k]])
        waiting = self.board.doubts.get(self.event_id, {})
        released: list[tuple[int, int, Doubt]] = []
        for key, doubt in list(waiting.items()):
            if key[1] == column and gate.alike(doubt.price_e4, int(self.seen.price_e4[k])):
                del waiting[key]
                named = self._named.get(key)
                if named is None:
                    released.append((*key, doubt))
                else:
                    self.reasons[named] = gate.KEPT
        return released

    def _others(self, hot: Int64s, columns: Int64s) -> Int64s:
        """What other sources say of the hot cells, [rows, j]: open prices, those of this batch, and
        what is in doubt."""
        rows = np.arange(len(self.board.sources))
        cells = np.ix_(rows, columns)
        is_open = self.board.state[cells] == _OPEN
        found = np.where(is_open, self.board.price_e4[cells], 0).astype(np.int64)
        places = self.seen.places[hot]
        is_open = self.block.after_state[:, places] == _OPEN
        found[self.block.rows] = np.where(is_open, self.block.after_e4[:, places], 0)
        place_of = {column: j for j, column in enumerate(columns.tolist())}
        for (row, column), doubt in self.board.doubts.get(self.event_id, {}).items():
            if column in place_of:
                found[row, columns == column] = doubt.price_e4
        found[self.seen.rows[hot], np.arange(len(hot))] = 0
        return found

    @property
    def _named(self) -> dict[tuple[int, int], int]:
        """(row, column) -> place among the observations."""
        columns = self.layout.columns[self.seen.places].tolist()
        return {key: k for k, key in enumerate(zip(self.seen.rows.tolist(), columns, strict=True))}

    def _heard(self, batch: FeedBatch) -> list[tuple[int, int, Doubt]]:
        """What this batch makes of the doubts of its own sources.

        Where a provider only says what changed, silence of a source that speaks is a second reading
        (test: silence in a feed of changes confirms).
        """
        waiting, named = self.board.doubts[self.event_id], self._named
        speaking = set(self.seen.rows.tolist())
        provider, observed_us = batch.event.provider, to_us(batch.observed_at)
        released: list[tuple[int, int, Doubt]] = []
        for key, doubt in list(waiting.items()):
            k = named.get(key)
            if self.board.sources[key[0]].provider != provider:
                continue
            if k is not None and self.reasons[k] == gate.KEPT:
                del waiting[key]
                self._second(k, doubt)
            elif k is None and batch.snapshot:
                del waiting[key]
            elif k is None and key[0] in speaking and observed_us > doubt.observed_us:
                del waiting[key]
                released.append((*key, doubt))
        return released

    def _second(self, k: int, doubt: Doubt) -> None:
        """Another reading of a doubted cell: it confirms, goes back, or is doubted itself."""
        price_e4, observed_us = int(self.seen.price_e4[k]), int(self.seen.observed_us[k])
        held_e4 = int(self.block.before_e4[self.block.row_at[k], self.seen.places[k]])
        later = observed_us > doubt.observed_us and gate.alike(doubt.price_e4, price_e4)
        if self.seen.state[k] == _OPEN and not later and not gate.alike(held_e4, price_e4):
            self.reasons[k] = gate.JUMP
            self._doubt(k)


def _applied(
    board: Board,
    layout: Layout,
    block: Block,
    seen: Seen,
    reasons: Int8s,
    shut: Bools,
    batch: FeedBatch,
    event_id: UUID,
    released: list[tuple[int, int, Doubt]],
) -> Change:
    """Apply what is believed, and suspend what is not where a price stood."""
    rows, columns = seen.rows, layout.columns[seen.places]
    prices, states, observed = seen.price_e4, seen.state, seen.observed_us
    refused = reasons != gate.KEPT
    if refused.any():
        held = block.before_e4[block.row_at, seen.places]
        prices = np.where(refused, held, prices)
        states = np.where(refused, np.int8(_SUSPENDED), states)
        there = ~refused | (held > 0)
        rows, columns, prices = rows[there], columns[there], prices[there]
        states, observed = states[there], observed[there]
    more: list[tuple[Int64s, Int64s, int]] = []
    if not batch.snapshot and shut.any():
        still = shut & (block.before_state == _OPEN)
        still[block.row_at, seen.places] = False
        at_row, place = np.nonzero(still)
        more.append((block.rows[at_row], layout.columns[place], _SUSPENDED))
    if batch.snapshot:
        more.append(
            (*_absent(board, layout, block, seen, batch.event.provider, event_id), _WITHDRAWN)
        )
    for more_rows, more_columns, state in more:
        rows, columns = np.concatenate([rows, more_rows]), np.concatenate([columns, more_columns])
        prices = np.concatenate([prices, board.price_e4[more_rows, more_columns]])
        states = np.concatenate([states, np.full(len(more_rows), state, np.int8)])
        moment = np.full(len(more_rows), to_us(batch.observed_at), np.int64)
        observed = np.concatenate([observed, moment])
    if released:
        rows = np.concatenate([rows, np.array([row for row, _, _ in released], np.int64)])
        columns = np.concatenate([columns, np.array([c for _, c, _ in released], np.int64)])
        readings = [doubt for _, _, doubt in released]
        prices = np.concatenate([prices, np.array([d.price_e4 for d in readings], np.int32)])
        states = np.concatenate([states, np.full(len(released), _OPEN, np.int8)])
        moments = np.array([d.observed_us for d in readings], np.int64)
        observed = np.concatenate([observed, moments])
    return board.apply(rows, columns, prices, states, observed)


def _absent(
    board: Board, layout: Layout, block: Block, seen: Seen, provider: str, event_id: UUID
) -> tuple[Int64s, Int64s]:
    """`Board.absent` of a snapshot, from its block where that has all of the provider's sources."""
    if len(block.rows) < len(board.rows_of(provider)):
        return board.absent(provider, event_id, seen.rows, layout.columns[seen.places])
    missed = (block.before_state == _OPEN) | (block.before_state == _SUSPENDED)
    missed[block.row_at, seen.places] = False
    at_row, place = np.nonzero(missed)
    return block.rows[at_row], layout.columns[place]


def _refused(
    board: Board, layout: Layout, block: Block, seen: Seen, reasons: Int8s, *, recorded: bool
) -> tuple[RefusedPrice, ...]:
    at = np.nonzero(reasons)[0]
    held = block.before_e4[block.row_at[at], seen.places[at]]
    return tuple(
        RefusedPrice(
            board.sources[int(seen.rows[k])].source_id,
            board.selection_id(int(layout.columns[seen.places[k]])),
            gate.REASONS[int(reasons[k])],
            int(seen.price_e4[k]),
            int(held_e4) or None,
            recorded,
            from_us(int(seen.observed_us[k])),
        )
        for k, held_e4 in zip(at.tolist(), held.tolist(), strict=True)
    )
