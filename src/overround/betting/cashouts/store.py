"""The statements of cash-outs. Paying is the schema function `bets_cash_out_v1` of bets."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from overround.betting.cashouts.model import (
    Answer,
    Backlog,
    ListedOrder,
    ListedRequest,
    Order,
    OrderState,
    Quote,
    Request,
    RequestState,
    Standing,
    StoredBet,
    StoredLeg,
    Terms,
)
from overround.db import Connection
from overround.money.ledger import Violation
from overround.people import tenants

# The bet with its money, locked in everybody's order before anything is read.
LOCK = "SELECT bets_cash_out_lock_v1(%s, %s, %s)"

# A part of it paid.
PAY = "SELECT bets_cash_out_v1(%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"

# A player's bets as they stand; another's looks like none.
BETS = """
SELECT b.id, b.user_id, b.book_id, b.kind, b.status, b.outcome, b.currency, b.stake_minor,
       b.potential_payout_minor, b.payout_rounding, b.settlement_version,
       coalesce(b.cashed_stake_minor, 0) AS cashed_stake_minor,
       coalesce(b.cashed_minor, 0) AS cashed_minor, b.sizes, f.id IS NOT NULL AS is_free,
       b.each_way
FROM bet b LEFT JOIN free_bet f ON f.tenant_id = b.tenant_id AND f.bet_id = b.id
WHERE b.tenant_id = %s AND b.user_id = ANY(%s) AND b.id = ANY(%s)"""

# Their legs, when their events were last heard of (each batch of a feed is a word about one), and
# how those stand that are being played.
LEGS = """
SELECT l.bet_id, l.n, l.event_id, l.market_id, l.selection_id, m.market_type, m.line_q4, s.side,
       l.price_e4, l.grade, e.starts_at, e.status = 'live' AS is_in_play,
       e.closed_at IS NOT NULL AND e.status <> 'live' AS is_closed, heard.heard_at, l.banker,
       p.refusal AS refused_in_play, p.score
FROM leg l
JOIN event e ON e.id = l.event_id
JOIN market m ON m.id = l.market_id
JOIN selection s ON s.id = l.selection_id
LEFT JOIN LATERAL (SELECT max(f.observed_at) AS heard_at FROM feed_batch f
                   WHERE f.event_id = l.event_id AND l.grade IS NULL) heard ON true
LEFT JOIN cash_out_in_play_v1(%(tenant)s, %(bets)s, %(at)s, %(scores)s) p
    ON p.bet_id = l.bet_id AND p.n = l.n
WHERE l.tenant_id = %(tenant)s AND l.bet_id = ANY(%(bets)s) ORDER BY l.bet_id, l.n"""

# Every answer of some markets, with what a book lays on it.
ANSWERS = """
SELECT k.book_id, s.market_id, s.id AS selection_id, o.price_e4, o.state, o.version, o.changed_at
FROM (SELECT DISTINCT a.book_id, a.market_id
      FROM unnest(%s::uuid[], %s::uuid[]) AS a (book_id, market_id)) k
JOIN selection s ON s.market_id = k.market_id
LEFT JOIN offer o ON o.book_id = k.book_id AND o.selection_id = s.id"""

# The tenant's terms, where it has its own.
TERMS = """
SELECT enabled, margin_bps, quote_s, delay_s, stale_s
FROM cash_out_terms WHERE tenant_id = %s"""

# New terms in the place of the old.
SET_TERMS = """
INSERT INTO cash_out_terms (tenant_id, enabled, margin_bps, quote_s, delay_s, stale_s)
VALUES (%s, %s, %s, %s, %s, %s)
ON CONFLICT (tenant_id) DO UPDATE
SET enabled = EXCLUDED.enabled, margin_bps = EXCLUDED.margin_bps, quote_s = EXCLUDED.quote_s,
    delay_s = EXCLUDED.delay_s, stale_s = EXCLUDED.stale_s"""

# What quotes are sealed with.
SEALED_WITH = "SELECT secret FROM cash_out_seal"

# How long what is asked of a bet has to wait.
DELAY = "SELECT cash_out_delay_v1(%s, %s, %s)"

# What was asked by a key.
BY_KEY = """
SELECT id, user_id, bet_id, key, body_sha256, share_bps, amount_minor, digest, policy,
       tolerance_bps, at, due_at, scores, answer
FROM cash_out_request WHERE tenant_id = %s AND user_id = %s AND key = %s"""

# One request of one player; another's looks like none.
MINE = """
SELECT id, user_id, bet_id, key, body_sha256, share_bps, amount_minor, digest, policy,
       tolerance_bps, at, due_at, scores, answer
FROM cash_out_request WHERE tenant_id = %s AND user_id = %s AND id = %s"""

# What is asked of each of some bets and waits, or else what was asked last: an id begins with the
# time.
LATEST = """
SELECT DISTINCT ON (bet_id) id, user_id, bet_id, key, body_sha256, share_bps, amount_minor, digest,
       policy, tolerance_bps, at, due_at, scores, answer
FROM cash_out_request WHERE tenant_id = %s AND bet_id = ANY(%s)
ORDER BY bet_id, answer IS NULL DESC, id DESC"""

# What is asked, with its answer or to wait for it.
KEEP = """
INSERT INTO cash_out_request (tenant_id, id, user_id, bet_id, key, body_sha256, share_bps,
    amount_minor, digest, policy, tolerance_bps, at, due_at, scores, answer)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"""

# Whose requests have stood their delay; it asks the index of the time.
TENANTS_DUE = """
SELECT DISTINCT tenant_id FROM cash_out_request WHERE answer IS NULL AND due_at <= %s"""

# Which those are of one tenant, in the order of their time.
DUE = """
SELECT id FROM cash_out_request
WHERE tenant_id = %s AND answer IS NULL AND due_at <= %s ORDER BY due_at, id LIMIT %s"""

# How many wait, of all tenants together, and since when the first of them; it asks the same index.
BACKLOG = """
SELECT count(*) AS cash_outs, min(at) AS oldest_at FROM cash_out_request WHERE answer IS NULL"""

# One of them, if nobody else holds it or has answered it.
CLAIM = """
SELECT id, user_id, bet_id, key, body_sha256, share_bps, amount_minor, digest, policy,
       tolerance_bps, at, due_at, scores, answer
FROM cash_out_request WHERE tenant_id = %s AND id = %s AND answer IS NULL
FOR UPDATE SKIP LOCKED"""

# What it gets.
ANSWER = "UPDATE cash_out_request SET answer = %s WHERE tenant_id = %s AND id = %s"

# What is to be done by itself with some bets.
ORDERS = """
SELECT bet_id, user_id, at_least_minor, state, changed_at FROM cash_out_order
WHERE tenant_id = %s AND bet_id = ANY(%s)"""

# An order, or another amount for it.
SET_ORDER = """
INSERT INTO cash_out_order (tenant_id, bet_id, user_id, at_least_minor, state, changed_at)
VALUES (%s, %s, %s, %s, 'waiting', %s)
ON CONFLICT (tenant_id, bet_id) DO UPDATE
SET at_least_minor = EXCLUDED.at_least_minor, state = 'waiting', changed_at = EXCLUDED.changed_at"""

# It is done, or nobody wants it any more.
END_ORDER = """
UPDATE cash_out_order SET state = %s, changed_at = %s
WHERE tenant_id = %s AND bet_id = %s AND state = 'waiting'"""

# Those of some bets that are over end with them. One that was set since this was asked is of a bet
# that was opened again; whoever else is at one ends it.
END_OVER = """
WITH gone AS (
    SELECT o.bet_id FROM cash_out_order o
    JOIN bet b ON b.tenant_id = o.tenant_id AND b.id = o.bet_id AND b.status <> 'open'
    WHERE o.tenant_id = %(tenant)s AND o.bet_id = ANY(%(bets)s) AND o.state = 'waiting'
      AND o.changed_at <= %(at)s
    FOR UPDATE OF o SKIP LOCKED)
UPDATE cash_out_order o SET state = 'ended', changed_at = %(at)s
FROM gone WHERE o.tenant_id = %(tenant)s AND o.bet_id = gone.bet_id"""

# Whether nothing of a bet is at play any more.
IS_OVER = "SELECT status <> 'open' FROM bet WHERE tenant_id = %s AND id = %s"

# Orders of bets of which nothing is asked that waits, in order: the next ones after a bet.
WAITING = """
SELECT o.bet_id, o.user_id, o.at_least_minor, o.state, o.changed_at
FROM cash_out_order o
WHERE o.tenant_id = %s AND o.state = 'waiting' AND o.bet_id > %s::uuid
  AND NOT EXISTS (SELECT 1 FROM cash_out_request r WHERE r.tenant_id = o.tenant_id
                  AND r.bet_id = o.bet_id AND r.answer IS NULL)
ORDER BY o.bet_id LIMIT %s"""

# The office's page of what was asked, newest first: an id begins with the time.
LISTED = """
SELECT r.id, r.user_id, r.bet_id, r.key, r.body_sha256, r.share_bps, r.amount_minor, r.digest,
       r.policy, r.tolerance_bps, r.at, r.due_at, r.scores, r.answer, u.display_name
FROM cash_out_request r JOIN users u ON u.tenant_id = r.tenant_id AND u.id = r.user_id
WHERE r.tenant_id = %(tenant)s AND r.id < %(before)s::uuid
  AND (%(state)s::text IS NULL
       OR r.answer IS NOT NULL AND (%(state)s = 'refused') = (r.answer ? 'refusal'))
ORDER BY r.id DESC LIMIT %(limit)s"""

# The same of what waits, which are few of many: it asks their own index.
LISTED_WAITING = """
SELECT r.id, r.user_id, r.bet_id, r.key, r.body_sha256, r.share_bps, r.amount_minor, r.digest,
       r.policy, r.tolerance_bps, r.at, r.due_at, r.scores, r.answer, u.display_name
FROM cash_out_request r JOIN users u ON u.tenant_id = r.tenant_id AND u.id = r.user_id
WHERE r.tenant_id = %(tenant)s AND r.id < %(before)s::uuid AND r.answer IS NULL
ORDER BY r.id DESC LIMIT %(limit)s"""

# The office's page of orders that stand, that of the newest bet first.
LISTED_ORDERS = """
SELECT o.bet_id, o.user_id, o.at_least_minor, o.state, o.changed_at, u.display_name
FROM cash_out_order o
JOIN bet b ON b.tenant_id = o.tenant_id AND b.id = o.bet_id AND b.status = 'open'
JOIN users u ON u.tenant_id = o.tenant_id AND u.id = o.user_id
WHERE o.tenant_id = %(tenant)s AND o.state = 'waiting' AND o.bet_id < %(before)s::uuid
ORDER BY o.bet_id DESC LIMIT %(limit)s"""

# A bet has been cashed out as its slices say, each of which has moved its stake and its money.
CHECK = """
SELECT 'what was cashed out of a bet is its slices', coalesce(b.id, c.bet_id, t.bet_id)::text,
       concat_ws(' ', 'bet', b.cashed_stake_minor, b.cashed_minor, 'slices', c.stake, c.paid,
                 'moved', t.stake, t.paid)
FROM (SELECT id, cashed_stake_minor, cashed_minor FROM bet
      WHERE tenant_id = %(tenant)s AND cashed_minor IS NOT NULL) b
FULL JOIN (
    SELECT bet_id, sum(stake_minor) AS stake, sum(paid_minor) AS paid FROM cash_out
    WHERE tenant_id = %(tenant)s GROUP BY bet_id) c ON c.bet_id = b.id
FULL JOIN (
    SELECT p.reference AS bet_id, sum(s.amount_minor) AS stake, sum(p.amount_minor) AS paid
    FROM transfer p
    LEFT JOIN transfer s ON s.tenant_id = p.tenant_id AND s.reference = p.reference
        AND s.code = 'stake_take' AND s.version = p.version
    WHERE p.tenant_id = %(tenant)s AND p.code = 'cash_out' GROUP BY p.reference) t
    ON t.bet_id = coalesce(b.id, c.bet_id)
WHERE (b.cashed_stake_minor, b.cashed_minor) IS DISTINCT FROM (c.stake, c.paid)
   OR (c.stake, c.paid) IS DISTINCT FROM (t.stake, t.paid)
LIMIT 20"""

# An order that is done has cashed its bet out.
CHECK_ORDERS = """
SELECT 'an order that is done has cashed its bet out', o.bet_id::text, o.at_least_minor::text
FROM cash_out_order o
WHERE o.tenant_id = %(tenant)s AND o.state = 'done' AND 1 <> (
    SELECT count(*) FROM cash_out c
    WHERE c.tenant_id = o.tenant_id AND c.bet_id = o.bet_id AND c.by_order
      AND c.paid_minor >= o.at_least_minor)
LIMIT 20"""

# What was asked is paid if its answer says so, and then for what the answer says.
CHECK_REQUESTS = """
SELECT 'a request that was paid is its slice', coalesce(r.id, c.id)::text,
       concat_ws(' ', 'answer', r.paid, 'slice', c.paid_minor)
FROM (SELECT id, bet_id, (answer ->> 'amount_minor')::bigint AS paid FROM cash_out_request
      WHERE tenant_id = %(tenant)s AND answer ? 'cash_out_id') r
FULL JOIN (SELECT id, bet_id, paid_minor FROM cash_out WHERE tenant_id = %(tenant)s) c
    ON c.id = r.id
WHERE (r.bet_id, r.paid) IS DISTINCT FROM (c.bet_id, c.paid_minor)
LIMIT 20"""


async def lock(conn: Connection, tenant_id: UUID, user_id: UUID, bet_id: UUID) -> bool:
    """Be alone with the bet and the player's money; False where he has no such bet."""
    row = await (await conn.execute(LOCK, [tenant_id, user_id, bet_id])).fetchone()
    return row is not None and row[0]


async def standings(
    conn: Connection,
    tenant_id: UUID,
    user_ids: Sequence[UUID],
    bet_ids: Sequence[UUID],
    at: datetime,
    scores: Sequence[object] | None = None,
) -> dict[UUID, Standing]:
    """bet id -> how it stands; a bet that is not of one of these players is absent.

    `scores` is how the events of the one bet's legs stood when it was asked what waits.
    """
    async with conn.cursor(row_factory=class_row(StoredBet)) as cursor:
        await cursor.execute(BETS, [tenant_id, list(user_ids), list(bet_ids)])
        bets = {bet.id: bet for bet in await cursor.fetchall()}
    legs: defaultdict[UUID, list[StoredLeg]] = defaultdict(list)
    async with conn.cursor(row_factory=class_row(StoredLeg)) as cursor:
        then = None if scores is None else Jsonb(scores)
        words = {"tenant": tenant_id, "bets": list(bets), "at": at, "scores": then}
        await cursor.execute(LEGS, words)
        for leg in await cursor.fetchall():
            legs[leg.bet_id].append(leg)
    open_legs = [leg for its_legs in legs.values() for leg in its_legs if leg.grade is None]
    markets: defaultdict[tuple[UUID, UUID], list[Answer]] = defaultdict(list)
    async with conn.cursor(row_factory=class_row(Answer)) as cursor:
        books = [bets[leg.bet_id].book_id for leg in open_legs]
        await cursor.execute(ANSWERS, [books, [leg.market_id for leg in open_legs]])
        for answer in await cursor.fetchall():
            markets[answer.book_id, answer.market_id].append(answer)
    return {
        bet.id: Standing(
            bet,
            legs[bet.id],
            {leg.market_id: markets[bet.book_id, leg.market_id]
             for leg in legs[bet.id] if leg.grade is None},
        )
        for bet in bets.values()
    }  # fmt: skip


async def pay(
    conn: Connection,
    tenant_id: UUID,
    one: Request,
    standing: Standing,
    quote: Quote,
    margin_bps: int,
    at: datetime,
) -> None:
    """Pay the request what was quoted for the bet as it stands."""
    bet = standing.bet
    await conn.execute(
        PAY,
        [
            tenant_id, one.id, bet.id, bet.settlement_version, quote.stake_minor,
            quote.amount_minor, quote.fair_minor, margin_bps, one.key is None, at,
        ],
    )  # fmt: skip


async def terms(conn: Connection, tenant_id: UUID) -> Terms:
    """The tenant's terms, or those that hold where it has none."""
    async with conn.cursor(row_factory=class_row(Terms)) as cursor:
        await cursor.execute(TERMS, [tenant_id])
        return await cursor.fetchone() or Terms()


async def set_terms(conn: Connection, tenant_id: UUID, terms: Terms) -> None:
    """Write the tenant's terms."""
    seconds = terms.quote_s, terms.delay_s, terms.stale_s
    await conn.execute(SET_TERMS, [tenant_id, terms.enabled, terms.margin_bps, *seconds])


async def secret(conn: Connection) -> bytes:
    """What quotes are sealed with."""
    row = await (await conn.execute(SEALED_WITH)).fetchone()
    assert row is not None
    return bytes(row[0])


async def delay_ms(conn: Connection, tenant_id: UUID, user_id: UUID, bet_id: UUID) -> int:
    """How long what is asked of the bet now has to wait: none where nothing of it is in play."""
    row = await (await conn.execute(DELAY, [tenant_id, user_id, bet_id])).fetchone()
    assert row is not None
    return row[0]


async def by_key(conn: Connection, tenant_id: UUID, user_id: UUID, key: str) -> Request | None:
    """What was asked by a key."""
    async with conn.cursor(row_factory=class_row(Request)) as cursor:
        await cursor.execute(BY_KEY, [tenant_id, user_id, key])
        return await cursor.fetchone()


async def mine(conn: Connection, tenant_id: UUID, user_id: UUID, asked_id: UUID) -> Request | None:
    """One request of a player, None when he has no such one."""
    async with conn.cursor(row_factory=class_row(Request)) as cursor:
        await cursor.execute(MINE, [tenant_id, user_id, asked_id])
        return await cursor.fetchone()


async def latest(conn: Connection, tenant_id: UUID, bet_ids: Sequence[UUID]) -> dict[UUID, Request]:
    """bet id -> what is asked of it and waits, or else what was asked last."""
    async with conn.cursor(row_factory=class_row(Request)) as cursor:
        await cursor.execute(LATEST, [tenant_id, list(bet_ids)])
        return {one.bet_id: one for one in await cursor.fetchall()}


async def keep(conn: Connection, tenant_id: UUID, one: Request) -> None:
    """Keep what was asked, with its answer or to wait for it."""
    scores = None if one.scores is None else Jsonb(one.scores)
    answer = None if one.answer is None else Jsonb(one.answer)
    await conn.execute(
        KEEP,
        [
            tenant_id, one.id, one.user_id, one.bet_id, one.key, one.body_sha256, one.share_bps,
            one.amount_minor, one.digest, one.policy, one.tolerance_bps, one.at, one.due_at, scores,
            answer,
        ],
    )  # fmt: skip


async def tenants_due(conn: Connection, at: datetime) -> list[UUID]:
    """Whose requests have stood their delay; for a transaction of no tenant, and this alone."""
    await tenants.see_all(conn)
    return [row[0] for row in await (await conn.execute(TENANTS_DUE, [at])).fetchall()]


async def due(conn: Connection, tenant_id: UUID, at: datetime, limit: int) -> list[UUID]:
    """At most `limit` requests that have stood their delay."""
    cursor = await conn.execute(DUE, [tenant_id, at, limit])
    return [row[0] for row in await cursor.fetchall()]


async def backlog(conn: Connection) -> Backlog:
    """What waits in all the house; the transaction is of no tenant, and for this alone."""
    await tenants.see_all(conn)
    async with conn.cursor(row_factory=class_row(Backlog)) as cursor:
        await cursor.execute(BACKLOG)
        found = await cursor.fetchone()
    assert found is not None
    return found


async def claim(conn: Connection, tenant_id: UUID, asked_id: UUID) -> Request | None:
    """A request that waits, held until the transaction ends; None where another has it."""
    async with conn.cursor(row_factory=class_row(Request)) as cursor:
        await cursor.execute(CLAIM, [tenant_id, asked_id])
        return await cursor.fetchone()


async def answer(conn: Connection, tenant_id: UUID, asked_id: UUID, said: dict[str, Any]) -> None:
    """What a request gets that has waited."""
    await conn.execute(ANSWER, [Jsonb(said), tenant_id, asked_id])


async def orders(conn: Connection, tenant_id: UUID, bet_ids: Sequence[UUID]) -> dict[UUID, Order]:
    """bet id -> what was ordered for it, whatever became of that."""
    async with conn.cursor(row_factory=class_row(Order)) as cursor:
        await cursor.execute(ORDERS, [tenant_id, list(bet_ids)])
        return {order.bet_id: order for order in await cursor.fetchall()}


async def set_order(
    conn: Connection,
    tenant_id: UUID,
    bet_id: UUID,
    user_id: UUID,
    at_least_minor: int,
    at: datetime,
) -> None:
    """Let the bet be cashed out as soon as that pays so much."""
    await conn.execute(SET_ORDER, [tenant_id, bet_id, user_id, at_least_minor, at])


async def end_order(
    conn: Connection, tenant_id: UUID, bet_id: UUID, state: OrderState, at: datetime
) -> bool:
    """Whether an order waited, which now does no more."""
    cursor = await conn.execute(END_ORDER, [state, at, tenant_id, bet_id])
    return cursor.rowcount == 1


async def waiting(conn: Connection, tenant_id: UUID, after: UUID, limit: int) -> list[Order]:
    """At most `limit` orders of bets with an id above `after`."""
    async with conn.cursor(row_factory=class_row(Order)) as cursor:
        await cursor.execute(WAITING, [tenant_id, after, limit])
        return await cursor.fetchall()


async def end_over(conn: Connection, tenant_id: UUID, bet_ids: Sequence[UUID], at: datetime) -> int:
    """End the orders of those of some bets that are over; how many."""
    words = {"tenant": tenant_id, "bets": list(bet_ids), "at": at}
    return (await conn.execute(END_OVER, words)).rowcount


async def is_over(conn: Connection, tenant_id: UUID, bet_id: UUID) -> bool:
    """Whether nothing of a bet is at play any more."""
    row = await (await conn.execute(IS_OVER, [tenant_id, bet_id])).fetchone()
    return row is not None and row[0]


async def listed(
    conn: Connection, tenant_id: UUID, state: RequestState | None, before: UUID, limit: int
) -> list[ListedRequest]:
    """At most `limit` requests of the tenant with an id below `before`, newest first."""
    statement = LISTED_WAITING if state == "waiting" else LISTED
    words = {"tenant": tenant_id, "state": state, "before": before, "limit": limit}
    cursor = await conn.execute(statement, words)
    return [ListedRequest(Request(*row[:-1]), row[-1]) for row in await cursor.fetchall()]


async def listed_orders(
    conn: Connection, tenant_id: UUID, before: UUID, limit: int
) -> list[ListedOrder]:
    """At most `limit` orders that stand, of open bets with an id below `before`, newest first."""
    words = {"tenant": tenant_id, "before": before, "limit": limit}
    cursor = await conn.execute(LISTED_ORDERS, words)
    return [ListedOrder(Order(*row[:-1]), row[-1]) for row in await cursor.fetchall()]


async def check(conn: Connection, tenant_id: UUID) -> list[Violation]:
    """The invariants between bets, slices, orders and the ledger; an empty list is sound."""
    found: list[Violation] = []
    for statement in (CHECK, CHECK_ORDERS, CHECK_REQUESTS):
        cursor = await conn.execute(statement, {"tenant": tenant_id})
        found += [Violation(*row) for row in await cursor.fetchall()]
    return found
