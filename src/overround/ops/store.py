"""The statements of runs and of health."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import LiteralString
from uuid import UUID

from psycopg.rows import class_row, dict_row
from psycopg.types.json import Jsonb

from overround.db import Connection, facts, work
from overround.odds.feeds import Outcome
from overround.ops import rules
from overround.ops.model import (
    Alert,
    Asked,
    Counted,
    FoundEdge,
    Held,
    Life,
    Replica,
    ReportKind,
    Server,
    Standing,
    Storage,
    Waiting,
    Written,
)

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

# How many prices of a provider's sources have ever changed: counted where they are journalled.
PRICES_CHANGED = "SELECT coalesce(sum(changes), 0)::bigint FROM source WHERE provider = %s"

# What was found since a time on the events of a provider, with what it takes to prove it.
EDGES_FOUND = """
SELECT g.id, g.class AS kind, e.sport, m.market_type, m.period, m.line_q4, g.guaranteed_ppm, g.legs
FROM edge g
JOIN event e ON e.id = g.event_id
JOIN market m ON m.id = g.market_id
JOIN feed_event f ON f.event_id = g.event_id AND f.provider = %s
WHERE g.detected_at >= %s AND g.kind = 'arbitrage'
ORDER BY g.detected_at, g.id"""

# The events of a provider that nothing has ended yet.
UNENDED = """
SELECT e.id FROM feed_event f JOIN event e ON e.id = f.event_id
WHERE f.provider = %s AND e.status IN ('scheduled', 'live', 'postponed') ORDER BY e.id"""

# One more outcome of its hour.
RECORD = """
INSERT INTO provider_hour AS h (provider, sport, hour, polls, ok, states, rows_read, events, prices,
    rejected, body_bytes, took_ms, took_ms_max, last_at, last_state, last_ok_at, quota_left)
VALUES (%(provider)s, %(sport)s, %(hour)s, 1, %(ok)s, %(states)s, %(rows)s, %(events)s, %(prices)s,
    %(rejected)s, %(bytes)s, %(took)s, %(took)s, %(at)s, %(state)s, %(ok_at)s, %(quota)s)
ON CONFLICT (provider, sport, hour) DO UPDATE
SET polls = h.polls + 1, ok = h.ok + EXCLUDED.ok,
    states = counts_added_v1(h.states, EXCLUDED.states),
    rows_read = h.rows_read + EXCLUDED.rows_read, events = h.events + EXCLUDED.events,
    prices = h.prices + EXCLUDED.prices,
    rejected = counts_added_v1(h.rejected, EXCLUDED.rejected),
    body_bytes = h.body_bytes + EXCLUDED.body_bytes, took_ms = h.took_ms + EXCLUDED.took_ms,
    took_ms_max = greatest(h.took_ms_max, EXCLUDED.took_ms_max),
    last_at = greatest(h.last_at, EXCLUDED.last_at),
    last_state = CASE WHEN h.last_at > EXCLUDED.last_at THEN h.last_state
                      ELSE EXCLUDED.last_state END,
    last_ok_at = greatest(h.last_ok_at, EXCLUDED.last_ok_at),
    quota_left = coalesce(EXCLUDED.quota_left, h.quota_left)"""

# What came of asking since a time, by provider and sport. What was last is that of the last hour.
ASKED = """
SELECT provider, sport, sum(polls)::bigint AS polls, sum(ok)::bigint AS ok,
       (array_agg(states ORDER BY hour)) AS states, sum(rows_read)::bigint AS rows_read,
       sum(events)::bigint AS events, sum(prices)::bigint AS prices,
       (array_agg(rejected ORDER BY hour)) AS rejected, sum(body_bytes)::bigint AS body_bytes,
       sum(took_ms)::bigint AS took_ms, max(took_ms_max) AS took_ms_max, max(last_at) AS last_at,
       (array_agg(last_state ORDER BY last_at DESC))[1] AS last_state,
       max(last_ok_at) AS last_ok_at,
       (array_agg(quota_left ORDER BY last_at DESC) FILTER (WHERE quota_left IS NOT NULL))[1]
           AS quota_left
FROM provider_hour WHERE hour >= %s GROUP BY provider, sport ORDER BY provider, sport"""

# The prices that stand on events ahead or in play, and how old: by provider, by source, and by
# sport and market. A price that did not change was seen last with its provider's last snapshot.
STANDING = """
WITH on_board AS (
    SELECT id, sport FROM event
    WHERE status IN ('scheduled', 'live') AND starts_at > %(at)s::timestamptz - interval '1 day'),
seen AS (
    SELECT b.event_id, b.provider, max(b.observed_at) AS at
    FROM on_board e JOIN feed_batch b ON b.event_id = e.id
    WHERE b.snapshot GROUP BY b.event_id, b.provider),
aged AS (
    SELECT o.provider, o.key AS source, e.sport, m.market_type, e.id AS event_id, p.state,
           greatest(0, extract(epoch FROM %(at)s::timestamptz - greatest(p.observed_at, seen.at))
               * 1000)::bigint AS age_ms
    FROM on_board e
    JOIN market m ON m.event_id = e.id
    JOIN selection s ON s.market_id = m.id
    JOIN price p ON p.selection_id = s.id
    JOIN source o ON o.id = p.source_id
    LEFT JOIN seen ON seen.event_id = e.id AND seen.provider = o.provider
    WHERE p.state <> 'withdrawn')
SELECT provider, source, sport, market_type, count(*) AS prices,
       count(*) FILTER (WHERE state = 'open') AS open_prices,
       count(DISTINCT event_id) AS events,
       percentile_disc(0.5) WITHIN GROUP (ORDER BY age_ms) AS p50_ms,
       percentile_disc(0.95) WITHIN GROUP (ORDER BY age_ms) AS p95_ms
FROM aged
GROUP BY GROUPING SETS ((provider), (provider, source), (provider, sport, market_type))
ORDER BY provider, source NULLS FIRST, sport NULLS FIRST, market_type"""

# What feeds were refused since a time. The ids of quarantine are by time, and that is its index.
QUARANTINED = """
SELECT provider, reason, count(*) AS count, min(recorded_at) AS oldest_at
FROM quarantine WHERE id >= %(since_id)s GROUP BY provider, reason
UNION ALL
SELECT o.provider, r.reason, count(*), min(r.refused_at)
FROM price_refused r JOIN source o ON o.id = r.source_id
WHERE r.refused_at >= %(since)s GROUP BY o.provider, r.reason
ORDER BY provider, count DESC, reason"""

# Which events nobody has decided about yet; what is no event of ours at all waits for nobody.
QUEUE = """
SELECT provider, reason, count(*) AS count, min(queued_at) AS oldest_at
FROM match_queue WHERE kind <> 'unmatched'
GROUP BY provider, reason ORDER BY provider, count DESC, reason"""

# What was handed to the hub and not taken.
INBOX = "SELECT count(*) AS count, min(received_at) AS oldest_at FROM inbox WHERE taken_at IS NULL"

# Settlements that are due, and those that nobody tries any more.
SETTLE = """
SELECT count(*) FILTER (WHERE attempts < %(tries)s) AS count,
       min(due_at) FILTER (WHERE attempts < %(tries)s) AS oldest_at,
       count(*) FILTER (WHERE attempts >= %(tries)s) AS stuck
FROM work_due WHERE kind = 'settle' AND due_at <= %(at)s"""

# Which processes said that they live.
LIVES = "SELECT role, holder, version, since, beat_at, facts FROM role_life ORDER BY role, since"

# Who holds what; on the database's clock, as leases are.
LEASES = """
SELECT name, holder, expires_at FROM lease WHERE expires_at > clock_timestamp() ORDER BY name"""

# What the database is and weighs.
STORAGE = """
SELECT current_setting('server_version') AS version,
       pg_database_size(current_database()) AS size_bytes,
       coalesce(sum(size_bytes), 0)::bigint AS history_bytes,
       count(*) AS history_pieces, min(from_at) AS history_from
FROM price_history_pieces_v1()"""

# A process says that it lives, or ends.
BEAT = "SELECT role_beat_v1(%s, %s, %s, %s, %s, %s)"

# The last report of a kind.
REPORT = "SELECT report, made_at, took_ms FROM status_report WHERE kind = %s"

# The report takes the place of the one before.
WRITE_REPORT = """
INSERT INTO status_report (kind, made_at, took_ms, report) VALUES (%s, %s, %s, %s)
ON CONFLICT (kind) DO UPDATE
SET made_at = EXCLUDED.made_at, took_ms = EXCLUDED.took_ms, report = EXCLUDED.report"""

# Every finding that stands or was not told yet.
ALERTS = """
SELECT code, subject, level, detail, state, raised_at, changed_at, told_at FROM alert
ORDER BY raised_at, code, subject"""

# How a finding stands now. What was told stays told until it changes.
PUT_ALERT = """
INSERT INTO alert (code, subject, level, detail, state, raised_at, changed_at, told_at)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s)
ON CONFLICT (code, subject) DO UPDATE
SET level = EXCLUDED.level, detail = EXCLUDED.detail, state = EXCLUDED.state,
    raised_at = EXCLUDED.raised_at, changed_at = EXCLUDED.changed_at, told_at = EXCLUDED.told_at"""

# The sinks took the state of that moment; a later one has to be told anew.
TOLD_ALERT = """
UPDATE alert SET told_at = %s
WHERE code = %s AND subject = %s AND state = %s AND changed_at = %s"""

# What has gone and was told is over.
FORGET_ALERTS = "DELETE FROM alert WHERE state = 'cleared' AND told_at IS NOT NULL"

# Processes that were killed long ago.
FORGET_LIVES = "DELETE FROM role_life WHERE beat_at < %s"

# Hours of long ago.
FORGET_HOURS = "DELETE FROM provider_hour WHERE hour < %s"

# Reasons are stable words and few; what a broken provider makes up beyond that is one word.
_REASONS_MAX = 40
_WORD_CHARS_MAX = 60


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


async def events_named(conn: Connection, provider: str, since: datetime) -> int:
    """How many events a provider has named since a time."""
    row = await (await conn.execute(EVENTS_NAMED, [provider, since])).fetchone()
    assert row is not None
    return row[0]


async def prices_changed(conn: Connection, provider: str) -> int:
    """How many prices of a provider have ever changed."""
    row = await (await conn.execute(PRICES_CHANGED, [provider])).fetchone()
    assert row is not None
    return row[0]


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


async def record(conn: Connection, outcome: Outcome) -> None:
    """Add an outcome to its provider's hour."""
    at = outcome.at
    word = outcome.state[:_WORD_CHARS_MAX] or "unnamed"
    await conn.execute(
        RECORD,
        {
            "provider": outcome.provider[:_WORD_CHARS_MAX],
            "sport": outcome.sport[:_WORD_CHARS_MAX],
            "hour": at.replace(minute=0, second=0, microsecond=0),
            "ok": int(outcome.succeeded),
            "states": Jsonb({word: 1}),
            "rows": outcome.rows,
            "events": outcome.events,
            "prices": outcome.prices,
            "rejected": Jsonb(_few(outcome.rejected)),
            "bytes": outcome.body_bytes,
            "took": outcome.took_ms,
            "at": at,
            "state": word,
            "ok_at": at if outcome.succeeded else None,
            "quota": outcome.quota_left,
        },
    )


def _few(counts: Mapping[str, int]) -> dict[str, int]:
    """The most frequent words, the others together as `other`."""
    ranked = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
    few = {word[:_WORD_CHARS_MAX]: count for word, count in ranked[:_REASONS_MAX]}
    others = sum(count for _, count in ranked[_REASONS_MAX:])
    return few | ({"other": few.get("other", 0) + others} if others else {})


async def asked(conn: Connection, since: datetime) -> list[Asked]:
    """What came of asking since the hour of a time, by provider and sport."""
    async with conn.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(ASKED, [since.replace(minute=0, second=0, microsecond=0)])
        rows = await cursor.fetchall()
    for row in rows:
        row |= {"states": _added(row["states"]), "rejected": _added(row["rejected"])}
    return [Asked(**row) for row in rows]


def _added(counts: Sequence[Mapping[str, int]]) -> dict[str, int]:
    total: Counter[str] = Counter()
    for one in counts:
        total.update(one)
    return dict(total)


async def standing(conn: Connection, at: datetime) -> list[Standing]:
    """The prices that stand, by provider, by source, and by sport and market, with their ages."""
    async with conn.cursor(row_factory=class_row(Standing)) as cursor:
        await cursor.execute(STANDING, {"at": at})
        return await cursor.fetchall()


async def quarantined(conn: Connection, since: datetime) -> list[Counted]:
    """What feeds were refused since a time, by provider and reason."""
    async with conn.cursor(row_factory=class_row(Counted)) as cursor:
        await cursor.execute(QUARANTINED, {"since": since, "since_id": rules.first_id(since)})
        return await cursor.fetchall()


async def queue(conn: Connection) -> list[Counted]:
    """The events nobody has decided about, by provider and reason."""
    async with conn.cursor(row_factory=class_row(Counted)) as cursor:
        await cursor.execute(QUEUE)
        return await cursor.fetchall()


async def inbox(conn: Connection) -> Waiting:
    """What waits for the hub."""
    return await _waiting(conn, INBOX, {})


async def settle(conn: Connection, at: datetime) -> Waiting:
    """The settlements that are due at `at`, of all tenants together."""
    return await _waiting(conn, SETTLE, {"at": at, "tries": work.ATTEMPTS_MAX})


async def _waiting(
    conn: Connection, statement: LiteralString, asked: Mapping[str, object]
) -> Waiting:
    async with conn.cursor(row_factory=class_row(Waiting)) as cursor:
        await cursor.execute(statement, asked)
        found = await cursor.fetchone()
    assert found is not None
    return found


async def lives(conn: Connection) -> list[Life]:
    """The processes that said they live."""
    async with conn.cursor(row_factory=class_row(Life)) as cursor:
        await cursor.execute(LIVES)
        return await cursor.fetchall()


async def leases(conn: Connection) -> list[Held]:
    """The leases that are held now."""
    async with conn.cursor(row_factory=class_row(Held)) as cursor:
        await cursor.execute(LEASES)
        return await cursor.fetchall()


async def storage(conn: Connection) -> Storage:
    """What the database is and weighs."""
    async with conn.cursor(row_factory=class_row(Storage)) as cursor:
        await cursor.execute(STORAGE)
        found = await cursor.fetchone()
    assert found is not None
    return found


async def beat(
    conn: Connection,
    holder: str,
    role: str,
    version: str,
    at: datetime,
    said: Mapping[str, object],
    *,
    ends: bool = False,
) -> None:
    """A process says that it lives, or that it ends."""
    await conn.execute(BEAT, [holder, role, version, at, Jsonb(dict(said)), ends])


async def last_report(conn: Connection, kind: ReportKind) -> Written | None:
    """The last report of a kind, if there was one."""
    async with conn.cursor(row_factory=class_row(Written)) as cursor:
        await cursor.execute(REPORT, [kind])
        return await cursor.fetchone()


async def write_report(conn: Connection, kind: ReportKind, written: Written) -> None:
    """Put a report in the place of the last one of its kind."""
    said = [kind, written.made_at, written.took_ms, Jsonb(written.report)]
    await conn.execute(WRITE_REPORT, said)


async def forget(conn: Connection, lives_before: datetime, hours_before: datetime) -> int:
    """Delete processes and hours of long ago; returns how many rows."""
    gone = (await conn.execute(FORGET_LIVES, [lives_before])).rowcount
    return gone + (await conn.execute(FORGET_HOURS, [hours_before])).rowcount


async def server(conn: Connection) -> Server:
    """The database server: connections, replicas, archiving, rows inserted."""
    replicas = [Replica(*row) for row in await facts.replicas(conn)]
    inserted = await facts.inserted(conn)
    return Server(**await facts.server(conn), replicas=replicas, inserted=inserted)


async def alerts(conn: Connection) -> list[Alert]:
    """The findings that stand, and those that have gone and were not told yet."""
    async with conn.cursor(row_factory=class_row(Alert)) as cursor:
        await cursor.execute(ALERTS)
        return await cursor.fetchall()


async def put_alert(conn: Connection, alert: Alert) -> None:
    """Write down how a finding stands."""
    written = [alert.code, alert.subject, alert.level, alert.detail, alert.state]
    times = [alert.raised_at, alert.changed_at, alert.told_at]
    await conn.execute(PUT_ALERT, [*written, *times])


async def told_alert(conn: Connection, alert: Alert, at: datetime) -> None:
    """The sinks took it; what is over is forgotten."""
    state = [alert.code, alert.subject, alert.state, alert.changed_at]
    await conn.execute(TOLD_ALERT, [at, *state])
    await conn.execute(FORGET_ALERTS)
