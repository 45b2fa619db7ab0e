"""The statements of bets. Placing is the schema functions `bets_place_v1` and `bets_replay_v1`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from itertools import groupby
from typing import Any
from uuid import UUID

from psycopg.rows import class_row

from overround.betting.bets.model import (
    Asked,
    Bet,
    Decision,
    LatestBet,
    Leg,
    OpenSelection,
    ReducedCombo,
    Slip,
)
from overround.betting.bets.recompute import payout_due
from overround.betting.bets.rules import body_sha256
from overround.db import Connection
from overround.money.ledger import Violation

# Many slips in one call and one commit, an answer for each, in the order given.
PLACE = """
SELECT decision, bet, potential, placed_at, currency, answer, leg_price_e4
FROM bets_place_v1(%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"""

# The same as a transaction by itself, for slips of several tenants: one round trip. The tenants are
# set before the function begins, because it cannot begin without the value of the CASE.
PLACE_ALL = """
SELECT p.decision, p.bet, p.potential, p.placed_at, p.currency, p.answer, p.leg_price_e4
FROM set_config('overround.tenant_id', %s, true) AS t (tenants)
CROSS JOIN LATERAL bets_place_v1(CASE WHEN t.tenants IS NOT NULL THEN %s::uuid[] END, %s::uuid[],
    %s::uuid[], %s::text[], %s::bytea[], %s::bigint[], %s::text[], %s::integer[],
    %s::timestamptz[], %s::bytea[], %s::integer[], %s::uuid[], %s::integer[]) AS p"""

# The same at the slips' own times; the worker's alone.
PLACE_AT = """
SELECT decision, bet, potential, placed_at, currency, answer, leg_price_e4
FROM bets_replay_v1(%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"""

# A page of one player's bets, newest first; keyset on (placed_at, id).
BETS_OF = """
SELECT id, user_id, kind, stake_minor, currency, potential_payout_minor, status, outcome,
       payout_minor,
       placed_at, settled_at
FROM bet
WHERE tenant_id = %(tenant)s AND user_id = %(user)s AND (placed_at, id) < (%(before)s, %(id)s::uuid)
  AND (%(status)s::text IS NULL OR status = %(status)s)
ORDER BY placed_at DESC, id DESC LIMIT %(limit)s"""

# One bet of one player; another's looks like none.
BET = """
SELECT id, user_id, kind, stake_minor, currency, potential_payout_minor, status, outcome,
       payout_minor,
       placed_at, settled_at
FROM bet WHERE tenant_id = %s AND user_id = %s AND id = %s"""

# The legs of some bets, with what a person needs to recognise them.
LEGS_OF = """
SELECT l.bet_id, l.n, l.event_id, l.selection_id, e.home, e.away, e.starts_at, m.market_type,
       m.period,
       m.line_q4, s.side, l.price_e4, l.shown_price_e4, l.grade
FROM leg l
JOIN event e ON e.id = l.event_id
JOIN market m ON m.id = l.market_id
JOIN selection s ON s.id = l.selection_id
WHERE l.tenant_id = %s AND l.bet_id = ANY(%s) ORDER BY l.bet_id, l.n"""

# The office's page of bets, newest first, by id: an id begins with the time, so its own index is
# the order, and placing pays for no second one.
LATEST = """
SELECT b.id, b.user_id, b.kind, b.stake_minor, b.currency, b.potential_payout_minor, b.status,
       b.outcome, b.payout_minor, b.placed_at, b.settled_at, u.display_name
FROM bet b JOIN users u ON u.tenant_id = b.tenant_id AND u.id = b.user_id
WHERE b.tenant_id = %s AND b.id < %s::uuid ORDER BY b.id DESC LIMIT %s"""

# What open bets stake and could be paid on some events, selection by selection; a market with a
# bet is shown with all its answers. What a combo is paid if this leg is void is its potential
# without the leg's price, rounded up. Combos with a leg that was graded other than won are counted
# here and paid by `REDUCED`, because only the payoff knows what is left of them.
OPEN_SELECTIONS = """
WITH open_leg AS MATERIALIZED (
    SELECT l.market_id, l.selection_id, l.price_e4, b.kind, b.stake_minor,
           b.potential_payout_minor AS won_minor,
           b.kind = 'combo' AND EXISTS (
               SELECT 1 FROM leg g
               WHERE g.tenant_id = l.tenant_id AND g.bet_id = l.bet_id AND g.grade <> 'won')
               AS is_reduced
    FROM leg l JOIN bet b ON b.tenant_id = l.tenant_id AND b.id = l.bet_id
    WHERE l.tenant_id = %(tenant)s AND l.event_id = ANY(%(events)s) AND l.grade IS NULL
      AND b.status = 'open'
), summed AS (
    SELECT selection_id, count(*) FILTER (WHERE kind = 'single') AS singles,
           count(*) FILTER (WHERE kind = 'combo') AS combos,
           count(*) FILTER (WHERE is_reduced) AS reduced, sum(stake_minor) AS stake_minor,
           sum(won_minor) FILTER (WHERE NOT is_reduced) AS won_minor,
           sum(CASE kind WHEN 'single' THEN stake_minor
                         ELSE ceil(won_minor * 10000::numeric / price_e4) END)
               FILTER (WHERE NOT is_reduced) AS void_minor
    FROM open_leg GROUP BY selection_id
)
SELECT m.event_id, m.id AS market_id, m.market_type, m.period, m.line_q4, s.id AS selection_id,
       s.side, coalesce(b.singles, 0)::integer AS singles, coalesce(b.combos, 0)::integer AS combos,
       coalesce(b.reduced, 0)::integer AS reduced,
       coalesce(b.stake_minor, 0)::bigint AS stake_minor,
       coalesce(b.won_minor, 0)::bigint AS won_minor,
       coalesce(b.void_minor, 0)::bigint AS void_minor
FROM market m JOIN selection s ON s.market_id = m.id LEFT JOIN summed b ON b.selection_id = s.id
WHERE m.id IN (SELECT market_id FROM open_leg)
ORDER BY m.event_id, m.id, s.id"""

# The combos that a graded leg has made smaller, each with all its legs.
REDUCED = """
SELECT l.selection_id, l.n, b.stake_minor, b.payout_rounding,
       array_agg(a.grade ORDER BY a.n) AS grades, array_agg(a.price_e4 ORDER BY a.n) AS prices_e4
FROM leg l
JOIN bet b ON b.tenant_id = l.tenant_id AND b.id = l.bet_id
JOIN leg a ON a.tenant_id = l.tenant_id AND a.bet_id = l.bet_id
WHERE l.tenant_id = %(tenant)s AND l.event_id = ANY(%(events)s) AND l.grade IS NULL
  AND b.status = 'open' AND b.kind = 'combo'
GROUP BY l.selection_id, l.n, b.tenant_id, b.id
HAVING bool_or(a.grade <> 'won')"""

# Which events could cost the most: what all their open bets would be paid above their stakes, more
# than which no event can cost.
EXPOSURE_BOUNDS = """
SELECT e.id, sum(b.potential_payout_minor - b.stake_minor)::bigint
FROM event e
JOIN leg l ON l.tenant_id = %(tenant)s AND l.event_id = e.id AND l.grade IS NULL
JOIN bet b ON b.tenant_id = l.tenant_id AND b.id = l.bet_id AND b.status = 'open'
WHERE e.starts_at > %(since)s AND e.starts_at < %(until)s
GROUP BY e.id ORDER BY 2 DESC, e.id"""

# Where a bet's stake lies by its transfers is where its state says: held while it is open, with the
# house once it is settled, with the player where it is void.
CHECK_STAKES = """
SELECT 'a stake lies where its bet says', b.id::text,
       (b.status || ' ' || coalesce(b.outcome, '') || ' ' || coalesce(t.held,
       0) || ' held ' || coalesce(t.taken, 0) || ' taken')
FROM bet b LEFT JOIN (
    SELECT t.reference,
           sum(CASE t.to_id WHEN h.id THEN t.amount_minor ELSE 0 END
               - CASE t.from_id WHEN h.id THEN t.amount_minor ELSE 0 END) AS held,
           sum(CASE t.code WHEN 'stake_take' THEN t.amount_minor
                           WHEN 'stake_release' THEN -t.amount_minor ELSE 0 END) AS taken
    FROM transfer t
    LEFT JOIN account h ON h.tenant_id = t.tenant_id AND h.id IN (t.from_id, t.to_id)
        AND h.kind = 'held'
    WHERE t.tenant_id = %(tenant)s
      AND t.code IN ('stake_hold', 'stake_take', 'stake_return', 'stake_release', 'stake_reclaim')
    GROUP BY t.reference) t ON t.reference = b.id
WHERE b.tenant_id = %(tenant)s
  AND (coalesce(t.held, 0) <> CASE b.status WHEN 'open' THEN b.stake_minor ELSE 0 END
    OR coalesce(t.taken, 0) <> CASE WHEN b.status = 'open' OR b.outcome = 'void' THEN 0
                                    ELSE b.stake_minor END)
LIMIT 20"""

# A settled bet was paid exactly what it says, after all corrections; a lost or open one nothing.
CHECK_PAYOUTS = """
SELECT 'a bet is paid what it says', b.id::text, (coalesce(b.payout_minor,
       0) || ' paid ' || coalesce(p.paid, 0))
FROM bet b LEFT JOIN (
    SELECT reference, sum(CASE code WHEN 'payout' THEN amount_minor ELSE -amount_minor END) AS paid
    FROM transfer WHERE tenant_id = %(tenant)s AND code IN ('payout', 'payout_reclaim')
    GROUP BY reference) p ON p.reference = b.id
WHERE b.tenant_id = %(tenant)s
  AND CASE WHEN b.outcome = 'void' THEN 0 ELSE coalesce(b.payout_minor, 0) END
      <> coalesce(p.paid, 0)
LIMIT 20"""

# What a player owes is what was lent to him less what his winnings have paid back.
CHECK_DEBTS = """
SELECT 'a debt is its loans less what was repaid', coalesce(d.user_id, t.user_id)::text,
       (coalesce(d.owed_minor, 0) || ' instead of ' || coalesce(t.owed, 0))
FROM (SELECT user_id, owed_minor FROM debt WHERE tenant_id = %(tenant)s) d
FULL JOIN (
    SELECT a.owner_id AS user_id,
           sum(CASE t.code WHEN 'debt_lend' THEN t.amount_minor ELSE -t.amount_minor END) AS owed
    FROM transfer t JOIN account a ON a.tenant_id = t.tenant_id
        AND a.id = CASE t.code WHEN 'debt_lend' THEN t.to_id ELSE t.from_id END
    WHERE t.tenant_id = %(tenant)s AND t.code IN ('debt_lend', 'debt_repay')
    GROUP BY 1) t ON t.user_id = d.user_id
WHERE coalesce(d.owed_minor, 0) <> coalesce(t.owed, 0) LIMIT 20"""

# Every movement of stakes and payouts is of a bet, between the accounts that its code means, of the
# player who placed it, at a version that the bet has had.
CHECK_CAUSES = """
SELECT 'a stake or payout has its bet', t.reference::text, (t.code || ' v' || t.version)
FROM transfer t
LEFT JOIN bet b ON b.tenant_id = t.tenant_id AND b.id = t.reference
LEFT JOIN account f ON f.tenant_id = t.tenant_id AND f.id = t.from_id
LEFT JOIN account o ON o.tenant_id = t.tenant_id AND o.id = t.to_id
WHERE t.tenant_id = %(tenant)s
  AND t.code IN ('stake_hold', 'stake_take', 'stake_return', 'payout', 'stake_release',
                 'stake_reclaim', 'payout_reclaim', 'debt_lend', 'debt_repay')
  AND (b.id IS NULL OR t.version > b.settlement_version OR f.id IS NULL OR o.id IS NULL
    OR (t.code, f.kind, o.kind) NOT IN (
        ('stake_hold', 'cash', 'held'), ('stake_take', 'held', 'house'),
        ('stake_return', 'held', 'cash'), ('payout', 'house', 'cash'),
        ('stake_release', 'house', 'cash'), ('stake_release', 'house', 'held'),
        ('stake_take', 'cash', 'house'), ('stake_reclaim', 'cash', 'held'),
        ('payout_reclaim', 'cash', 'house'), ('debt_lend', 'receivable', 'cash'),
        ('debt_repay', 'cash', 'receivable'))
    OR coalesce(f.owner_id, b.user_id) <> b.user_id OR coalesce(o.owner_id, b.user_id) <> b.user_id)
LIMIT 20"""

# What lies in `held` is the stakes of the open bets.
CHECK_HELD = """
SELECT 'held = stakes of open bets', a.owner_id::text,
       (a.balance_minor || ' instead of ' || coalesce(b.stakes, 0))
FROM account a LEFT JOIN (
    SELECT user_id, sum(stake_minor) AS stakes FROM bet
    WHERE tenant_id = %(tenant)s AND status = 'open' GROUP BY user_id) b ON b.user_id = a.owner_id
WHERE a.tenant_id = %(tenant)s AND a.kind = 'held' AND a.balance_minor <> coalesce(b.stakes, 0)
LIMIT 20"""

# Every accepted answer has its bet, and every bet its accepted answer.
CHECK_ANSWERS = """
SELECT 'accepted answers = bets', coalesce(b.id, r.bet_id)::text, coalesce(r.decision, 'no answer')
FROM bet b FULL JOIN (
    SELECT user_id, bet_id, decision FROM bet_request
    WHERE tenant_id = %(tenant)s AND decision = 'accepted') r
    ON r.bet_id = b.id AND r.user_id = b.user_id
WHERE (b.tenant_id = %(tenant)s OR b.tenant_id IS NULL) AND (b.id IS NULL OR r.bet_id IS NULL)
LIMIT 20"""

# A bet has its legs, in order, and no two on one event; a leg has its bet, which no key says.
CHECK_LEGS = """
SELECT 'a bet has its legs, each on its own event', coalesce(b.id, l.bet_id)::text,
       (coalesce(b.legs, 0) || ' ' || count(l.n))
FROM (SELECT id, legs FROM bet WHERE tenant_id = %(tenant)s) b
FULL JOIN (SELECT bet_id, n, event_id FROM leg WHERE tenant_id = %(tenant)s) l ON l.bet_id = b.id
GROUP BY b.id, l.bet_id, b.legs
HAVING b.id IS NULL OR count(l.n) <> b.legs OR count(DISTINCT l.event_id) <> b.legs
LIMIT 20"""

# Whoever bets or was answered is a user of the tenant, which no foreign key says either.
CHECK_PLAYERS = """
SELECT 'a bet is of a player', a.id::text, a.user_id::text
FROM (SELECT id, user_id FROM bet WHERE tenant_id = %(tenant)s
      UNION ALL
      SELECT bet_id, user_id FROM bet_request WHERE tenant_id = %(tenant)s) a
LEFT JOIN users u ON u.tenant_id = %(tenant)s AND u.id = a.user_id
WHERE u.id IS NULL LIMIT 20"""

# Every settled bet with what its payout is made of.
SETTLED_LEGS = """
SELECT b.id, b.stake_minor, b.payout_rounding, b.outcome, b.payout_minor, l.grade, l.price_e4
FROM bet b JOIN leg l ON l.tenant_id = b.tenant_id AND l.bet_id = b.id
WHERE b.tenant_id = %s AND b.status = 'settled' ORDER BY b.id, l.n"""

# What a run placed, by what became of it.
COUNTS = """
SELECT decision, coalesce(answer ->> 'refusal', ''), count(*) FROM bet_request
WHERE tenant_id = %s AND at BETWEEN %s AND %s AND key LIKE %s GROUP BY 1, 2 ORDER BY 1, 2"""

# What a run's bets brought in and cost, by the local day of their settlement; voided ones neither.
RUN_DAYS = """
SELECT (b.settled_at AT TIME ZONE %s)::date, sum(b.stake_minor)::bigint, sum(b.payout_minor)::bigint
FROM bet_request r JOIN bet b ON b.tenant_id = r.tenant_id AND b.id = r.bet_id
WHERE r.tenant_id = %s AND r.at BETWEEN %s AND %s AND r.key LIKE %s
  AND b.status = 'settled' AND b.outcome <> 'void'
GROUP BY 1 ORDER BY 1"""

# How many of a run's bets are settled.
SETTLED = """
SELECT count(*) FROM bet_request r JOIN bet b ON b.tenant_id = r.tenant_id AND b.id = r.bet_id
WHERE r.tenant_id = %s AND r.at BETWEEN %s AND %s AND r.key LIKE %s AND b.status = 'settled'"""


async def place(conn: Connection, tenant_id: UUID, slips: Sequence[Slip]) -> list[Decision]:
    """Ask for all `slips` at once, now; the answers stand in their order."""
    values = _columns(slips)
    no_sessions: list[bytes | None] = [None] * len(slips)
    asked = [[tenant_id] * len(slips), *values[:8], no_sessions, *values[8:]]
    cursor = await conn.execute(PLACE, asked)
    return _decided(slips, await cursor.fetchone())


async def place_all(conn: Connection, asked: Sequence[Asked]) -> list[Decision]:
    """Ask for the slips of any tenants at once, now, on a connection without a transaction.

    It commits by itself. Numbers, ids, names and keys (`rules.check`) need no escaping in an array.
    """
    slips = [one.slip for one in asked]
    columns = _columns(slips)
    tokens = [one.token_sha256 for one in asked]
    values: list[object] = [
        ",".join({str(one.tenant_id) for one in asked}),
        _joined([one.tenant_id.hex for one in asked]),
        _joined([slip.bet_id.hex for slip in slips]),
        _joined([slip.user_id.hex for slip in slips]),
        _joined([f'"{slip.key}"' for slip in slips]),
        _joined([_bytes(sha256) for sha256 in columns[3]]),
        *(_joined(column) for column in columns[4:7]),
        _joined([slip.at.isoformat() for slip in slips]),
        _joined(["NULL" if sha256 is None else _bytes(sha256) for sha256 in tokens]),
        _joined(columns[8]),
        _joined([leg.selection_id.hex for slip in slips for leg in slip.legs]),
        _joined(columns[10]),
    ]
    cursor = await conn.execute(PLACE_ALL, values, prepare=True)
    return _decided(slips, await cursor.fetchone())


async def place_at(conn: Connection, tenant_id: UUID, slips: Sequence[Slip]) -> list[Decision]:
    """Ask for all `slips` at once, each at its own time; the answers stand in their order."""
    cursor = await conn.execute(PLACE_AT, [[tenant_id] * len(slips), *_columns(slips)])
    return _decided(slips, await cursor.fetchone())


def _columns(slips: Sequence[Slip]) -> list[list[Any]]:
    legs = [(n, leg) for n, slip in enumerate(slips, start=1) for leg in slip.legs]
    return [
        [slip.bet_id for slip in slips],
        [slip.user_id for slip in slips],
        [slip.key for slip in slips],
        [body_sha256(slip) for slip in slips],
        [slip.stake_minor for slip in slips],
        [slip.odds_policy for slip in slips],
        [slip.tolerance_bps for slip in slips],
        [slip.at for slip in slips],
        [n for n, _ in legs],
        [leg.selection_id for _, leg in legs],
        [leg.price_e4 for _, leg in legs],
    ]


def _joined(values: Sequence[object]) -> str:
    """An array's text, made in one join: a driver's dumping of lists looks at each value twice."""
    return "{" + ",".join(map(str, values)) + "}"


def _bytes(value: bytes) -> str:
    return f'"\\\\x{value.hex()}"'


def _decided(slips: Sequence[Slip], row: tuple[Any, ...] | None) -> list[Decision]:
    """The answers that a call's columns are; an accepted one is said by the bet's own facts."""
    assert row is not None
    kinds, bet_ids, potentials, placed_ats, currencies, refusals, prices_e4 = row
    decided: list[Decision] = []
    first = 0
    for n, slip in enumerate(slips):
        last = first + len(slip.legs)
        answer = refusals[n]
        if answer is None:
            answer = {
                "bet_id": str(bet_ids[n]),
                "status": "open",
                "kind": "single" if last - first == 1 else "combo",
                "stake_minor": slip.stake_minor,
                "potential_payout_minor": potentials[n],
                "currency": currencies[n],
                "placed_at": placed_ats[n].isoformat(),
                "prices_e4": prices_e4[first:last],
            }
        decided.append(Decision(kinds[n], answer))
        first = last
    return decided


async def bets_of(
    conn: Connection,
    tenant_id: UUID,
    user_id: UUID,
    before: tuple[datetime, UUID],
    status: str | None,
    limit: int,
) -> list[Bet]:
    """At most `limit` bets of a player placed before `before` (time, id), newest first."""
    cursor = await conn.execute(
        BETS_OF,
        {
            "tenant": tenant_id,
            "user": user_id,
            "before": before[0],
            "id": before[1],
            "status": status,
            "limit": limit,
        },
    )
    return await _with_legs(conn, tenant_id, await cursor.fetchall())


async def bet(conn: Connection, tenant_id: UUID, user_id: UUID, bet_id: UUID) -> Bet | None:
    """One bet of a player, None when he has no such bet."""
    cursor = await conn.execute(BET, [tenant_id, user_id, bet_id])
    found = await _with_legs(conn, tenant_id, await cursor.fetchall())
    return found[0] if found else None


async def latest(conn: Connection, tenant_id: UUID, before: UUID, limit: int) -> list[LatestBet]:
    """At most `limit` bets of the tenant with an id below `before`, newest first."""
    cursor = await conn.execute(LATEST, [tenant_id, before, limit])
    rows = await cursor.fetchall()
    bets = await _with_legs(conn, tenant_id, [row[:-1] for row in rows])
    return [LatestBet(bet, row[-1]) for bet, row in zip(bets, rows, strict=True)]


async def open_selections(
    conn: Connection, tenant_id: UUID, event_ids: Sequence[UUID]
) -> list[OpenSelection]:
    """What is open on some events, market by market, event by event."""
    async with conn.cursor(row_factory=class_row(OpenSelection)) as cursor:
        await cursor.execute(OPEN_SELECTIONS, {"tenant": tenant_id, "events": list(event_ids)})
        return await cursor.fetchall()


async def reduced_combos(
    conn: Connection, tenant_id: UUID, event_ids: Sequence[UUID]
) -> list[ReducedCombo]:
    """The open legs on some events whose combo a graded leg has made smaller."""
    async with conn.cursor(row_factory=class_row(ReducedCombo)) as cursor:
        await cursor.execute(REDUCED, {"tenant": tenant_id, "events": list(event_ids)})
        return await cursor.fetchall()


async def exposure_bounds(
    conn: Connection, tenant_id: UUID, since: datetime, until: datetime
) -> list[tuple[UUID, int]]:
    """(event id, the most it could cost, minor units), the greatest first, by time of start."""
    cursor = await conn.execute(
        EXPOSURE_BOUNDS, {"tenant": tenant_id, "since": since, "until": until}
    )
    return [(row[0], row[1]) for row in await cursor.fetchall()]


async def _with_legs(
    conn: Connection, tenant_id: UUID, rows: Sequence[tuple[Any, ...]]
) -> list[Bet]:
    legs: dict[UUID, list[Leg]] = {row[0]: [] for row in rows}
    cursor = await conn.execute(LEGS_OF, [tenant_id, list(legs)])
    for row in await cursor.fetchall():
        legs[row[0]].append(Leg(*row[1:]))
    return [Bet(*row, legs=tuple(legs[row[0]])) for row in rows]


async def check(conn: Connection, tenant_id: UUID) -> list[Violation]:
    """The invariants between bets, answers and the ledger; an empty list is a sound book."""
    found: list[Violation] = []
    for statement in (
        CHECK_STAKES,
        CHECK_LEGS,
        CHECK_PLAYERS,
        CHECK_PAYOUTS,
        CHECK_DEBTS,
        CHECK_CAUSES,
        CHECK_HELD,
        CHECK_ANSWERS,
    ):
        cursor = await conn.execute(statement, {"tenant": tenant_id})
        found += [Violation(*row) for row in await cursor.fetchall()]
    return found


async def check_deep(conn: Connection, tenant_id: UUID) -> list[Violation]:
    """Recompute every settled bet's payout from its grades and prices, outside the database."""
    found: list[Violation] = []
    cursor = await conn.execute(SETTLED_LEGS, [tenant_id])
    for of_bet, rows in groupby(await cursor.fetchall(), key=lambda row: row[:5]):
        bet_id, stake_minor, rounding, outcome, payout_minor = of_bet
        legs = [(grade, price_e4) for *_, grade, price_e4 in rows]
        due = payout_due(stake_minor, legs, rounding)
        is_lost = "lost" in {grade for grade, _ in legs}
        if due != payout_minor or (outcome == "lost") != is_lost:
            said = f"{outcome} {payout_minor} instead of {due}"
            found.append(Violation("a payout follows from its grades", str(bet_id), said))
    return found


async def counts(
    conn: Connection, tenant_id: UUID, first: datetime, last: datetime, key_prefix: str
) -> tuple[int, dict[str, int], int]:
    """(accepted, refused by reason, settled) of the requests whose key starts with `key_prefix`."""
    pattern = key_prefix + "%"
    accepted, refused = 0, dict[str, int]()
    cursor = await conn.execute(COUNTS, [tenant_id, first, last, pattern])
    for decision, refusal, count in await cursor.fetchall():
        if decision == "accepted":
            accepted = count
        else:
            refused[refusal] = count
    row = await (await conn.execute(SETTLED, [tenant_id, first, last, pattern])).fetchone()
    assert row is not None
    return accepted, refused, row[0]


async def run_days(
    conn: Connection, tenant_id: UUID, zone: str, first: datetime, last: datetime, key_prefix: str
) -> list[tuple[date, int, int]]:
    """(day, handle, payout) of the settled bets whose request's key starts with `key_prefix`."""
    cursor = await conn.execute(RUN_DAYS, [zone, tenant_id, first, last, key_prefix + "%"])
    return [(row[0], row[1], row[2]) for row in await cursor.fetchall()]
