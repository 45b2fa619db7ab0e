"""How long a suspension takes while 32 clients bet on its event over HTTP.

    overround bench suspension; a part of overround bench bets

Players bet on one event without a pause, through one api; meanwhile the office switches the event
off, and it is laid again. What is timed is the office's whole transaction, to the commit after
which no bet is taken: `suspension_ms` is the median. `suspension_late` counts the bets that were
taken between such a commit and the reopening, by the database's clock; none may be. A suspension
before which nobody had bet since the last is not counted.

`tests/proofs/crowded.py` does the same without the api, by 32 transactions of one slip each: there
a suspension waits for as many commits as stand in a row for one selection's liability.
"""

from __future__ import annotations

import asyncio
import json
import random
import statistics
import time
from bisect import bisect
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from benchmarks import bets
from benchmarks.bets import Bench
from benchmarks.bets_house import PRICE_E4, House
from overround.betting import offers
from overround.betting.offers import OfferState, Setting
from overround.betting.offers import store as offers_store
from overround.db import Connection, Database
from overround.roles.attach import Endpoints

SECONDS: Final = 12.0
# So long the event is open, and so long shut: the api hears of both meanwhile.
OPEN_S: Final = 0.2
SHUT_S: Final = 0.05

EVENT_OF = "SELECT event_id FROM selection WHERE id = %s"
CLOCK = "SELECT clock_timestamp()"
PLACED = """
SELECT b.placed_at FROM leg l JOIN bet b ON b.tenant_id = l.tenant_id AND b.id = l.bet_id
WHERE l.tenant_id = %s AND l.event_id = %s ORDER BY b.placed_at"""


@dataclass(frozen=True, slots=True)
class Shut:
    """One suspension: from the reopening before it, the commit, and the reopening after."""

    took_ms: float
    opened_at: datetime
    shut_at: datetime
    reopened_at: datetime


def measured(
    bench: Bench, endpoints: Endpoints, house: House, selections: Sequence[UUID]
) -> dict[str, Any]:
    """The figures, on an api that runs; `selections` are those of one event."""
    rng = random.Random("suspension")
    path = bench.folder / "suspension.txt"
    path.write_text(
        "".join(
            bets.single(house.name, rng.randint(1, len(house.players)), rng.choice(selections))
            + "\n"
            for _ in range(bets.REQUESTS)
        )
    )
    with ThreadPoolExecutor(1) as pool:
        betting = pool.submit(bench.press, path, seconds=SECONDS)
        seen, placed = asyncio.run(_office(endpoints, house, selections, betting.done))
        answered = betting.result()
    heard = [one for one in seen if _between(placed, one.opened_at, one.shut_at)]
    took_ms = [one.took_ms for one in heard]
    if not took_ms:
        raise SystemExit(f"nobody bet before any of {len(seen)} suspensions: {answered}")
    return {
        "suspension_ms": round(statistics.median(took_ms), 1),
        "suspension_ms_max": round(max(took_ms), 1),
        "suspensions": len(took_ms),
        "suspension_bets": answered["accepted"],
        "suspension_late": sum(_between(placed, one.shut_at, one.reopened_at) for one in seen),
    }


def _between(placed: Sequence[datetime], first: datetime, last: datetime) -> int:
    return bisect(placed, last) - bisect(placed, first)


async def _office(
    endpoints: Endpoints, house: House, selections: Sequence[UUID], is_over: Callable[[], bool]
) -> tuple[list[Shut], list[datetime]]:
    """Switch the event off and lay it again until the load is over; when its bets were placed."""
    app = await Database.open(endpoints.url("app"), purpose="office", size_min=1)
    worker = await Database.open(endpoints.url("worker"), purpose="hub", size_min=1)
    seen: list[Shut] = []
    try:
        async with worker.reading(house.id) as conn:
            row = await (await conn.execute(EVENT_OF, [selections[0]])).fetchone()
            assert row is not None
            event_id: UUID = row[0]
            opened_at = await _clock(conn)
        while not is_over():
            await asyncio.sleep(OPEN_S)
            began_s = time.perf_counter()
            await _switch(app, house, event_id, is_on=False)
            took_ms = 1000 * (time.perf_counter() - began_s)
            async with worker.reading(house.id) as conn:
                shut_at = await _clock(conn)
            await asyncio.sleep(SHUT_S)
            async with worker.reading(house.id) as conn:
                reopened_at = await _clock(conn)
            await _switch(app, house, event_id, is_on=True)
            laid: list[tuple[UUID, int, OfferState]] = [
                (one, PRICE_E4, "open") for one in sorted(selections)
            ]
            async with worker.transaction(None) as conn:
                await offers_store.write(conn, house.book_id, laid, datetime.now(UTC))
            seen.append(Shut(took_ms, opened_at, shut_at, reopened_at))
            opened_at = reopened_at
        async with worker.reading(house.id) as conn:
            rows = await (await conn.execute(PLACED, [house.id, event_id])).fetchall()
    finally:
        await app.close()
        await worker.close()
    return seen, [row[0] for row in rows]


async def _switch(app: Database, house: House, event_id: UUID, *, is_on: bool) -> None:
    setting = Setting("event", str(event_id), is_on, None, 10_000)
    async with app.transaction(house.id) as conn:
        await offers.switch(conn, house.id, setting, datetime.now(UTC))


async def _clock(conn: Connection) -> datetime:
    row = await (await conn.execute(CLOCK)).fetchone()
    assert row is not None
    return row[0]


def alone(endpoints: Endpoints, state: Path, folder: Path) -> dict[str, Any]:
    """By itself, on servers of its own."""
    bench = Bench(endpoints, folder, bets.compiled(folder))
    houses, selections, _ = bets.furnished(endpoints, tenants=0)
    with bets.api(bench, state):
        warm = bets.requests_of(folder, "warm", houses, bets.PLAYERS, selections)
        bench.ask("warm", warm)
        return measured(bench, endpoints, houses[0], selections[:3])


def main() -> None:
    """Print one JSON object."""
    print(json.dumps({"bench": "suspension", **bets.on_servers(alone)}))


if __name__ == "__main__":
    main()
