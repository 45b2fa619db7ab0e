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
    Order,
    OrderState,
    Quote,
    Standing,
    StoredBet,
    StoredLeg,
    Terms,
)
from overround.db import Connection
from overround.money.ledger import Violation

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

# Their legs, and when their events were last heard of: each batch of a feed is a word about one.
LEGS = """
SELECT l.bet_id, l.n, l.event_id, l.market_id, l.selection_id, m.market_type, m.line_q4, s.side,
       l.price_e4, l.grade, e.starts_at, e.status = 'live' AS is_in_play,
       e.closed_at IS NOT NULL AND e.status <> 'live' AS is_closed, heard.heard_at, l.banker
FROM leg l
JOIN event e ON e.id = l.event_id
JOIN market m ON m.id = l.market_id
JOIN selection s ON s.id = l.selection_id
LEFT JOIN LATERAL (SELECT max(f.observed_at) AS heard_at FROM feed_batch f
                   WHERE f.event_id = l.event_id AND l.grade IS NULL) heard ON true
WHERE l.tenant_id = %s AND l.bet_id = ANY(%s) ORDER BY l.bet_id, l.n"""

# Every answer of some markets, with what a book lays on it.
ANSWERS = """
SELECT k.book_id, s.market_id, s.id AS selection_id, o.price_e4, o.state, o.version, o.changed_at
FROM (SELECT DISTINCT a.book_id, a.market_id
      FROM unnest(%s::uuid[], %s::uuid[]) AS a (book_id, market_id)) k
JOIN selection s ON s.market_id = k.market_id
LEFT JOIN offer o ON o.book_id = k.book_id AND o.selection_id = s.id"""

# The tenant's terms, where it has its own.
TERMS = """
SELECT enabled, margin_bps, quote_s, delay_s, stale_s, stale_in_play_s
FROM cash_out_terms WHERE tenant_id = %s"""

# New terms in the place of the old.
SET_TERMS = """
INSERT INTO cash_out_terms (tenant_id, enabled, margin_bps, quote_s, delay_s, stale_s,
    stale_in_play_s)
VALUES (%s, %s, %s, %s, %s, %s, %s)
ON CONFLICT (tenant_id) DO UPDATE
SET enabled = EXCLUDED.enabled, margin_bps = EXCLUDED.margin_bps, quote_s = EXCLUDED.quote_s,
    delay_s = EXCLUDED.delay_s, stale_s = EXCLUDED.stale_s,
    stale_in_play_s = EXCLUDED.stale_in_play_s"""

# The answer that a key got.
REQUEST = """
SELECT body_sha256, answer FROM cash_out_request
WHERE tenant_id = %s AND user_id = %s AND key = %s"""

# The answer that a key gets.
KEEP = """
INSERT INTO cash_out_request (tenant_id, user_id, key, body_sha256, answer, at)
VALUES (%s, %s, %s, %s, %s, %s)"""

# What is to be done by itself with some bets.
ORDERS = """
SELECT bet_id, user_id, at_least_minor, state FROM cash_out_order
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

# Orders of bets that are open still, in order: the next ones after a bet.
WAITING = """
SELECT o.bet_id, o.user_id, o.at_least_minor, o.state
FROM cash_out_order o
JOIN bet b ON b.tenant_id = o.tenant_id AND b.id = o.bet_id AND b.status = 'open'
WHERE o.tenant_id = %s AND o.state = 'waiting' AND o.bet_id > %s::uuid
ORDER BY o.bet_id LIMIT %s"""

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


async def lock(conn: Connection, tenant_id: UUID, user_id: UUID, bet_id: UUID) -> bool:
    """Be alone with the bet and the player's money; False where he has no such bet."""
    row = await (await conn.execute(LOCK, [tenant_id, user_id, bet_id])).fetchone()
    return row is not None and row[0]


async def standings(
    conn: Connection, tenant_id: UUID, user_ids: Sequence[UUID], bet_ids: Sequence[UUID]
) -> dict[UUID, Standing]:
    """bet id -> how it stands; a bet that is not of one of these players is absent."""
    async with conn.cursor(row_factory=class_row(StoredBet)) as cursor:
        await cursor.execute(BETS, [tenant_id, list(user_ids), list(bet_ids)])
        bets = {bet.id: bet for bet in await cursor.fetchall()}
    legs: defaultdict[UUID, list[StoredLeg]] = defaultdict(list)
    async with conn.cursor(row_factory=class_row(StoredLeg)) as cursor:
        await cursor.execute(LEGS, [tenant_id, list(bets)])
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
    cash_out_id: UUID,
    standing: Standing,
    quote: Quote,
    margin_bps: int,
    *,
    by_order: bool,
    at: datetime,
) -> None:
    """Pay what was quoted for the bet as it stands."""
    bet = standing.bet
    await conn.execute(
        PAY,
        [
            tenant_id,
            cash_out_id,
            bet.id,
            bet.settlement_version,
            quote.stake_minor,
            quote.amount_minor,
            quote.fair_minor,
            margin_bps,
            by_order,
            at,
        ],
    )


async def terms(conn: Connection, tenant_id: UUID) -> Terms:
    """The tenant's terms, or those that hold where it has none."""
    async with conn.cursor(row_factory=class_row(Terms)) as cursor:
        await cursor.execute(TERMS, [tenant_id])
        return await cursor.fetchone() or Terms()


async def set_terms(conn: Connection, tenant_id: UUID, terms: Terms) -> None:
    """Write the tenant's terms."""
    seconds = terms.quote_s, terms.delay_s, terms.stale_s, terms.stale_in_play_s
    await conn.execute(SET_TERMS, [tenant_id, terms.enabled, terms.margin_bps, *seconds])


async def request(
    conn: Connection, tenant_id: UUID, user_id: UUID, key: str
) -> tuple[bytes, dict[str, Any]] | None:
    """(hash of the body, answer) of a key that was used."""
    row = await (await conn.execute(REQUEST, [tenant_id, user_id, key])).fetchone()
    return None if row is None else (bytes(row[0]), row[1])


async def keep(
    conn: Connection,
    tenant_id: UUID,
    user_id: UUID,
    key: str,
    body_sha256: bytes,
    answer: dict[str, Any],
    at: datetime,
) -> None:
    """Keep the answer that a key gets."""
    await conn.execute(KEEP, [tenant_id, user_id, key, body_sha256, Jsonb(answer), at])


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
    """At most `limit` orders of open bets with an id above `after`."""
    async with conn.cursor(row_factory=class_row(Order)) as cursor:
        await cursor.execute(WAITING, [tenant_id, after, limit])
        return await cursor.fetchall()


async def check(conn: Connection, tenant_id: UUID) -> list[Violation]:
    """The invariants between bets, slices, orders and the ledger; an empty list is sound."""
    found: list[Violation] = []
    for statement in (CHECK, CHECK_ORDERS):
        cursor = await conn.execute(statement, {"tenant": tenant_id})
        found += [Violation(*row) for row in await cursor.fetchall()]
    return found
