"""The statements of runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from psycopg.types.json import Jsonb

from overround.db import Connection

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
