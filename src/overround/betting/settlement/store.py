"""The statements of settlement. Paying is the schema function `bets_settle_v1`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from psycopg.rows import class_row

from overround.betting.settlement.model import (
    Asked,
    BetOn,
    Desk,
    Graded,
    Movement,
    Ruled,
    Ruling,
    StoredLeg,
    StoredRuling,
    Verdict,
    WaitsFor,
)
from overround.db import Connection, work
from overround.odds.catalogue import Result

# The bets that what is known about some events would touch.
TOUCHED = "SELECT bets_touched_v1(%s, %s, %s, %s)"

# Which of some bets the event has not reached yet: another settler may have been here first.
UNSETTLED = """
SELECT DISTINCT l.bet_id FROM leg l
WHERE l.tenant_id = %s AND l.bet_id = ANY(%s) AND l.event_id = %s
  AND (l.grade IS NULL OR l.result_version <> %s OR l.ruling_version <> %s)
ORDER BY l.bet_id"""

# All bets with a leg on an event, for a preview of what a ruling would do.
ON_EVENT = """
SELECT DISTINCT bet_id FROM leg WHERE tenant_id = %s AND event_id = %s ORDER BY bet_id"""

# Bets and their players' money, locked before anything is read. Where it is waited, two settlers
# that each grade one leg of a combo see each other's grade, or neither would pay it
# (test: two results of one combo).
LOCK_BETS = "SELECT bets_lock_v1(%s, %s, %s)"

# All legs of the locked bets, in a statement of its own so that it sees what the locks waited for.
LEGS = """
SELECT l.bet_id, b.user_id, l.n, l.event_id, l.market_id, l.selection_id, e.sport, m.market_type,
       m.period, m.line_q4, s.side, l.price_e4, l.grade, l.result_version, l.ruling_version,
       b.outcome, b.payout_minor,
       b.stake_minor - coalesce(b.cashed_stake_minor, 0) AS stake_minor,
       b.payout_rounding, b.placed_at, coalesce(b.cashed_minor, 0) AS cashed_minor,
       b.sizes, l.banker, l.dead_heat, l.place_terms, l.place_grade, l.place_dead_heat
FROM leg l
JOIN bet b ON b.tenant_id = l.tenant_id AND b.id = l.bet_id AND b.status IN ('open', 'settled')
JOIN event e ON e.id = l.event_id
JOIN market m ON m.id = l.market_id
JOIN selection s ON s.id = l.selection_id
WHERE l.tenant_id = %s AND l.bet_id = ANY(%s) ORDER BY l.bet_id, l.n"""

# The tenant's bets that settling may touch, a portion after another, for whoever recomputes them.
BETS_AFTER = """
SELECT id FROM bet WHERE tenant_id = %s AND id > %s AND status IN ('open', 'settled')
ORDER BY id LIMIT %s"""

# Grades and payouts of a batch, with their money, in one call.
SETTLE = "SELECT bets_settle_v1(%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"

# Whoever rules about an event is alone, and no bet on it is placed meanwhile.
LOCK_EVENT = "SELECT pg_advisory_xact_lock(event_key(%s))"

# How often the tenant has changed its word about events, and what of it holds.
RULED = """
SELECT event_id,
       max(greatest(effective_version, coalesce(lifted_version, 0))) OVER event AS version, state,
       kind, market_id, selection_id, placed_from, placed_to
FROM ruling WHERE tenant_id = %s AND event_id = ANY(%s) AND effective_version IS NOT NULL
WINDOW event AS (PARTITION BY event_id)"""

# A ruling as it was proposed; the same person's same key makes no second one.
PROPOSE = """
INSERT INTO ruling (tenant_id, id, event_id, kind, market_id, selection_id, placed_from, placed_to,
    reason, state, bets, moved_minor, proposed_by, proposed_at, key, body_sha256)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, 'proposed', %s, %s, %s, %s, %s, %s)
ON CONFLICT ON CONSTRAINT ruling_key DO NOTHING"""

# What a key of a person's stands for.
BY_KEY = """
SELECT id, body_sha256 FROM ruling WHERE tenant_id = %s AND proposed_by = %s AND key = %s"""

# It takes effect, or is refused, by the one who decides.
DECIDE = """
UPDATE ruling SET state = %s, decided_by = %s, decided_at = %s, effective_version = %s
WHERE tenant_id = %s AND id = %s AND state = 'proposed'"""

# It holds no more.
LIFT = """
UPDATE ruling SET state = 'lifted', lifted_by = %s, lifted_at = %s, lifted_version = %s
WHERE tenant_id = %s AND id = %s AND state = 'effective'"""

# The event is settled anew by whoever settles.
DUE = "SELECT work_due_v1('settle', %s, %s, %s)"

# One ruling, locked for whoever decides about it.
RULING = """
SELECT id, event_id, kind, market_id, selection_id, placed_from, placed_to, reason, state, bets,
       moved_minor, proposed_by, proposed_at, decided_by, decided_at, lifted_by, lifted_at
FROM ruling WHERE tenant_id = %s AND id = %s FOR UPDATE"""

# A page of them, newest first; ids are made in order of time.
RULINGS = """
SELECT id, event_id, kind, market_id, selection_id, placed_from, placed_to, reason, state, bets,
       moved_minor, proposed_by, proposed_at, decided_by, decided_at, lifted_by, lifted_at
FROM ruling
WHERE tenant_id = %(tenant)s AND (%(before)s::uuid IS NULL OR id < %(before)s)
  AND (%(state)s::text IS NULL OR state = %(state)s)
  AND (NOT %(decided)s OR state <> 'proposed')
  AND (%(event)s::uuid IS NULL OR event_id = %(event)s)
ORDER BY id DESC LIMIT %(limit)s"""

# Events that have begun with open legs on them, oldest first, and what each waits for. Confirmed
# words of two providers that disagree are a contradiction until a person has spoken.
WAITING = """
SELECT e.id AS event_id, e.sport, c.name AS competition, e.home, e.away, e.starts_at, e.status,
       w.waits_for, l.bets, l.stakes_minor
FROM event e
JOIN competition c ON c.id = e.competition_id
JOIN LATERAL (
    SELECT count(*)::integer AS bets, sum(b.stake_minor)::bigint AS stakes_minor
    FROM leg g JOIN bet b ON b.tenant_id = g.tenant_id AND b.id = g.bet_id AND b.status = 'open'
    WHERE g.tenant_id = %(tenant)s AND g.event_id = e.id AND g.grade IS NULL) l ON l.bets > 0
LEFT JOIN LATERAL (
    SELECT x.event_id, x.certainty, x.by_person FROM result x
    WHERE x.event_id = e.id ORDER BY x.version DESC LIMIT 1) r ON true
LEFT JOIN LATERAL (
    SELECT x.event_id FROM result x
    WHERE x.event_id = e.id AND x.certainty = 'confirmed' AND NOT r.by_person
    GROUP BY x.event_id HAVING count(DISTINCT x.entered_by) > 1
       AND count(DISTINCT (x.status, x.scores, x.positions)) > 1) contradicted ON true
LEFT JOIN LATERAL (
    SELECT bool_or(u.kind = 'hold' AND u.state = 'effective') AS is_held,
           bool_or(u.kind = 'correction' AND u.state = 'proposed') AS is_asked
    FROM ruling u WHERE u.tenant_id = %(tenant)s AND u.event_id = e.id) ruled ON true
CROSS JOIN LATERAL (
    SELECT CASE WHEN ruled.is_held THEN 'held'
                WHEN ruled.is_asked THEN 'agreement'
                WHEN e.id IN (SELECT settlement_stuck_v1(%(tenant)s, %(attempts)s)) THEN 'stuck'
                WHEN contradicted.event_id IS NOT NULL THEN 'contradicted'
                WHEN r.event_id IS NULL THEN 'result'
                WHEN r.certainty = 'seen' THEN 'confirmation'
                ELSE 'fact' END AS waits_for) w
WHERE e.starts_at <= %(at)s AND (e.starts_at, e.id) > (%(after)s, %(after_id)s)
  AND (%(waits_for)s::text IS NULL OR w.waits_for = %(waits_for)s)
ORDER BY e.starts_at, e.id LIMIT %(limit)s"""

# The newest result of each event of those observed by a time, without the corrections that wait for
# somebody of the tenant's, or that he has refused.
KNOWN = """
SELECT DISTINCT ON (r.event_id) r.event_id, r.version, r.status, r.scores, r.entered_by,
       r.by_person, r.observed_at, r.certainty, r.positions
FROM result r
WHERE r.event_id = ANY(%s) AND r.observed_at <= %s AND NOT EXISTS (
    SELECT 1 FROM ruling u
    WHERE u.tenant_id = %s AND u.event_id = r.event_id AND u.kind = 'correction'
      AND u.result_version = r.version AND u.state IN ('proposed', 'refused'))
ORDER BY r.event_id, r.version DESC"""

# Which corrections somebody has agreed to already.
AGREED = """
SELECT event_id, result_version FROM ruling
WHERE tenant_id = %s AND event_id = ANY(%s) AND kind = 'correction' AND state = 'effective'"""

# Settled bets with a leg that an earlier version of the event's result has graded.
GRADED_BEFORE = """
SELECT DISTINCT l.bet_id
FROM leg l JOIN bet b ON b.tenant_id = l.tenant_id AND b.id = l.bet_id AND b.status = 'settled'
WHERE l.tenant_id = %s AND l.event_id = %s AND l.result_version BETWEEN 1 AND %s - 1
ORDER BY l.bet_id"""

# A correction that is asked about; two settlers ask once.
PROPOSE_CORRECTION = """
INSERT INTO ruling (tenant_id, id, event_id, kind, result_version, reason, state, bets, moved_minor,
    proposed_by, proposed_at)
VALUES (%s, %s, %s, 'correction', %s, %s, 'proposed', %s, %s, %s, %s)
ON CONFLICT ON CONSTRAINT ruling_correction_once DO NOTHING"""

# What of an event the tenant's bets are on.
BET_ON = """
SELECT m.id AS market_id, m.market_type, m.period, m.line_q4, s.id AS selection_id, s.side,
       count(*)::integer AS bets
FROM leg l
JOIN market m ON m.id = l.market_id
JOIN selection s ON s.id = l.selection_id
WHERE l.tenant_id = %s AND l.event_id = %s
GROUP BY m.id, s.id ORDER BY m.market_type, m.period, m.line_q4, m.id, s.side, s.id LIMIT %s"""

# Whether the event and the narrower scope are there, and belong together.
SCOPE = """
SELECT EXISTS (SELECT 1 FROM event WHERE id = %(event)s)
   AND (%(market)s::uuid IS NULL
        OR EXISTS (SELECT 1 FROM market WHERE id = %(market)s AND event_id = %(event)s))
   AND (%(selection)s::uuid IS NULL
        OR EXISTS (SELECT 1 FROM selection WHERE id = %(selection)s AND event_id = %(event)s
                   AND (%(market)s::uuid IS NULL OR market_id = %(market)s)))"""

# Up to how much money one person of the tenant moves alone.
ALONE_MAX = "SELECT ruling_alone_max_minor FROM tenant WHERE id = %s"


async def touched(
    conn: Connection, tenant_id: UUID, known: Mapping[UUID, tuple[int, int]]
) -> list[UUID]:
    """The bets that what is known, event -> (result's version, ruling's), would touch, in order."""
    versions = list(known.values())
    cursor = await conn.execute(
        TOUCHED, [tenant_id, list(known), [v[0] for v in versions], [v[1] for v in versions]]
    )
    return [row[0] for row in await cursor.fetchall()]


async def unsettled(
    conn: Connection,
    tenant_id: UUID,
    bet_ids: Sequence[UUID],
    event_id: UUID,
    known: tuple[int, int],
) -> list[UUID]:
    """Those of the bets that the event, by its (result's version, ruling's), would still touch."""
    cursor = await conn.execute(UNSETTLED, [tenant_id, list(bet_ids), event_id, *known])
    return [row[0] for row in await cursor.fetchall()]


async def on_event(conn: Connection, tenant_id: UUID, event_id: UUID) -> list[UUID]:
    """All of the tenant's bets with a leg on the event, in order."""
    cursor = await conn.execute(ON_EVENT, [tenant_id, event_id])
    return [row[0] for row in await cursor.fetchall()]


async def lock_bets(
    conn: Connection, tenant_id: UUID, bet_ids: Sequence[UUID], *, wait: bool
) -> list[UUID]:
    """Lock bets and their players' money; the locked ones, in order: all of them with `wait`."""
    cursor = await conn.execute(LOCK_BETS, [tenant_id, list(bet_ids), wait])
    return [row[0] for row in await cursor.fetchall()]


async def legs_of(conn: Connection, tenant_id: UUID, bet_ids: Sequence[UUID]) -> list[StoredLeg]:
    """All legs of some bets, bet by bet; a bet that ended otherwise than by settling has none."""
    async with conn.cursor(row_factory=class_row(StoredLeg)) as cursor:
        await cursor.execute(LEGS, [tenant_id, list(bet_ids)])
        return await cursor.fetchall()


async def bets_after(conn: Connection, tenant_id: UUID, after: UUID, limit: int) -> list[UUID]:
    """At most `limit` of the tenant's bets whose ids come after that one, in order."""
    cursor = await conn.execute(BETS_AFTER, [tenant_id, after, limit])
    return [row[0] for row in await cursor.fetchall()]


async def settle(
    conn: Connection,
    tenant_id: UUID,
    at: datetime,
    graded: Sequence[Graded],
    verdicts: Sequence[Verdict],
    back_minor: Mapping[UUID, int],
) -> int:
    """Write grades and move the difference; returns how many bets stand otherwise than before.

    `back_minor` says of each bet on a free bet what of its stake is back with the tenant.
    """
    cursor = await conn.execute(
        SETTLE,
        [
            tenant_id,
            at,
            [g.bet_id for g in graded],
            [g.n for g in graded],
            [g.grade for g in graded],
            [g.result_version for g in graded],
            [g.ruling_version for g in graded],
            [v.bet_id for v in verdicts],
            [v.outcome for v in verdicts],
            [v.payout_minor for v in verdicts],
            list(back_minor),
            list(back_minor.values()),
            _column([g.place_grade for g in graded]),
            _column([g.dead_heat for g in graded]),
            _column([g.place_dead_heat for g in graded]),
        ],
    )
    row = await cursor.fetchone()
    assert row is not None
    return row[0]


def _column(names: Sequence[str | None]) -> Sequence[str | None] | None:
    """A column that most batches do not need."""
    return None if set(names) <= {None} else names


# -- rulings -----------------------------------------------------------------------------------


async def lock_event(conn: Connection, event_id: UUID) -> None:
    """Be alone with the event until the transaction ends."""
    await conn.execute(LOCK_EVENT, [event_id])


async def ruled(conn: Connection, tenant_id: UUID, event_ids: Sequence[UUID]) -> dict[UUID, Ruled]:
    """What the tenant has ruled about events; those it has never ruled about are absent."""
    cursor = await conn.execute(RULED, [tenant_id, list(event_ids)])
    versions: dict[UUID, int] = {}
    holding: defaultdict[UUID, list[Ruling]] = defaultdict(list)
    for event_id, version, state, *ruling in await cursor.fetchall():
        versions[event_id] = version
        # What was agreed to is a result like any other.
        if state == "effective" and ruling[0] != "correction":
            holding[event_id].append(Ruling(*ruling))
    return {event_id: Ruled(version, holding[event_id]) for event_id, version in versions.items()}


async def propose(
    conn: Connection,
    tenant_id: UUID,
    ruling_id: UUID,
    event_id: UUID,
    ruling: Ruling,
    *,
    reason: str,
    would: Movement,
    by: UUID,
    asked: Asked,
    at: datetime,
) -> bool:
    """Keep a ruling that has no effect yet; False where the key stands for one already."""
    scope = ruling.market_id, ruling.selection_id, ruling.placed_from, ruling.placed_to
    said = reason, would.bets, would.moved_minor, by, at, asked.key, asked.body_sha256
    words = [tenant_id, ruling_id, event_id, ruling.kind, *scope, *said]
    return (await conn.execute(PROPOSE, words)).rowcount == 1


async def by_key(
    conn: Connection, tenant_id: UUID, by: UUID, key: str
) -> tuple[StoredRuling, bytes] | None:
    """The ruling, locked, that a person's key stands for, and the SHA-256 of what was asked."""
    row = await (await conn.execute(BY_KEY, [tenant_id, by, key])).fetchone()
    found = None if row is None else await ruling(conn, tenant_id, row[0])
    return None if row is None or found is None else (found, row[1])


async def decide(
    conn: Connection, tenant_id: UUID, ruling_id: UUID, by: UUID, at: datetime, version: int | None
) -> None:
    """The ruling takes effect as the event's `version`th word, or without one is refused."""
    state = "refused" if version is None else "effective"
    await conn.execute(DECIDE, [state, by, at, version, tenant_id, ruling_id])


async def lift(
    conn: Connection, tenant_id: UUID, ruling_id: UUID, by: UUID, at: datetime, version: int
) -> None:
    """The ruling holds no more, by the event's `version`th word."""
    await conn.execute(LIFT, [by, at, version, tenant_id, ruling_id])


async def due(conn: Connection, tenant_id: UUID, event_id: UUID, at: datetime) -> None:
    """Let the tenant's bets on the event be settled anew."""
    await conn.execute(DUE, [tenant_id, event_id, at])


async def ruling(conn: Connection, tenant_id: UUID, ruling_id: UUID) -> StoredRuling | None:
    """One ruling of the tenant's, locked."""
    async with conn.cursor(row_factory=class_row(StoredRuling)) as cursor:
        await cursor.execute(RULING, [tenant_id, ruling_id])
        return await cursor.fetchone()


async def rulings(
    conn: Connection,
    tenant_id: UUID,
    *,
    before: UUID | None,
    state: str | None,
    decided: bool,
    event_id: UUID | None,
    limit: int,
) -> list[StoredRuling]:
    """A page of the tenant's rulings, newest first; `decided` leaves out the proposed ones."""
    asked = {
        "tenant": tenant_id, "before": before, "state": state, "decided": decided,
        "event": event_id, "limit": limit,
    }  # fmt: skip
    async with conn.cursor(row_factory=class_row(StoredRuling)) as cursor:
        await cursor.execute(RULINGS, asked)
        return await cursor.fetchall()


async def is_there(conn: Connection, event_id: UUID, ruling: Ruling) -> bool:
    """Whether the event exists, and what the ruling is about belongs to it."""
    asked = {"event": event_id, "market": ruling.market_id, "selection": ruling.selection_id}
    row = await (await conn.execute(SCOPE, asked)).fetchone()
    assert row is not None
    return row[0]


async def alone_max_minor(conn: Connection, tenant_id: UUID) -> int:
    """Up to how much money one person of the tenant's moves without another one."""
    row = await (await conn.execute(ALONE_MAX, [tenant_id])).fetchone()
    assert row is not None
    return row[0]


async def waiting(
    conn: Connection,
    tenant_id: UUID,
    after: tuple[datetime, UUID],
    at: datetime,
    limit: int,
    waits_for: WaitsFor | None,
) -> list[Desk]:
    """Events that have begun by `at` with open legs of the tenant's, oldest first."""
    asked = {
        "tenant": tenant_id, "after": after[0], "after_id": after[1], "at": at, "limit": limit,
        "attempts": work.ATTEMPTS_MAX, "waits_for": waits_for,
    }  # fmt: skip
    async with conn.cursor(row_factory=class_row(Desk)) as cursor:
        await cursor.execute(WAITING, asked)
        return await cursor.fetchall()


async def bet_on(conn: Connection, tenant_id: UUID, event_id: UUID, limit: int) -> list[BetOn]:
    """The selections of an event that the tenant's bets are on, market by market."""
    async with conn.cursor(row_factory=class_row(BetOn)) as cursor:
        await cursor.execute(BET_ON, [tenant_id, event_id, limit])
        return await cursor.fetchall()


# -- corrections -------------------------------------------------------------------------------


async def known(
    conn: Connection, tenant_id: UUID, event_ids: Sequence[UUID], at: datetime
) -> dict[UUID, Result]:
    """What the tenant settles events by: their newest results that nobody has to agree to."""
    async with conn.cursor(row_factory=class_row(Result)) as cursor:
        await cursor.execute(KNOWN, [list(event_ids), at, tenant_id])
        return {result.event_id: result for result in await cursor.fetchall()}


async def agreed(
    conn: Connection, tenant_id: UUID, event_ids: Sequence[UUID]
) -> set[tuple[UUID, int]]:
    """(event, result's version) of the corrections that somebody has agreed to."""
    cursor = await conn.execute(AGREED, [tenant_id, list(event_ids)])
    return {(row[0], row[1]) for row in await cursor.fetchall()}


async def graded_before(
    conn: Connection, tenant_id: UUID, event_id: UUID, version: int
) -> list[UUID]:
    """Settled bets that an earlier version than this of the event's result has graded, in order."""
    cursor = await conn.execute(GRADED_BEFORE, [tenant_id, event_id, version])
    return [row[0] for row in await cursor.fetchall()]


async def propose_correction(
    conn: Connection,
    tenant_id: UUID,
    ruling_id: UUID,
    event_id: UUID,
    version: int,
    *,
    reason: str,
    bets: int,
    moved_minor: int,
    by: UUID,
    at: datetime,
) -> None:
    """Ask about a correction, unless it was asked about."""
    said = reason, bets, moved_minor, by, at
    await conn.execute(PROPOSE_CORRECTION, [tenant_id, ruling_id, event_id, version, *said])
