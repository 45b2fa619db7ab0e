"""The board's use cases, in the hub's transaction: take what is said, journal what changed.

The memory is written before the transaction commits; a hub whose transaction fails drops its board
and loads it again (`load`), which is also how it starts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from overround.core import grading, ids
from overround.db import Connection
from overround.odds import catalogue
from overround.odds.board import store
from overround.odds.board.memory import Board
from overround.odds.board.model import (
    STATE_NAMES,
    CellState,
    Change,
    ChangedPrice,
    FrozenPrice,
    MarketCells,
    SourceKind,
    StoredPrice,
)
from overround.odds.feeds import FeedBatch, FeedPrice
from overround.odds.matching import Resolved

# How far back a price may have been seen last and still stand on a board that is loaded.
LOOK_BACK = timedelta(days=60)

# How long after its start an event may still be in play.
IN_PLAY = timedelta(days=1)

_MICROSECOND = timedelta(microseconds=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Taken:
    """What a call of `take` did: prices offered, cells changed, events touched, batches new."""

    prices: int
    changed: int
    fresh: int
    event_ids: tuple[UUID, ...]


@dataclass(slots=True)
class _Cells:
    """Observations of one batch, to become columns."""

    rows: list[int]
    columns: list[int]
    price_e4: list[int]
    state: list[int]
    observed_us: list[int]


async def load(conn: Connection, at: datetime) -> Board:
    """The board as it stood at `at`, for a replay's resumption."""
    return await _board_of(conn, await store.as_of(conn, at, at - LOOK_BACK))


async def load_now(conn: Connection, at: datetime) -> Board:
    """The board as it stands, with the events in play: a live hub's start-up and recovery."""
    return await _board_of(conn, await store.now(conn, at - IN_PLAY))


async def _board_of(conn: Connection, cells: Sequence[StoredPrice]) -> Board:
    board = Board()
    by_id: dict[int, int] = {}
    for source_id, provider, key, kind in await store.sources(conn):
        by_id[source_id] = board.add_source(source_id, provider, key, kind).row
    await _add_markets_of(conn, board, {cell.selection_id for cell in cells})
    column_of = {board.selection_id(column): column for column in range(board.columns)}
    states = {name: state for state, name in STATE_NAMES.items()}
    for moment in ("changed_at", "observed_at"):
        # The change first and the last look after it, so that both stamps come out right.
        board.apply(
            np.array([by_id[cell.source_id] for cell in cells], np.int64),
            np.array([column_of[cell.selection_id] for cell in cells], np.int64),
            np.array([cell.price_e4 for cell in cells], np.int32),
            np.array([states[cell.state] for cell in cells], np.int8),
            np.array([to_us(getattr(cell, moment)) for cell in cells], np.int64),
        )
    return board


async def take(
    conn: Connection,
    board: Board,
    batches: Sequence[FeedBatch],
    events: Mapping[tuple[str, str], Resolved],
    kinds: Mapping[str, SourceKind],
) -> Taken:
    """Put `batches` on the board and journal those that are new to the journal.

    `events` says which event of ours each feed event is; a batch of an undecided one is left out.
    `kinds` says of each source key whether it is a bookmaker or an exchange. Within one call a
    provider speaks once about an event: the last batch counts
    (test: of two batches of one moment the last counts).
    """
    said = {batch.event.key: batch for batch in batches}
    decided = [(batch, events[key]) for key, batch in said.items() if key in events]
    if not decided:
        return Taken(0, 0, 0, ())
    await _ensure_sources(conn, board, [batch for batch, _ in decided], kinds)
    await _ensure_markets(conn, board, decided)
    batch_ids = [batch_id(batch) for batch, _ in decided]
    fresh = await store.add_batches(
        conn,
        [
            (
                one_id,
                batch.event.provider,
                ours.event_id,
                batch.observed_at,
                batch.snapshot,
                len(batch.prices),
            )
            for one_id, (batch, ours) in zip(batch_ids, decided, strict=True)
        ],
    )
    changed = 0
    new: list[tuple[Change, datetime | None]] = []
    for one_id, (batch, ours) in zip(batch_ids, decided, strict=True):
        change = _apply(board, batch, ours)
        changed += change.count
        if one_id in fresh and change.count:
            new.append((change, batch.source_at))
    if new:
        await _journal(conn, board, new)
    return Taken(
        sum(len(batch.prices) for batch, _ in decided),
        changed,
        len(fresh),
        tuple(dict.fromkeys(ours.event_id for _, ours in decided)),
    )


async def close(conn: Connection, board: Board, starts: Mapping[UUID, datetime]) -> int:
    """Freeze the open prices of events at their start; returns how many were new."""
    frozen = [
        price
        for event_id, starts_at in starts.items()
        for cells in board.markets_of(event_id)
        for price in _frozen(board, cells, starts_at)
    ]
    return await store.write_closing(conn, frozen) if frozen else 0


def _frozen(board: Board, cells: MarketCells, starts_at: datetime) -> list[FrozenPrice]:
    """The market's prices as they stood at the start; one that was seen in play is not among them
    (test: a price seen in play is no closing price)."""
    prices = board.open_prices(cells)
    starts_us = to_us(starts_at)
    seen_us = board.observed_us[: len(board.sources), cells.columns]
    rows, sides = np.nonzero((prices > 0) & (seen_us <= starts_us))
    return [
        FrozenPrice(
            board.sources[row].source_id,
            cells.selection_ids[side],
            cells.event_id,
            price_e4,
            from_us(us),
            (starts_us - us) // 1000,
        )
        for row, side, us, price_e4 in zip(
            _ints(rows), _ints(sides), _ints(seen_us[rows, sides]), _ints(prices[rows, sides]),
            strict=True,
        )
    ]  # fmt: skip


def batch_id(batch: FeedBatch) -> UUID:
    """The id of what a provider said about an event at a moment: the same words, the same id."""
    said = "\n".join(
        f"{p.source}|{p.market.market_type}|{p.market.period}|{p.market.line_q4}|{p.side}"
        f"|{p.price_e4}|{p.suspended}"
        for p in batch.prices
    )
    event = batch.event
    return ids.derived(
        batch.observed_at,
        "batch",
        event.provider,
        event.provider_event_id,
        batch.observed_at.isoformat(),
        batch.phase,
        said,
    )


def to_us(at: datetime) -> int:
    """Microseconds since 1970, exact."""
    return (at - _EPOCH) // _MICROSECOND


def from_us(us: int) -> datetime:
    """The time that `to_us` told."""
    return _EPOCH + us * _MICROSECOND


def _ints(column: NDArray[np.integer[Any]]) -> list[int]:
    """A column of the board as Python's integers."""
    return column.tolist()


def _placed(price: FeedPrice, ours: Resolved) -> tuple[str, str, int | None, str]:
    """The market and side in our event's orientation: a swapped event mirrors both."""
    market = price.market
    if not ours.swapped:
        return market.market_type, market.period, market.line_q4, price.side
    market_type, line_q4, side = grading.mirrored(market.market_type, market.line_q4, price.side)
    return market_type, market.period, line_q4, side


def _apply(board: Board, batch: FeedBatch, ours: Resolved) -> Change:
    found = _Cells([], [], [], [], [])
    by_market: dict[tuple[str, str, int | None], MarketCells] = {
        (cells.market_type, cells.period, cells.line_q4): cells
        for cells in board.markets_of(ours.event_id)
    }
    for price in batch.prices:
        market_type, period, line_q4, side = _placed(price, ours)
        cells = by_market[market_type, period, line_q4]
        source = board.source(batch.event.provider, price.source)
        if source is None or side not in cells.sides:
            continue
        found.rows.append(source.row)
        found.columns.append(int(cells.columns[cells.sides.index(side)]))
        found.price_e4.append(price.price_e4)
        found.state.append(CellState.SUSPENDED if price.suspended else CellState.OPEN)
        found.observed_us.append(to_us(price.seen_at or batch.observed_at))
    rows, columns = np.array(found.rows, np.int64), np.array(found.columns, np.int64)
    prices, states = np.array(found.price_e4, np.int32), np.array(found.state, np.int8)
    observed = np.array(found.observed_us, np.int64)
    if batch.snapshot:
        gone_rows, gone_columns = board.absent(batch.event.provider, ours.event_id, rows, columns)
        prices = np.concatenate([prices, board.price_e4[gone_rows, gone_columns]])
        states = np.concatenate([states, np.full(len(gone_rows), CellState.WITHDRAWN, np.int8)])
        rows, columns = np.concatenate([rows, gone_rows]), np.concatenate([columns, gone_columns])
        gone_us = np.full(len(gone_rows), to_us(batch.observed_at), np.int64)
        observed = np.concatenate([observed, gone_us])
    return board.apply(rows, columns, prices, states, observed)


async def _journal(
    conn: Connection, board: Board, changes: Sequence[tuple[Change, datetime | None]]
) -> None:
    source_ids = [source.source_id for source in board.sources]
    changed = [
        ChangedPrice(
            source_ids[row],
            board.selection_id(column),
            price_e4,
            STATE_NAMES[CellState(state)],
            from_us(us),
            source_at,
        )
        for change, source_at in changes
        for row, column, price_e4, state, us in zip(
            _ints(change.rows),
            _ints(change.columns),
            _ints(change.price_e4),
            _ints(change.state),
            _ints(change.observed_us),
            strict=True,
        )
    ]
    await store.odds_only(conn)
    for month in {(c.observed_at.year, c.observed_at.month) for c in changed}:
        await store.open_month(conn, datetime(*month, 1, tzinfo=UTC))
    await store.write_changes(conn, changed)


async def _ensure_sources(
    conn: Connection,
    board: Board,
    batches: Sequence[FeedBatch],
    kinds: Mapping[str, SourceKind],
) -> None:
    wanted = {(batch.event.provider, price.source) for batch in batches for price in batch.prices}
    missing = sorted(key for key in wanted if board.source(*key) is None)
    for provider, key in missing:
        await store.add_source(conn, provider, key, kinds.get(key, "bookmaker"))
    if missing:
        for source_id, provider, key, kind in await store.sources(conn):
            board.add_source(source_id, provider, key, kind)


async def _ensure_markets(
    conn: Connection, board: Board, decided: Sequence[tuple[FeedBatch, Resolved]]
) -> None:
    markets: list[catalogue.Market] = []
    selections: list[catalogue.Selection] = []
    for batch, ours in decided:
        for key in dict.fromkeys(_placed(price, ours)[:3] for price in batch.prices):
            market, by_side = catalogue.market_and_selections(ours.event_id, *key)
            if board.has_market(market.id):
                continue
            _add(board, market, by_side)
            markets.append(market)
            selections += by_side.values()
    if markets:
        await catalogue.add_markets(conn, markets, selections)


def _add(
    board: Board, market: catalogue.Market, by_side: Mapping[str, catalogue.Selection]
) -> None:
    board.add_market(
        market.id,
        market.event_id,
        market.market_type,
        market.period,
        market.line_q4,
        {side: selection.id for side, selection in by_side.items()},
    )


async def _add_markets_of(conn: Connection, board: Board, selection_ids: set[UUID]) -> None:
    event_ids = await store.events_of_selections(conn, list(selection_ids))
    selections: dict[UUID, dict[str, catalogue.Selection]] = {}
    for selection in await catalogue.selections_of(conn, event_ids):
        selections.setdefault(selection.market_id, {})[selection.side] = selection
    for market in await catalogue.markets_of(conn, event_ids):
        by_side = selections.get(market.id)
        if by_side is not None:
            # In the market's own order of sides, as when it came; others go by it.
            _add(board, market, {side: by_side[side] for side in grading.sides(market.market_type)})
