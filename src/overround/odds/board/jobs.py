"""What the jobs role runs for the board: room ahead, and what is old leaves."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from overround.db import Database
from overround.odds import catalogue
from overround.odds.board import retention, store
from overround.odds.board.retention import Keeping, Piece

# Rows that one transaction deletes, and transactions that one run takes for it.
ROWS_PER_STEP: Final = 10_000
_STEPS_MAX: Final = 50


async def run_once(db: Database, keeping: Keeping, at: datetime) -> int:
    """Make the next piece of the history, drop the old ones, forget letters that were taken and
    what was refused.

    Returns how many pieces and rows it moved; what it did not manage is the next run's. Raises
    psycopg's LockNotAvailable when somebody has kept the history to himself for too long.
    """
    async with db.transaction(None) as conn:
        pieces = await store.pieces(conn)
        ahead = retention.next_piece(pieces, keeping, at)
        done = 0 if ahead is None else int(await store.make_piece(conn, *ahead))
    for piece in retention.outlived(pieces, keeping, at):
        done += await _drop(db, piece)
    done += await _forget_letters(db, at - timedelta(days=keeping.inbox_days))
    return done + await _forget_refused(db, at - timedelta(days=keeping.refused_days))


async def _drop(db: Database, piece: Piece) -> int:
    """The batches first and the piece at the end, so that what is cut short goes on where it was.

    Without its batches a file that is imported again brings the history back
    (test: what was dropped can be imported again).
    """
    deleted = 0
    for _ in range(_STEPS_MAX):
        async with db.transaction(None) as conn:
            rows = await store.trim_batches(conn, piece.from_at, piece.until_at, ROWS_PER_STEP)
            deleted += rows
            if rows < ROWS_PER_STEP:
                await store.drop_piece(conn, piece.from_at)
                return deleted + 1
    return deleted


async def _forget_letters(db: Database, before: datetime) -> int:
    async with db.transaction(None) as conn:
        return await store.trim_inbox(conn, before, ROWS_PER_STEP)


async def _forget_refused(db: Database, before: datetime) -> int:
    """The prices that the gate refused, and what feeds said that could not be read or believed."""
    async with db.transaction(None) as conn:
        prices = await store.trim_refused(conn, before, ROWS_PER_STEP)
        return prices + await catalogue.trim_quarantine(conn, before, ROWS_PER_STEP)
