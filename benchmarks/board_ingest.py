"""Prices into the journal, with their history, against a plain COPY of the same rows.

Ours is what the hub does with matched prices: `Board.apply` in batches, then one transaction of
what changed: current prices, history, counts. The reference is a binary COPY of every offered row,
made beforehand, into a table without an index. Both commit, and take turns.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import struct
import tempfile
import time
from pathlib import Path
from typing import Any, Final

import numpy as np
import psycopg
from numpy.typing import NDArray

from benchmarks import board_updates
from overround.core.clock import WallClock
from overround.db import Database, migrate
from overround.kit.settings import DatabaseSettings, ServersSettings, Settings
from overround.odds.board import Board, CellState, store
from overround.odds.board.times import to_us
from overround.roles.attach import Endpoints, attached

SOURCES: Final = 30
EVENTS: Final = 1_112
BATCH: Final = 10_000
ROUNDS: Final = 7
CHANGED_SHARES: Final = {"all_changed": 1.0, "a_tenth_changed": 0.1}
_PLAIN: Final = """
CREATE TABLE plain (source_id smallint, selection_id uuid, price_e4 integer, state text,
    observed_at timestamptz, source_at timestamptz)"""
_COPY: Final = "COPY plain FROM STDIN (FORMAT binary)"
_SIGNATURE: Final = b"PGCOPY\n\xff\r\n\0" + bytes(8)
# PostgreSQL counts its microseconds from the year 2000.
_Y2000_US: Final = 946_684_800_000_000

Ints = NDArray[np.int64]


def _offered(board: Board, rng: np.random.Generator) -> tuple[Ints, Ints]:
    """Every cell of the board once, event by event as feeds speak, the events in random order."""
    markets = [cells for event_id in board.event_ids() for cells in board.markets_of(event_id)]
    order: list[int] = rng.permutation(EVENTS).tolist()
    columns = np.concatenate([markets[n].columns for n in order])
    return np.tile(np.arange(SOURCES), len(columns)), np.repeat(columns, SOURCES)


async def _ours(
    worker: Database, board: Board, offered: tuple[Ints, Ints], share: float, at_us: int
) -> float:
    """Seconds from the first batch to the commit; `share` of the prices differ."""
    rows, columns = offered
    price_e4 = board.price_e4[rows, columns]
    moved = np.random.default_rng(at_us).random(len(rows)) < share
    price_e4 = np.where(moved, 10_100 + (price_e4 + 7) % 50_000, price_e4).astype(np.int32)
    state = np.full(len(rows), CellState.OPEN, np.int8)
    observed_us = np.full(len(rows), at_us, np.int64)
    began_s = time.perf_counter()
    async with worker.transaction(None) as conn:
        await store.odds_only(conn)
        for first in range(0, len(rows), BATCH):
            own = slice(first, first + BATCH)
            said = rows[own], columns[own], price_e4[own], state[own], observed_us[own]
            change = board.apply(*said)
            entries = board.entries([(change, None)])
            await store.make_room(conn, entries.hours)
            await store.write_changes(conn, entries)
    return time.perf_counter() - began_s


def _encoded(board: Board, offered: tuple[Ints, Ints], at_us: int) -> bytes:
    """The rows as binary COPY reads them."""
    rows, columns = offered
    tail = struct.pack(">i", 4) + b"open" + struct.pack(">iqi", 8, at_us - _Y2000_US, -1)
    selection = [board.selection_id(column).bytes for column in range(board.columns)]
    head = struct.pack(">hi", 6, 2)
    sixteen, four = struct.pack(">i", 16), struct.pack(">i", 4)
    price = four + struct.pack(">i", 20_000)
    own_rows: list[int] = rows.tolist()
    own_columns: list[int] = columns.tolist()
    body = b"".join(
        head + struct.pack(">h", row + 1) + sixteen + selection[column] + price + tail
        for row, column in zip(own_rows, own_columns, strict=True)
    )
    return _SIGNATURE + body + struct.pack(">h", -1)


async def _copied(conn: psycopg.AsyncConnection[Any], encoded: bytes) -> float:
    await conn.execute("TRUNCATE plain")
    await conn.commit()
    began_s = time.perf_counter()
    async with conn.cursor() as cursor, cursor.copy(_COPY) as copy:
        await copy.write(encoded)
    await conn.commit()
    return time.perf_counter() - began_s


async def measure(endpoints: Endpoints) -> dict[str, Any]:
    """Offered rows a second of ours, by the share that changed, and of COPY."""
    await migrate.migrate(endpoints.url("owner"))
    board = board_updates.board(SOURCES, EVENTS)
    at_us = to_us(WallClock().now())
    offered = _offered(board, np.random.default_rng(1))
    encoded = _encoded(board, offered, at_us)
    worker = await Database.open(endpoints.url("worker"), purpose="bench", prepare_threshold=3)
    owner = await psycopg.AsyncConnection.connect(endpoints.url("owner"))
    try:
        await owner.execute(_PLAIN)
        # The first time every price is new to the journal: a start, which happens once.
        figures: dict[str, Any] = {
            "rows": len(offered[0]),
            "batch": BATCH,
            "new_per_s": _rate([await _ours(worker, board, offered, 1.0, at_us)]),
        }
        for name, share in CHANGED_SHARES.items():
            ours_s, copy_s = list[float](), list[float]()
            for _ in range(ROUNDS):
                at_us += 1_000_000
                ours_s.append(await _ours(worker, board, offered, share, at_us))
                copy_s.append(await _copied(owner, encoded))
            figures[name] = _figures(ours_s, copy_s)
        return figures
    finally:
        await owner.close()
        await worker.close()


def _figures(ours_s: list[float], copy_s: list[float]) -> dict[str, float]:
    ratios = [theirs / own for own, theirs in zip(ours_s, copy_s, strict=True)]
    return {
        "offered_per_s": _rate(ours_s),
        "copy_per_s": _rate(copy_s),
        "ratio": round(statistics.median(ratios), 3),
        "ratio_min": round(min(ratios), 3),
        "ratio_max": round(max(ratios), 3),
    }


def _rate(times_s: list[float]) -> int:
    return round(SOURCES * EVENTS * 3 / statistics.median(times_s))


def run() -> dict[str, Any]:
    """Measure on a server of its own."""
    with tempfile.TemporaryDirectory(
        prefix="overround-bench-", ignore_cleanup_errors=True
    ) as folder:
        Path(folder).chmod(0o711)
        patient = DatabaseSettings(statement_s=60.0)
        servers = ServersSettings(linger_s=0)
        state = Path(folder) / "state"
        settings = Settings(state=state, servers=servers, database=patient)
        with attached(settings) as endpoints:
            return asyncio.run(measure(endpoints))


def main() -> None:
    """Print one JSON object."""
    print(json.dumps({"bench": "board_ingest", **run()}))


if __name__ == "__main__":
    main()
