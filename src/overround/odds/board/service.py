"""The board's use cases, in the hub's transaction: take what is said, journal what changed.

The memory is written before the transaction commits; a hub whose transaction fails drops its board
and loads it again (`load`), which is also how it starts.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from overround.core import grading, ids
from overround.db import Connection
from overround.odds import catalogue
from overround.odds.board import intake, store
from overround.odds.board.memory import Board
from overround.odds.board.model import (
    STATE_NAMES,
    Change,
    FrozenPrice,
    MarketCells,
    RefusedPrice,
    SourceKind,
    StoredPrice,
)
from overround.odds.board.places import placed
from overround.odds.board.times import from_us, to_us
from overround.odds.feeds import FeedBatch
from overround.odds.matching import Resolved

# How far back a price may have been seen last and still stand on a board that is loaded.
LOOK_BACK = timedelta(days=60)

# How long after its start an event may still be in play.
IN_PLAY = timedelta(days=1)

# What is refused is kept for a person to look at, so much of a call; all of it is counted.
_REFUSED_KEPT = 1_000


# A market by its words: type, period, line.
Question = tuple[str, str, int | None]
# (provider, provider_event_id) -> how many prices, by reason.
Refused = Mapping[tuple[str, str], Counter[str]]
_Counts = defaultdict[tuple[str, str], Counter[str]]
_Kept = defaultdict[datetime, list[tuple[UUID, RefusedPrice]]]


async def _nothing() -> None:
    pass


@dataclass(frozen=True, slots=True)
class Taken:
    """What a call of `take` did: prices offered, cells changed, events touched, batches new.

    `refused` counts what the gate refused of each feed event, by reason, and `doubted` what of an
    archive it recorded with doubt; batches that were there already count for nothing. `journal`
    writes it down where that was left to the caller.
    """

    prices: int
    changed: int
    fresh: int
    event_ids: tuple[UUID, ...]
    refused: Refused = field(default_factory=dict[tuple[str, str], "Counter[str]"])
    doubted: Refused = field(default_factory=dict[tuple[str, str], "Counter[str]"])
    journal: Callable[[], Coroutine[Any, Any, None]] = _nothing


async def load(conn: Connection, at: datetime) -> Board:
    """The board as it stood at `at`, for a replay's resumption."""
    return await _board_of(conn, await store.as_of(conn, at, at - LOOK_BACK))


async def load_now(conn: Connection, at: datetime) -> Board:
    """The board as it stands, with the events in play: a live hub's start-up and recovery."""
    return await _board_of(conn, await store.now(conn, at - IN_PLAY))


async def reload(conn: Connection, board: Board, event_ids: Sequence[UUID]) -> None:
    """Put some events on the board as they stand in the journal, whatever the memory says.

    All their markets are there, those that nobody quotes any more too: whoever lays them has to
    see that (test: an unmatched event takes its prices along and brings them back).
    """
    for event_id in event_ids:
        board.drop(event_id)
    await _add_markets_of(conn, board, event_ids)
    await _fill(conn, board, await store.now_of(conn, event_ids))


async def _board_of(conn: Connection, cells: Sequence[StoredPrice]) -> Board:
    board = Board()
    selection_ids = {cell.selection_id for cell in cells}
    await _add_markets_of(conn, board, await store.events_of_selections(conn, list(selection_ids)))
    await _fill(conn, board, cells)
    return board


async def _fill(conn: Connection, board: Board, cells: Sequence[StoredPrice]) -> None:
    by_id: dict[int, int] = {}
    for source_id, provider, key, kind in await store.sources(conn):
        by_id[source_id] = board.add_source(source_id, provider, key, kind).row
    columns = [_column(board, cell.selection_id) for cell in cells]
    states = {name: state for state, name in STATE_NAMES.items()}
    board.put(
        np.array([by_id[cell.source_id] for cell in cells], np.int64),
        np.array(columns, np.int64),
        np.array([cell.price_e4 for cell in cells], np.int32),
        np.array([states[cell.state] for cell in cells], np.int8),
        (
            np.array([to_us(cell.changed_at) for cell in cells], np.int64),
            np.array([to_us(cell.observed_at) for cell in cells], np.int64),
        ),
    )


def _column(board: Board, selection_id: UUID) -> int:
    cells = board.cells_of(selection_id)
    assert cells is not None
    return int(cells.columns[cells.selection_ids.index(selection_id)])


async def move(
    conn: Connection,
    provider: str,
    source: tuple[UUID, Sequence[Question]],
    target: tuple[UUID, datetime | None],
    *,
    mirrored: bool,
) -> tuple[list[Question], int]:
    """Move what the provider quoted: the markets it is in now (in the target's words), the rows.

    `source` is an event and its markets; `target` is an event and its start, or an id that is no
    event's, without one, to lay the prices beside the board. `mirrored` turns the sides round.
    """
    source_id, questions = source
    target_id, starts_at = target
    of = {asked: catalogue.market_and_selections(source_id, *asked)[1] for asked in questions}
    quoted = await store.quoted(
        conn, [one.id for by_side in of.values() for one in by_side.values()], provider
    )
    selections: dict[UUID, UUID] = {}
    made: dict[Question, tuple[catalogue.Market, dict[str, catalogue.Selection]]] = {}
    for (market_type, period, line_q4), by_side in of.items():
        for side, selection in by_side.items():
            if selection.id not in quoted:
                continue
            words = (market_type, line_q4, side)
            kind, line, other = grading.mirrored(*words) if mirrored else words
            asked = (kind, period, line)
            if asked not in made:
                made[asked] = catalogue.market_and_selections(target_id, *asked)
            selections[selection.id] = made[asked][1][other].id
    if starts_at is not None and made:
        markets = [market for market, _ in made.values()]
        every = [one for _, by_side in made.values() for one in by_side.values()]
        await catalogue.add_markets(conn, markets, every)
    moved = await store.move(conn, provider, (source_id, target_id), selections, starts_at)
    return list(made), moved


async def take(
    conn: Connection,
    board: Board,
    batches: Sequence[FeedBatch],
    events: Mapping[tuple[str, str], Resolved],
    kinds: Mapping[str, SourceKind],
    at: datetime,
    *,
    seen_too: bool = True,
    just_heard: bool = False,
    later: bool = False,
) -> Taken:
    """Put what the gate believes of `batches` on the board, and journal what is new to the journal.

    `events` says which event of ours each feed event is; a batch of an undecided one is left out.
    `kinds` says of each source key whether it is a bookmaker or an exchange. Within one call a
    provider speaks once about an event: the last batch counts
    (test: of two batches of one moment the last counts).

    With `seen_too` a board that stands before the journal's end is brought on by what it has seen
    (test: what was seen already changes nothing on a live board). With `just_heard` what was
    observed `at` this moment is new without asking: the caller alone speaks now. With `later` the
    caller calls `Taken.journal` before it commits, when it likes.
    """
    return await take_moments(
        conn,
        board,
        [(at, batches)],
        events,
        kinds,
        seen_too=seen_too,
        just_heard=just_heard,
        later=later,
    )


async def take_moments(
    conn: Connection,
    board: Board,
    moments: Sequence[tuple[datetime, Sequence[FeedBatch]]],
    events: Mapping[tuple[str, str], Resolved],
    kinds: Mapping[str, SourceKind],
    *,
    seen_too: bool = True,
    just_heard: bool = False,
    later: bool = False,
) -> Taken:
    """The same of several moments in order of time, with the statements of one
    (test: an archive that is written in portions is the one written step by step)."""
    said = [
        (at, batch, events[batch.event.key])
        for at, batches in moments
        for batch in {batch.event.key: batch for batch in batches}.values()
        if batch.event.key in events
    ]
    if not said:
        return Taken(0, 0, 0, ())
    await _ensure_sources(conn, board, [batch for _, batch, _ in said], kinds)
    await _ensure_markets(conn, board, [(batch, ours) for _, batch, ours in said])
    batch_ids = [batch_id(batch) for _, batch, _ in said]
    recorded = _recorded(batch_ids, said)
    is_surely_new = just_heard and all(batch.observed_at == at for at, batch, _ in said)
    fresh = set(batch_ids) if is_surely_new else await store.add_batches(conn, recorded)
    changed = 0
    new: list[tuple[Change, datetime | None]] = []
    kept: _Kept = defaultdict(list)
    counted: tuple[_Counts, _Counts] = defaultdict(Counter), defaultdict(Counter)
    taken = [
        (one_id, at, batch, ours)
        for one_id, (at, batch, ours) in zip(batch_ids, said, strict=True)
        if one_id in fresh or seen_too
    ]
    entering = ((batch, ours, at, one_id in fresh) for one_id, at, batch, ours in taken)
    for put in intake.enter_all(board, entering):
        changed += put.entered.change.count
        if not put.is_new:
            continue
        if put.entered.change.count:
            new.append((put.entered.change, put.source_at))
        if put.entered.refused:
            one_id, at, batch, _ = taken[put.at]
            kept[at] += ((one_id, price) for price in put.entered.refused)
            reasons = Counter(price.reason for price in put.entered.refused)
            counted[put.entered.refused[0].recorded][batch.event.key] += reasons
    journal = partial(_write, conn, board, new, recorded if is_surely_new else (), kept)
    if not later:
        await journal()
    return Taken(
        sum(len(batch.prices) for _, batch, _ in said),
        changed,
        len(fresh),
        tuple(dict.fromkeys(ours.event_id for _, _, ours in said)),
        *counted,
        journal if later else _nothing,
    )


async def _write(
    conn: Connection,
    board: Board,
    new: Sequence[tuple[Change, datetime | None]],
    recorded: Sequence[store.Batch],
    kept: _Kept,
) -> None:
    """Journal what is new, with the batches that it is known to come with, and what was refused."""
    if new:
        await _journal(conn, board, new, recorded)
    elif recorded:
        await store.add_batches(conn, recorded)
    for at, prices in kept.items():
        await store.keep_refused(conn, prices[:_REFUSED_KEPT], at)


def _recorded(
    batch_ids: Sequence[UUID], said: Sequence[tuple[datetime, FeedBatch, Resolved]]
) -> list[store.Batch]:
    """What is recorded of batches, each with the time that it is taken at."""
    return [
        (
            one_id,
            batch.event.provider,
            ours.event_id,
            # A batch of the future proves nothing about the present.
            min(batch.observed_at, at),
            batch.snapshot and batch.observed_at <= at,
            len(batch.prices),
        )
        for one_id, (at, batch, ours) in zip(batch_ids, said, strict=True)
    ]


async def suspend_silent(
    conn: Connection, board: Board, at: datetime, providers: Collection[str] | None = None
) -> tuple[UUID, ...]:
    """Suspend what sources feed that should have spoken by now; returns the events touched.

    Without `providers` every source is meant, with them theirs alone: who was read in from a file
    has nothing to say later.

    A source is given its own pace, and fourteen seconds where it is quicker (`freshness`). It is
    shown again event by event, when a snapshot has come
    (test: a source that falls silent is suspended until it says the whole).
    """
    among = [s.row for s in board.sources if providers is None or s.provider in providers]
    rows = board.pace.fallen_silent(to_us(at), np.array(among, np.int64))
    if not len(rows):
        return ()
    change = board.silence(rows, to_us(at))
    if change.count:
        await store.odds_only(conn)
        await _journal(conn, board, [(change, None)])
    return board.events_at(change.columns)


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


def _ints(column: NDArray[np.integer[Any]]) -> list[int]:
    """A column of the board as Python's integers."""
    return column.tolist()


async def _journal(
    conn: Connection,
    board: Board,
    changes: Sequence[tuple[Change, datetime | None]],
    recorded: Sequence[store.Batch] = (),
) -> None:
    entries = board.entries(changes)
    new = [hour for hour in entries.hours if hour not in board.rooms]
    if new:
        await store.make_room(conn, new)
        board.has_room(new)
    await store.write_changes(conn, entries, recorded)


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
        known = board.layout_of(ours.event_id).place_of
        asked = dict.fromkeys(placed(price, ours) for price in batch.prices)
        for key in dict.fromkeys(place[:3] for place in asked if place not in known):
            market, by_side = catalogue.market_and_selections(ours.event_id, *key)
            if batch.event.runners:
                terms = batch.event.place_terms
                market, by_side = catalogue.contest_market(
                    ours.event_id, batch.event.runners, terms
                )
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


async def _add_markets_of(conn: Connection, board: Board, event_ids: Sequence[UUID]) -> None:
    selections: dict[UUID, dict[str, catalogue.Selection]] = {}
    for selection in await catalogue.selections_of(conn, event_ids):
        selections.setdefault(selection.market_id, {})[selection.side] = selection
    for market in await catalogue.markets_of(conn, event_ids):
        by_side = selections.get(market.id)
        if by_side is not None:
            # In the market's own order of sides, as when it came; others go by it.
            sides = grading.sides(market.market_type) or sorted(by_side)
            _add(board, market, {side: by_side[side] for side in sides})
