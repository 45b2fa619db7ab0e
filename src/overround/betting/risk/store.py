"""The statements of risk. Rows of liability are written by the schema functions `risk_…_v1`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from datetime import datetime, timedelta
from uuid import UUID

from psycopg.rows import class_row

from overround.betting.risk.model import (
    Alarm,
    Cap,
    NamedPlayer,
    PlayerRisk,
    Policy,
    Row,
    Scope,
    Standing,
    Suspension,
    Wait,
    Watched,
)
from overround.core import ids
from overround.db import Connection

# All that a tenant caps.
CAPS = """
SELECT scope, scope_key, win_max_minor, selection_max_minor, event_max_minor FROM risk_cap
WHERE tenant_id = %s ORDER BY scope, scope_key LIMIT %s"""

# A scope's caps are set as a whole.
SET_CAP = """
INSERT INTO risk_cap (tenant_id, scope, scope_key, win_max_minor, selection_max_minor,
                      event_max_minor)
VALUES (%s, %s, %s, %s, %s, %s)
ON CONFLICT (tenant_id, scope, scope_key) DO UPDATE
SET win_max_minor = EXCLUDED.win_max_minor, selection_max_minor = EXCLUDED.selection_max_minor,
    event_max_minor = EXCLUDED.event_max_minor"""

# A scope that says nothing has no row.
DROP_CAP = "DELETE FROM risk_cap WHERE tenant_id = %s AND scope = %s AND scope_key = %s"

# What each scope lets wait.
WAITS = """
SELECT scope, scope_key, approve_win_minor, delay_ms FROM risk_wait
WHERE tenant_id = %s ORDER BY scope, scope_key LIMIT %s"""

# A scope's word is set as a whole.
SET_WAIT = """
INSERT INTO risk_wait (tenant_id, scope, scope_key, approve_win_minor, delay_ms)
VALUES (%s, %s, %s, %s, %s)
ON CONFLICT (tenant_id, scope, scope_key) DO UPDATE
SET approve_win_minor = EXCLUDED.approve_win_minor, delay_ms = EXCLUDED.delay_ms"""

# A scope that says nothing has no row.
DROP_WAIT = "DELETE FROM risk_wait WHERE tenant_id = %s AND scope = %s AND scope_key = %s"

# How the tenant watches itself.
POLICY = """
SELECT ramp_share_bps, ramp_s, repeat_max, repeat_s, player_day_max_minor, player_event_max_minor,
       suspend_at_bps, velocity_max, move_max_bps, hold_s, legs_min, legs_max, leg_price_min_e4,
       leg_price_max_e4, slip_price_min_e4, slip_price_max_e4, stake_min_minor, payout_max_minor,
       lower_stakes
FROM risk_policy WHERE tenant_id = %s"""

# The policy is set as a whole.
SET_POLICY = """
INSERT INTO risk_policy (tenant_id, ramp_share_bps, ramp_s, repeat_max, repeat_s,
                         player_day_max_minor, player_event_max_minor, suspend_at_bps, velocity_max,
                         move_max_bps, hold_s, legs_min, legs_max, leg_price_min_e4,
                         leg_price_max_e4, slip_price_min_e4, slip_price_max_e4, stake_min_minor,
                         payout_max_minor, lower_stakes)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
ON CONFLICT (tenant_id) DO UPDATE
SET ramp_share_bps = EXCLUDED.ramp_share_bps, ramp_s = EXCLUDED.ramp_s,
    repeat_max = EXCLUDED.repeat_max, repeat_s = EXCLUDED.repeat_s,
    player_day_max_minor = EXCLUDED.player_day_max_minor,
    player_event_max_minor = EXCLUDED.player_event_max_minor,
    suspend_at_bps = EXCLUDED.suspend_at_bps, velocity_max = EXCLUDED.velocity_max,
    move_max_bps = EXCLUDED.move_max_bps, hold_s = EXCLUDED.hold_s,
    legs_min = EXCLUDED.legs_min, legs_max = EXCLUDED.legs_max,
    leg_price_min_e4 = EXCLUDED.leg_price_min_e4, leg_price_max_e4 = EXCLUDED.leg_price_max_e4,
    slip_price_min_e4 = EXCLUDED.slip_price_min_e4, slip_price_max_e4 = EXCLUDED.slip_price_max_e4,
    stake_min_minor = EXCLUDED.stake_min_minor, payout_max_minor = EXCLUDED.payout_max_minor,
    lower_stakes = EXCLUDED.lower_stakes"""

# What a person decided about one player.
PLAYER = """
SELECT user_id, factor_e4, delay_e4, note, set_at FROM risk_player
WHERE tenant_id = %s AND user_id = %s"""

# The players about whom somebody decided something, the most restricted first.
PLAYERS = """
SELECT p.user_id, p.factor_e4, p.delay_e4, p.note, p.set_at, u.display_name
FROM risk_player p JOIN users u ON u.tenant_id = p.tenant_id AND u.id = p.user_id
WHERE p.tenant_id = %s ORDER BY p.factor_e4, p.user_id LIMIT %s"""

# A player's factors are set as a whole.
SET_PLAYER = """
INSERT INTO risk_player (tenant_id, user_id, factor_e4, delay_e4, note, set_at)
VALUES (%s, %s, %s, %s, %s, %s)
ON CONFLICT (tenant_id, user_id) DO UPDATE
SET factor_e4 = EXCLUDED.factor_e4, delay_e4 = EXCLUDED.delay_e4, note = EXCLUDED.note,
    set_at = EXCLUDED.set_at"""

# He is taken as anybody again.
DROP_PLAYER = "DELETE FROM risk_player WHERE tenant_id = %s AND user_id = %s"

# Whether there is such a player.
IS_PLAYER = """
SELECT EXISTS (SELECT 1 FROM users WHERE tenant_id = %s AND id = %s AND kind = 'player')"""

# Whether there is what a cap wants to be about; of the five parameters four are null.
IS_SCOPE = """
SELECT EXISTS (SELECT 1 FROM competition WHERE sport = %s)
    OR EXISTS (SELECT 1 FROM competition WHERE id = %s::uuid)
    OR EXISTS (SELECT 1 FROM event WHERE id = %s::uuid)
    OR EXISTS (SELECT 1 FROM market WHERE id = %s::uuid)
    OR EXISTS (SELECT 1 FROM selection WHERE id = %s::uuid)"""

# What open bets have on some events, market by market, event by event; the answers of those markets
# on which nobody has bet too, for the house keeps the others' stakes.
STANDINGS = """
SELECT m.event_id, m.id AS market_id, m.market_type, m.period, m.line_q4, s.id AS selection_id,
       s.side, coalesce(r.bets, 0) AS bets, coalesce(r.stake_minor, 0) AS stake_minor,
       coalesce(r.payout_minor, 0) AS payout_minor, coalesce(r.place_minor, 0) AS place_minor
FROM market m
JOIN selection s ON s.market_id = m.id
LEFT JOIN risk_liability r ON r.tenant_id = %(tenant)s AND r.event_id = m.event_id
    AND r.selection_id = s.id
WHERE m.id IN (SELECT k.market_id FROM risk_liability k
               WHERE k.tenant_id = %(tenant)s AND k.event_id = ANY(%(events)s) AND k.bets > 0)
ORDER BY m.event_id, m.id, s.id"""

# Which events could cost the most, by what each market's dearest selection would cost.
WORST = """
SELECT w.event_id FROM (
    SELECT l.event_id, greatest(max(l.loss), 0) AS worst
    FROM (SELECT r.event_id, r.market_id, m.market_type, r.selection_id,
                 r.payout_minor - CASE WHEN m.market_type = 'double_chance' THEN r.stake_minor
                     ELSE sum(r.stake_minor - coalesce(r.place_minor, 0)) OVER (
                         PARTITION BY r.market_id) + coalesce(r.place_minor, 0) END AS loss
          FROM risk_liability r JOIN market m ON m.id = r.market_id
          WHERE r.tenant_id = %s AND r.bets > 0) l
    GROUP BY l.event_id, l.market_id, CASE WHEN l.market_type = 'double_chance'
                                           THEN l.selection_id END) w
GROUP BY w.event_id ORDER BY sum(w.worst) DESC, w.event_id LIMIT %s"""

# The rows as they stand, for who recomputes them; an event with a mark is being made anew.
ROWS = """
SELECT r.event_id, r.selection_id, r.bets, r.stake_minor, r.payout_minor,
       coalesce(r.place_minor, 0)
FROM risk_liability r
WHERE r.tenant_id = %(tenant)s AND r.bets > 0
  AND NOT EXISTS (SELECT 1 FROM risk_stale k
                  WHERE k.tenant_id = %(tenant)s AND k.event_id = r.event_id)"""

# The events whose rows must be made anew, the oldest mark first.
STALE = """
SELECT event_id FROM risk_stale WHERE tenant_id = %s
GROUP BY event_id ORDER BY min(id::text) LIMIT %s"""

# Nobody places a bet on the event while its rows are made anew.
LOCK_EVENT = "SELECT pg_advisory_xact_lock(event_key(%s))"

# The event's marks are taken away before its bets are read, in a statement of its own.
TAKE_STALE = "SELECT risk_stale_take_v1(%s, %s)"

# The event's rows as its open bets say.
REBUILD = "SELECT risk_rebuilt_v1(%s, %s, %s, %s, %s, %s, %s, %s, %s)"

# Selections that got bets lately, and those whose price has leapt: of markets that are laid and not
# suspended by us already, with what they would cost and the cap as the ramp has opened it.
WATCHED = """
WITH hot AS (
    SELECT r.event_id, r.market_id, r.selection_id, r.minute_bets, r.minute_at
    FROM risk_liability r
    WHERE r.tenant_id = %(tenant)s AND r.minute_at >= %(since)s::timestamptz - interval '1 minute'
    UNION
    SELECT s.event_id, s.market_id, s.id, 0, '-infinity'
    FROM offer o JOIN selection s ON s.id = o.selection_id
    WHERE o.book_id = %(book)s AND o.seq > %(seq)s AND o.moved_bps > 0 AND o.state = 'open'
), one AS MATERIALIZED (
    SELECT h.event_id, h.market_id, h.selection_id, max(o.moved_bps) AS moved_bps,
           max(CASE WHEN h.minute_at >= date_trunc('minute', %(at)s::timestamptz, 'UTC')
                    THEN h.minute_bets ELSE 0 END) AS minute_bets
    FROM hot h
    JOIN offer o ON o.book_id = %(book)s AND o.selection_id = h.selection_id AND o.state = 'open'
    WHERE NOT EXISTS (SELECT 1 FROM risk_suspension x
                      WHERE x.tenant_id = %(tenant)s AND x.market_id = h.market_id
                        AND x.lifted_at IS NULL)
    GROUP BY h.event_id, h.market_id, h.selection_id
)
SELECT o.event_id, o.market_id, o.selection_id,
       coalesce(r.selection_cap - r.selection_room, 0)::bigint AS liability_minor,
       r.selection_cap AS cap_minor, o.minute_bets::integer, o.moved_bps
FROM (SELECT one.*, row_number() OVER (ORDER BY selection_id) AS n FROM one) o
JOIN risk_room_v1(
    ARRAY(SELECT %(tenant)s::uuid FROM one), ARRAY(SELECT event_id FROM one ORDER BY selection_id),
    ARRAY(SELECT market_id FROM one ORDER BY selection_id),
    ARRAY(SELECT selection_id FROM one ORDER BY selection_id),
    ARRAY(SELECT %(at)s::timestamptz FROM one)) r ON r.n = o.n"""

# How far the watch has seen the book.
NEWEST = "SELECT coalesce(max(seq), 0) FROM offer WHERE book_id = %s"

# What is suspended unasked, with its reason; a market that is suspended so already stays as it is.
SUSPEND = """
INSERT INTO risk_suspension (tenant_id, id, event_id, market_id, reason, measured, bound, at, until)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING RETURNING id"""

# The suspensions whose time is over.
OVER = """
SELECT id, event_id, market_id, reason, measured, bound, at, until, lifted_at FROM risk_suspension
WHERE tenant_id = %s AND lifted_at IS NULL AND until <= %s ORDER BY until, id LIMIT %s"""

# What was suspended unasked, newest first.
SUSPENSIONS = """
SELECT id, event_id, market_id, reason, measured, bound, at, until, lifted_at FROM risk_suspension
WHERE tenant_id = %s ORDER BY lifted_at IS NOT NULL, at DESC, id LIMIT %s"""

# It holds no more.
LIFT = """
UPDATE risk_suspension SET lifted_at = %s WHERE tenant_id = %s AND id = %s AND lifted_at IS NULL
RETURNING id, event_id, market_id, reason, measured, bound, at, until, lifted_at"""


async def caps(conn: Connection, tenant_id: UUID, limit: int) -> list[Cap]:
    """At most `limit` scopes that the tenant caps."""
    async with conn.cursor(row_factory=class_row(Cap)) as cursor:
        await cursor.execute(CAPS, [tenant_id, limit])
        return await cursor.fetchall()


async def set_cap(conn: Connection, tenant_id: UUID, cap: Cap) -> None:
    """A scope's caps; one that says nothing is gone."""
    if cap.win_max_minor is cap.selection_max_minor is cap.event_max_minor is None:
        await conn.execute(DROP_CAP, [tenant_id, cap.scope, cap.scope_key])
        return
    await conn.execute(
        SET_CAP,
        [
            tenant_id,
            cap.scope,
            cap.scope_key,
            cap.win_max_minor,
            cap.selection_max_minor,
            cap.event_max_minor,
        ],
    )


async def waits(conn: Connection, tenant_id: UUID, limit: int) -> list[Wait]:
    """What the tenant lets wait, scope by scope."""
    async with conn.cursor(row_factory=class_row(Wait)) as cursor:
        await cursor.execute(WAITS, [tenant_id, limit])
        return await cursor.fetchall()


async def set_wait(conn: Connection, tenant_id: UUID, found: Wait) -> None:
    """Write a scope's word, or take it away where it says nothing."""
    where = [tenant_id, found.scope, found.scope_key]
    if found.approve_win_minor is None and found.delay_ms is None:
        await conn.execute(DROP_WAIT, where)
        return
    await conn.execute(SET_WAIT, [*where, found.approve_win_minor, found.delay_ms])


async def policy(conn: Connection, tenant_id: UUID) -> Policy:
    """The tenant's policy; who never set one watches nothing."""
    async with conn.cursor(row_factory=class_row(Policy)) as cursor:
        await cursor.execute(POLICY, [tenant_id])
        return await cursor.fetchone() or Policy()


async def set_policy(conn: Connection, tenant_id: UUID, found: Policy) -> None:
    """The tenant's policy, as a whole."""
    values = [getattr(found, one.name) for one in fields(Policy)]
    await conn.execute(SET_POLICY, [tenant_id, *values])


async def player(conn: Connection, tenant_id: UUID, user_id: UUID) -> PlayerRisk | None:
    """What was decided about a player; None: nothing."""
    async with conn.cursor(row_factory=class_row(PlayerRisk)) as cursor:
        await cursor.execute(PLAYER, [tenant_id, user_id])
        return await cursor.fetchone()


async def players(conn: Connection, tenant_id: UUID, limit: int) -> list[NamedPlayer]:
    """At most `limit` players about whom something was decided, the most restricted first."""
    cursor = await conn.execute(PLAYERS, [tenant_id, limit])
    return [NamedPlayer(PlayerRisk(*row[:-1]), row[-1]) for row in await cursor.fetchall()]


async def set_player(conn: Connection, tenant_id: UUID, found: PlayerRisk) -> None:
    """A player's factors, as a whole."""
    values = [found.user_id, found.factor_e4, found.delay_e4, found.note, found.set_at]
    await conn.execute(SET_PLAYER, [tenant_id, *values])


async def drop_player(conn: Connection, tenant_id: UUID, user_id: UUID) -> bool:
    """Forget what was decided about a player; whether there was anything."""
    return (await conn.execute(DROP_PLAYER, [tenant_id, user_id])).rowcount > 0


async def is_player(conn: Connection, tenant_id: UUID, user_id: UUID) -> bool:
    """Whether the tenant has such a player."""
    row = await (await conn.execute(IS_PLAYER, [tenant_id, user_id])).fetchone()
    return row is not None and row[0]


async def is_scope(conn: Connection, scope: Scope, key: UUID | str) -> bool:
    """Whether there is such a sport, competition, event, market or selection."""
    order: tuple[Scope, ...] = ("sport", "competition", "event", "market", "selection")
    row = await (
        await conn.execute(IS_SCOPE, [key if scope == one else None for one in order])
    ).fetchone()
    return row is not None and row[0]


async def standings(conn: Connection, tenant_id: UUID, event_ids: Sequence[UUID]) -> list[Standing]:
    """What open bets have on some events, market by market, event by event."""
    async with conn.cursor(row_factory=class_row(Standing)) as cursor:
        await cursor.execute(STANDINGS, {"tenant": tenant_id, "events": list(event_ids)})
        return await cursor.fetchall()


async def worst(conn: Connection, tenant_id: UUID, limit: int) -> list[UUID]:
    """The `limit` events that could cost the most, the dearest first."""
    cursor = await conn.execute(WORST, [tenant_id, limit])
    return [row[0] for row in await cursor.fetchall()]


async def rows(conn: Connection, tenant_id: UUID) -> dict[tuple[UUID, UUID], Row]:
    """(event, selection) -> its row, of the events whose rows are not being made."""
    cursor = await conn.execute(ROWS, {"tenant": tenant_id})
    return {(row[0], row[1]): Row(*row[2:]) for row in await cursor.fetchall()}


async def stale(conn: Connection, tenant_id: UUID, limit: int) -> list[UUID]:
    """At most `limit` events whose rows must be made anew, the oldest mark first."""
    cursor = await conn.execute(STALE, [tenant_id, limit])
    return [row[0] for row in await cursor.fetchall()]


async def take_stale(conn: Connection, tenant_id: UUID, event_id: UUID) -> int:
    """Be alone with the event and take its marks away; returns how many there were."""
    await conn.execute(LOCK_EVENT, [event_id])
    row = await (await conn.execute(TAKE_STALE, [tenant_id, event_id])).fetchone()
    assert row is not None
    return row[0]


async def rebuild(
    conn: Connection,
    tenant_id: UUID,
    event_id: UUID,
    found: Mapping[tuple[UUID, UUID], Row],
    at: datetime,
) -> int:
    """Write the event's rows, by (market, selection); returns the changed."""
    columns: list[list[object]] = [
        [market_id for market_id, _ in found],
        [selection_id for _, selection_id in found],
        *([row[n] for row in found.values()] for n in range(3)),
    ]
    place = [row.place_minor for row in found.values()]
    row = await (await conn.execute(REBUILD, [tenant_id, event_id, *columns, at, place])).fetchone()
    assert row is not None
    return row[0]


async def watched(
    conn: Connection, tenant_id: UUID, book_id: UUID, seq: int, at: datetime, back: timedelta
) -> list[Watched]:
    """What got bets since `back` ago, and what of the book has leapt above number `seq`."""
    values = {"tenant": tenant_id, "book": book_id, "seq": seq, "at": at, "since": at - back}
    async with conn.cursor(row_factory=class_row(Watched)) as cursor:
        await cursor.execute(WATCHED, values)
        return await cursor.fetchall()


async def newest(conn: Connection, book_id: UUID) -> int:
    """The number of the book's newest row."""
    row = await (await conn.execute(NEWEST, [book_id])).fetchone()
    assert row is not None
    return row[0]


async def suspend(
    conn: Connection, tenant_id: UUID, alarm: Alarm, at: datetime, until: datetime | None
) -> bool:
    """Note that a market is suspended unasked; False when it is already."""
    values = [alarm.event_id, alarm.market_id, alarm.reason, alarm.measured, alarm.bound, at, until]
    cursor = await conn.execute(SUSPEND, [tenant_id, ids.new(at), *values])
    return await cursor.fetchone() is not None


async def over(conn: Connection, tenant_id: UUID, at: datetime, limit: int) -> list[Suspension]:
    """At most `limit` suspensions whose time is over."""
    async with conn.cursor(row_factory=class_row(Suspension)) as cursor:
        await cursor.execute(OVER, [tenant_id, at, limit])
        return await cursor.fetchall()


async def suspensions(conn: Connection, tenant_id: UUID, limit: int) -> list[Suspension]:
    """At most `limit` suspensions, those that hold first, each group newest first."""
    async with conn.cursor(row_factory=class_row(Suspension)) as cursor:
        await cursor.execute(SUSPENSIONS, [tenant_id, limit])
        return await cursor.fetchall()


async def lift(
    conn: Connection, tenant_id: UUID, suspension_id: UUID, at: datetime
) -> Suspension | None:
    """End a suspension that holds; None when there is none."""
    async with conn.cursor(row_factory=class_row(Suspension)) as cursor:
        await cursor.execute(LIFT, [at, tenant_id, suspension_id])
        return await cursor.fetchone()
