"""How placing bets keeps its speed as the book grows: a loaded book over one of ten thousand.

    make bench-data DATA=DIR; overround bench bets --data DIR

The small book is loaded by the same loader, on servers of its own; both are warmed, and the rounds
take turns, each book by an api of its own. In both as many players bet, on as many new events;
where there are a million players, those who bet are chosen among all of them. `growth` is the
median of the rounds' ratios. `growth_strangers` is the same when those who bet in the large book
have not been seen by its api before, and their pages by nobody.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, NamedTuple
from uuid import UUID

import psycopg

from benchmarks import bets, bets_house, data
from benchmarks.bets import EVENTS, PLAYERS, PORT, ROUNDS, Bench
from benchmarks.data import BOOK_ID, NAME, TENANT_ID
from overround.core.errors import OverroundError
from overround.db import logins, migrate
from overround.roles.attach import Endpoints, attached

SMALL: Final = data.Asked(10_000, PLAYERS, 10_000, 10_000)
REQUESTS: Final = 50_000
STRANGERS: Final = 30_000
PORTS: Final = {"small": PORT + 2, "large": PORT + 3}
# Enough for every player to have been seen.
WARM_ROUNDS: Final = 3

PLAYERS_THERE = "SELECT count(*) FROM users WHERE tenant_id = %s AND kind = 'player'"
BETS_THERE = "SELECT count(*) FROM bet WHERE tenant_id = %s"

WAL = "SELECT (pg_current_wal_insert_lsn() - '0/0')::float8"

# Sessions end after an hour; the book is older.
LOGGED_IN = """
UPDATE session SET created_at = %s, last_seen_at = %s
WHERE tenant_id = %s AND user_id = ANY(%s)"""


@dataclass(frozen=True, slots=True)
class Book:
    """A loaded book: how much there is, who bets, by which requests, and at which port."""

    bets: int
    players: int
    known: Path
    strangers: Sequence[Path]
    port: int
    postmaster: int
    url: str


class Spent(NamedTuple):
    """What PostgreSQL has used: processor seconds, and bytes of its log, page images and all."""

    cpu_s: float
    wal_bytes: float


def measured(folder: Path, load: Path, state: Path) -> dict[str, Any]:
    """The figures; in place of them why there are none."""
    if not (state / "servers").is_dir():
        return not_measured(f"there is no book in {state}: make bench-data DATA={state}")
    with ExitStack() as stack:
        try:
            large = stack.enter_context(attached(data.settings_of(state)))
            asyncio.run(migrate.migrate(large.url("owner")))
        except OverroundError as error:
            return not_measured(f"the book in {state} cannot be used: {error}")
        small = stack.enter_context(attached(data.settings_of(folder / "small")))
        asyncio.run(migrate.migrate(small.url("owner")))
        data.load(small.url("owner"), SMALL)
        bench = Bench(small, folder, load)
        of = {"small": prepared(folder, "small", small), "large": prepared(folder, "large", large)}
        return _in_turns(bench, of, {"small": folder / "small", "large": state})


def not_measured(why: str) -> dict[str, Any]:
    """Nothing, and plainly so."""
    return {"growth": None, "growth_not_measured": why}


def _in_turns(bench: Bench, of: dict[str, Book], states: dict[str, Path]) -> dict[str, Any]:
    spent: dict[str, list[Spent]] = {name: [] for name in of}
    with ExitStack() as stack:
        for name, book in of.items():
            stack.enter_context(bets.api(bench, states[name], book.port))
        for _ in range(WARM_ROUNDS):
            for name, book in of.items():
                bench.ask(f"warm {name}", book.known, book.port)
        for _ in range(ROUNDS):
            for name, book in of.items():
                before = spent_by(book)
                bench.ask(name, book.known, book.port)
                spent[name].append(
                    Spent(*(b - a for a, b in zip(before, spent_by(book), strict=True)))
                )
        # After the others: the pages of thirty thousand strangers push those of the known out.
        for requests in of["large"].strangers:
            bench.ask("strangers", requests, of["large"].port)
            bench.ask("small beside", of["small"].known, of["small"].port)
    found: dict[str, Any] = {
        "growth": bench.ratio("large", "small"),
        "growth_strangers": bench.ratio("strangers", "small beside"),
    }
    for name, book in of.items():
        placed = sum(one["accepted"] for one in bench.measured[name])
        found |= {
            f"growth_{name}_bets": book.bets,
            f"growth_{name}_players": book.players,
            f"growth_{name}_per_s": round(bench.median(name)),
            f"growth_{name}_p99_ms": round(bench.median(name, "p99_us") / 1000, 1),
            f"growth_{name}_cpu_us_postgres": round(
                sum(s.cpu_s for s in spent[name]) * 1e6 / placed, 1
            ),
            f"growth_{name}_wal_bytes": round(sum(s.wal_bytes for s in spent[name]) / placed),
        }
    return found


def spent_by(book: Book) -> Spent:
    """Since the server of the book has begun."""
    with psycopg.connect(book.url, autocommit=True) as conn:
        row = conn.execute(WAL).fetchone()
    assert row is not None
    return Spent(bets.postgres_cpu_s(book.postmaster), row[0])


def prepared(folder: Path, name: str, endpoints: Endpoints) -> Book:
    """New events with open offers, players who are logged in, and requests of theirs."""
    at = datetime.now(UTC)
    rng = random.Random(name)
    with psycopg.connect(endpoints.superuser_url(logins.DATABASE), autocommit=True) as conn:
        players, placed = (
            conn.execute(query, [TENANT_ID]).fetchone() for query in (PLAYERS_THERE, BETS_THERE)
        )
        assert players is not None
        assert placed is not None
        selections = bets_house.add_events(conn, EVENTS, at)
        bets_house.lay_all(conn, BOOK_ID, at)
        everybody = range(1, players[0] + 1)
        known = rng.sample(everybody, PLAYERS)
        strangers = [rng.sample(everybody, min(players[0], STRANGERS)) for _ in range(ROUNDS)]
        for numbers in (known, *strangers):
            who = [data.player_id(n) for n in numbers]
            conn.execute(LOGGED_IN, [at, at, TENANT_ID, who])
        bets_house.analysed(conn)
    home = endpoints.state / "servers" / "postgres"
    return Book(
        placed[0],
        players[0],
        _requests(folder / f"{name}.txt", [rng.choice(known) for _ in range(REQUESTS)], selections),
        [
            _requests(folder / f"{name}-strangers-{n}.txt", numbers, selections)
            for n, numbers in enumerate(strangers)
        ],
        PORTS[name],
        int((home / "postmaster.pid").read_text().split()[0]),
        endpoints.superuser_url(logins.DATABASE),
    )


def _requests(path: Path, numbers: Sequence[int], selections: Sequence[UUID]) -> Path:
    rng = random.Random(path.name)
    singles = (bets.single(NAME, number, rng.choice(selections)) for number in numbers)
    path.write_text("\n".join(singles) + "\n")
    return path
