"""A book of years to measure on: a million players and five million open bets.

    make bench-data DATA=DIR            DATA_PLAYERS=1000000 DATA_BETS=5000000

It stands on servers of its own in DIR and stays there; started again it says what is there and goes
on where it stopped. The owner's login writes portions, each a transaction: bets by `bets_load_v1`,
money by the ledger's own function, under every constraint, index and trigger that there is. Players
and bets follow from their numbers, so two loads are one book. `overround bench bets --data DIR`
asks how fast bets are placed there (`benchmarks.growth`).
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import sys
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from threading import Lock
from typing import Any, Final, LiteralString
from uuid import UUID

import psycopg

from benchmarks import bets_house
from benchmarks.bets_house import CASH_MINOR, PRICE_E4, TOKEN_LETTERS, Conn
from overround.cli import books
from overround.core import bets, ids
from overround.core.clock import millis
from overround.db import Database, logins, migrate
from overround.kit import logs
from overround.kit.settings import DatabaseSettings, ServersSettings, Settings
from overround.roles.attach import attached

BETS: Final = 5_000_000
PLAYERS: Final = 1_000_000
EVENTS: Final = 2_000
PLAYERS_AT_ONCE: Final = 10_000
BETS_AT_ONCE: Final = 20_000
LOADERS: Final = 2
COHORTS: Final = 10
NAME: Final = "big"
OPENED: Final = datetime(2025, 12, 1, tzinfo=UTC)
FIRST: Final = datetime(2026, 1, 1, tzinfo=UTC)
STARTS: Final = datetime(2035, 1, 1, tzinfo=UTC)
# Between two bets; five million are those of half a year.
GAP: Final = timedelta(seconds=3)
TENANT_ID: Final = ids.derived(OPENED, "tenant", NAME)
BOOK_ID: Final = ids.derived(OPENED, "book", NAME)

AS_TENANT = "SELECT set_config('overround.tenant_id', %s, false)"

# A portion is committed whole, so that its first row says whether it is there.
PLAYERS_DUE = """
SELECT f.n::integer FROM unnest(%s::uuid[]) WITH ORDINALITY AS f (id, n)
WHERE NOT EXISTS (SELECT 1 FROM users u WHERE u.tenant_id = %s AND u.id = f.id) ORDER BY f.n"""

BETS_DUE = """
SELECT f.n::integer FROM unnest(%s::uuid[]) WITH ORDINALITY AS f (id, n)
WHERE NOT EXISTS (SELECT 1 FROM bet b WHERE b.tenant_id = %s AND b.id = f.id) ORDER BY f.n"""

USERS = """
INSERT INTO users (tenant_id, id, email, display_name, created_at)
SELECT %(tenant)s, p.id, p.name || '@bench.example', p.name, %(at)s
FROM unnest(%(ids)s::uuid[], %(names)s::text[]) AS p (id, name)"""

WALLETS = "SELECT player_open_v1(%(tenant)s, p.id, %(at)s) FROM unnest(%(ids)s::uuid[]) AS p (id)"

SESSIONS = """
INSERT INTO session (tenant_id, id, user_id, token_sha256, created_at, last_seen_at)
SELECT %(tenant)s, uuidv7(), p.id, sha256(convert_to(p.token, 'UTF8')), %(at)s, %(at)s
FROM unnest(%(ids)s::uuid[], %(tokens)s::text[]) AS p (id, token)"""

# Each player's first money: a payment, and its movement by the ledger's own function.
DEPOSITS = """
WITH paid AS (
    INSERT INTO payment (tenant_id, id, user_id, kind, amount_minor, currency, status, method,
        actor_id, idempotency_key, body_sha256, created_at, decided_at)
    SELECT %(tenant)s, uuidv7(), p.id, 'deposit', %(cash)s, 'EUR', 'paid', 'simulated',
           p.id, 'first', sha256('first'), %(at)s, %(at)s
    FROM unnest(%(ids)s::uuid[]) AS p (id)
    RETURNING id, user_id, amount_minor
)
SELECT ledger_post_v1(
    %(tenant)s, array_agg(%(at)s::timestamptz), array_agg(p.id), array_agg('deposit'::text),
    array_agg(0), array_agg(b.id), array_agg(c.id), array_agg(p.amount_minor))
FROM paid p
JOIN account c ON c.tenant_id = %(tenant)s AND c.owner_id = p.user_id AND c.kind = 'cash'
JOIN account b ON b.tenant_id = %(tenant)s AND b.owner_id IS NULL AND b.kind = 'bank'"""

LOAD = """
SELECT bets_load_v1(%s, %s::uuid[], %s::uuid[], %s::text[], %s::bigint[], %s::bigint[],
                    %s::timestamptz[], %s::integer[], %s::uuid[], %s::integer[])"""

SELECTIONS = "SELECT event_id, array_agg(id ORDER BY id) FROM selection GROUP BY 1 ORDER BY 1"
ROLL_UP = "SELECT ledger_roll_up_v1(%s)"
SIZE = "SELECT pg_database_size(current_database())"


@dataclass(frozen=True, slots=True)
class Asked:
    """How much of it, and how much at once: numbers are rounded up to whole portions, so that a
    book can grow by another run."""

    bets: int = BETS
    players: int = PLAYERS
    bets_at_once: int = BETS_AT_ONCE
    players_at_once: int = PLAYERS_AT_ONCE
    events: int = EVENTS

    @property
    def of_bets(self) -> range:
        """The first number of each portion."""
        return range(1, self.bets + 1, self.bets_at_once)

    @property
    def of_players(self) -> range:
        """The first number of each portion."""
        return range(1, self.players + 1, self.players_at_once)

    @property
    def players_there(self) -> int:
        """How many players there are in the end."""
        return len(self.of_players) * self.players_at_once


def player_id(number: int) -> UUID:
    """Of the player of that number, from 1; the numbers' order is the ids'."""
    return UUID(f"{millis(OPENED):012x}70008000{number:012x}")


def placed_at(number: int) -> datetime:
    """When the bet of that number was placed."""
    return FIRST + number * GAP


def bet_id(number: int) -> UUID:
    """Of the bet of that number, from 1."""
    return UUID(f"{millis(placed_at(number)):012x}70008000{number:012x}")


@cache
def potential_minor(stake_minor: int, legs: int) -> int:
    """What so many legs pay, rounded down as the house does."""
    numerator, denominator = bets.potential_ratio(stake_minor, [PRICE_E4] * legs)
    return numerator // denominator


def portion_of_bets(first: int, asked: Asked, events: Sequence[Sequence[UUID]]) -> list[list[Any]]:
    """The arguments of `bets_load_v1` after the tenant, for the portion that begins there: four
    singles of five, else a double; player, stake and legs by chance. `events` has the selections of
    each. Players come and go: a portion is of a tenth of them, a later one's are others."""
    rng = random.Random(first)
    numbers = range(first, first + asked.bets_at_once)
    there = asked.players_there
    cohort = max(1, there // COHORTS)
    begins = first * there // (asked.bets + 1)
    stakes = [100 + rng.randrange(900) for _ in numbers]
    chosen = [rng.sample(events, 2 if n % 5 == 0 else 1) for n in numbers]
    legs = [(n, rng.choice(sides)) for n, of_bet in enumerate(chosen, 1) for sides in of_bet]
    return [
        [bet_id(n) for n in numbers],
        [player_id(1 + (begins + rng.randrange(cohort)) % there) for _ in numbers],
        [f"load-{n}" for n in numbers],
        stakes,
        [potential_minor(stake, len(of)) for stake, of in zip(stakes, chosen, strict=True)],
        [placed_at(n) for n in numbers],
        [n for n, _ in legs],
        [selection_id for _, selection_id in legs],
        [PRICE_E4] * len(legs),
    ]


def open_house(conn: Conn, events: int) -> list[Sequence[UUID]]:
    """The tenant and the events, made once; the selections of each event."""
    if conn.execute("SELECT 1 FROM tenant WHERE id = %s", [TENANT_ID]).fetchone() is None:
        with conn.transaction():
            bets_house.add_events(conn, events, STARTS - timedelta(days=1))
            bets_house.open_house(conn, NAME, TENANT_ID, BOOK_ID, OPENED)
    return [row[1] for row in conn.execute(SELECTIONS).fetchall()][:events]


def add_players(conn: Conn, numbers: range) -> None:
    """Players with a wallet, a session and money."""
    words = {
        "tenant": TENANT_ID,
        "at": OPENED,
        "cash": CASH_MINOR,
        "ids": [player_id(n) for n in numbers],
        "names": [f"player{n}" for n in numbers],
        "tokens": [str(n).rjust(TOKEN_LETTERS, "0") for n in numbers],
    }
    with conn.transaction():
        for statement in (USERS, WALLETS, SESSIONS, DEPOSITS):
            conn.execute(statement, words)


class Progress:
    """Says to stderr how far it is and how fast it goes, whoever adds."""

    def __init__(self, what: str, there: int, whole: int) -> None:
        self.what, self.there, self.whole, self.added = what, there, whole, 0
        self.per_s = 0
        self.began_s = self.said_s = time.perf_counter()
        self._lock = Lock()
        self._say()

    def add(self, count: int) -> None:
        """So many more; said every five seconds, and at the end."""
        with self._lock:
            self.added += count
            now_s = time.perf_counter()
            self.per_s = round(self.added / (now_s - self.began_s))
            if now_s - self.said_s > 5 or self.there + self.added >= self.whole:
                self.said_s = now_s
                self._say()

    def _say(self) -> None:
        have = self.there + self.added
        rate = f", {self.per_s} a second" if self.added else " there already"
        sys.stderr.write(f"{self.what}: {have} of {self.whole}{rate}\n")


def in_portions(
    url: str, what: str, firsts: range, due: Sequence[int], add: Callable[[Conn, int], object]
) -> Progress:
    """Each portion that is due, once, by as many connections as there are loaders; an error ends
    all of them."""
    progress = Progress(what, (len(firsts) - len(due)) * firsts.step, len(firsts) * firsts.step)
    left: Iterator[int] = iter(due)
    taking = Lock()

    def load() -> None:
        with as_owner(url) as conn:
            while True:
                with taking:
                    first = next(left, None)
                if first is None:
                    return
                add(conn, first)
                progress.add(firsts.step)

    with ThreadPoolExecutor(LOADERS) as loaders:
        for done in [loaders.submit(load) for _ in range(LOADERS)]:
            done.result()
    return progress


@contextmanager
def as_owner(url: str) -> Generator[Conn]:
    """A connection of the owner's login that sees the tenant; no portion is waited for on disk:
    what a crash takes away is loaded again."""
    with psycopg.connect(url, autocommit=True) as conn:
        conn.execute(AS_TENANT, [str(TENANT_ID)])
        conn.execute("SET synchronous_commit = off")
        conn.execute("SET statement_timeout = 0")
        yield conn


def load(url: str, asked: Asked) -> dict[str, Any]:
    """Everything that is not there yet, by the owner's URL of a migrated database."""
    began_s = time.perf_counter()
    with as_owner(url) as conn:
        events = open_house(conn, asked.events)
    players = _load_players(url, asked)
    placed = _load_bets(url, asked, events)
    with as_owner(url) as conn:
        conn.execute(ROLL_UP, [TENANT_ID])
        row = conn.execute(SIZE).fetchone()
    assert row is not None
    return {
        "players": players.whole,
        "bets": placed.whole,
        "players_per_s": players.per_s,
        "bets_per_s": placed.per_s,
        "database_mb": round(row[0] / 1e6),
        "seconds": round(time.perf_counter() - began_s, 1),
    }


def _load_players(url: str, asked: Asked) -> Progress:
    def add(conn: Conn, first: int) -> None:
        add_players(conn, range(first, first + asked.players_at_once))

    due = _due(url, PLAYERS_DUE, asked.of_players, player_id)
    return in_portions(url, "players", asked.of_players, due, add)


def _load_bets(url: str, asked: Asked, events: Sequence[Sequence[UUID]]) -> Progress:
    def add(conn: Conn, first: int) -> None:
        conn.execute(LOAD, [TENANT_ID, *portion_of_bets(first, asked, events)])

    due = _due(url, BETS_DUE, asked.of_bets, bet_id)
    if due:
        with as_owner(url) as conn:
            # A join planned before there was a player would be a loop over all of them.
            conn.execute("ANALYZE")
    return in_portions(url, "bets", asked.of_bets, due, add)


def _due(url: str, query: LiteralString, firsts: range, id_of: Callable[[int], UUID]) -> list[int]:
    """The first numbers of the portions that are not there."""
    with as_owner(url) as conn:
        found = conn.execute(query, [[id_of(n) for n in firsts], TENANT_ID]).fetchall()
    return [firsts[n - 1] for (n,) in found]


def settings_of(state: Path) -> Settings:
    """The servers of such a book: they end with who asked for them."""
    patient = DatabaseSettings(statement_s=600.0)
    return Settings(state=state, servers=ServersSettings(linger_s=0), database=patient)


async def sound(url: str) -> int:
    """How many things `verify` has to say about the book, by the worker's URL."""
    worker = await Database.open(url, purpose="verify", size_min=1)
    try:
        async with worker.snapshot(TENANT_ID) as conn:
            return len(await books.violations(conn, TENANT_ID, deep=False))
    finally:
        await worker.close()


def main() -> None:
    """Load, verify, and print one JSON object."""
    logs.configure("warning")
    parser = argparse.ArgumentParser(prog="python -m benchmarks.data")
    there = os.environ.get("BENCH_DATA")
    parser.add_argument(
        "--data", type=Path, default=there, required=there is None, help="the state directory"
    )
    parser.add_argument("--players", type=int, default=PLAYERS)
    parser.add_argument("--bets", type=int, default=BETS)
    told = parser.parse_args()
    with attached(settings_of(told.data)) as endpoints:
        asyncio.run(migrate.migrate(endpoints.url("owner")))
        found = load(endpoints.url("owner"), Asked(told.bets, told.players))
        with psycopg.connect(endpoints.superuser_url(logins.DATABASE), autocommit=True) as conn:
            # What autovacuum would do meanwhile; the first round would pay for it otherwise.
            conn.execute("VACUUM (ANALYZE)")
            conn.execute("CHECKPOINT")
        began_s = time.perf_counter()
        found["violations"] = asyncio.run(sound(endpoints.url("worker")))
        found["verify_s"] = round(time.perf_counter() - began_s, 1)
    sys.stdout.write(json.dumps({"bench": "data", **found}) + "\n")
    sys.exit(1 if found["violations"] else 0)


if __name__ == "__main__":
    main()
