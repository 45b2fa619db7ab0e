"""The statements of bets. Placing is the schema functions `bets_place_v1` and `bets_replay_v1`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from itertools import groupby
from typing import Any, LiteralString
from uuid import UUID

from overround.betting.bets import words
from overround.betting.bets.model import Asked, Bet, Decision, LatestBet, Leg, Priced, Slip, Waited
from overround.betting.bets.recompute import GradedLeg, is_lost, payout_due
from overround.betting.bets.words import Words
from overround.db import Connection
from overround.money.ledger import Violation

# Many slips in one call and one commit, an answer for each, in the order given.
PLACE = """
SELECT decision, bet, potential, placed_at, currency, answer, leg_price_e4
FROM bets_place_v1(%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s,
                   %s, %s)"""

# The same as a transaction by itself, for slips of several tenants: one round trip. The tenants are
# set before the function begins, because it cannot begin without the value of the CASE.
PLACE_ALL = """
SELECT p.decision, p.bet, p.potential, p.placed_at, p.currency, p.answer, p.leg_price_e4
FROM set_config('overround.tenant_id', %s, true) AS t (tenants)
CROSS JOIN LATERAL bets_place_v1(CASE WHEN t.tenants IS NOT NULL THEN %s::uuid[] END, %s::uuid[],
    %s::uuid[], %s::text[], %s::bytea[], %s::bigint[], %s::text[], %s::bigint[], %s::boolean[],
    %s::text[], %s::integer[], %s::timestamptz[], %s::bytea[], %s::integer[], %s::uuid[],
    %s::integer[], %s::integer[], %s::boolean[], %s::bigint[], %s::bigint[], %s::text[]) AS p"""

# The same at the slips' own times; the worker's alone.
PLACE_AT = """
SELECT decision, bet, potential, placed_at, currency, answer, leg_price_e4
FROM bets_replay_v1(%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s,
                    %s)"""

# The same for slips that have waited; the worker's alone.
PLACE_WAITED = """
SELECT decision, bet, potential, placed_at, currency, answer, leg_price_e4
FROM bets_place_waited_v1(%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s,
                          %s, %s, %s, %s, %s)"""

# One slip whose stake is a free bet; sets the tenant as PLACE_ALL does.
PLACE_FREE = """
SELECT p.decision, p.bet, p.potential, p.placed_at, p.currency, p.answer, p.leg_price_e4
FROM set_config('overround.tenant_id', %s, true) AS t (tenant)
CROSS JOIN LATERAL bets_place_free_v1(CASE WHEN t.tenant IS NOT NULL THEN %s::uuid[] END, %s, %s,
    %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s) AS p"""

# A page of one player's bets, newest first; keyset on (placed_at, id).
BETS_OF = """
SELECT id, user_id, kind, sizes, stake_minor, currency, potential_payout_minor, status, outcome,
       payout_minor, placed_at, settled_at, each_way, coalesce(cashed_stake_minor, 0),
       coalesce(cashed_minor, 0), payout_rounding
FROM bet
WHERE tenant_id = %(tenant)s AND user_id = %(user)s AND (placed_at, id) < (%(before)s, %(id)s::uuid)
  AND (%(status)s::text IS NULL OR status = %(status)s)
ORDER BY placed_at DESC, id DESC LIMIT %(limit)s"""

# One bet of one player; another's looks like none.
BET = """
SELECT id, user_id, kind, sizes, stake_minor, currency, potential_payout_minor, status, outcome,
       payout_minor, placed_at, settled_at, each_way, coalesce(cashed_stake_minor, 0),
       coalesce(cashed_minor, 0), payout_rounding
FROM bet WHERE tenant_id = %s AND user_id = %s AND id = %s"""

# The legs of some bets, with what a person needs to recognise them.
LEGS_OF = """
SELECT l.bet_id, l.n, l.event_id, l.selection_id, e.home, e.away, e.starts_at, m.market_type,
       m.period, m.line_q4, s.side, l.price_e4, l.shown_price_e4, l.banker,
       l.grade, l.dead_heat, l.place_terms, l.place_grade, l.place_dead_heat
FROM leg l
JOIN event e ON e.id = l.event_id
JOIN market m ON m.id = l.market_id
JOIN selection s ON s.id = l.selection_id
WHERE l.tenant_id = %s AND l.bet_id = ANY(%s) ORDER BY l.bet_id, l.n"""

# The office's page of bets, newest first, by id: an id begins with the time, so its own index is
# the order, and placing pays for no second one.
LATEST = """
SELECT b.id, b.user_id, b.kind, b.sizes, b.stake_minor, b.currency, b.potential_payout_minor,
       b.status, b.outcome, b.payout_minor, b.placed_at, b.settled_at, b.each_way,
       coalesce(b.cashed_stake_minor, 0), coalesce(b.cashed_minor, 0), b.payout_rounding,
       u.display_name
FROM bet b JOIN users u ON u.tenant_id = b.tenant_id AND u.id = b.user_id
WHERE b.tenant_id = %s AND b.id < %s::uuid ORDER BY b.id DESC LIMIT %s"""

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
CROSS JOIN LATERAL (SELECT coalesce(b.cashed_stake_minor, 0) AS minor) c
WHERE b.tenant_id = %(tenant)s
  AND (coalesce(t.held, 0) <> CASE b.status WHEN 'open' THEN b.stake_minor - c.minor ELSE 0 END
    OR coalesce(t.taken, 0) <> CASE WHEN b.status = 'open' OR b.outcome = 'void' THEN c.minor
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
  AND CASE WHEN b.status = 'open' OR b.outcome = 'void' THEN 0
           ELSE b.payout_minor - coalesce(b.cashed_minor, 0) END <> coalesce(p.paid, 0)
LIMIT 20"""

# Every movement of stakes and payouts is of a bet, between the accounts that its code means, of the
# player who placed it, at a version that the bet has had. What a payment repaid is the cashier's.
CHECK_CAUSES = """
SELECT 'a stake or payout has its bet', t.reference::text, (t.code || ' v' || t.version)
FROM transfer t
LEFT JOIN bet b ON b.tenant_id = t.tenant_id AND b.id = t.reference
LEFT JOIN account f ON f.tenant_id = t.tenant_id AND f.id = t.from_id
LEFT JOIN account o ON o.tenant_id = t.tenant_id AND o.id = t.to_id
WHERE t.tenant_id = %(tenant)s
  AND t.code IN ('stake_hold', 'stake_take', 'stake_return', 'payout', 'stake_release',
                 'stake_reclaim', 'payout_reclaim', 'debt_lend', 'debt_repay', 'cash_out')
  AND NOT (t.code = 'debt_repay' AND EXISTS (
        SELECT 1 FROM payment p WHERE p.tenant_id = t.tenant_id AND p.id = t.reference))
  AND (b.id IS NULL OR t.version > b.settlement_version OR f.id IS NULL OR o.id IS NULL
    OR (t.code, f.kind, o.kind) NOT IN (
        ('stake_hold', 'cash', 'held'), ('stake_take', 'held', 'house'),
        ('stake_return', 'held', 'cash'), ('payout', 'house', 'cash'),
        ('stake_release', 'house', 'cash'), ('stake_release', 'house', 'held'),
        ('stake_take', 'cash', 'house'), ('stake_reclaim', 'cash', 'held'),
        ('cash_out', 'house', 'cash'),
        ('payout_reclaim', 'cash', 'house'), ('debt_lend', 'receivable', 'cash'),
        ('debt_repay', 'cash', 'receivable'))
    OR coalesce(f.owner_id, b.user_id) <> b.user_id OR coalesce(o.owner_id, b.user_id) <> b.user_id)
LIMIT 20"""

# What lies in `held` is the stakes of the open bets.
CHECK_HELD = """
SELECT 'held = stakes of open bets', a.owner_id::text,
       (a.balance_minor || ' instead of ' || coalesce(b.stakes, 0))
FROM account a LEFT JOIN (
    SELECT user_id, sum(stake_minor - coalesce(cashed_stake_minor, 0)) AS stakes FROM bet
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
SELECT b.id, b.stake_minor - coalesce(b.cashed_stake_minor, 0), b.payout_rounding, b.outcome,
       b.payout_minor - coalesce(b.cashed_minor, 0), b.sizes, l.grade, l.price_e4, l.banker,
       l.dead_heat, l.place_terms, l.place_grade, l.place_dead_heat
FROM bet b JOIN leg l ON l.tenant_id = b.tenant_id AND l.bet_id = b.id
WHERE b.tenant_id = %s AND b.status = 'settled' AND b.outcome <> 'cashed_out' ORDER BY b.id, l.n"""

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


async def place(conn: Connection, tenant_id: UUID, priced: Sequence[Priced]) -> list[Decision]:
    """Ask for all slips at once, now; the answers stand in their order."""
    said = words.columns([words.of(Asked(tenant_id, one.slip), one) for one in priced])
    cursor = await conn.execute(PLACE, [*said.slips, *said.legs, *said.wishes])
    return words.decided(priced, await cursor.fetchone())


def called() -> tuple[LiteralString, ...]:
    """The statements of the calls below, for a connection that is made for them."""
    return PLACE_ALL, PLACE_FREE


def call_of_all(slips: Sequence[Words]) -> tuple[LiteralString, list[str | None]]:
    """The call for slips of any tenants, which commits by itself."""
    said = words.columns(slips)
    return PLACE_ALL, [said.tenants, *said.slips, *said.legs, *said.wishes]


async def place_waited(
    conn: Connection, waited: Sequence[Waited], priced: Sequence[Priced]
) -> list[Decision]:
    """Ask for slips that have waited, now; the answers stand in their order."""
    pairs = zip(waited, priced, strict=True)
    said = words.columns([words.of(one.asked, at) for one, at in pairs])
    passes = words.array([one.passes for one in waited])
    agreed = words.array(
        [
            None if one.agreed_e4 is None else one.agreed_e4[n]
            for one in waited
            for n in range(len(one.asked.slip.legs))
        ]
    )
    values = [*said.slips, *said.legs, passes, agreed, *said.wishes]
    cursor = await conn.execute(PLACE_WAITED, values)
    return words.decided(priced, await cursor.fetchone())


async def place_free(
    conn: Connection, asked: Asked, priced: Sequence[Priced], waited: Waited | None = None
) -> list[Decision]:
    """Ask for one slip on a free bet, now, in the transaction that there is or in its own."""
    (one,) = priced
    statement, values = call_of_free(words.of(asked, one), asked.slip, waited)
    cursor = await conn.execute(statement, values)
    return words.decided(priced, await cursor.fetchone())


def call_of_free(
    one: Words, slip: Slip, waited: Waited | None = None
) -> tuple[LiteralString, list[str | None]]:
    """The call for one slip on a free bet."""
    said = words.columns([one])
    passes = agreed = None
    if waited is not None:
        passes = words.array([waited.passes])
        agreed = None if waited.agreed_e4 is None else words.array(waited.agreed_e4)
    _, versions, _ = said.wishes
    own = [str(slip.free_bet_id), str(waited is not None), passes, agreed]
    return PLACE_FREE, [said.tenants, *said.slips, *said.legs, versions, *own]


async def place_at(conn: Connection, tenant_id: UUID, priced: Sequence[Priced]) -> list[Decision]:
    """Ask for all slips at once, each at its own time; the answers stand in their order."""
    said = words.columns([words.of(Asked(tenant_id, one.slip), one) for one in priced])
    *slips, _ = said.slips
    cursor = await conn.execute(PLACE_AT, [*slips, *said.legs, *said.wishes])
    return words.decided(priced, await cursor.fetchone())


async def bets_of(
    conn: Connection,
    tenant_id: UUID,
    user_id: UUID,
    before: tuple[datetime, UUID],
    status: str | None,
    limit: int,
) -> list[Bet]:
    """At most `limit` bets of a player placed before `before` (time, id), newest first."""
    asked = {
        "tenant": tenant_id, "user": user_id, "before": before[0], "id": before[1],
        "status": status, "limit": limit,
    }  # fmt: skip
    cursor = await conn.execute(BETS_OF, asked)
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
        CHECK_STAKES, CHECK_LEGS, CHECK_PLAYERS, CHECK_PAYOUTS, CHECK_CAUSES,
        CHECK_HELD, CHECK_ANSWERS,
    ):  # fmt: skip
        cursor = await conn.execute(statement, {"tenant": tenant_id})
        found += [Violation(*row) for row in await cursor.fetchall()]
    return found


async def check_deep(conn: Connection, tenant_id: UUID) -> list[Violation]:
    """Recompute every settled bet's payout from its grades and prices, outside the database."""
    found: list[Violation] = []
    cursor = await conn.execute(SETTLED_LEGS, [tenant_id])
    for of_bet, rows in groupby(await cursor.fetchall(), key=lambda row: row[:6]):
        bet_id, stake_minor, rounding, outcome, payout_minor, sizes = of_bet
        legs = [GradedLeg(*row[6:]) for row in rows]
        due = payout_due(stake_minor, legs, rounding, sizes)
        if due != payout_minor or (outcome == "lost") != is_lost(legs, sizes):
            said = f"{outcome} {payout_minor} instead of {due}"
            found.append(Violation("a payout follows from its grades", str(bet_id), said))
    return found


async def counts(
    conn: Connection, tenant_id: UUID, first: datetime, last: datetime, key_prefix: str
) -> tuple[int, dict[str, int], int, int]:
    """(accepted, refused by reason, still waiting, settled) of the requests whose key starts with
    `key_prefix`."""
    pattern = key_prefix + "%"
    accepted, waiting, refused = 0, 0, dict[str, int]()
    cursor = await conn.execute(COUNTS, [tenant_id, first, last, pattern])
    for decision, refusal, count in await cursor.fetchall():
        if decision == "accepted":
            accepted = count
        elif decision == "waiting":
            waiting += count
        else:
            refused[refusal] = count
    row = await (await conn.execute(SETTLED, [tenant_id, first, last, pattern])).fetchone()
    assert row is not None
    return accepted, refused, waiting, row[0]


async def run_days(
    conn: Connection, tenant_id: UUID, zone: str, first: datetime, last: datetime, key_prefix: str
) -> list[tuple[date, int, int]]:
    """(day, handle, payout) of the settled bets whose request's key starts with `key_prefix`."""
    cursor = await conn.execute(RUN_DAYS, [zone, tenant_id, first, last, key_prefix + "%"])
    return [(row[0], row[1], row[2]) for row in await cursor.fetchall()]
