"""The statements of runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from overround.db import Connection
from overround.ops.model import FoundEdge

# A run is one per tenant, files and seed.
BEGIN = """
INSERT INTO replay_run (tenant_id, id, described) VALUES (%s, %s, %s)
ON CONFLICT (tenant_id, id) DO NOTHING"""

# How far it got.
STEP = "SELECT step FROM replay_run WHERE tenant_id = %s AND id = %s"

# Each start is a row of its own.
LOG = "INSERT INTO replay_log (tenant_id, run_id, started_at, from_step) VALUES (%s, %s, %s, %s)"

# Only forwards, by one: two replays of one run cannot both do a step.
ADVANCE = (
    "UPDATE replay_run SET step = %s WHERE tenant_id = %s AND id = %s AND step = %s RETURNING id"
)

# What came out; the first finish is kept.
FINISH = """
UPDATE replay_run SET finished_at = coalesce(finished_at, %s), report = coalesce(report, %s)
WHERE tenant_id = %s AND id = %s"""

# How many events a provider has named since a time.
EVENTS_NAMED = "SELECT count(*) FROM feed_event WHERE provider = %s AND matched_at >= %s"

# Of how many events that a provider has named since a time something is known that happened.
EVENTS_DECIDED = """
SELECT count(DISTINCT r.event_id) FROM feed_event f JOIN result r ON r.event_id = f.event_id
WHERE f.provider = %s AND f.matched_at >= %s"""

# How many times a price of a provider's sources has changed since a time.
PRICES_CHANGED = """
SELECT count(*) FROM price_history h JOIN source o ON o.id = h.source_id
WHERE o.provider = %s AND h.observed_at >= %s"""

# What was found since a time on the events of a provider, with what it takes to prove it.
EDGES_FOUND = """
SELECT g.id, g.class AS kind, e.sport, m.market_type, m.period, m.line_q4, g.guaranteed_ppm, g.legs
FROM edge g
JOIN event e ON e.id = g.event_id
JOIN market m ON m.id = g.market_id
JOIN feed_event f ON f.event_id = g.event_id AND f.provider = %s
WHERE g.detected_at >= %s
ORDER BY g.detected_at, g.id"""

# The events of a provider that nothing has ended yet.
UNENDED = """
SELECT e.id FROM feed_event f JOIN event e ON e.id = f.event_id
WHERE f.provider = %s AND e.status IN ('scheduled', 'live') ORDER BY e.id"""


@dataclass(frozen=True, slots=True)
class Run:
    """A replay of one set of files for one tenant; `step` steps are committed."""

    tenant_id: UUID
    id: UUID
    step: int


async def begin_run(
    conn: Connection, tenant_id: UUID, run_id: UUID, described: str, at: datetime
) -> Run:
    """Begin the run, or find how far it got."""
    await conn.execute(BEGIN, [tenant_id, run_id, described[:500]])
    row = await (await conn.execute(STEP, [tenant_id, run_id])).fetchone()
    assert row is not None
    await conn.execute(LOG, [tenant_id, run_id, at, row[0]])
    return Run(tenant_id, run_id, row[0])


async def advance_run(conn: Connection, run: Run) -> Run:
    """Count one step, in the step's own transaction. Raises RuntimeError when another did it."""
    cursor = await conn.execute(ADVANCE, [run.step + 1, run.tenant_id, run.id, run.step])
    if await cursor.fetchone() is None:
        raise RuntimeError(f"step {run.step} of the run was done by another process")
    return Run(run.tenant_id, run.id, run.step + 1)


async def finish_run(
    conn: Connection, run: Run, at: datetime, report: Mapping[str, object]
) -> None:
    """Keep what came out."""
    await conn.execute(FINISH, [at, Jsonb(dict(report)), run.tenant_id, run.id])


async def provider_counts(conn: Connection, provider: str, since: datetime) -> tuple[int, int]:
    """(events named, prices changed) by a provider since a time."""
    counts: list[int] = []
    for statement in (EVENTS_NAMED, PRICES_CHANGED):
        row = await (await conn.execute(statement, [provider, since])).fetchone()
        assert row is not None
        counts.append(row[0])
    return counts[0], counts[1]


async def events_decided(conn: Connection, provider: str, since: datetime) -> int:
    """Of how many events that a provider has named since a time there is a result."""
    row = await (await conn.execute(EVENTS_DECIDED, [provider, since])).fetchone()
    assert row is not None
    return row[0]


async def edges_found(conn: Connection, provider: str, since: datetime) -> list[FoundEdge]:
    """What was found since a time on a provider's events, in the order in which it was."""
    async with conn.cursor(row_factory=class_row(FoundEdge)) as cursor:
        await cursor.execute(EDGES_FOUND, [provider, since])
        return await cursor.fetchall()


async def unended_events(conn: Connection, provider: str) -> list[UUID]:
    """The events of a provider that nothing has ended yet."""
    return [row[0] for row in await (await conn.execute(UNENDED, [provider])).fetchall()]
