"""A house for the benchmarks of bets: tenants, players with money and sessions, priced events.

Everything is written in sets by the bootstrap superuser of a server that the benchmark has started
for itself; money moves through the ledger's own function, so that `verify` finds a sound book.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

import psycopg
from psycopg.rows import TupleRow

from overround.core import ids
from overround.odds import catalogue

Conn = psycopg.Connection[TupleRow]

CASH_MINOR: Final = 1_000_000_000
PRICE_E4: Final = 25_000
PLAYERS_AT_ONCE: Final = 10_000
TOKEN_LETTERS: Final = 43
COMPETITION_ID: Final = ids.derived(datetime(2026, 1, 1, tzinfo=UTC), "competition")

TENANT = """
INSERT INTO tenant (id, subdomain, name, contact_email, currency, time_zone, stake_min_minor,
    payout_max_minor, book_id, created_at)
VALUES (%(tenant)s, %(name)s, %(name)s, 'ops@bench.example', 'EUR', 'Europe/Vienna', 100,
    100000000, %(book)s, %(at)s)"""

# Functions that run as the owner see only the rows of the tenant that is set.
AS_TENANT = "SELECT set_config('overround.tenant_id', %(text)s, false)"
OPEN_TENANT = "SELECT tenant_open_v1(%(tenant)s, %(at)s)"

PLAYERS = """
INSERT INTO users (tenant_id, id, email, display_name, created_at)
SELECT %(tenant)s, uuidv7(), 'player' || n || '@bench.example', 'player' || n, %(at)s
FROM generate_series(%(first)s::integer, %(last)s::integer) AS n"""

ACCOUNTS = """
INSERT INTO account (tenant_id, owner_id, kind, currency, balance_minor, opened_at)
SELECT u.tenant_id, u.id, k.kind, 'EUR', 0, %(at)s
FROM users u CROSS JOIN unnest(ARRAY['cash', 'held', 'withdrawing']) AS k (kind)
WHERE u.tenant_id = %(tenant)s
  AND NOT EXISTS (SELECT 1 FROM account a WHERE a.tenant_id = u.tenant_id AND a.owner_id = u.id)"""

SESSIONS = """
INSERT INTO session (tenant_id, id, user_id, token_sha256, created_at, last_seen_at)
SELECT u.tenant_id, uuidv7(), u.id,
       sha256(convert_to(lpad(substr(u.display_name, 7), %(letters)s, '0'), 'UTF8')), %(at)s, %(at)s
FROM users u
WHERE u.tenant_id = %(tenant)s
  AND NOT EXISTS (SELECT 1 FROM session s WHERE s.tenant_id = u.tenant_id AND s.user_id = u.id)"""

# Each player's first money: a payment, and its movement by the ledger's own bulk function.
DEPOSITS = """
WITH paid AS (
    INSERT INTO payment (tenant_id, id, user_id, kind, amount_minor, currency, status, method,
        actor_id, idempotency_key, body_sha256, created_at, decided_at)
    SELECT a.tenant_id, uuidv7(), a.owner_id, 'deposit', %(cash)s, 'EUR', 'paid', 'simulated',
           a.owner_id, 'first', sha256('first'), %(at)s, %(at)s
    FROM account a
    WHERE a.tenant_id = %(tenant)s AND a.kind = 'cash' AND a.version = 0
    RETURNING id, user_id, amount_minor
)
SELECT ledger_post_v1(
    %(tenant)s, array_agg(%(at)s::timestamptz), array_agg(p.id),
    array_agg('deposit'::text), array_agg(0), array_agg(b.id), array_agg(c.id),
    array_agg(p.amount_minor))
FROM paid p
JOIN account c ON c.tenant_id = %(tenant)s AND c.owner_id = p.user_id AND c.kind = 'cash'
JOIN account b ON b.tenant_id = %(tenant)s AND b.owner_id IS NULL AND b.kind = 'bank'
HAVING count(*) > 0"""

COMPETITION = """
INSERT INTO competition (id, sport, country, name)
VALUES (%(id)s, 'football', 'Nowhere', 'Bench League') ON CONFLICT DO NOTHING"""

EVENTS = """
WITH pair AS (
    SELECT n, uuidv7() AS home, uuidv7() AS away FROM generate_series(1, %(events)s::integer) AS n
), teams AS (
    INSERT INTO participant (id, sport, country, name)
    SELECT home, 'football', 'nowhere', 'home ' || home FROM pair
    UNION ALL SELECT away, 'football', 'nowhere', 'away ' || away FROM pair
)
INSERT INTO event (id, sport, competition_id, home_id, away_id, home, away, starts_at, provider)
SELECT uuidv7(), 'football', %(competition)s, home, away, 'home ' || n, 'away ' || n, %(starts)s,
       'bench'
FROM pair RETURNING id"""

MARKETS = """
INSERT INTO market (id, event_id, market_type, period)
SELECT * FROM unnest(%s::uuid[], %s::uuid[], %s::text[], %s::text[])"""

SELECTIONS = """
INSERT INTO selection (id, market_id, event_id, side)
SELECT * FROM unnest(%s::uuid[], %s::uuid[], %s::uuid[], %s::text[])"""

OFFERS = """
INSERT INTO offer (book_id, selection_id, price_e4, state, changed_at)
SELECT %(book)s, id, %(price)s, 'open', %(at)s FROM selection ON CONFLICT DO NOTHING"""

PLAYER_IDS = "SELECT id FROM users WHERE tenant_id = %s ORDER BY substr(display_name, 7)::integer"


@dataclass(frozen=True, slots=True)
class House:
    """A tenant of the benchmark; player number n (from 1) has `token(n)`."""

    name: str
    id: UUID
    book_id: UUID
    players: list[UUID]


def token(number: int) -> str:
    """The session token of a player, as any tenant's player of that number has it."""
    return str(number).rjust(TOKEN_LETTERS, "0")


def add_events(conn: Conn, events: int, at: datetime) -> list[UUID]:
    """Events a day ahead, each with its 1x2; the selections."""
    conn.execute(COMPETITION, {"id": COMPETITION_ID})
    starts = {"events": events, "competition": COMPETITION_ID, "starts": at + timedelta(days=1)}
    made = [row[0] for row in conn.execute(EVENTS, starts).fetchall()]
    laid = [catalogue.market_and_selections(event_id, "1x2", "ft", None) for event_id in made]
    markets = [market for market, _ in laid]
    selections = [one for _, by_side in laid for one in by_side.values()]
    conn.execute(
        MARKETS,
        [
            [one.id for one in markets],
            [one.event_id for one in markets],
            [one.market_type for one in markets],
            [one.period for one in markets],
        ],
    )
    conn.execute(
        SELECTIONS,
        [
            [one.id for one in selections],
            [one.market_id for one in selections],
            [one.event_id for one in selections],
            [one.side for one in selections],
        ],
    )
    return [one.id for one in selections]


def open_house(conn: Conn, name: str, tenant_id: UUID, book_id: UUID, at: datetime) -> None:
    """A tenant without anything; what the connection does next, it does for him."""
    words = {
        "name": name,
        "tenant": tenant_id,
        "text": str(tenant_id),
        "book": book_id,
        "at": at,
    }
    conn.execute(TENANT, words)
    conn.execute(AS_TENANT, words)
    conn.execute(OPEN_TENANT, words)


def add_house(conn: Conn, name: str, players: int, at: datetime) -> House:
    """A tenant that lays every selection there is, with players, money and sessions."""
    tenant_id, book_id = ids.derived(at, "tenant", name), ids.derived(at, "book", name)
    words: dict[str, Any] = {
        "tenant": tenant_id,
        "book": book_id,
        "at": at,
        "cash": CASH_MINOR,
        "letters": TOKEN_LETTERS,
    }
    open_house(conn, name, tenant_id, book_id, at)
    for first in range(1, players + 1, PLAYERS_AT_ONCE):
        last = min(players, first + PLAYERS_AT_ONCE - 1)
        conn.execute(PLAYERS, {**words, "first": first, "last": last})
        for statement in (ACCOUNTS, SESSIONS, DEPOSITS):
            conn.execute(statement, words)
    lay_all(conn, book_id, at)
    found = [row[0] for row in conn.execute(PLAYER_IDS, [words["tenant"]]).fetchall()]
    return House(name, tenant_id, book_id, found)


def lay_all(conn: Conn, book_id: UUID, at: datetime) -> None:
    """An open offer on every selection that has none."""
    conn.execute(OFFERS, {"book": book_id, "price": PRICE_E4, "at": at})


def analysed(conn: Conn) -> None:
    """Tell the planner what has been written, and the disk."""
    conn.execute("ANALYZE")
    conn.execute("CHECKPOINT")


__all__: Sequence[str] = [
    "House",
    "add_events",
    "add_house",
    "analysed",
    "lay_all",
    "open_house",
    "token",
]
