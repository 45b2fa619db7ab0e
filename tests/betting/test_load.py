"""A book that is loaded whole is as sound as one that was bet; `make bench-data` loads millions."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

import pytest
from benchmarks import data
from psycopg import errors

from overround.betting.settlement import jobs
from overround.cli import books
from overround.db import Database, work
from overround.db.logins import Role
from overround.odds import catalogue
from overround.odds.catalogue import Happened

Urls = Mapping[Role, str]

ASKED: Final = data.Asked(bets=250, players=35, bets_at_once=100, players_at_once=20, events=6)
STRANGER: Final = UUID(int=7)
COUNTS: Final = (
    "SELECT (SELECT count(*) FROM users), (SELECT count(*) FROM bet), (SELECT count(*) FROM leg),"
    " (SELECT count(*) FROM transfer), (SELECT sum(bets) FROM risk_liability)"
)


def counted(urls: Urls) -> tuple[Any, ...]:
    """Players, bets, legs, transfers, and the bets that stand at risk."""
    with data.as_owner(urls["owner"]) as conn:
        row = conn.execute(COUNTS).fetchone()
    assert row is not None
    return row


async def settled_and_broken(urls: Urls, event_id: UUID) -> tuple[int, list[str]]:
    """The event ends 1-0: how many bets that settles, and what `verify --deep` has to say."""
    at = data.STARTS
    worker = await Database.open(urls["worker"], purpose="test", size_min=1, size_max=1)
    try:
        async with worker.transaction(None) as conn:
            happened = Happened(event_id, "finished", {"ft": (1, 0)}, "bench", at)
            await catalogue.record_results(conn, [happened])
            await work.put(conn, "settle", [data.TENANT_ID], {event_id: (1, at)})
        settled = 0
        while (done := await jobs.run_once(worker, at)) is not None:
            settled += done
        async with worker.snapshot(data.TENANT_ID) as conn:
            found = await books.violations(conn, data.TENANT_ID, deep=True)
    finally:
        await worker.close()
    return settled, [f"{one.invariant}: {one.found}" for one in found]


def test_a_loaded_book_is_a_sound_book(database_urls: Urls) -> None:
    """Loaded in portions, again, and further; then an event of it is settled."""
    first = data.load(database_urls["owner"], ASKED)
    assert (first["players"], first["bets"]) == (40, 300)
    # One of five is a double; each player has been paid once, and each bet held once.
    assert counted(database_urls) == (40, 300, 360, 340, 360)
    data.load(database_urls["owner"], ASKED)
    assert counted(database_urls) == (40, 300, 360, 340, 360)
    more = data.Asked(
        bets=400, players=50, bets_at_once=100, players_at_once=20, events=ASKED.events
    )
    data.load(database_urls["owner"], more)
    assert counted(database_urls) == (60, 400, 480, 460, 480)
    with data.as_owner(database_urls["owner"]) as conn:
        row = conn.execute("SELECT event_id FROM selection LIMIT 1").fetchone()
    assert row is not None
    settled, broken = asyncio.run(settled_and_broken(database_urls, row[0]))
    assert settled > 0
    assert broken == []


def test_what_does_not_fit_leaves_nothing_of_its_call(database_urls: Urls) -> None:
    owner = database_urls["owner"]
    data.load(owner, ASKED)
    before = counted(database_urls)
    with data.as_owner(owner) as conn:
        events = data.open_house(conn, ASKED.events)
    further = data.portion_of_bets(301, ASKED, events)
    bets, players, _, stakes, _, _, leg_bets, selections, _ = range(9)
    # The fifth bet is a double, of the fifth and the sixth leg.
    wrong: list[tuple[str, int, int, object]] = [
        ("account_missing", players, 3, STRANGER),
        ("account_floor", stakes, 3, 10**12),
        ("bet_leg_unknown", selections, 3, STRANGER),
        ("bet_leg_unknown", leg_bets, 3, 5),
        ("bet_legs_conflict", selections, 5, further[selections][4]),
        ("transfer_once", bets, 3, data.bet_id(1)),
    ]
    for name, column, n, value in wrong:
        asked = [list(cells) for cells in further]
        asked[column][n] = value
        with data.as_owner(owner) as conn, pytest.raises(errors.IntegrityError) as raised:
            conn.execute(data.LOAD, [data.TENANT_ID, *asked])
        assert raised.value.diag.constraint_name == name
        assert counted(database_urls) == before, name


def test_more_bets_than_a_call_may_have_are_refused(database_urls: Urls) -> None:
    asked: list[object] = [data.TENANT_ID, [STRANGER] * 50_001, *([] for _ in range(8))]
    with data.as_owner(database_urls["owner"]) as conn, pytest.raises(errors.ProgramLimitExceeded):
        conn.execute(data.LOAD, asked)
