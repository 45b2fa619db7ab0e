"""What the jobs role runs for edges: what has been over for long is forgotten."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from overround.db import Database
from overround.odds.edges import service

# Transactions that one run takes for it; what it did not manage is the next run's.
_STEPS_MAX: Final = 20


async def run_once(db: Database, kept: timedelta, at: datetime) -> int:
    """Forget edges that have been over for longer than `kept`; returns how many."""
    forgotten = 0
    for _ in range(_STEPS_MAX):
        async with db.transaction(None) as conn:
            rows = await service.forget(conn, at, kept)
        forgotten += rows
        if rows < service.FORGOTTEN_MAX:
            break
    return forgotten
