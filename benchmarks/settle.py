"""Settlement at speed: 100,000 open bets of one event, two settlers, one of them killed twice.

The time runs from the commit of the result to the last payout, by the database's clock. Beside it,
in turns: bets settled in sets against bets settled each in a transaction of its own.

    overround bench settle              BETS=100000
"""

from __future__ import annotations

import asyncio
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import psycopg

from benchmarks.bets import postgres_cpu_s
from benchmarks.bets_house import House, add_events, add_house, analysed
from benchmarks.rounds import compare
from overround.betting import bets
from overround.betting.bets import Slip, SlipLeg
from overround.betting.settlement import jobs, service
from overround.cli import books
from overround.core import ids
from overround.db import Database, logins, migrate, work
from overround.kit import logs
from overround.kit.settings import ServersSettings, Settings
from overround.odds import catalogue
from overround.odds.catalogue import Happened
from overround.roles.attach import attached

BETS: Final = int(os.environ.get("BETS", "100000"))
PLAYERS: Final = 5_000
SAMPLE: Final = 500
ROUNDS: Final = 5
AT: Final = datetime(2026, 1, 1, 12, tzinfo=UTC)
ENDED: Final = AT + timedelta(days=2)
PRICE_E4: Final = 25_000
STEP_S: Final = 1.5

# The first selection of each of our events is `home`.
HOMES = "SELECT id, event_id FROM selection WHERE side = 'home' ORDER BY event_id"

# From the commit of the result to the last payout.
SECONDS = """
SELECT extract(epoch FROM max(t.recorded_at) - %s::timestamptz)::float8 FROM transfer t
WHERE t.code IN ('payout', 'stake_take') AND t.at = %s"""


def main() -> None:
    """Print one JSON object, or be one of the settlers (`--settler URL`)."""
    logs.configure("warning")
    if sys.argv[1:2] == ["--settler"]:
        asyncio.run(_settler(sys.argv[2]))
        return
    with tempfile.TemporaryDirectory(prefix="overround-bench-") as folder:
        Path(folder).chmod(0o711)
        settings = Settings(state=Path(folder) / "state", servers=ServersSettings(linger_s=0))
        with attached(settings) as endpoints:
            asyncio.run(migrate.migrate(endpoints.url("owner")))
            superuser = endpoints.superuser_url(logins.DATABASE)
            with psycopg.connect(superuser, autocommit=True) as conn:
                house = _house(conn)
                homes = conn.execute(HOMES).fetchall()
            home = settings.state / "servers" / "postgres"
            postmaster = int((home / "postmaster.pid").read_text().split()[0])
            figures = asyncio.run(_run(endpoints.url("worker"), postmaster, house, homes))
    print(json.dumps({"bench": "settle", **figures}))


def _house(conn: psycopg.Connection[Any]) -> House:
    add_events(conn, 3, AT)
    house = add_house(conn, "bench", PLAYERS, AT)
    analysed(conn)
    return house


async def _run(
    url: str, postmaster: int, house: House, homes: Sequence[tuple[UUID, UUID]]
) -> dict[str, Any]:
    (big, event_id), (other, _), (small, sample_id) = homes
    async with _opened(url, 4) as db:
        placing_s = await _place(db, house, _slips(house, "big", BETS, big, other))
        count = 2 * SAMPLE * (ROUNDS + 1)
        await _place(db, house, _slips(house, "small", count, small, other))
        told_at = await _result(db, house, event_id)
        before_s = postgres_cpu_s(postmaster), _settlers_cpu_s()
        await _settle_by_two(url, db)
        after_s = postgres_cpu_s(postmaster), _settlers_cpu_s()
        async with db.reading(house.id) as conn:
            row = await (await conn.execute(SECONDS, [told_at, ENDED])).fetchone()
        left = await _open_singles(db, house)
        await _result(db, house, sample_id)
        async with db.reading(house.id) as conn:
            touched = await service.touched(conn, house.id, [sample_id], ENDED)
        sets = await asyncio.to_thread(_in_sets_and_alone, url, house, touched)
        async with db.transaction(None) as conn:
            await work.done(conn, "settle", house.id, [sample_id])
        async with db.transaction(house.id) as conn:
            violations = await books.violations(conn, house.id, deep=True)
    for one in violations:
        sys.stderr.write(f"{one.invariant}: {one.subject}: {one.found}\n")
    assert row is not None
    return {
        "seconds": round(row[0], 2),
        "bets": BETS,
        "open_after": left,
        "settlers": 2,
        "killed": 2,
        "cpu_us_postgres": round((after_s[0] - before_s[0]) * 1e6 / BETS, 1),
        "cpu_us_settlers": round((after_s[1] - before_s[1]) * 1e6 / BETS, 1),
        "placed_per_s": round(BETS / placing_s),
        "ratio_one_by_one": sets["ratio"],
        "in_sets_per_s": sets["ours_per_s"],
        "one_by_one_per_s": sets["reference_per_s"],
        "violations": len(violations),
    }


def _slips(house: House, name: str, count: int, home: UUID, other: UUID) -> Iterator[list[Slip]]:
    """Portions of 64: four of five singles, the fifth a double with an event that is still open."""
    legs = SlipLeg(home, PRICE_E4), SlipLeg(other, PRICE_E4)
    slips = (
        Slip(
            ids.derived(AT + timedelta(milliseconds=n), name, str(n)),
            house.players[n % len(house.players)],
            f"{name}-{n}",
            legs if n % 5 == 0 else legs[:1],
            100 + n % 900,
            AT,
        )
        for n in range(count)
    )
    while portion := list(islice(slips, 64)):
        yield portion


async def _place(db: Database, house: House, portions: Iterator[list[Slip]]) -> float:
    began_s = time.perf_counter()
    for portion in portions:
        async with db.transaction(house.id) as conn:
            answers = await bets.place_at(conn, house.id, portion)
        assert all(answer.kind == "accepted" for answer in answers), answers[0]
    return time.perf_counter() - began_s


async def _result(db: Database, house: House, event_id: UUID) -> datetime:
    """The home side wins; returns when that was committed, by the database's clock."""
    happened = Happened(event_id, "finished", {"ft": (1, 0)}, "bench", ENDED)
    async with db.transaction(None) as conn:
        await catalogue.record_results(conn, [happened])
        await work.put(conn, "settle", [house.id], {event_id: (1, ENDED)})
    async with db.reading(None) as conn:
        row = await (await conn.execute("SELECT clock_timestamp()")).fetchone()
    assert row is not None
    return row[0]


async def _settle_by_two(url: str, db: Database) -> None:
    """Two settlers until nothing is due; the second is killed, and started again, twice."""
    settlers = [_start(url), _start(url)]
    try:
        for _ in range(2):
            await asyncio.sleep(STEP_S)
            settlers[1].kill()
            settlers[1].wait()
            settlers[1] = _start(url)
        await _until_done(db)
    finally:
        for settler in settlers:
            settler.kill()
            settler.wait()


def _settlers_cpu_s() -> float:
    """Processor seconds of the settlers that have ended, the killed ones too."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _start(url: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-m", "benchmarks.settle", "--settler", url])


async def _settler(url: str) -> None:
    async with _opened(url, 1) as db:
        while True:
            if await jobs.run_once(db, ENDED) is None:
                await asyncio.sleep(0.02)


async def _until_done(db: Database) -> None:
    due = 1
    while due:
        async with db.reading(None) as conn:
            row = await (
                await conn.execute("SELECT count(*), pg_sleep(0.1) FROM work_due")
            ).fetchone()
        assert row is not None
        due = row[0]


async def _open_singles(db: Database, house: House) -> int:
    query = """
    SELECT count(*) FROM bet b JOIN leg l ON l.tenant_id = b.tenant_id AND l.bet_id = b.id
    WHERE b.tenant_id = %s AND b.kind = 'single' AND b.status = 'open' AND l.grade IS NOT NULL"""
    async with db.reading(house.id) as conn:
        row = await (await conn.execute(query, [house.id])).fetchone()
    assert row is not None
    return row[0]


def _in_sets_and_alone(url: str, house: House, touched: Sequence[UUID]) -> dict[str, float]:
    """Portions of the same bets, in turns: one transaction for all, or one for each."""
    left = iter(touched)

    def portion() -> list[UUID]:
        return list(islice(left, SAMPLE))

    with asyncio.Runner() as runner:
        db = runner.run(
            Database.open(url, purpose="bench", size_min=1, size_max=1, prepare_threshold=3)
        )

        async def settle(portions: Sequence[Sequence[UUID]]) -> int:
            for portion in portions:
                async with db.transaction(house.id) as conn:
                    await service.settle_bets(conn, house.id, portion, ENDED)
            return SAMPLE

        try:
            return compare(
                lambda: runner.run(settle([portion()])),
                lambda: runner.run(settle([[bet_id] for bet_id in portion()])),
                ROUNDS,
            )
        finally:
            runner.run(db.close())


@asynccontextmanager
async def _opened(url: str, connections: int) -> AsyncGenerator[Database]:
    """A pool of the worker login, closed at the end."""
    db = await Database.open(
        url, purpose="bench", size_min=1, size_max=connections, prepare_threshold=3
    )
    try:
        yield db
    finally:
        await db.close()


if __name__ == "__main__":
    main()
