"""A season walked through the house: what it comes to, again, for two, and killed on the way."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from overround.betting import bets
from overround.core.errors import Unavailable
from overround.db import lease as leases
from overround.db.logins import Role
from overround.money import ledger
from overround.roles.archive import files as reading
from overround.roles.archive import replay
from overround.roles.attach import Endpoints
from overround.roles.hub import writer as hub
from tests.roles.seasons import MATCHES, OPTIONS, extra, old, pools, replayed, tenant_of, whole
from tests.support.servers import fresh_database

Urls = Mapping[Role, str]

ROOT = Path(__file__).resolve().parents[2]
DATA = Path(os.environ.get("OVERROUND_DATA", ROOT.parent / "shared" / "data"))
FULL_SEASON = DATA / "football-data" / "2122" / "E0.csv"


def superuser(endpoints: Endpoints, urls: Urls) -> str:
    return endpoints.superuser_url(str(conninfo_to_dict(urls["owner"])["dbname"]))


def contents(url: str, *, without: frozenset[str] = frozenset()) -> dict[str, int]:
    """How many rows each table has, whoever they belong to."""
    with psycopg.connect(url) as conn:
        names = conn.execute(
            "SELECT relname::text FROM pg_class WHERE relnamespace = 'public'::regnamespace"
            " AND relkind IN ('r', 'p') AND NOT relispartition ORDER BY 1"
        ).fetchall()
        count = sql.SQL("SELECT count(*) FROM {}")
        return {
            name: conn.execute(count.format(sql.Identifier(name))).fetchall()[0][0]
            for (name,) in names
            if name not in without
        }


def book(url: str) -> list[tuple[Any, ...]]:
    """Every bet with what it came to, and every player's money."""
    with psycopg.connect(url) as conn:
        found = conn.execute(
            "SELECT id, user_id, kind, stake_minor, potential_payout_minor, outcome, payout_minor,"
            " placed_at, settled_at FROM bet ORDER BY id"
        ).fetchall()
        return (
            found
            + conn.execute(
                "SELECT owner_id, kind, balance_minor, version FROM account"
                " WHERE owner_id IS NOT NULL ORDER BY owner_id, kind"
            ).fetchall()
        )


async def violations(urls: Urls, *names: str) -> list[ledger.Violation]:
    """Every broken invariant of the tenants."""
    found: list[ledger.Violation] = []
    async with pools(urls) as (worker, _):
        for name in names:
            tenant = await tenant_of(worker, name)
            async with worker.reading(tenant.id) as conn:
                found += await ledger.check(conn, tenant.id)
                found += await ledger.check_deep(conn, tenant.id)
                found += await bets.check(conn, tenant.id)
    return found


def test_a_season_is_reported_as_it_was(
    endpoints: Endpoints, database_urls: Urls, tmp_path: Path
) -> None:
    report = asyncio.run(replayed(database_urls, whole(tmp_path)))
    assert report["tenant"] == "acme"
    assert report["matches"] == MATCHES
    assert report["prices"] == MATCHES * 2 * 14
    assert report["rejected"] == 0
    assert report["bets"] + sum(report["refused"].values()) == OPTIONS.bets
    assert report["bets"] >= OPTIONS.bets * 95 // 100
    assert report["settled"] == report["bets"]
    assert report["ledger_total"] == {"EUR": "0.00"}
    figures = {name: Decimal(text) for name, text in report["revenue"]["EUR"].items()}
    assert figures["handle"] > 0
    assert figures["ggr"] == figures["handle"] - figures["payout"]
    assert report["closing_arbitrages"]["1x2"] == {"all": 1, "clean": 1, "guaranteed": 1}
    rows = contents(superuser(endpoints, database_urls))
    assert rows["event"] == rows["result"] == MATCHES
    assert rows["bet"] == report["bets"]
    assert rows["work_due"] == 0
    assert asyncio.run(violations(database_urls, "acme")) == []


def test_a_replay_that_is_run_again_adds_no_row(
    endpoints: Endpoints, database_urls: Urls, tmp_path: Path
) -> None:
    url, season = superuser(endpoints, database_urls), whole(tmp_path)
    first = asyncio.run(replayed(database_urls, season))
    before, books = contents(url), book(url)
    assert asyncio.run(replayed(database_urls, season)) == first
    after = contents(url)
    assert after.pop("replay_log") == before.pop("replay_log") + 1 == 2
    assert after == before
    assert book(url) == books


def test_a_second_tenant_plays_the_same_season(
    endpoints: Endpoints, database_urls: Urls, tmp_path: Path
) -> None:
    url, season = superuser(endpoints, database_urls), whole(tmp_path)
    platform = frozenset({"price", "price_history", "closing_price", "feed_batch", "edge", "event"})
    first = asyncio.run(replayed(database_urls, season))
    before = {name: rows for name, rows in contents(url).items() if name in platform}
    second = asyncio.run(replayed(database_urls, season, "sakura"))
    assert {name: rows for name, rows in contents(url).items() if name in platform} == before
    for same in ("matches", "prices", "closing_arbitrages"):
        assert second[same] == first[same]
    assert second["bets"] >= OPTIONS.bets * 95 // 100
    assert second["settled"] == second["bets"]
    assert second["ledger_total"] == {"JPY": "0"}
    assert asyncio.run(violations(database_urls, "acme", "sakura")) == []


def test_another_seed_is_another_run(
    endpoints: Endpoints, database_urls: Urls, tmp_path: Path
) -> None:
    season = whole(tmp_path)
    first = asyncio.run(replayed(database_urls, season))
    other = replace(OPTIONS, seed=8)
    second = asyncio.run(replayed(database_urls, season, options=other))
    assert second["bets"] >= OPTIONS.bets * 95 // 100
    assert contents(superuser(endpoints, database_urls))["bet"] == first["bets"] + second["bets"]
    assert asyncio.run(violations(database_urls, "acme")) == []


def release(urls: Urls) -> None:
    """What waiting for a dead holder's lease to run out comes to."""
    with psycopg.connect(urls["worker"], autocommit=True) as conn:
        conn.execute("UPDATE lease SET expires_at = clock_timestamp() - interval '1 second'")


async def killed(urls: Urls, season: Path, step: int, turns: int) -> bool:
    """Replay until step `step` is committed and the loop has turned so often, then stop dead.

    Whether it was stopped: one that had ended before was not.
    """
    loop = asyncio.get_running_loop()

    def strike(left: int) -> None:
        if left:
            loop.call_soon(strike, left - 1)
        else:
            task.cancel()

    def progress(done: int, _of: int) -> None:
        if done == step:
            strike(turns)

    task = asyncio.create_task(replayed(urls, season, progress=progress))
    try:
        await task
    except asyncio.CancelledError:
        return True
    return False


@pytest.mark.parametrize("turns", [0, 3, 12])
def test_a_replay_killed_at_three_moments_ends_with_the_same_report(
    endpoints: Endpoints, database_urls: Urls, tmp_path: Path, turns: int
) -> None:
    """Three times in one run, between its steps and inside of them."""
    season = whole(tmp_path)
    with fresh_database(endpoints) as undisturbed:
        expected = asyncio.run(replayed(undisturbed, season))
        books = book(superuser(endpoints, undisturbed))
    for step in (2, 9, 17):
        assert asyncio.run(killed(database_urls, season, step, turns))
        release(database_urls)
    assert asyncio.run(replayed(database_urls, season)) == expected
    assert book(superuser(endpoints, database_urls)) == books
    assert asyncio.run(violations(database_urls, "acme")) == []


def cutting(url: str, steps: tuple[int, ...]) -> Callable[[int, int], None]:
    """A progress that cuts every other connection to the database after some steps."""
    left = set(steps)

    def progress(done: int, _of: int) -> None:
        if done in left:
            left.remove(done)
            with psycopg.connect(url, autocommit=True) as conn:
                conn.execute(
                    "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
                    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
                    " AND usename LIKE 'overround_%'"
                )

    return progress


def test_a_replay_whose_connections_are_cut_goes_on(
    endpoints: Endpoints, database_urls: Urls, tmp_path: Path
) -> None:
    season = whole(tmp_path)
    with fresh_database(endpoints) as undisturbed:
        expected = asyncio.run(replayed(undisturbed, season))
        books = book(superuser(endpoints, undisturbed))
    url = superuser(endpoints, database_urls)
    progress = cutting(url, (1, 8, 15))
    assert asyncio.run(replayed(database_urls, season, progress=progress)) == expected
    assert book(url) == books


def test_a_replay_does_not_start_beside_a_hub(
    database_urls: Urls, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leases, "_RENEW_EVERY_S", 0.1)

    async def story() -> None:
        async with pools(database_urls) as (worker, _):
            held = await leases.take(worker, hub.LEASE, "a hub")
            keeper = asyncio.create_task(leases.keep(worker, held))
            with pytest.raises(Unavailable, match="held by a hub"):
                await replayed(database_urls, whole(tmp_path))
            keeper.cancel()

    asyncio.run(story())


@pytest.mark.parametrize(("layout", "open_bets"), [(old, False), (extra, True)])
def test_the_other_layouts_are_played_too(
    database_urls: Urls, tmp_path: Path, layout: Callable[[Path], Path], open_bets: bool
) -> None:
    report = asyncio.run(replayed(database_urls, layout(tmp_path)))
    assert report["matches"] == MATCHES
    assert report["prices"] == MATCHES * 6
    assert report["bets"] >= OPTIONS.bets * 95 // 100
    # A match without a result keeps its bets open.
    assert (report["settled"] < report["bets"]) == open_bets
    assert report["ledger_total"] == {"EUR": "0.00"}
    assert asyncio.run(violations(database_urls, "acme")) == []


def test_a_folder_is_one_season(database_urls: Urls, tmp_path: Path) -> None:
    for division in ("E0", "E1"):
        whole(tmp_path, division)
    report = asyncio.run(replayed(database_urls, tmp_path))
    assert report["matches"] == 2 * MATCHES
    assert report["settled"] == report["bets"]


@pytest.mark.skipif(
    not FULL_SEASON.is_file(), reason=f"the sample data is not there ({DATA}); set OVERROUND_DATA"
)
def test_a_real_season_is_played(database_urls: Urls) -> None:
    options = replay.Options(seed=1, bets=500, players=50)
    report = asyncio.run(replayed(database_urls, FULL_SEASON, options=options))
    assert report["matches"] == 380
    assert report["bets"] >= 475
    assert report["settled"] == report["bets"]
    assert report["ledger_total"] == {"EUR": "0.00"}
    found = report["closing_arbitrages"]["asian_handicap"]
    assert found["guaranteed"] <= found["clean"] <= found["all"]
    assert asyncio.run(violations(database_urls, "acme")) == []


def test_the_report_is_of_its_own_run(database_urls: Urls, tmp_path: Path) -> None:
    """Whatever else the tenant ran before: another seed's bets are another run's revenue."""
    season = whole(tmp_path)
    alone = asyncio.run(replayed(database_urls, season))
    other = asyncio.run(
        replayed(database_urls, season, options=replace(OPTIONS, seed=OPTIONS.seed + 1))
    )
    again = asyncio.run(replayed(database_urls, season))
    assert other["revenue"] != alone["revenue"]
    assert again == alone


def test_a_match_in_two_files_counts_once(tmp_path: Path) -> None:
    """The second file's rows are refused with a reason, whatever they say."""
    files = reading.read(whole(tmp_path))
    (source,) = sorted(tmp_path.rglob("*.csv"))[:1]
    (source.parent / f"again_{source.name}").write_bytes(source.read_bytes())
    read = reading.read(source.parent)
    assert len(read.season.events) == len(files.season.events)
    assert len(read.season.batches) == len(files.season.batches)
    assert {r.reason for refused in read.refused.values() for r in refused} == {"duplicate_row"}
